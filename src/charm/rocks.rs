//! What is known of the platform's images from one audit to the next: which digests ran,
//! and what registries and Charmhub told, which are asked once a day.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use juju_charm::relation::{Databag, Relation, Side};
use juju_charm::secret::{self, Value, Which};
use juju_charm::tool::present;
use juju_charm::{Unit, action, leader};
use log::{info, warn};
use oci_registry::Credentials;
use serde::{Deserialize, Serialize};

use super::Charm;
use super::results::{Results, WIDTH};
use super::rotate::peers;
use crate::config::Options;
use crate::facts::Facts;
use crate::facts::charmhub::{self, Charmhub};
use crate::facts::known::{Known, Unknown};
use crate::facts::rocks::{self as registry, Rocks};
use crate::look_up::look_up;
use crate::report::rocks::Rocks as Report;
use crate::rocks::{self, Allowed, Inventory, Ledger};

/// The key of the application's databag that has it.
const KEY: &str = "rocks";
/// How often registries and Charmhub are asked.
const OFTEN: SignedDuration = SignedDuration::from_hours(24);
/// How soon again, if none of them answered.
const SOON: SignedDuration = SignedDuration::from_hours(1);
/// Longest time for asking them in a hook.
const WITHIN: Duration = Duration::from_secs(30);

/// What is kept; only the leader may read it.
pub struct Kept {
    peers: Relation,
    now: Stored,
    before: String,
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

impl Kept {
    /// Reads it; `None` without a peer relation, as in a unit that is being removed. What is
    /// not understood is forgotten, and what runs now is trusted anew.
    pub fn read(unit: &Unit) -> anyhow::Result<Option<Self>> {
        let Some(peers) = peers()? else {
            return Ok(None);
        };
        // Juju lists a peer relation that it has taken away already.
        let Some(databag) = present(peers.get(Side::Application(unit.application())))? else {
            return Ok(None);
        };
        let before = databag.get(KEY).cloned().unwrap_or_default();
        let now = match before.is_empty() {
            true => Stored::default(),
            false => serde_json::from_str(&before).unwrap_or_else(|why| {
                warn!("the digests on record are not understood, and are made anew: {why}");
                Stored::default()
            }),
        };
        Ok(Some(Self { peers, now, before }))
    }

    /// Whether registries and Charmhub are due to be asked.
    pub fn would_ask(&self, options: &Options, now: Timestamp) -> bool {
        !options.offline && self.is_due(now)
    }

    /// Notes what somebody else has found to run, and writes it if it is other than it was.
    pub fn put(&mut self, ledger: &Ledger) -> anyhow::Result<()> {
        self.now.ledger = ledger.clone();
        self.write()
    }

    /// Puts what is kept into the facts, after asking anew if that is due or `asks`.
    pub fn tell(&mut self, facts: &mut Facts, options: &Options, asks: bool, now: Timestamp) {
        facts.ledger = Known::Known(self.now.ledger.clone());
        if !options.offline && (asks || self.is_due(now)) {
            self.ask(facts, options);
        }
        facts.rocks = kept(&self.now.rocks, options);
        facts.charmhub = kept(&self.now.charmhub, options);
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let Some(rocks) = &self.now.rocks else {
            return true;
        };
        let answered = rocks.images.values().any(|image| matches!(image, Known::Known(_)));
        let pause = if answered || rocks.images.is_empty() { OFTEN } else { SOON };
        // A clock that was put back must not keep it from running.
        rocks.asked_at > now || now.duration_since(rocks.asked_at) >= pause
    }

    fn ask(&mut self, facts: &Facts, options: &Options) {
        let credentials = match credentials(options) {
            Ok(credentials) => credentials,
            Err(why) => {
                warn!("option registry-credentials: {why}; registries are asked without a login");
                (Credentials::default(), Vec::new())
            }
        };
        let env = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let named = options.policy.allow.registries.iter().map(String::as_str);
        let source = registry::Source {
            allowed: Allowed::new(named),
            realms: options.registry_realms.clone(),
            mirrors: options.registry_mirrors.clone(),
            credentials: credentials.0,
            authorities: credentials.1,
            // Juju's own for charms.
            proxy: env("JUJU_CHARM_HTTPS_PROXY"),
            no_proxy: env("JUJU_CHARM_NO_PROXY"),
            within: WITHIN,
            packages: false,
        };
        let charmhub = charmhub::Source {
            url: options.charmhub_url.clone(),
            proxy: source.proxy.clone(),
            no_proxy: source.no_proxy.clone(),
            within: WITHIN,
        };
        let told = look_up(facts, &source, &charmhub, self.now.rocks.as_ref(), &|_| ());
        info!(
            "asked registries and Charmhub for {} images in {} requests",
            told.rocks.images.len(),
            told.requests()
        );
        self.now.rocks = Some(told.rocks);
        self.now.charmhub = told.charmhub.or(self.now.charmhub.take());
    }

