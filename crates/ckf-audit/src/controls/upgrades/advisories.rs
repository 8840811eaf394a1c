//! Whether what runs has published vulnerabilities, by the table of advisories.

use crate::controls::check::Check;
use crate::facts::advisory::{Advisory, AdvisoryTable, Remedied, release_numbers};
use crate::facts::image::ImageReference;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::components::{Component, components};
use crate::views::support::today;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("UPG-07", juju_is_fixed), ("UPG-09", no_severe_advisory), ("UPG-10", no_lesser_advisory)];

/// Juju's package in the table.
const JUJU: &str = "github.com/juju/juju";

/// The table itself, if it is past the day until which it may be relied on.
fn table_is_old(context: &Context<'_>, table: &AdvisoryTable) -> Option<Finding> {
    (today(context) > table.review_by).then(|| {
        let object = ObjectRef::new("catalogue", "Table", "", "advisories");
        let newest = table.sources.iter().map(|source| source.date).max();
        let newest = newest.map_or("no".into(), |date| date.to_string());
        let seen =
            format!("to be reviewed by {}, its newest source is of {newest}", table.review_by);
        finding(object, "review-by", seen, "a newer table, by a refresh or a data file")
    })
}

/// What a version has and how it is left, by advisory.
fn affected<'a>(
    table: &'a AdvisoryTable,
    package: &'a str,
    image: Option<&'a str>,
    version: &'a [u64],
) -> impl Iterator<Item = (&'a Advisory, Remedied)> {
    let of = table.of(package).filter(move |(_, affected)| {
        let images = &affected.ecosystem_specific.images;
        image.is_none_or(|image| images.iter().any(|known| known == image))
    });
    of.filter_map(move |(advisory, affected)| Some((advisory, affected.remedy(version)?)))
}

/// UPG-07: Juju has the fixes of known vulnerabilities
fn juju_is_fixed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let table = context.policy.tables.advisories();
    let mut running: Vec<(ObjectRef, String)> = Vec::new();
    if let Ok(juju) = context.juju() {
        let object = ObjectRef::new("juju", "Controller", "", "controller");
        running.push((object, juju.server_version.clone()));
    }
    for pod in context.pods()?.iter().filter(|p| p.metadata.namespace == *context.namespace()) {
        let images = pod.all_containers().filter_map(|c| ImageReference::parse(&c.image));
        let agents = images.filter(|i| i.repository.ends_with("/jujud-operator"));
        let tags = agents.filter_map(|image| image.tag);
        running.extend(tags.map(|tag| (pod.reference(), tag)));
    }
    running.sort_by(|a, b| a.1.cmp(&b.1));
    // One pod stands for all that run the same agent.
    running.dedup_by(|a, b| a.1 == b.1);
    let mut findings = Vec::new();
    let mut known = Vec::new();
    for (object, version) in running {
        let numbers = release_numbers(&version).filter(|numbers| table.covers(JUJU, numbers));
        let Some(numbers) = numbers else { continue };
        let missing: Vec<_> = affected(table, JUJU, None, &numbers).collect();
        let fixes = missing.iter().filter_map(|(_, remedied)| match remedied {
            Remedied::In(fixed) => Some((release_numbers(fixed)?, fixed)),
            Remedied::After(_) | Remedied::Nowhere => None,
        });
        if !missing.is_empty() {
            let names: Vec<&str> = missing
                .iter()
                .map(|(advisory, _)| advisory.aliases.first().unwrap_or(&advisory.id).as_str())
                .collect();
            let seen = format!("{version}, which has {}", names.join(", "));
            let wanted = match fixes.max() {
                Some((_, fixed)) => format!("{fixed} or later"),
                None => "a version with fixes".into(),
            };
            findings.push(finding(object, "Juju agent", seen, wanted));
        }
        known.push(version);
    }
    match known.is_empty() {
        true => Ok(Outcome::NotAssessed("no version of Juju that the table covers is seen".into())),
        false => Ok(outcome(findings, format!("Juju {}", known.join(", ")))),
    }
}

/// UPG-09: No component has a severe known vulnerability
fn no_severe_advisory(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let table = context.policy.tables.advisories();
    let old = table_is_old(context, table);
    assess(context, table, old, Advisory::is_severe)
}

/// UPG-10: No component has a lesser known vulnerability
fn no_lesser_advisory(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let table = context.policy.tables.advisories();
    assess(context, table, None, |advisory| !advisory.is_severe())
}

fn assess(
    context: &Context<'_>,
    table: &AdvisoryTable,
    old: Option<Finding>,
    counts: impl Fn(&Advisory) -> bool,
) -> Result<Outcome, MissingFact> {
    let all = components(context, table)?;
    // Juju has a control of its own.
    let all: Vec<Component> = all.into_iter().filter(|c| c.package != JUJU).collect();
    let mut findings: Vec<Finding> = old.into_iter().collect();
    let mut unclear = Vec::new();
    for component in &all {
        let version = component.version.as_deref();
        let Some((version, numbers)) = version.and_then(|v| Some((v, release_numbers(v)?))) else {
            unclear.push(format!("{}: nothing shows its version", component.name));
            continue;
        };
        if !table.covers(&component.package, &numbers) {
            unclear.push(format!("{} {version}: the table does not cover it", component.name));
        }
        let image = Some(component.image.as_str());
        for (advisory, remedied) in affected(table, &component.package, image, &numbers) {
            if counts(advisory) {
                findings.push(described(component, version, advisory, &remedied));
            }
        }
    }
    // Juju shows some images by their digests only: without channels they are no components.
    if findings.is_empty() {
        context.applications()?;
    }
    match (findings.is_empty(), unclear.first()) {
        (false, _) => Ok(Outcome::Fail(findings)),
        (true, Some(first)) => Ok(Outcome::NotAssessed(match unclear.len() {
            1 => first.clone(),
            more => format!("{first}, and {} more", more - 1),
        })),
        (true, None) if all.is_empty() => {
            Ok(Outcome::NotAssessed("no component that the table knows is seen".into()))
        }
        (true, None) => {
            let number = count(all.len(), "component");
            Ok(Outcome::Pass(format!("{number}, by the table of {}", table.reviewed)))
        }
    }
}

fn described(
    component: &Component,
    version: &str,
    advisory: &Advisory,
    remedied: &Remedied,
) -> Finding {
    let by = match &component.channel {
        Some(channel) => format!(", by its channel {channel}"),
        None => String::new(),
    };
    let severity = match advisory.severity() {
        known if known.is_empty() || known == "unknown" => "severity unknown".to_owned(),
        known => known,
    };
    let summary = advisory.summary.trim();
    let seen = format!("{version}{by}: {}, {severity}: {summary}", advisory.names());
    let wanted = match remedied {
        Remedied::In(fixed) => format!("{fixed} or later"),
        Remedied::After(last) => format!("later than {last}"),
        Remedied::Nowhere => "a release with a fix; none is known".into(),
    };
    finding(component.object.clone(), &format!("image {}", component.name), seen, wanted)
}
