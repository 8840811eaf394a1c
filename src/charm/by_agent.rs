//! An audit by the agent of this pod: its verdicts are taken where it runs well and knows
//! what this hook knows, and nothing is listed twice.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use juju_charm::Unit;
use log::info;

use super::audit::{Audited, juju_problem, read_juju};
use super::rocks::Kept;
use super::rotate;
use super::workload::{PORT, Workload};
use crate::agent::found::{self, Found};
use crate::agent::told::{CredentialState, Told, ToldFacts};
use crate::config::Options;
use crate::facts::Facts;
use crate::facts::known::{Known, Unknown};

/// Longest wait until the agent has judged by what it is told anew.
const PATIENCE: Duration = Duration::from_secs(10);
const OFTEN: Duration = Duration::from_millis(100);

/// Where the agent of this pod is. Tests have many on one machine.
fn address() -> SocketAddr {
    let elsewhere = std::env::var("CKF_HARDENING_AGENT").ok();
    let elsewhere = elsewhere.and_then(|text| text.parse().ok());
    elsewhere.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)))
}

/// Whether the agent can put right all that is enforced: it has no login to Juju.
fn can_keep(options: &Options) -> bool {
    let mut enforced = options.enforce.iter();
    !enforced.any(|remedy| remedy.about().needs_juju)
}

/// Whether the agent runs well, and puts right itself all that is enforced.
pub fn keeps(options: &Options) -> bool {
    can_keep(options) && Workload::connect().is_some() && found::is_well(address())
}

/// What a leader's hook knows and the agent does not: the rest of [`Told`] follows.
pub fn audit(
    unit: &Unit,
    options: &Options,
    tell: impl Fn(ToldFacts, BTreeMap<String, CredentialState>) -> Told,
) -> anyhow::Result<Option<Audited>> {
    if !can_keep(options) {
        return Ok(None);
    }
    let Some(workload) = Workload::connect() else {
        return Ok(None);
    };
    let Ok(before) = found::ask(address()) else {
        return Ok(None);
    };
    if !before.head.healthy {
        return Ok(None);
    }
    let mut facts = Facts::default();
    let mut credentials = BTreeMap::new();
    if options.juju_credentials.is_some() || !options.rotate.targets.is_empty() {
        let rotated = match rotate::known(unit) {
            Ok(Ok(ledger)) => {
                credentials = super::credentials(&options.rotate, &ledger);
                Known::Known(rotate::times(&ledger))
            }
            Ok(Err(why)) => Known::Unknown(Unknown::Failed(why)),
            Err(error) if super::is_absence(&error) => {
                Known::Unknown(Unknown::Failed(format!("{error:#}")))
            }
            Err(error) => return Err(error),
        };
        if let Some(option) = &options.juju_credentials {
            facts.juju = read_juju(unit, option, &options.policy.options);
            facts.rotated = rotated;
        }
    }
    if let Some(mut kept) = Kept::read(unit)? {
        // Once a day registries are asked for what runs, which needs to be listed.
        if kept.would_ask(options, crate::now()) {
            return Ok(None);
        }
        kept.put(&before.head.ledger)?;
        kept.tell(&mut facts, options, false, crate::now());
    }
    let juju_problem = juju_problem(&facts.juju, &unit.model);
    let facts = ToldFacts {
        juju: facts.juju,
        rotated: facts.rotated,
        rocks: facts.rocks,
        charmhub: facts.charmhub,
        ledger: facts.ledger,
    };
    let told = tell(facts, credentials);
    let Some(found) = judged_by(&workload, &told, before) else {
        return Ok(None);
    };
    info!("the agent's report is taken");
    Ok(Some(Audited {
        report: found.report,
        juju_problem,
        enforced: found.head.refused.map(Err),
        held_back: Some(found.head.held_back),
        told: told.facts,
    }))
}

/// What the agent found by what it is told now.
fn judged_by(workload: &Workload, told: &Told, before: Found) -> Option<Found> {
    let mark = told.mark();
    if before.head.told == mark {
        return Some(before);
    }
    workload.keep(told).ok()?;
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        std::thread::sleep(OFTEN);
        let found = found::ask(address()).ok();
        if let Some(found) = found.filter(|found| found.head.told == mark) {
            return found.head.healthy.then_some(found);
        }
    }
    None
}
