//! Images made of a few files.

use std::io::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Something in a registry.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Its digest, `sha256:…`.
    pub digest: String,
    /// What it is.
    pub bytes: Vec<u8>,
}

/// The digest of bytes, `sha256:…`.
pub fn sha256(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// An image: layers, each with some files, and a configuration.
#[derive(Clone, Debug)]
pub struct Image {
    layers: Vec<Vec<(String, Vec<u8>)>>,
    created: String,
    labels: Value,
    is_docker: bool,
}

impl Default for Image {
    fn default() -> Self {
        Self {
            layers: vec![Vec::new()],
            created: "2026-01-02T03:04:05Z".into(),
            labels: json!({}),
            is_docker: false,
        }
    }
}

impl Image {
    /// With another file in its topmost layer.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        let layer = self.layers.last_mut();
        layer.into_iter().for_each(|files| files.push((path.to_owned(), Vec::new())));
        if let Some(file) = self.layers.last_mut().and_then(|files| files.last_mut()) {
            file.1 = content.into();
        }
        self
    }

    /// With another layer above.
    #[must_use]
    pub fn layer(mut self) -> Self {
        self.layers.push(Vec::new());
        self
    }

    /// Built at this time, RFC 3339.
    #[must_use]
    pub fn created(mut self, time: &str) -> Self {
        self.created = time.into();
        self
    }

    /// With a label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels[name] = value.into();
        self
    }

    /// In Docker's form instead of OCI's.
    #[must_use]
    pub fn docker(mut self) -> Self {
        self.is_docker = true;
        self
    }

    /// Media type of its manifest.
    pub fn media_type(&self) -> &'static str {
        match self.is_docker {
            true => "application/vnd.docker.distribution.manifest.v2+json",
            false => "application/vnd.oci.image.manifest.v1+json",
        }
    }

    /// Its manifest, and its blobs.
    pub fn build(&self) -> anyhow::Result<(Vec<u8>, Vec<Blob>)> {
        let (config_type, layer_type) = match self.is_docker {
            true => (
                "application/vnd.docker.container.image.v1+json",
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
            ),
            false => (
                "application/vnd.oci.image.config.v1+json",
                "application/vnd.oci.image.layer.v1.tar+gzip",
            ),
        };
        let mut blobs = Vec::new();
        let mut unpacked = Vec::new();
        for files in &self.layers {
            let archive = archive(files)?;
            unpacked.push(sha256(&archive));
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&archive)?;
            let bytes = gzip.finish()?;
            blobs.push(Blob { digest: sha256(&bytes), bytes });
        }
        let describe = |kind: &str, blob: &Blob| json!({"mediaType": kind, "digest": blob.digest, "size": blob.bytes.len()});
        let layers: Vec<Value> = blobs.iter().map(|blob| describe(layer_type, blob)).collect();
        let config = json!({
            "created": self.created, "architecture": "amd64", "os": "linux",
            "config": {"Labels": self.labels, "User": "584792"},
            "rootfs": {"type": "layers", "diff_ids": unpacked},
        });
        let bytes = config.to_string().into_bytes();
        let config = Blob { digest: sha256(&bytes), bytes };
        let manifest = json!({
            "schemaVersion": 2, "mediaType": self.media_type(),
            "config": describe(config_type, &config), "layers": layers,
        });
        blobs.push(config);
        Ok((manifest.to_string().into_bytes(), blobs))
    }
}

fn archive(files: &[(String, Vec<u8>)]) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, path, &content[..])?;
    }
    Ok(archive.into_inner()?)
}
