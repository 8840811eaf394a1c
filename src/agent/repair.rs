//! Puts right what is enforced, while this unit leads: at most so often, and loudly no
//! longer when somebody else keeps undoing it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use log::{info, warn};

use super::events::Event;
use crate::cluster::Cluster;
use crate::config::Options;
use crate::facts::kubernetes::Source;
use crate::facts::watch::Live;
use crate::remedies::{self, Consent, Deed, Target};

/// How long putting right may take.
const WITHIN: Duration = Duration::from_secs(20);
/// In this time an object may be put right so often; then it is left as it is for a while.
const WINDOW: Duration = Duration::from_secs(60);
const MOST: usize = 5;
const REST: Duration = Duration::from_secs(600);

/// Facts that tell of a change of what is enforced: it is put right at once.
pub const URGENT: [&str; 3] = ["gateways", "envoy_filters", "services"];
/// The same of what is enforced beside TLS.
const TENANTS: [&str; 2] = ["network_policies", "peer_authentications"];
/// Facts by which remedies decide too, and that change all the time: they are followed so
/// often at most.
pub const FIELDS: [&str; 13] = [
    "pods",
    "virtual_services",
    "secrets",
    "ambient_gateways",
    "crds",
    "namespaces",
    "profiles",
    "daemon_sets",
    "role_bindings",
    "cluster_roles",
    "authorization_policies",
    "mutating_webhooks",
    "validating_webhooks",
];
const OFTEN: Duration = Duration::from_secs(10);

/// Repairs and what came of them.
#[derive(Default)]
pub struct Repairs {
    recent: BTreeMap<String, VecDeque<Instant>>,
    resting: BTreeMap<String, Instant>,
    tried_at: Option<Instant>,
    /// Objects that were put right.
    pub done: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Why the last try failed, if it did.
    refused: Option<String>,
    /// What waited for consent at the last try, in a line.
    held_back: Option<String>,
    /// Objects of ours that this process has seen, and has not taken away itself: to make one
    /// again is no new disruption.
    stood: BTreeSet<Target>,
}

impl Repairs {
    /// Objects that are left as they are for now, since somebody keeps undoing them.
    pub fn given_up(&self) -> usize {
        let now = Instant::now();
        self.resting.values().filter(|until| **until > now).count()
    }

    /// Why the last try failed, if it did.
    pub fn refused(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// What waited for consent at the last try, in a line.
    pub fn held_back(&self) -> Option<&str> {
        self.held_back.as_deref()
    }

    /// Whether changes of these facts are to be followed now, for what is enforced.
    pub fn is_due(
        &self,
        changed: &BTreeSet<&'static str>,
        enforced: &BTreeSet<remedies::Remedy>,
    ) -> bool {
        let has = |fields: &[&str]| fields.iter().any(|field| changed.contains(field));
        let is_time = self.tried_at.is_none_or(|at| at.elapsed() >= OFTEN);
        // Others change them too, and only some remedies mind.
        let minds = |remedy: &remedies::Remedy| !remedy.about().is_of_tls();
        has(&URGENT) || enforced.iter().any(minds) && has(&TENANTS) || is_time && has(&FIELDS)
    }

    /// Has what the options enforce hold. Returns what is to be told.
    pub fn keep(&mut self, source: &Source, live: &Live, options: &Options) -> Vec<Event> {
        let mut events = Vec::new();
        self.tried_at = Some(Instant::now());
        self.refused = self.try_to(source, live, options, &mut events).err();
        if let Some(why) = &self.refused {
            self.failed += 1;
            warn!("what is enforced could not be put right: {why}");
        }
        events
    }

    fn try_to(
        &mut self,
        source: &Source,
        live: &Live,
        options: &Options,
        events: &mut Vec<Event>,
    ) -> Result<(), String> {
        let deadline = Instant::now() + WITHIN;
        let cluster = Cluster::connect(source, deadline).map_err(|why| why.to_string())?;
        let namespace = live.with(|facts| facts.about.namespace.clone());
        let own = cluster.own_objects(&namespace);
        let own = own.map_err(|why| why.to_string())?;
        let (policy, enforced) = (&options.policy, &options.enforce);
        self.stood.extend(remedies::targets(&own));
        let consent = Consent::of_option(&options.allow_disruption).with_stood(self.stood.clone());
        let plan = live.with(|facts| remedies::plan(facts, policy, &own, enforced, &consent));
        self.note_held_back(plan.held_back_line(), events);
        let mut refused = Vec::new();
        // What Juju changes is the charm's own to do.
        for change in plan.changes.iter().filter(|change| !change.is_of_juju()) {
            let object = change.target().to_string();
            if !self.may(&object, events) {
                continue;
            }
            match cluster.carry_out(change) {
                Ok(_) => {
                    info!("{change}");
                    if let Deed::Delete(own) = &change.deed {
                        self.stood.remove(&Target::Object(own.reference()));
                    }
                    self.done += 1;
                    let event = format!("sensitive_update:ckf-hardening,{object}");
                    events.push(Event::new(event, "WARN", format!("put right: {change}")));
                }
                Err(why) => refused.push(why.to_string()),
            }
        }
        match refused.is_empty() {
            true => Ok(()),
            false => Err(refused.join("; ")),
        }
    }

    /// Notes what waits for consent, and tells of it once.
    fn note_held_back(&mut self, held_back: Option<String>, events: &mut Vec<Event>) {
        if let Some(why) = held_back.as_ref().filter(|_| held_back != self.held_back) {
            warn!("{why}");
            let event = "sys_monitor_disabled:ckf-hardening,held-back";
            events.push(Event::new(event.to_owned(), "WARN", why.clone()));
        }
        self.held_back = held_back;
    }

    /// Whether an object may be put right once more.
    fn may(&mut self, object: &str, events: &mut Vec<Event>) -> bool {
        let now = Instant::now();
        if self.resting.get(object).is_some_and(|until| *until > now) {
            return false;
        }
        let recent = self.recent.entry(object.to_owned()).or_default();
        while recent
            .front()
            .is_some_and(|at| now.duration_since(*at) > WINDOW)
        {
            recent.pop_front();
        }
        if recent.len() < MOST {
            recent.push_back(now);
            return true;
        }
        self.resting.insert(object.to_owned(), now + REST);
        let why = format!(
            "{object} was put right {MOST} times in a minute, and somebody keeps undoing it: it is \
             left as it is for {} minutes; find out who, by its managedFields",
            REST.as_secs() / 60
        );
        warn!("{why}");
        events.push(Event::new(
            format!("sys_monitor_disabled:ckf-hardening,{object}"),
            "CRITICAL",
            why,
        ));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_keeps_undoing_is_left_and_told_once() {
        let mut repairs = Repairs::default();
        let mut events = Vec::new();
        let tries: Vec<bool> = (0..8)
            .map(|_| repairs.may("EnvoyFilter a/b", &mut events))
            .collect();
        assert_eq!(tries.iter().filter(|may| **may).count(), MOST);
        assert_eq!(events.len(), 1);
        assert!(
            events[0].description.contains("keeps undoing"),
            "{}",
            events[0].description
        );
        assert_eq!(repairs.given_up(), 1);
        assert!(repairs.may("Gateway a/b", &mut events));
    }
}
