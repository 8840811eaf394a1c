//! The policy itself: waivers that expired or waive nothing.

use std::collections::BTreeSet;

use crate::controls::assessment::Assessment;
use crate::controls::check::{Check, Review};
use crate::facts::object::{Meta, Object, ObjectRef};
use crate::finding::{Finding, Outcome, Verdict, count, finding, outcome};
use crate::policy::{Allowed, Waiver};
use crate::views::image::is_within;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("POL-01", no_waiver_has_expired)];

/// The control that needs the assessments of those whose findings are waived.
pub(super) const REVIEWS: &[(&str, Review)] = &[("POL-02", every_waiver_is_used)];

fn object(index: usize) -> ObjectRef {
    ObjectRef::new("policy", "Waiver", "", &(index + 1).to_string())
}

fn none() -> Outcome {
    Outcome::NotApplicable("the policy waives nothing".into())
}

/// POL-01: No waiver has expired
fn no_waiver_has_expired(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let waivers = &context.policy.waivers;
    if waivers.is_empty() {
        return Ok(none());
    }
    let ended = waivers.iter().enumerate();
    let ended = ended.filter(|(_, waiver)| !waiver.holds(context.now()));
    let findings = ended.map(|(index, waiver)| {
        let Waiver { control, owner, expires, .. } = waiver;
        let seen = format!("{expires}, of {control}, by {owner}");
        finding(object(index), "expires", seen, "a date in the future, or no waiver")
    });
    let findings = findings.collect();
    Ok(outcome(findings, format!("{} in force", count(waivers.len(), "waiver"))))
}

/// Entries of allow-lists that allow nothing that is there, and lists of which that is not known.
fn unused_allowances(context: &Context<'_>) -> (Vec<Finding>, Vec<String>) {
    let allow = &context.policy.allow;
    let mut unused = Unused::default();
    let is_one = Allowed::allows;
    unused.objects("envoyfilters", &allow.envoyfilters, is_one, || {
        let filters = context.envoy_filters().ok()?.iter().map(Object::meta);
        // Plugins and Sidecars are allowed by the same list.
        let plugins = context.wasm_plugins().unwrap_or_default().iter().map(Object::meta);
        let sidecars = context.sidecars().unwrap_or_default().iter().map(Object::meta);
        Some(filters.chain(plugins).chain(sidecars).collect())
    });
    unused.objects("rolebindings", &allow.rolebindings, is_one, || metas(context.role_bindings()));
    unused.objects("clusterroles", &allow.clusterroles, is_one, || metas(context.cluster_roles()));
    unused.objects("virtualservices", &allow.virtualservices, is_one, || {
        // What else makes a route is allowed by the same list.
        let services = context.virtual_services().ok()?.iter().map(Object::meta);
        let grants = context.reference_grants().unwrap_or_default().iter().map(Object::meta);
        let ingresses = context.ingresses().unwrap_or_default().iter().map(Object::meta);
        let entries = context.service_entries().unwrap_or_default().iter().map(Object::meta);
        let mapped = context.domain_mappings().unwrap_or_default().iter().map(Object::meta);
        Some(services.chain(grants).chain(ingresses).chain(entries).chain(mapped).collect())
    });
    unused.objects("services", &allow.services, is_one, || metas(context.services()));
    unused.objects("pods", &allow.pods, Allowed::allows_prefix, || metas(context.pods()));
    let users = || {
        let users = context.users().ok()?.iter().map(|user| user.name.as_str());
        let models = context.models().ok()?.iter().flat_map(|model| &model.users);
        Some(users.chain(models.map(|(name, _)| name.as_str())).collect::<BTreeSet<_>>())
    };
    for (list, names) in [("superusers", &allow.superusers), ("model-admins", &allow.model_admins)]
    {
        unused.names(list, names, users, |name, user| name == user);
    }
    let images = || {
        let containers = context.pods().ok()?.iter().flat_map(|pod| pod.all_containers());
        Some(containers.map(|container| &*container.image).collect::<BTreeSet<_>>())
    };
    unused.names("registries", &allow.registries, images, |registry, image| {
        let image = context.image(image);
        image.is_some_and(|image| is_within(&image.repository, registry))
    });
    (unused.findings, unused.unknown)
}

fn metas<T: Object>(all: Result<&[T], MissingFact>) -> Option<Vec<&Meta>> {
    Some(all.ok()?.iter().map(Object::meta).collect())
}

/// Entries that allow nothing, and lists of which that is not known.
#[derive(Default)]
struct Unused {
    findings: Vec<Finding>,
    unknown: Vec<String>,
}

impl Unused {
    fn objects<'a>(
        &mut self,
        list: &str,
        entries: &[Allowed],
        allows: impl Fn(&Allowed, &Meta) -> bool,
        all: impl FnOnce() -> Option<Vec<&'a Meta>>,
    ) {
        if entries.is_empty() {
            return;
        }
        let Some(all) = all() else {
            return self.unknown.push(list.to_owned());
        };
        for entry in entries.iter().filter(|entry| !all.iter().any(|meta| allows(entry, meta))) {
            self.add(list, &entry.to_string(), "matches no object");
        }
    }

    fn names<'a, I: IntoIterator<Item = &'a str> + Clone>(
        &mut self,
        list: &str,
        entries: &[String],
        all: impl FnOnce() -> Option<I>,
        is_one: impl Fn(&str, &'a str) -> bool,
    ) {
        if entries.is_empty() {
            return;
        }
        let Some(all) = all() else {
            return self.unknown.push(list.to_owned());
        };
        for entry in entries {
            if !all.clone().into_iter().any(|one| is_one(entry, one)) {
                self.add(list, entry, "is of nothing that is there");
            }
        }
    }

    fn add(&mut self, list: &str, entry: &str, why: &str) {
        let object = ObjectRef::new("policy", "Allow", "", list);
        let seen = format!("{entry}, which {why}");
        self.findings.push(finding(object, "entry", seen, "what it allows"));
    }
}

/// POL-02: Every waiver waives something
fn every_waiver_is_used(
    context: &Context<'_>,
    assess: &dyn Fn(&str) -> Assessment,
) -> Result<Outcome, MissingFact> {
    let waivers = &context.policy.waivers;
    let (mut findings, mut unknown) = unused_allowances(context);
    if waivers.is_empty() && findings.is_empty() && unknown.is_empty() {
        return Ok(none());
    }
    for (index, waiver) in waivers.iter().enumerate() {
        // POL-01 reports one that has expired.
        if !waiver.holds(context.now()) {
            continue;
        }
        let assessment = assess(&waiver.control);
        let is_used = assessment.waived.iter().any(|waived| waived.by == *waiver);
        if is_used {
            continue;
        }
        if assessment.verdict == Verdict::NotAssessed {
            unknown.push(waiver.control.clone());
            continue;
        }
        let seen = format!("no finding of {} matches it", waiver.control);
        findings.push(finding(object(index), "object", seen, "what it waives"));
    }
    Ok(match (findings.is_empty(), unknown.is_empty()) {
        (true, false) => Outcome::NotAssessed(format!(
            "whether all waivers have an effect is not known: {} not assessed",
            unknown.join(", ")
        )),
        _ => outcome(findings, "each waives something"),
    })
}
