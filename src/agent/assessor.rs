//! Waits for changes, assesses controls, and publishes, on a thread of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::audience::Namespaces;
use super::audit::AgentStatus;
use super::custom_controls::Evaluated;
use super::events::Event;
use super::inbox::{Current, Inbox};
use super::input::CharmFacts;
use super::metrics::{self, Images, Numbers, Summary};
use super::publish::{Published, Publisher, Unhealthy};
use super::repair;
use crate::catalog::Severity;
use crate::controls::{Verdict, VerdictCache};
use crate::facts::Facts;
use crate::facts::handshake::{self, Vantage};
use crate::facts::known::Known;
use crate::facts::watch::FactStore;
use crate::images::{Inventory, Ledger};
use crate::report::{ControlReport, Report, html, json};

/// Changes within this time of one are assessed with it.
const DEBOUNCE: Duration = Duration::from_millis(40);
/// Longest wait without a change, to read the charm's input.
const INPUT_INTERVAL: Duration = Duration::from_secs(2);
/// How often every control is assessed again: certificates expire without a change.
const FULL_INTERVAL: Duration = Duration::from_secs(300);
/// How often a handshake with the gateway is made.
const HANDSHAKE_INTERVAL: Duration = Duration::from_secs(300);
/// Precision of the age of its facts that a report gives.
const REPORT_AGE: SignedDuration = SignedDuration::from_secs(60);
/// Longest wait for the first lists.
const FIRST_LISTS: Duration = Duration::from_secs(120);

/// Context of the thread.
pub struct Assessor {
    inbox: Arc<Inbox>,
    current: Arc<Current>,
    live: Arc<FactStore>,
    publisher: Arc<Publisher>,
    evaluated: Evaluated,
    cache: VerdictCache,
    numbers: Numbers,
    images: Images,
    /// Images that run, noted after those of before.
    ledger: Ledger,
    /// Controls that were assessed before: a first verdict is no change.
    assessed: BTreeSet<String>,
    /// When each open control began to fail.
    open_since: BTreeMap<String, Timestamp>,
    everything_at: Option<Instant>,
    handshake_at: Option<Instant>,
    assessed_at: Option<Instant>,
}

impl Assessor {
    /// With the charm's present input.
    pub fn new(
        inbox: Arc<Inbox>,
        live: Arc<FactStore>,
        publisher: Arc<Publisher>,
        evaluated: Evaluated,
    ) -> Self {
        let assessor = Self {
            current: inbox.read(),
            inbox,
            live,
            publisher,
            evaluated,
            cache: VerdictCache::default(),
            numbers: Numbers::default(),
            images: Images::default(),
            ledger: Ledger::default(),
            assessed: BTreeSet::new(),
            open_since: BTreeMap::new(),
            everything_at: None,
            handshake_at: None,
            assessed_at: None,
        };
        assessor.take_input();
        assessor
    }

    /// Takes the input into the facts and the pages.
    fn take_input(&self) {
        let input = &self.current.input;
        let tables = &self.current.options.policy.tables;
        self.publisher.set_ways(input.ways());
        self.live.change("juju", |facts| {
            input.facts.copy_to(facts);
            facts.charmhub = tables.newest_of_charmhub(std::mem::take(&mut facts.charmhub));
            true
        });
    }

    /// Runs until the process ends.
    pub fn run(mut self) {
        let changes = self.live.listen();
        let started = Instant::now();
        while !self.live.is_whole() && started.elapsed() < FIRST_LISTS {
            self.publisher.beat();
            std::thread::sleep(DEBOUNCE);
        }
        let mut changed = BTreeSet::new();
        loop {
            changed.extend(changes.wait(INPUT_INTERVAL, DEBOUNCE));
            self.publisher.beat();
            let has_new_input = self.has_new_input();
            let is_time = self.everything_at.is_none_or(|at| at.elapsed() >= FULL_INTERVAL);
            if has_new_input || is_time {
                self.cache.clear();
                self.everything_at = Some(Instant::now());
                changed.extend(CharmFacts::FIELDS);
                changed.extend(repair::URGENT);
            }
            let has_newer_facts = self.has_newer_facts();
            if changed.is_empty() && !has_newer_facts || !self.may_assess(&changed) {
                continue;
            }
            self.assess(&changed);
            // A handshake takes seconds, so the verdicts are published before it.
            if self.update_handshake(&changed) {
                self.assess(&BTreeSet::from(["handshake"]));
            }
            changed.clear();
        }
    }

