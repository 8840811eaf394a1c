//! Software bill of materials of an image, in CycloneDX.
//!
//! Written by hand: the library with its types pulls in a regular expression engine, XML and the
//! SPDX licences, a megabyte of binary. A test has CycloneDX's library for Python read it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Row;

/// The CycloneDX 1.5 bill of materials of an image at a time; `None` if its packages were not read.
/// Equal images at the same time give equal bytes.
pub fn sbom(row: &Row, at: Timestamp) -> Option<Value> {
    let packages = row.packages.as_ref()?;
    let (distribution, release) = packages.base.clone().unwrap_or_default();
    let components: Vec<Value> = packages
        .packages
        .iter()
        .map(|package| {
            let purl = format!(
                "pkg:deb/{distribution}/{}@{}?distro={distribution}-{release}",
                encode(&package.name),
                encode(&package.version)
            );
            json!({
                "type": "library", "bom-ref": purl, "name": package.name,
                "version": package.version, "purl": purl,
                "properties": [
                    {"name": "source", "value": package.source},
                    {"name": "source-version", "value": package.source_version},
                ],
            })
        })
        .collect();
    let mut image = json!({
        "type": "container", "bom-ref": "image", "name": row.image,
        "version": row.digest().unwrap_or_default(),
    });
    if let Some(hex) = row.digest().and_then(|digest| digest.strip_prefix("sha256:")) {
        image["hashes"] = json!([{"alg": "SHA-256", "content": hex}]);
    }
    let digest = row.digest().unwrap_or_default();
    let serial = crate::uuid(&format!("sbom {} {digest} {at}", row.image));
    Some(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "serialNumber": format!("urn:uuid:{serial}"),
        "metadata": {
            "timestamp": at.to_string(),
            "component": image,
            "tools": {"components": [{
                "type": "application", "name": "ckf-hardening", "version": crate::VERSION}]},
        },
        "components": components,
    }))
}

/// Percent-encodes a part of a package URL.
fn encode(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".-_~".contains(&b);
    text.bytes()
        .map(|b| match is_plain(b) {
            true => char::from(b).to_string(),
            false => format!("%{b:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::dpkg::{Package, Packages};

    #[test]
    fn sbom_of_an_image_lists_its_packages_the_same_each_time() {
        let row = Row {
            image: "docker.io/charmedkubeflow/dex:2.41.1-1d3fe19".into(),
            running: vec![format!("sha256:{}", "ab".repeat(32))],
            packages: Some(Packages {
                base: Some(("ubuntu".into(), "22.04".into())),
                packages: vec![Package {
                    name: "libstdc++6".into(),
                    version: "1:12.3.0-1ubuntu1~22.04".into(),
                    source: "gcc-12".into(),
                    source_version: "12.3.0-1ubuntu1~22.04".into(),
                }],
            }),
            ..Row::default()
        };
        let at = "2026-11-01T00:00:00Z".parse().unwrap();
        let bill = sbom(&row, at).unwrap();
        assert_eq!(bill.to_string(), sbom(&row, at).unwrap().to_string());
        assert_eq!(
            bill["components"][0]["purl"],
            "pkg:deb/ubuntu/libstdc%2B%2B6@1%3A12.3.0-1ubuntu1~22.04?distro=ubuntu-22.04"
        );
        assert_eq!(sbom(&Row::default(), at), None);
    }
}
