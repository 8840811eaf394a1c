#![doc = include_str!("../README.md")]
#![deny(clippy::too_many_lines)]

mod front;
mod image;

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

pub use self::front::{Answer, Front, Request};
pub use self::image::{Blob, Image, sha256};

/// Longest wait until it answers.
const READY: Duration = Duration::from_secs(20);

/// A running registry. It ends when it is dropped.
pub struct Registry {
    directory: tempfile::TempDir,
    address: String,
    child: Child,
}

impl Registry {
    /// Starts one.
    pub fn start() -> anyhow::Result<Self> {
        let program = test_programs::debian::program("docker-registry", "docker-registry")?;
        let directory = tempfile::Builder::new().prefix("registry-").tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let config = directory.path().join("config.yml");
        let storage = directory.path().join("storage");
        fs::write(
            &config,
            format!(
                "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n\
                 storage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
                 http: {{addr: '{address}'}}\n",
                storage.display()
            ),
        )?;
        let log = File::create(directory.path().join("log"))?;
        let child = Command::new(program)
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("starting docker-registry")?;
        let mut registry = Self { directory, address, child };
        registry.wait()?;
        Ok(registry)
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY;
        while TcpStream::connect(&self.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(self.directory.path().join("log"))?;
                bail!("docker-registry ended with {status}: {log}");
            }
            if Instant::now() > deadline {
                bail!("docker-registry did not listen within {} s", READY.as_secs());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Where it listens, `127.0.0.1:PORT`: the host of its images' references.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Pushes an image under a tag, and returns its digest. A tag that is there moves.
    pub fn push(&self, repository: &str, tag: &str, image: &Image) -> anyhow::Result<String> {
        let (manifest, blobs) = image.build()?;
        for blob in &blobs {
            self.push_blob(repository, blob)?;
        }
        self.push_manifest(repository, tag, image.media_type(), &manifest)
    }

    /// Pushes an index of images, each for an architecture, and returns its digest.
    pub fn push_index(
        &self,
        repository: &str,
        tag: &str,
        images: &[(&str, &Image)],
    ) -> anyhow::Result<String> {
        let mut manifests = Vec::new();
        for (architecture, image) in images {
            let digest = self.push(repository, &format!("{tag}-{architecture}"), image)?;
            let (manifest, _) = image.build()?;
            manifests.push(serde_json::json!({
                "mediaType": image.media_type(), "digest": digest, "size": manifest.len(),
                "platform": {"os": "linux", "architecture": architecture},
            }));
        }
        let kind = "application/vnd.oci.image.index.v1+json";
        let index =
            serde_json::json!({"schemaVersion": 2, "mediaType": kind, "manifests": manifests});
        self.push_manifest(repository, tag, kind, index.to_string().as_bytes())
    }

    fn push_blob(&self, repository: &str, blob: &Blob) -> anyhow::Result<()> {
        let start = format!("http://{}/v2/{repository}/blobs/uploads/", self.address);
        let answer = ureq::post(&start).send_empty()?;
        let location = answer.headers().get("location").context("an upload has a place")?;
        let location = location.to_str()?;
        let place = match location.starts_with('/') {
            true => format!("http://{}{location}", self.address),
            false => location.to_owned(),
        };
        let separator = if place.contains('?') { '&' } else { '?' };
        let end = format!("{place}{separator}digest={}", blob.digest);
        ureq::put(&end).header("content-type", "application/octet-stream").send(&blob.bytes[..])?;
        Ok(())
    }

    fn push_manifest(
        &self,
        repository: &str,
        tag: &str,
        media_type: &str,
        manifest: &[u8],
    ) -> anyhow::Result<String> {
        let url = format!("http://{}/v2/{repository}/manifests/{tag}", self.address);
        ureq::put(&url).header("content-type", media_type).send(manifest)?;
        Ok(sha256(manifest))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
