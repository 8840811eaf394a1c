//! Versions of the platform's own parts that a table of advisories knows: by the tags of their
//! images, or by the channels that their charms follow.

use std::collections::BTreeMap;

use super::context::{Context, MissingFact};
use crate::catalog;
use crate::facts::advisory::{AdvisoryTable, release_numbers};
use crate::facts::image::ImageReference;
use crate::facts::object::ObjectRef;
use crate::images::{Place, Row};

/// A part of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// What runs it: a pod, else the application that starts it.
    pub object: ObjectRef,
    /// Name of the image, without registry and tag.
    pub name: String,
    /// The package, as the table names it.
    pub package: String,
    /// End of the repository by which the table knows the image.
    pub image: String,
    /// Its version, as it is written; None if nothing shows it.
    pub version: Option<String>,
    /// The channel that shows the version, where the tag does not.
    pub channel: Option<String>,
}

/// Parts that the table has images of, each version once.
pub fn components(
    context: &Context<'_>,
    table: &AdvisoryTable,
) -> Result<Vec<Component>, MissingFact> {
    let mut found: BTreeMap<(String, Option<String>), Component> = BTreeMap::new();
    for row in &context.inventory()?.rows {
        let Some((image, channel)) = named(row) else { continue };
        let Some((package, end)) = package(table, &image.repository) else { continue };
        let name = image.repository.rsplit('/').next().unwrap_or_default().to_owned();
        let version = image.tag.filter(|tag| release_numbers(tag).is_some());
        let object = match &row.pod {
            Some((namespace, pod)) => ObjectRef::new("v1", "Pod", namespace, pod),
            None => ObjectRef::new("juju", "Application", "", &row.application),
        };
        let key = (image.repository, version.clone());
        found.entry(key).or_insert(Component {
            object,
            name,
            package: package.to_owned(),
            image: end.to_owned(),
            version,
            channel,
        });
    }
    Ok(found.into_values().collect())
}

/// The image of a row by a name with a tag: as it is requested, or, if Juju shows its digest
/// only, as the charm of that channel has it.
fn named(row: &Row) -> Option<(ImageReference, Option<String>)> {
    let requested = ImageReference::parse(&row.image)?;
    if requested.tag.is_some() {
        return Some((requested, None));
    }
    match released(row) {
        Some(image) => Some((image, row.channel.clone())),
        None => Some((requested, None)),
    }
}

fn released(row: &Row) -> Option<ImageReference> {
    let charm = row.charm.as_deref()?;
    let channel = row.channel.as_deref()?;
    let track = |channel: &str| channel.split('/').next().unwrap_or_default().to_owned();
    let Some(Place::Container(container)) = &row.place else { return None };
    let mut applications = catalog::releases().iter().flat_map(|r| r.applications.values());
    let application =
        applications.find(|app| app.charm == charm && track(&app.channel) == track(channel))?;
    ImageReference::parse(application.containers.get(container)?.image.as_deref()?)
}

/// The package of an image, and the end of its repository, by the table.
pub(crate) fn package<'a>(
    table: &'a AdvisoryTable,
    repository: &str,
) -> Option<(&'a str, &'a str)> {
    let affected = table.advisories.iter().flat_map(|advisory| &advisory.affected);
    let mut carriers = affected.flat_map(|affected| {
        let images = affected.ecosystem_specific.images.iter();
        images.map(|image| (affected.package.name.as_str(), image.as_str()))
    });
    carriers.find(|(_, image)| repository.ends_with(image))
}
