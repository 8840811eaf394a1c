//! Commands that update the platform to the newest charms and images, in the order to run them.

use std::collections::BTreeMap;

use super::{Inventory, Newer, Row};
use crate::facts::Facts;
use crate::facts::known::Known;

/// The commands, one per application: Istio's control plane before its gateway, databases before
/// their clients, and login last.
pub fn advice(facts: &Facts, inventory: &Inventory) -> Vec<String> {
    let mut commands: BTreeMap<(u8, &str), String> = BTreeMap::new();
    for row in inventory.rows.iter().filter(|row| !row.newer.is_empty()) {
        let charm = row.charm.as_deref().unwrap_or_default();
        let command = commands
            .entry((rank(charm), row.application.as_str()))
            .or_insert_with(|| command(facts, row));
        // A new charm revision comes with its own resources.
        if let Some(resource) = resource(row)
            && !command.contains("--revision")
            && !command.contains(&resource)
        {
            command.push_str(&format!(" --resource {resource}"));
        }
    }
    commands.into_values().collect()
}

/// Position of a charm in the order of refreshes.
pub fn rank(charm: &str) -> u8 {
    match charm {
        "istio-pilot" | "istio-k8s" => 0,
        "istio-gateway" | "istio-ingress-k8s" | "istio-beacon-k8s" => 1,
        "mysql-k8s" | "minio" => 2,
        "oidc-gatekeeper" | "dex-auth" => 4,
        _ => 3,
    }
}

fn command(facts: &Facts, row: &Row) -> String {
    let mut command = format!("juju refresh {}", row.application);
    let newest = row.newer.iter().find_map(|newer| match newer {
        Newer::Revision(revision) => Some(revision),
        Newer::Charm(_) | Newer::Resource { .. } => None,
    });
    if let (Known::Known(_), Some(revision)) = (&facts.charmhub, newest) {
        let channel = row.channel.as_deref().unwrap_or_default();
        command.push_str(&format!(" --channel {channel} --revision {revision}"));
    }
    command
}

/// `NAME=REVISION` of a newer resource.
fn resource(row: &Row) -> Option<String> {
    row.newer.iter().find_map(|newer| match newer {
        Newer::Resource { name, revision } => Some(format!("{name}={revision}")),
        Newer::Revision(_) | Newer::Charm(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::charmhub::Charmhub;

    fn row(application: &str, charm: &str, newer: &[Newer]) -> Row {
        Row {
            application: application.into(),
            charm: Some(charm.into()),
            channel: Some("1/stable".into()),
            newer: newer.to_vec(),
            ..Row::default()
        }
    }

    #[test]
    fn advice_for_several_charms_is_in_a_safe_order() {
        let oci_image = |revision| Newer::Resource { name: "oci-image".into(), revision };
        let facts = Facts { charmhub: Known::Known(Charmhub::default()), ..Facts::default() };
        let inventory = Inventory {
            rows: vec![
                row("dex-auth", "dex-auth", &[Newer::Revision(650), oci_image(12)]),
                row("envoy", "envoy", &[oci_image(7)]),
                row("kfp-db", "mysql-k8s", &[Newer::Revision(300)]),
                row("mesh", "istio-pilot", &[Newer::Revision(9)]),
                row("minio", "minio", &[]),
            ],
        };
        assert_eq!(
            advice(&facts, &inventory),
            [
                "juju refresh mesh --channel 1/stable --revision 9",
                "juju refresh kfp-db --channel 1/stable --revision 300",
                "juju refresh envoy --resource oci-image=7",
                "juju refresh dex-auth --channel 1/stable --revision 650",
            ]
        );
    }
}