    /// Whether facts were confirmed long after the time in the report.
    fn has_newer_facts(&self) -> bool {
        let reported = self.live.with(|facts| facts.about.collected_at);
        let as_of = self.live.as_of();
        as_of.is_some_and(|as_of| as_of.duration_since(reported) >= REPORT_AGE)
    }

    /// Whether assessing may begin: in a cluster that changes all the time, it takes a quarter of
    /// the time at most. What is enforced is assessed whenever it changes.
    fn may_assess(&self, changed: &BTreeSet<&'static str>) -> bool {
        let is_urgent = repair::URGENT.iter().any(|field| changed.contains(field));
        let rest = Duration::from_secs_f64(self.numbers.seconds * 3.0);
        is_urgent || self.assessed_at.is_none_or(|at| at.elapsed() >= rest)
    }

    /// Takes the charm's input if it changed.
    fn has_new_input(&mut self) -> bool {
        let current = self.inbox.read();
        if current.number == self.current.number {
            return false;
        }
        for (name, now) in &current.input.credentials {
            let before = self.current.input.credentials.get(name);
            if now.rotated.is_some() && before.is_some_and(|before| before.rotated != now.rotated) {
                let event = format!("authn_password_change:{name}");
                self.publisher.emit(Event::new(
                    event,
                    "INFO",
                    format!("credential {name} was rotated"),
                ));
            }
        }
        self.current = current;
        self.take_input();
        true
    }

    fn assess(&mut self, changed: &BTreeSet<&'static str>) {
        let started = Instant::now();
        let as_of = self.live.as_of();
        self.live.change("about", |facts| {
            // A report is as old as its oldest facts, and its time never goes back.
            if let Some(as_of) = as_of {
                facts.about.collected_at = facts.about.collected_at.max(as_of);
            }
            false
        });
        let options = &self.current.options;
        let (policy, release) = (&options.policy, options.release.as_deref());
        let outcomes = self.evaluated.outcomes();
        let (report, assessed, certificates, namespaces) = self.live.with(|facts| {
            let cache = &mut self.cache;
            let assessed = cache.update(facts, policy, release, &outcomes, changed);
            let problems = self.current.problems.clone();
            let report = Report::of(cache.assessments(), facts, policy, release, problems);
            let certificates = metrics::certificates(facts);
            (report, assessed, certificates, Namespaces::of(facts))
        });
        if Images::FIELDS.iter().any(|field| changed.contains(field)) {
            (self.images, self.ledger) = self.live.with(|facts| {
                let inventory = Inventory::of(facts);
                let before = match &facts.ledger {
                    Known::Known(ledger) => ledger.clone(),
                    Known::Unknown(_) => Ledger::default(),
                };
                let after = before.after(inventory.observed(), false, crate::now());
                (Images::of(&inventory), after)
            });
        }
        self.numbers.audits += 1;
        self.numbers.assessed += assessed as u64;
        self.numbers.seconds = started.elapsed().as_secs_f64();
        self.assessed_at = Some(Instant::now());
        self.emit_changes(&report);
        self.publish(&report, certificates, namespaces);
    }