    /// Notes what runs, and writes it if it is other than it was.
    pub fn note(
        &mut self,
        inventory: &Inventory,
        accepted: bool,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        self.now.ledger = self.now.ledger.after(inventory, accepted, now);
        self.write()
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let text = serde_json::to_string(&self.now).context("the digests on record")?;
        if text != self.before {
            let databag = Databag::from([(KEY.to_owned(), text.clone())]);
            match present(self.peers.set_application(&databag))? {
                Some(()) => self.before = text,
                None => warn!("the digests on record could not be written; another unit leads"),
            }
        }
        Ok(())
    }
}

/// What was told, or why nothing was.
fn kept<T: Clone>(told: &Option<T>, options: &Options) -> Known<T> {
    match told {
        Some(told) => Known::Known(told.clone()),
        None if options.offline => {
            Known::Unknown(Unknown::Failed("not asked, for the option offline is set".into()))
        }
        None => Known::default(),
    }
}

/// Logins and authorities of registries, from the secret of the option.
fn credentials(options: &Options) -> Result<(Credentials, Vec<String>), String> {
    let Some(id) = &options.registry_credentials else {
        return Ok((Credentials::default(), Vec::new()));
    };
    let content = secret::get(id, Which::Refresh).map_err(|error| error.to_string())?;
    let text = |key: &str| content.get(key).map(Value::expose);
    let logins = match text("config-json") {
        Some(json) => Credentials::parse(json).map_err(|why| format!("key config-json: {why}"))?,
        None => Credentials::default(),
    };
    let authorities = text("ca-cert").map(str::to_owned).into_iter().collect();
    Ok((logins, authorities))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    format: Option<String>,
    accept: bool,
}

/// The action `check-rocks`.
pub fn check(unit: &Unit) -> anyhow::Result<()> {
    let parameters: Parameters = action::parameters()?;
    let charm = Charm::read(unit)?;
    if !leader::is_leader()? {
        anyhow::bail!(
            "only the leader knows which digests ran; juju run {}/leader check-rocks",
            unit.application()
        );
    }
    action::log(&format!("reading the cluster of model {}", unit.model))?;
    let mut facts = super::audit::read_cluster(unit, &BTreeSet::new())?;
    if let Some(option) = &charm.options.juju_credentials {
        facts.juju = super::audit::read_juju(unit, option, &charm.options.policy.options);
    }
    let mut kept = Kept::read(unit)?.context("the unit is being removed")?;
    if !charm.options.offline {
        action::log("asking registries and Charmhub")?;
    }
    kept.tell(&mut facts, &charm.options, true, crate::now());
    let mut inventory = Inventory::of(&facts);
    kept.note(&inventory, parameters.accept, crate::now())?;
    if parameters.accept {
        kept.tell(&mut facts, &charm.options, false, crate::now());
        inventory = Inventory::of(&facts);
    }
    let requests = match &facts.rocks {
        Known::Known(rocks) => rocks.requests,
        Known::Unknown(_) => 0,
    };
    let report = Report::of(&inventory, rocks::advice(&facts, &inventory), requests);
    let elsewhere = "`ckf-hardening rocks` prints all";
    let results = match parameters.format.as_deref() {
        None | Some("table") => {
            Results::default().lines("rocks", &report.table_within(WIDTH), elsewhere)
        }
        Some("json") => {
            Results::default().json("rocks", &report.images, |rows| report.json_of(rows))
        }
        Some(other) => anyhow::bail!("format {other:?} is neither table nor json"),
    };
    let results = results.value("not-as-meant", &inventory.wrong().count().to_string()).lines(
        "advice",
        &report.advice.join("\n"),
        elsewhere,
    );
    Ok(results.set()?)
}
