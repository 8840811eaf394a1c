//! The commands that bring the platform to what is newest, in the order in which they are
//! to be given.

use std::collections::BTreeMap;

use super::{Inventory, Row};
use crate::facts::Facts;
use crate::facts::known::Known;

/// A command a line. Istio's control plane comes before its gateway, databases before who
/// uses them, and who lets users in last.
pub fn advice(facts: &Facts, inventory: &Inventory) -> Vec<String> {
    let mut commands: BTreeMap<(u8, &str), String> = BTreeMap::new();
    for row in inventory.rows.iter().filter(|row| !row.newer.is_empty()) {
        let charm = row.charm.as_deref().unwrap_or_default();
        let command = commands
            .entry((rank(charm), row.application.as_str()))
            .or_insert_with(|| command(facts, row));
        // A revision of the charm brings its own resources.
        if let Some(resource) = resource(row)
            && !command.contains("--revision")
            && !command.contains(&resource)
        {
            command.push_str(&format!(" --resource {resource}"));
        }
    }
    commands.into_values().collect()
}

/// The place of a charm in the order of refreshes.
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
    let newest = row.newer.iter().find_map(|text| text.strip_prefix("charm revision "));
    if let (Known::Known(_), Some(revision)) = (&facts.charmhub, newest) {
        let channel = row.channel.as_deref().unwrap_or_default();
        command.push_str(&format!(" --channel {channel} --revision {revision}"));
    }
    command
}

/// `NAME=REVISION` of a resource that is newer.
fn resource(row: &Row) -> Option<String> {
    let newest = row.newer.iter().find_map(|text| text.strip_prefix("resource "))?;
    Some(newest.replacen(' ', "=", 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::charmhub::Charmhub;

    fn row(application: &str, charm: &str, newer: &[&str]) -> Row {
        Row {
            application: application.into(),
            charm: Some(charm.into()),
            channel: Some("1/stable".into()),
            newer: newer.iter().map(|text| (*text).to_owned()).collect(),
            ..Row::default()
        }
    }

    #[test]
    fn the_order_is_the_one_in_which_nothing_breaks() {
        let facts = Facts { charmhub: Known::Known(Charmhub::default()), ..Facts::default() };
        let inventory = Inventory {
            rows: vec![
                row("dex-auth", "dex-auth", &["charm revision 650", "resource oci-image 12"]),
                row("envoy", "envoy", &["resource oci-image 7"]),
                row("kfp-db", "mysql-k8s", &["charm revision 300"]),
                row("mesh", "istio-pilot", &["charm revision 9"]),
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