    /// Emits events of controls that began to fail, and of those that hold again. What could not be assessed
    /// for a while is no change.
    fn emit_changes(&mut self, report: &Report) {
        let now = crate::now();
        let is_there = |id: &String| report.controls.iter().any(|control| control.id == *id);
        self.open_since.retain(|id, _| is_there(id));
        self.assessed.retain(is_there);
        let assessed = |control: &&ControlReport| control.verdict != Verdict::NotAssessed;
        for control in report.controls.iter().filter(assessed) {
            let is_first = self.assessed.insert(control.id.clone());
            let is_open = control.verdict == Verdict::Fail;
            let was_open = self.open_since.contains_key(&control.id);
            let name = match control.id.starts_with("AUTHZ-") {
                true => "privilege_permissions_changed",
                false => "sensitive_update",
            };
            if is_open && !was_open {
                self.open_since.insert(control.id.clone(), now);
                // Findings of before the agent began are in the report.
                if !is_first {
                    let level = match control.severity {
                        Severity::Critical | Severity::High => "CRITICAL",
                        _ => "WARN",
                    };
                    let why =
                        format!("{} fails: {}; {}", control.id, control.title, control.reason);
                    self.publisher.emit(Event::new(format!("{name}:{}", control.id), level, why));
                }
            } else if !is_open && was_open {
                self.open_since.remove(&control.id);
                let why =
                    format!("{} is {}: {}", control.id, control.verdict.name(), control.reason);
                self.publisher.emit(Event::new(format!("{name}:{}", control.id), "INFO", why));
            }
        }
    }

    fn publish(
        &mut self,
        report: &Report,
        certificates: Vec<metrics::CertificateTimes>,
        namespaces: Namespaces,
    ) {
        let open = Severity::ALL.map(|severity| report.open_of(severity));
        let past = self.publisher.remember((crate::now().as_second(), open));
        let unread = report.cluster.unknown.len();
        let Current { input, options, .. } = &*self.current;
        let parts = metrics::Parts {
            open_since: &self.open_since,
            numbers: self.numbers,
            certificates,
            images: self.images,
            input,
            enforces: !options.enforce.is_empty(),
        };
        let is_healthy = unread * 2 <= self.live.with(|facts| facts.kinds().len());
        self.publisher.put(Published {
            report: json::render(report).into(),
            status: AgentStatus {
                input: input.digest(),
                healthy: is_healthy,
                enforcement_error: None,
                held_back: None,
                ledger: self.ledger.clone(),
            },
            number: self.current.number,
            summary: Arc::new(Summary::of(report, parts)),
            page: html::page(report, &past).into(),
            health: match is_healthy {
                false => Err(Unhealthy::Unread(unread)),
                true => Ok(()),
            },
            namespaces: Arc::new(namespaces),
        });
    }

    /// Makes a handshake with the gateway when it is due, or when its configuration may have
    /// changed; returns whether clients see something else.
    fn update_handshake(&mut self, changed: &BTreeSet<&'static str>) -> bool {
        let may_be_other = ["gateways", "envoy_filters", "secrets", "services"]
            .iter()
            .any(|field| changed.contains(field));
        let is_time = self.handshake_at.is_none_or(|at| at.elapsed() >= HANDSHAKE_INTERVAL);
        // Frequent changes do not cause frequent handshakes.
        let is_soon = self.handshake_at.is_some_and(|at| at.elapsed() < Duration::from_secs(15));
        if !is_time && (!may_be_other || is_soon) {
            return false;
        }
        // The facts that lead to the gateway, and no more.
        let facts = self.live.with(|facts| Facts {
            about: facts.about.clone(),
            services: facts.services.clone(),
            gateways: facts.gateways.clone(),
            mutating_webhooks: facts.mutating_webhooks.clone(),
            validating_webhooks: facts.validating_webhooks.clone(),
            crds: facts.crds.clone(),
            api_services: facts.api_services.clone(),
            ..Facts::default()
        });
        let host = self.current.options.policy.external_hostname.as_deref();
        let seen = handshake::read(&facts, host, Vantage::here());
        self.handshake_at = Some(Instant::now());
        let servers = handshake::webhooks::read(&facts, Vantage::here());
        let mut is_other = false;
        self.live.change("webhook_servers", |facts| {
            is_other = facts.webhook_servers != servers;
            facts.webhook_servers = servers;
            false
        });
        self.live.change("handshake", |facts| {
            is_other |= facts.handshake != seen;
            facts.handshake = seen;
            false
        });
        is_other
    }
}
