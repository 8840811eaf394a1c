//! Gathers facts. It reads only: an audit never writes.

use std::collections::BTreeSet;
use std::time::Duration;

use juju_charm::Unit;

use super::controller::ControllerSession;
use super::image_record::ImageRecord;
use super::rotations;
use crate::config::{OFFLINE, Options};
use crate::facts::handshake::{self, Vantage};
use crate::facts::juju::{self, Juju};
use crate::facts::known::{Known, Unknown};
use crate::facts::kubernetes::{self, ReadError, Source};
use crate::facts::telemetry;
use crate::facts::{About, Facts};
use crate::policy::Options as Declared;
use crate::policy::custom::ObjectKind;

/// Longest time for reading the cluster: Juju sets none, and a hook that hangs stops its unit.
const DEADLINE: Duration = Duration::from_secs(180);

/// Longest time for the answers of COS's Prometheus: most hooks take less than this altogether.
const TELEMETRY: Duration = Duration::from_secs(2);

/// Adds what is beside the cluster: the gateway's handshake, the rotations, and what is on
/// record of images, which only a leader may read. Registries are asked if that is due; the
/// record that is returned has their answers, and is not written yet.
pub fn complete(
    unit: &Unit,
    options: &Options,
    is_leader: bool,
    facts: &mut Facts,
) -> anyhow::Result<Option<ImageRecord>> {
    let host = options.policy.external_hostname.as_deref();
    facts.handshake = handshake::read(facts, host, Vantage::here());
    facts.webhook_servers = handshake::webhooks::read(facts, Vantage::here());
    add_telemetry(unit, options, facts);
    if options.juju_credentials.is_some() {
        facts.rotated = match rotations::rotated(unit) {
            Ok(Ok(rotated)) => Known::Known(rotated),
            Ok(Err(why)) => Known::Unknown(Unknown::Failed(why.to_string())),
            Err(error) => Known::Unknown(Unknown::Failed(format!("{error:#}"))),
        };
    }
    if !is_leader {
        return Ok(None);
    }
    let mut images = ImageRecord::read(unit)?;
    if let Some(images) = &mut images {
        images.add_to(facts, options, false, crate::now());
    }
    Ok(images)
}

/// Adds what COS's Prometheus has of the platform, if the operator names it and the unit is not
/// offline.
pub fn add_telemetry(unit: &Unit, options: &Options, facts: &mut Facts) {
    let Some(source) = &options.prometheus else { return };
    facts.telemetry = match options.offline {
        true => Known::Unknown(Unknown::Failed(OFFLINE.into())),
        false => {
            // The labels have what Juju gives its units.
            let model = telemetry::Model { name: &unit.model, uuid: Some(&unit.model_uuid) };
            telemetry::read(source, model, TELEMETRY)
        }
    };
}

/// Why the controller could not be read, or the platform's model there.
pub fn juju_problem(juju: &Known<Juju>, model: &str) -> Option<String> {
    match juju {
        Known::Unknown(Unknown::NotCollected) => None,
        Known::Unknown(why) => Some(why.to_string()),
        Known::Known(juju) => juju.unread_applications(model),
    }
}

/// Facts of the cluster, and of the controller if there is a login to it.
pub fn platform(unit: &Unit, options: &Options) -> Result<Facts, ReadError> {
    let mut facts = cluster(unit, &options.policy.kinds())?;
    if let Some(option) = &options.juju_credentials {
        facts.juju = controller(unit, option, &options.policy.options);
    }
    Ok(facts)
}

/// Facts of the cluster, with the kinds that only a policy names.
pub fn cluster(unit: &Unit, kinds: &BTreeSet<ObjectKind>) -> Result<Facts, ReadError> {
    let about = About {
        collected_at: crate::now(),
        // On Kubernetes a model is a namespace of its name.
        namespace: unit.model.clone(),
    };
    kubernetes::read(&Source::default(), about, kinds, DEADLINE, &|_| ())
}

/// Facts of the controller, by the login of the option `juju-credentials`.
pub fn controller(unit: &Unit, option: &str, declared: &Declared) -> Known<Juju> {
    let failed = |why: String| Known::Unknown(Unknown::Failed(why));
    let session = match ControllerSession::read(unit, Some(option)) {
        Ok(session) => session,
        Err(problem) => return failed(problem.to_string()),
    };
    match session.accepted() {
        Ok(login) => juju::read(&juju::Source {
            endpoint: session.endpoint(),
            login: &login,
            declared,
            model: &unit.model,
        }),
        Err(refusal) => failed(refusal.to_string()),
    }
}
