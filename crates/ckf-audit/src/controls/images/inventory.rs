//! Images against the digests on record, the registries, Charmhub and known vulnerabilities.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::controls::check::Check;
use crate::facts::image::ImageReference;
use crate::facts::known::Known;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::vulnerability::VulnerabilityReport;
use crate::finding::{Finding, Outcome, count, finding, named, outcome};
use crate::images::{Newer, Place, Row, State, channels};
use crate::views::image::{Image, PINNED};
use crate::views::support::{Supported, supported, today};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("IMG-03", as_on_record),
    ("IMG-10", tags_do_not_move),
    ("IMG-11", charms_and_resources_are_newest),
    ("IMG-12", bases_are_maintained),
    ("IMG-13", no_fixed_vulnerability),
    ("IMG-14", later_images_are_pinned),
];

/// Older answers of Charmhub show what was behind, and not that nothing is.
const LONGEST_AGE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Subject of a row: the pod, else the application.
fn object(row: &Row) -> ObjectRef {
    match &row.pod {
        Some((namespace, name)) => ObjectRef::new("v1", "Pod", namespace, name),
        None => ObjectRef::new("juju", "Application", "", &row.application),
    }
}

fn field(row: &Row) -> String {
    match &row.place {
        Some(Place::Container(name)) => format!("container {name}"),
        Some(place) => place.to_string(),
        None => String::new(),
    }
}

/// IMG-03: What runs is what was deployed
fn as_on_record(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ledger = context.ledger()?;
    let rows = &context.inventory()?.rows;
    let mut findings = Vec::new();
    for row in rows {
        for state in &row.states {
            if let State::Swapped { running, before, since } = state {
                let wanted = format!("{before}, which ran since {since}, or a refresh");
                findings.push(finding(object(row), &field(row), running, wanted));
            }
        }
    }
    let known = rows.iter().filter(|row| row.mark.is_some() && row.digest().is_some());
    let known = known.count();
    if findings.is_empty() && (known == 0 || ledger.is_empty()) {
        let why = "whether a charm was refreshed needs Juju credentials";
        return Ok(Outcome::NotAssessed(why.into()));
    }
    Ok(outcome(findings, format!("{} as on record", count(known, "image"))))
}

/// IMG-10: Tags still resolve to the running images
fn tags_do_not_move(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    context.rocks()?;
    let mut findings = Vec::new();
    let (mut compared, mut unknown) = (0, Vec::new());
    for row in &context.inventory()?.rows {
        let moved = row.states.iter().find_map(|state| match state {
            State::Moved { running, registry } => Some((running, registry)),
            _ => None,
        });
        match (moved, &row.unknown) {
            (Some((running, registry)), _) => {
                let seen = format!("{} at {running}", row.image);
                let wanted = format!("what its tag resolves to, {registry}, or a digest");
                findings.push(finding(object(row), &field(row), seen, wanted));
            }
            (None, Some(why)) => unknown.push(why),
            (None, None) => {
                compared += usize::from(!row.image.contains('@') && row.digest().is_some())
            }
        }
    }
    Ok(match (findings.is_empty(), unknown.first()) {
        (true, Some(why)) => Outcome::NotAssessed(format!(
            "{} could not be looked up: {why}",
            count(unknown.len(), "image")
        )),
        (true, None) if compared == 0 => {
            Outcome::NotApplicable("no image is requested by its tag".into())
        }
        _ => outcome(findings, format!("{} unmoved", count(compared, "tag"))),
    })
}

/// IMG-11: Charms and their rocks are the newest of their channels
fn charms_and_resources_are_newest(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let charmhub = context.charmhub()?;
    let applications = context.applications()?;
    let mut findings: Vec<Finding> = Vec::new();
    for row in context.inventory()?.rows.iter().filter(|row| row.charm.is_some()) {
        for newer in &row.newer {
            let object = ObjectRef::new("juju", "Application", "", &row.application);
            let revision = row.revision.map(|revision| revision.to_string());
            let (field, seen, newest) = match newer {
                Newer::Revision(newest) => ("charm revision".into(), revision, newest.to_string()),
                Newer::Charm(url) => ("charm".into(), revision, url.clone()),
                Newer::Resource { name, revision: newest } => {
                    let seen = row.resource_revision.map(|revision| revision.to_string());
                    (format!("resource {name}"), seen, newest.to_string())
                }
            };
            findings.push(finding(object, &field, seen.unwrap_or_default(), &newest));
        }
    }
    if !findings.is_empty() {
        return Ok(Outcome::Fail(findings));
    }
    let of_day = charmhub.asked_at.strftime("%Y-%m-%d");
    let unknown = channels(applications).into_iter().find_map(|of| {
        let name = of.to_string();
        match charmhub.heads.get(&name) {
            Some(Known::Known(_)) => None,
            Some(Known::Unknown(why)) => Some(format!("{name}: {why}")),
            None => Some(format!("{name} is not among Charmhub's answers of {of_day}")),
        }
    });
    if let Some(why) = unknown {
        return Ok(Outcome::NotAssessed(why));
    }
    if context.now().duration_since(charmhub.asked_at) > LONGEST_AGE {
        return Ok(Outcome::NotAssessed(format!("Charmhub's answers are of {of_day}")));
    }
    let number = count(applications.len(), "application");
    Ok(Outcome::Pass(format!("{number} at the heads of their channels of {of_day}")))
}

