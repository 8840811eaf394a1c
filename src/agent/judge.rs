//! Waits for changes, judges, and publishes: one thread that does nothing else.

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
use super::publish::{Published, Publisher};
use super::repair;
use crate::catalog::Severity;
use crate::controls::{Standing, Verdict};
use crate::facts::Facts;
use crate::facts::handshake::{self, Vantage};
use crate::facts::known::Known;
use crate::facts::watch::Live;
use crate::report::{ControlReport, Report, html, json};
use crate::rocks::{Inventory, Ledger};

/// What comes within this time of a change is judged with it.
const SETTLES: Duration = Duration::from_millis(40);
/// Longest wait without a change, to read the charm's input.
const LOOKS: Duration = Duration::from_secs(2);
/// How often everything is judged again: time itself ends certificates.
const EVERYTHING: Duration = Duration::from_secs(300);
/// How often clients' handshakes are made.
const HANDSHAKES: Duration = Duration::from_secs(300);
/// A report says how old its facts are to this.
const YOUNGER: SignedDuration = SignedDuration::from_secs(60);
/// How long the first lists are waited for.
const FIRST: Duration = Duration::from_secs(120);

/// Context of the thread.
pub struct Judge {
    inbox: Arc<Inbox>,
    current: Arc<Current>,
    live: Arc<Live>,
    publisher: Arc<Publisher>,
    evaluated: Evaluated,
    standing: Standing,
    numbers: Numbers,
    images: Images,
    /// Which images run, noted after those of before.
    ledger: Ledger,
    /// Controls that were assessed before: what one says first was so before the agent began.
    assessed: BTreeSet<String>,
    /// When each open control began to fail.
    open_since: BTreeMap<String, Timestamp>,
    everything_at: Option<Instant>,
    handshake_at: Option<Instant>,
    judged_at: Option<Instant>,
}

impl Judge {
    /// With the charm's present input.
    pub fn new(
        inbox: Arc<Inbox>,
        live: Arc<Live>,
        publisher: Arc<Publisher>,
        evaluated: Evaluated,
    ) -> Self {
        let judge = Self {
            current: inbox.read(),
            inbox,
            live,
            publisher,
            evaluated,
            standing: Standing::default(),
            numbers: Numbers::default(),
            images: Images::default(),
            ledger: Ledger::default(),
            assessed: BTreeSet::new(),
            open_since: BTreeMap::new(),
            everything_at: None,
            handshake_at: None,
            judged_at: None,
        };
        judge.take_input();
        judge
    }

    /// Takes the input into the facts and the pages.
    fn take_input(&self) {
        let input = &self.current.input;
        self.publisher.set_ways(input.ways());
        self.live.change("juju", |facts| {
            input.facts.copy_to(facts);
            true
        });
    }

    /// Runs until the process ends.
    pub fn run(mut self) {
        let changes = self.live.listen();
        let started = Instant::now();
        while !self.live.is_whole() && started.elapsed() < FIRST {
            self.publisher.beat();
            std::thread::sleep(SETTLES);
        }
        let mut changed = BTreeSet::new();
        loop {
            changed.extend(changes.wait(LOOKS, SETTLES));
            self.publisher.beat();
            let has_new_input = self.has_new_input();
            let is_time = self.everything_at.is_none_or(|at| at.elapsed() >= EVERYTHING);
            if has_new_input || is_time {
                self.standing.clear();
                self.everything_at = Some(Instant::now());
                changed.extend(CharmFacts::FIELDS);
                changed.extend(repair::URGENT);
            }
            let is_younger = self.is_younger();
            if changed.is_empty() && !is_younger || !self.has_rested(&changed) {
                continue;
            }
            self.judge(&changed);
            // It takes seconds, so what is known is published before.
            if self.look_as_clients_do(&changed) {
                self.judge(&BTreeSet::from(["handshake"]));
            }
            changed.clear();
        }
    }

    /// Whether facts are much younger by now than the report says.
    fn is_younger(&self) -> bool {
        let reported = self.live.with(|facts| facts.about.collected_at);
        let as_of = self.live.as_of();
        as_of.is_some_and(|as_of| as_of.duration_since(reported) >= YOUNGER)
    }

    /// Whether judging may begin: where things change all the time, it takes a quarter of the
    /// time at most. What is enforced is judged when it changes.
    fn has_rested(&self, changed: &BTreeSet<&'static str>) -> bool {
        let is_urgent = repair::URGENT.iter().any(|field| changed.contains(field));
        let rest = Duration::from_secs_f64(self.numbers.seconds * 3.0);
        is_urgent || self.judged_at.is_none_or(|at| at.elapsed() >= rest)
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

    fn judge(&mut self, changed: &BTreeSet<&'static str>) {
        let started = Instant::now();
        let as_of = self.live.as_of();
        self.live.change("about", |facts| {
            // It is as old as the oldest facts, and never younger again than it was.
            if let Some(as_of) = as_of {
                facts.about.collected_at = facts.about.collected_at.max(as_of);
            }
            false
        });
        let options = &self.current.options;
        let (policy, release) = (&options.policy, options.release.as_deref());
        let outcomes = self.evaluated.outcomes();
        let (report, judged, certificates, namespaces) = self.live.with(|facts| {
            let standing = &mut self.standing;
            let judged = standing.update(facts, policy, release, &outcomes, changed);
            let problems = self.current.problems.clone();
            let report = Report::of(standing.assessments(), facts, policy, release, problems);
            let certificates = metrics::certificates(facts);
            (report, judged, certificates, Namespaces::of(facts))
        });
        if Images::FIELDS.iter().any(|field| changed.contains(field)) {
            (self.images, self.ledger) = self.live.with(|facts| {
                let inventory = Inventory::of(facts);
                let before = match &facts.ledger {
                    Known::Known(ledger) => ledger.clone(),
                    Known::Unknown(_) => Ledger::default(),
                };
                let after = before.after(&inventory, false, crate::now());
                (Images::of(&inventory), after)
            });
        }
        self.numbers.audits += 1;
        self.numbers.judged += judged as u64;
        self.numbers.seconds = started.elapsed().as_secs_f64();
        self.judged_at = Some(Instant::now());
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
                // What was open before is in the report.
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
                false => Err(format!("{unread} kinds of objects could not be read")),
                true => Ok(()),
            },
            namespaces: Arc::new(namespaces),
        });
    }

    /// Makes handshakes with the gateway when it is time, or when what it serves may be
    /// other; returns whether clients see something else.
    fn look_as_clients_do(&mut self, changed: &BTreeSet<&'static str>) -> bool {
        let may_be_other = ["gateways", "envoy_filters", "secrets", "services"]
            .iter()
            .any(|field| changed.contains(field));
        let is_time = self.handshake_at.is_none_or(|at| at.elapsed() >= HANDSHAKES);
        // A flood of changes is no reason for a flood of handshakes.
        let is_soon = self.handshake_at.is_some_and(|at| at.elapsed() < Duration::from_secs(15));
        if !is_time && (!may_be_other || is_soon) {
            return false;
        }
        // What leads to the gateway, and no more.
        let facts = self.live.with(|facts| Facts {
            about: facts.about.clone(),
            services: facts.services.clone(),
            gateways: facts.gateways.clone(),
            ..Facts::default()
        });
        let host = self.current.options.policy.external_hostname.as_deref();
        let seen = handshake::read(&facts, host, Vantage::here());
        self.handshake_at = Some(Instant::now());
        let mut is_other = false;
        self.live.change("handshake", |facts| {
            is_other = facts.handshake != seen;
            facts.handshake = seen;
            false
        });
        is_other
    }
}
