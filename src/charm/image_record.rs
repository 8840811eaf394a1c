//! The record of the platform's images from one audit to the next: which digests ran, and the
//! answers of registries and Charmhub, which are asked once a day.

use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use juju_charm::Unit;
use juju_charm::relation::{Databag, Relation, Side};
use juju_charm::secret::{self, Value, Which};
use juju_charm::tool::{ToolError, present};
use log::{info, warn};
use oci_registry::{CredentialError, Credentials};
use serde::{Deserialize, Serialize};

use super::peers;
use crate::config::{OFFLINE, Options};
use crate::facts::Facts;
use crate::facts::charmhub::{self, Charmhub};
use crate::facts::known::{Known, Unknown};
use crate::facts::registry::{self as registry, Rocks};
use crate::images::{Allowed, Inventory, Ledger};
use crate::resolve_images::resolve;

/// The key of the application's databag in the peer relation that has it.
const KEY: &str = "images";
/// Its name in version 0.1.0, read if there is no other.
const OLD_KEY: &str = "rocks";
/// How often registries and Charmhub are asked.
const OFTEN: SignedDuration = SignedDuration::from_hours(24);
/// Interval of retrying, if none of them answered.
const SOON: SignedDuration = SignedDuration::from_hours(1);
/// Longest time for asking them in a hook.
const WITHIN: Duration = Duration::from_secs(30);
/// Longest wait for a connection to any of them: a hook without a way out waits no longer.
const CONNECT_WITHIN: Duration = Duration::from_millis(1500);

/// The record; only the leader may read it.
pub struct ImageRecord {
    peers: Relation,
    now: Stored,
    before: String,
    /// Whether the databag still has the old key.
    has_old_key: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Stored {
    ledger: Ledger,
    #[serde(skip_serializing_if = "Option::is_none")]
    rocks: Option<Rocks>,
    #[serde(skip_serializing_if = "Option::is_none")]
    charmhub: Option<Charmhub>,
}

impl ImageRecord {
    /// Reads it; `None` without a peer relation, as in a unit that is being removed. A record that
    /// is not understood starts over with what runs now.
    pub fn read(unit: &Unit) -> anyhow::Result<Option<Self>> {
        let Some(peers) = peers::relation()? else {
            return Ok(None);
        };
        // Juju lists a peer relation that it has removed already.
        let Some(databag) = present(peers.get(Side::Application(unit.application())))? else {
            return Ok(None);
        };
        let before = databag.get(KEY).cloned().unwrap_or_default();
        let has_old_key = databag.contains_key(OLD_KEY);
        let text = match before.is_empty() {
            true => databag.get(OLD_KEY).map_or("", String::as_str),
            false => &before,
        };
        let now = match text.is_empty() {
            true => Stored::default(),
            false => serde_json::from_str(text).unwrap_or_else(|why| {
                warn!("the record of images is not understood, and starts over: {why}");
                Stored::default()
            }),
        };
        Ok(Some(Self { peers, now, before, has_old_key }))
    }

    /// Whether registries and Charmhub are due to be asked.
    pub fn would_refresh(&self, options: &Options, now: Timestamp) -> bool {
        !options.offline && self.is_due(now)
    }

    /// Takes over the digests that the agent noted, and writes the record if it changed.
    pub fn set_ledger(&mut self, ledger: &Ledger) -> anyhow::Result<()> {
        self.now.ledger = ledger.clone();
        self.write()
    }

    /// Adds the record to the facts, after asking registries and Charmhub again if that is due or
    /// forced.
    pub fn add_to(
        &mut self,
        facts: &mut Facts,
        options: &Options,
        force_refresh: bool,
        now: Timestamp,
    ) {
        facts.ledger = Known::Known(self.now.ledger.clone());
        if !options.offline && (force_refresh || self.is_due(now)) {
            self.refresh(facts, options);
        }
        facts.rocks = known(&self.now.rocks, options);
        let charmhub = known(&self.now.charmhub, options);
        facts.charmhub = options.policy.tables.newest_of_charmhub(charmhub);
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let Some(rocks) = &self.now.rocks else {
            return true;
        };
        let answered = rocks.images.values().any(|image| matches!(image, Known::Known(_)));
        let pause = if answered || rocks.images.is_empty() { OFTEN } else { SOON };
        // A clock that was set back must not keep it from running.
        rocks.asked_at > now || now.duration_since(rocks.asked_at) >= pause
    }

