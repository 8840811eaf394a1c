//! Refreshes of an upgrade, in the order of the guide, and what each changes for security.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::catalog::{Application, Release};
use crate::facts::advisory::{AdvisoryTable, release_numbers};
use crate::facts::image::ImageReference;
use crate::images::rank;
use crate::views::Context;
use crate::views::components::package;

/// The refresh of an application.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The application.
    pub application: String,
    /// The channel that it follows now; none if it is not deployed by the release before.
    pub from: Option<String>,
    /// The channel that it follows afterwards; none if the release after has no such application.
    pub to: Option<String>,
    /// The command.
    pub command: String,
    /// Advisories that affect it now and not afterwards.
    pub fixed: BTreeSet<String>,
    /// Advisories that affect it afterwards, and now or perhaps now.
    pub left: BTreeSet<String>,
    /// Advisories that affect it only afterwards.
    pub added: BTreeSet<String>,
    /// Images of versions that the table's sources were not read for: nothing is known of these.
    pub unknown: BTreeSet<String>,
}

/// The steps. An application whose channel stays is refreshed too: its revision may be newer.
pub(super) fn of(context: &Context<'_>, from: &Release, to: &Release) -> Vec<Step> {
    let table = context.policy.tables.advisories();
    let deployed: BTreeMap<&str, &str> = match context.applications() {
        Ok(all) => all.iter().map(|app| (app.name.as_str(), app.channel.as_str())).collect(),
        // Then the release's own channels are taken for those that are followed.
        Err(_) => from
            .applications
            .iter()
            .map(|(name, app)| (name.as_str(), app.channel.as_str()))
            .collect(),
    };
    let names: BTreeSet<&String> = from.applications.keys().chain(to.applications.keys()).collect();
    let mut steps: Vec<(u8, Step)> = Vec::new();
    for name in names {
        let (before, after) = (from.applications.get(name), to.applications.get(name));
        let Some(charm) = before.or(after).map(|app| app.charm.as_str()) else { continue };
        let followed = deployed.get(name.as_str()).map(|channel| (*channel).to_owned());
        // What the release has and is not deployed is no part of the upgrade.
        if followed.is_none() && before.is_some() {
            continue;
        }
        let was = survey(table, before, charm, from);
        let is = survey(table, after, charm, to);
        let command = command(name, followed.as_deref(), after);
        let mut step = Step {
            application: name.clone(),
            from: followed,
            to: after.map(|app| app.channel.clone()),
            command,
            left: was.found.intersection(&is.found).cloned().collect(),
            unknown: was.unread.union(&is.unread).cloned().collect(),
            ..Step::default()
        };
        // Of what the table does not cover, neither is certain.
        if is.unread.is_empty() {
            step.fixed = was.found.difference(&is.found).cloned().collect();
        }
        let new = is.found.difference(&was.found).cloned();
        match was.unread.is_empty() {
            true => step.added = new.collect(),
            false => step.left.extend(new),
        }
        steps.push((rank(charm), step));
    }
    steps.sort_by(|one, other| (one.0, &one.1.application).cmp(&(other.0, &other.1.application)));
    steps.into_iter().map(|(_, step)| step).collect()
}

fn command(name: &str, from: Option<&str>, to: Option<&Application>) -> String {
    match (from, to) {
        (_, None) => format!("juju remove-application {name}"),
        (None, Some(to)) => {
            let trust = if to.trust { " --trust" } else { "" };
            format!("juju deploy {} {name} --channel {}{trust}", to.charm, to.channel)
        }
        (Some(from), Some(to)) if from == to.channel => format!("juju refresh {name}"),
        (Some(_), Some(to)) => format!("juju refresh {name} --channel {}", to.channel),
    }
}

/// What the table has on the images of an application of a release.
#[derive(Default)]
struct Survey {
    /// Names of advisories.
    found: BTreeSet<String>,
    /// Images of versions that its sources were not read for.
    unread: BTreeSet<String>,
}

fn survey(
    table: &AdvisoryTable,
    application: Option<&Application>,
    charm: &str,
    release: &Release,
) -> Survey {
    let mut survey = Survey::default();
    let Some(application) = application else { return survey };
    let own = application.containers.values().filter_map(|container| container.image.as_deref());
    let of_mesh = release.platform_images.iter().map(String::as_str);
    let of_mesh = of_mesh.filter(|image| is_mesh_image(charm, image));
    let images = own.chain(application.resources.values().map(String::as_str)).chain(of_mesh);
    for image in images {
        let Some(image) = ImageReference::parse(image) else { continue };
        let Some((package, end)) = package(table, &image.repository) else { continue };
        let version = image.tag.as_deref().and_then(release_numbers);
        let Some(version) = version.filter(|version| table.covers(package, version)) else {
            let tag = image.tag.as_deref().unwrap_or_default();
            survey.unread.insert(format!("{end} {tag}"));
            continue;
        };
        for (advisory, affected) in table.of(package) {
            let has_image = affected.ecosystem_specific.images.iter().any(|known| known == end);
            if has_image && affected.remedy(&version).is_some() {
                survey.found.insert(advisory.names());
            }
        }
    }
    survey
}

/// The images of the mesh that a charm deploys; they are no resources of it.
fn is_mesh_image(charm: &str, image: &str) -> bool {
    match charm {
        "istio-pilot" => image.contains("/pilot:") || image.contains("/install-cni:"),
        "istio-gateway" => image.contains("/proxyv2:"),
        _ => false,
    }
}