/// IMG-12: Rocks are built on a base that still gets fixes
fn bases_are_maintained(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    context.rocks()?;
    let rows = &context.inventory()?.rows;
    let known: Vec<(&Row, &String)> =
        rows.iter().filter_map(|row| Some((row, row.base.as_ref()?))).collect();
    if known.is_empty() {
        let why = "what is in the images was not read; ckf-hardening rocks --packages reads it";
        return Ok(Outcome::NotAssessed(why.into()));
    }
    let (today, table) = (today(context), context.policy.tables.support());
    let findings = known.iter().filter_map(|(row, base)| {
        let ubuntu = base.strip_prefix("ubuntu ");
        let seen = match ubuntu.map(|version| supported(table, "Ubuntu", version, today)) {
            Some(Supported::Until(_)) => return None,
            Some(Supported::Ended(end)) => format!("{base}, whose fixes ended by {end}"),
            Some(Supported::Unknown) | None => (*base).clone(),
        };
        let wanted = "an LTS of Ubuntu that gets fixes";
        Some(finding(object(row), &format!("{} base", field(row)), seen, wanted))
    });
    Ok(outcome(findings.collect(), format!("{} on a maintained base", count(known.len(), "image"))))
}

/// IMG-13: No image has a severe vulnerability with a fix available
fn no_fixed_vulnerability(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let reports = context.vulnerability_reports()?;
    let mut of_platform = Vec::new();
    for report in reports {
        if context.is_ours(&report.metadata.namespace)? {
            of_platform.push(report);
        }
    }
    if of_platform.is_empty() {
        let why = "the cluster has no VulnerabilityReport; trivy-operator creates them, and ckf-hardening rocks --osv scans without it";
        return Ok(Outcome::NotAssessed(why.into()));
    }
    let findings = of_platform.iter().filter_map(|report| fixed(context, report));
    let findings: Vec<Finding> = findings.collect();
    if findings.is_empty() {
        let rows = context.inventory()?.rows.iter();
        let running = rows.filter(|row| matches!(row.place, Some(Place::Container(_))));
        let is_scanned = |row: &&Row| of_platform.iter().any(|report| is_of(report, row));
        let images: BTreeSet<&String> = running.clone().map(|row| &row.image).collect();
        let covered: BTreeSet<&String> = running.filter(is_scanned).map(|row| &row.image).collect();
        let missing: Vec<&&String> = images.difference(&covered).collect();
        if !missing.is_empty() {
            return Ok(Outcome::NotAssessed(format!(
                "{} of {} have a report; none of {}",
                covered.len(),
                count(images.len(), "running image"),
                named(&missing)
            )));
        }
    }
    Ok(outcome(findings, format!("{} read", count(of_platform.len(), "report"))))
}

/// A report is of the image that a container runs, by its digest or by its name.
fn is_of(report: &VulnerabilityReport, row: &Row) -> bool {
    let artifact = &report.report.artifact;
    if !artifact.digest.is_empty() && row.digest() == Some(&*artifact.digest) {
        return true;
    }
    let image = ImageReference::parse(&row.image);
    image.is_some_and(|image| {
        // trivy-operator leaves the registry out.
        let path = image.repository.split_once('/').map_or("", |(_, path)| path);
        path == &*artifact.repository
            && !artifact.tag.is_empty()
            && image.tag.as_deref() == Some(&*artifact.tag)
    })
}

/// Severe vulnerabilities of a report that have a fix.
fn fixed(context: &Context<'_>, report: &VulnerabilityReport) -> Option<Finding> {
    let of = |severity: &str| {
        let all = report.report.vulnerabilities.iter();
        all.filter(|v| &*v.severity == severity && !v.fixed_version.is_empty()).collect::<Vec<_>>()
    };
    let (critical, high) = (of("CRITICAL"), of("HIGH"));
    let first = critical.first().or(high.first())?;
    let seen = format!(
        "{} critical and {} high with a fix, as {} in {} {}",
        critical.len(),
        high.len(),
        first.id,
        first.resource,
        first.installed_version
    );
    let digest = &*report.report.artifact.digest;
    let rows = &context.inventory().ok()?.rows;
    let row = rows.iter().find(|row| !digest.is_empty() && row.digest() == Some(digest));
    let wanted = match row {
        Some(row) if !row.newer.is_empty() => {
            format!("{} {}: juju refresh {}", first.resource, first.fixed_version, row.application)
        }
        _ => format!("{} {} or later", first.resource, first.fixed_version),
    };
    Some(finding(report.reference(), "report.vulnerabilities", seen, wanted))
}

/// IMG-14: Images that the platform starts later are pinned
fn later_images_are_pinned(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let rows = &context.inventory()?.rows;
    let is_later = |row: &&Row| !matches!(row.place, Some(Place::Container(_)) | None);
    let later: Vec<&Row> = rows.iter().filter(is_later).collect();
    let loose = later.iter().filter(|row| !Image::parse(&row.image).is_some_and(|i| i.is_pinned()));
    let findings: Vec<Finding> =
        loose.map(|row| finding(object(row), &field(row), row.image.as_str(), PINNED)).collect();
    if findings.is_empty() {
        // Only what was read everywhere is a pass.
        context.applications()?;
        context.knative_servings()?;
        context.knative_eventings()?;
        if later.is_empty() {
            let nothing = "no option, ConfigMap or override names an image";
            return Ok(Outcome::NotApplicable(nothing.into()));
        }
    }
    Ok(outcome(findings, format!("{} pinned", count(later.len(), "image"))))
}