    fn refresh(&mut self, facts: &Facts, options: &Options) {
        let credentials = match credentials(options) {
            Ok(credentials) => credentials,
            Err(why) => {
                warn!("option registry-credentials: {why}; registries are asked without a login");
                (Credentials::default(), Vec::new())
            }
        };
        let env = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let named = options.policy.allow.registries.iter().map(String::as_str);
        let mut source = registry::Source {
            allowed: Allowed::new(named),
            realms: options.registry_realms.clone(),
            mirrors: options.registry_mirrors.clone(),
            plain: options.registry_plain_http.clone(),
            credentials: credentials.0,
            authorities: credentials.1,
            // Juju's own for charms.
            proxy: env("JUJU_CHARM_HTTPS_PROXY"),
            no_proxy: env("JUJU_CHARM_NO_PROXY"),
            within: WITHIN,
            connect_within: CONNECT_WITHIN,
            ..registry::Source::default()
        };
        let mut charmhub = charmhub::Source {
            url: options.charmhub_url.clone(),
            proxy: source.proxy.clone(),
            no_proxy: source.no_proxy.clone(),
            within: WITHIN,
            ..charmhub::Source::default()
        };
        let known = self.now.rocks.as_ref();
        let answers = resolve(facts, &mut source, &mut charmhub, known, &|_| ());
        info!(
            "asked registries and Charmhub for {} images in {} requests",
            answers.rocks.images.len(),
            answers.requests()
        );
        self.now.rocks = Some(answers.rocks);
        self.now.charmhub = answers.charmhub.or(self.now.charmhub.take());
    }

    /// Notes the digests that run, and writes the record if it changed.
    pub fn note(
        &mut self,
        inventory: &Inventory,
        accepted: bool,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        self.now.ledger = self.now.ledger.after(inventory.observed(), accepted, now);
        self.write()
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let text = serde_json::to_string(&self.now).context("the record of images as JSON")?;
        if text != self.before {
            let mut databag = Databag::from([(KEY.to_owned(), text.clone())]);
            if self.has_old_key {
                // An empty value deletes it.
                databag.insert(OLD_KEY.to_owned(), String::new());
            }
            match present(self.peers.set_application(&databag))? {
                Some(()) => self.before = text,
                None => warn!("the record of images could not be written: another unit leads"),
            }
        }
        Ok(())
    }
}

/// An answer on record, or why there is none.
fn known<T: Clone>(answer: &Option<T>, options: &Options) -> Known<T> {
    match answer {
        Some(answer) => Known::Known(answer.clone()),
        None if options.offline => Known::Unknown(Unknown::Failed(OFFLINE.into())),
        None => Known::default(),
    }
}

/// Why the logins to registries are not known.
#[derive(Debug, thiserror::Error)]
enum LoginError {
    #[error(transparent)]
    Secret(#[from] ToolError),
    #[error("key config-json: {0}")]
    Config(#[from] CredentialError),
}

/// Logins and authorities of registries, from the secret of the option.
fn credentials(options: &Options) -> Result<(Credentials, Vec<String>), LoginError> {
    let Some(id) = &options.registry_credentials else {
        return Ok((Credentials::default(), Vec::new()));
    };
    let content = secret::get(id, Which::Refresh)?;
    let text = |key: &str| content.get(key).map(Value::expose);
    let logins = match text("config-json") {
        Some(json) => Credentials::parse(json)?,
        None => Credentials::default(),
    };
    let authorities = text("ca-cert").map(str::to_owned).into_iter().collect();
    Ok((logins, authorities))
}
