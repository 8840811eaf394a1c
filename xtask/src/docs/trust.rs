//! What the charms need of Kubernetes, by charm.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ckf_hardening::catalog::{self, Companion};

use super::GENERATED;

pub(super) const PAGE: &str = "docs/reference/trust.md";

/// The page.
pub(super) fn page() -> String {
    let released: BTreeMap<&str, BTreeSet<&str>> = released();
    let mut text = format!("{GENERATED}# What charms need of Kubernetes\n\n");
    text.push_str(
        "A trusted application holds every right in the cluster. Without trust, Juju lets it read its namespace, and get, list and patch\n\
         the pods and Services of its model. The table has the kinds that a charm or its workload writes beyond that, by its own source; what\n\
         the ambient mesh adds is given for charms that write none otherwise. [JUJU-02](controls/JUJU-02.md) compares trust with this table.\n",
    );
    let (of_release, beside): (Vec<_>, Vec<_>) =
        catalog::companions().iter().partition(|(name, _)| released.contains_key(name.as_str()));
    let head =
        "| charm | trusted in | writes | in the ambient mesh also | for |\n|---|---|---|---|---|\n";
    let _ = write!(text, "\n## Charms of the releases\n\n{head}");
    for (name, companion) in of_release {
        let trusted = released.get(name.as_str()).map(|of| of.iter().copied().collect::<Vec<_>>());
        text.push_str(&row(name, &trusted.unwrap_or_default().join(", "), companion));
    }
    let _ = write!(text, "\n## Charms beside them\n\n{head}");
    for (name, companion) in beside {
        let trusted = if companion.trust { "its own guide" } else { "" };
        text.push_str(&row(name, trusted, companion));
    }
    text
}

/// Charms of the releases, with those of them in which they are trusted.
fn released() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for release in catalog::releases() {
        for application in release.applications.values() {
            let of_charm = all.entry(&application.charm).or_default();
            of_charm.extend(application.trust.then_some(release.name.as_str()));
        }
    }
    all
}

fn row(name: &str, trusted: &str, companion: &Companion) -> String {
    let kinds = |kinds: &[String]| match kinds {
        [] => "none".to_owned(),
        all => all.join(", "),
    };
    let source = match companion.source.as_str() {
        "" => String::new(),
        source => format!(" ({source})"),
    };
    let meshed = if companion.meshed.is_empty() { "" } else { &companion.meshed.join(", ") };
    format!(
        "| {name} | {trusted} | {} | {meshed} | {}{source} |\n",
        kinds(&companion.writes),
        companion.why
    )
}
