//! The workload's image as `rockcraft.yaml` describes it, without rockcraft: an archive in OCI's
//! layout, with the libraries of Debian's packages.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::archive::{Archive, gzip, sha256};
use crate::pack::Arch;
use crate::run::root;

/// Packages and what the binary needs of each: the loader, the C library with name resolution, and
/// what unwinds.
const LIBRARIES: [(&str, &[&str]); 2] = [
    (
        "libc6",
        &[
            "libc.so.6",
            "libdl.so.2",
            "libm.so.6",
            "libnss_dns.so.2",
            "libnss_files.so.2",
            "libpthread.so.0",
            "libresolv.so.2",
            "librt.so.1",
        ],
    ),
    ("libgcc-s1", &["libgcc_s.so.1"]),
];
const LOADER: &str = "ld-linux-x86-64.so.2";
const FOLDER: &str = "usr/lib/x86_64-linux-gnu";

/// Why there is no image of an architecture: packages are those of this machine.
pub fn obstacle(arch: Arch) -> Option<&'static str> {
    let is_here = arch == Arch::Amd64 && cfg!(target_arch = "x86_64");
    (!is_here)
        .then_some("its libraries come from this machine's distribution; use `rockcraft pack`")
}

/// The archive, tagged with the version.
pub fn archive(binary: &[u8], version: &str) -> anyhow::Result<Vec<u8>> {
    let rock = fs::read_to_string(root().join("rockcraft.yaml"))?;
    let rock: Value = serde_yaml::from_str(&rock).context("rockcraft.yaml")?;
    let parts = &rock["parts"];
    let place = parts["ckf-hardening"]["organize"]["bin/ckf-hardening"].as_str();
    let place = place.context("rockcraft.yaml has no place for the binary")?;
    let input = &parts["agent-input"]["permissions"][0];
    let owner = input["owner"].as_u64().context("rockcraft.yaml has no owner of the input")?;
    let input = input["path"].as_str().context("rockcraft.yaml has no path of the input")?;

    let mut layer = Archive::default();
    layer.file(place, binary, 0o755);
    layer.directory(input, owner);
    libraries(&mut layer)?;
    let layer = layer.tar()?;
    let diff = format!("sha256:{}", sha256(&layer));

    let mut image = Archive::default();
    let layer = blob(&mut image, "layer.v1.tar+gzip", gzip(&layer)?);
    let config = json!({
        "architecture": Arch::Amd64.name(), "os": "linux",
        "config": {
            "User": owner.to_string(),
            "Entrypoint": [format!("/{place}")],
            "Labels": {
                "org.opencontainers.image.title": rock["name"],
                "org.opencontainers.image.description": rock["summary"],
                "org.opencontainers.image.licenses": rock["license"],
                "org.opencontainers.image.version": version,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [diff]},
    });
    let config = blob(&mut image, "config.v1+json", config.to_string().into());
    let manifest = json!({"schemaVersion": 2, "mediaType": kind("manifest.v1+json"),
        "config": config, "layers": [layer]});
    let mut manifest = blob(&mut image, "manifest.v1+json", manifest.to_string().into());
    manifest["annotations"] = json!({"org.opencontainers.image.ref.name": version});
    let index =
        json!({"schemaVersion": 2, "mediaType": kind("index.v1+json"), "manifests": [manifest]});
    image.file("index.json", index.to_string(), 0o644);
    image.file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#, 0o644);
    Ok(image.tar()?)
}

fn kind(what: &str) -> String {
    format!("application/vnd.oci.image.{what}")
}

/// Puts a blob into an image, and returns its descriptor.
fn blob(image: &mut Archive, what: &str, content: Vec<u8>) -> Value {
    let digest = sha256(&content);
    let descriptor = json!({"mediaType": kind(what), "digest": format!("sha256:{digest}"), "size": content.len()});
    image.file(format!("blobs/sha256/{digest}"), content, 0o644);
    descriptor
}

/// Libraries, certificate authorities, and the packages' descriptions and licences where scanners
/// look for them.
fn libraries(layer: &mut Archive) -> anyhow::Result<()> {
    for (name, files) in LIBRARIES {
        let package = described(layer, name)?;
        for file in files {
            layer.file(format!("{FOLDER}/{file}"), fs::read(find(&package, file)?)?, 0o755);
        }
    }
    let package = test_programs::debian::package("libc6")?;
    layer.file(format!("lib64/{LOADER}"), fs::read(find(&package, LOADER)?)?, 0o755);

    let package = described(layer, "ca-certificates")?;
    let mut authorities: Vec<PathBuf> = all(&package.join("usr/share/ca-certificates"))?;
    authorities.retain(|path| path.extension().is_some_and(|end| end == "crt"));
    authorities.sort();
    let mut bundle = Vec::new();
    for path in &authorities {
        bundle.extend(fs::read(path)?);
    }
    layer.file("etc/ssl/certs/ca-certificates.crt", bundle, 0o644);

    let package = described(layer, "base-files")?;
    let release = fs::read(package.join("usr/lib/os-release")).context("os-release")?;
    layer.file("usr/lib/os-release", release, 0o644);
    layer.link("etc/os-release", "../usr/lib/os-release");
    Ok(())
}

/// Unpacks a package, and puts its description and its licence in.
fn described(layer: &mut Archive, name: &str) -> anyhow::Result<PathBuf> {
    let package = test_programs::debian::package(name)?;
    let control = fs::read(package.join("DEBIAN/control")).with_context(|| name.to_owned())?;
    layer.file(format!("var/lib/dpkg/status.d/{name}"), control, 0o644);
    // Of libgcc-s1 it is a link to the folder of another package.
    let copyright = format!("usr/share/doc/{name}/copyright");
    if let Ok(text) = fs::read(package.join(&copyright)) {
        layer.file(copyright, text, 0o644);
    }
    Ok(package)
}

fn find(package: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let mut found = all(package)?;
    found.retain(|path| path.file_name().is_some_and(|file| file == name) && path.is_file());
    match found.into_iter().min_by_key(|path| path.as_os_str().len()) {
        Some(path) => Ok(path),
        None => bail!("{} has no {name}", package.display()),
    }
}

/// Files below a folder; links to folders are not followed.
fn all(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        match entry.file_type()?.is_dir() {
            true => files.extend(all(&entry.path())?),
            false => files.push(entry.path()),
        }
    }
    Ok(files)
}
