//! Waits for changes, puts right, judges, and publishes: one thread that does nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use juju_charm::config::Options as RawOptions;
use log::info;

use super::events::Event;
use super::found::Head;
use super::metrics::{self, Images, Numbers};
use super::publish::{Published, Publisher};
use super::repair::{self, Repairs};
use super::told::{FILE, Told};
use crate::catalog::Severity;
use crate::config::Options;
use crate::controls::{Standing, Verdict};
use crate::facts::Facts;
use crate::facts::handshake::{self, Vantage};
use crate::facts::known::{Known, Unknown};
use crate::facts::kubernetes::{Source, read_others};
use crate::facts::watch::Live;
use crate::report::{Report, html, json};
use crate::rocks::{Inventory, Ledger};

/// What comes within this time of a change is judged with it.
const SETTLES: Duration = Duration::from_millis(40);
/// Longest wait without a change, for what the charm tells.
const LOOKS: Duration = Duration::from_secs(2);
/// How often everything is judged again: time itself ends certificates.
const EVERYTHING: Duration = Duration::from_secs(300);
/// How often clients' handshakes are made.
const HANDSHAKES: Duration = Duration::from_secs(300);
/// How often kinds are read that only the policy's own controls are about, and within what time.
const OTHERS: Duration = Duration::from_secs(300);
const WITHIN: Duration = Duration::from_secs(60);
/// How long the first lists are waited for.
const FIRST: Duration = Duration::from_secs(120);

/// The thread's own.
pub struct Judge {
    source: Source,
    folder: Option<PathBuf>,
    told: Told,
    told_at: Option<SystemTime>,
    options: Options,
    problems: Vec<String>,
    live: Arc<Live>,
    publisher: Arc<Publisher>,
    standing: Standing,
    repairs: Repairs,
    /// Facts that changed since it was seen to that what is enforced holds.
    unrepaired: BTreeSet<&'static str>,
    numbers: Numbers,
    images: Images,
    /// Which images run, noted after those of before.
    ledger: Ledger,
    /// When each open control was found so.
    open_since: BTreeMap<String, Timestamp>,
    everything_at: Option<Instant>,
    handshake_at: Option<Instant>,
    others_at: Option<Instant>,
    judged_at: Option<Instant>,
}

impl Judge {
    /// With what the charm told so far.
    pub fn new(
        source: Source,
        folder: Option<PathBuf>,
        told: Told,
        live: Arc<Live>,
        publisher: Arc<Publisher>,
    ) -> Self {
        let (options, problems) = parse(&told);
        publisher.set_shows(told.shows);
        live.change("juju", |facts| {
            told.put_into(facts);
            true
        });
        Self {
            source,
            folder,
            told,
            told_at: None,
            options,
            problems,
            live,
            publisher,
            standing: Standing::default(),
            repairs: Repairs::default(),
            unrepaired: BTreeSet::new(),
            numbers: Numbers::default(),
            images: Images::default(),
            ledger: Ledger::default(),
            open_since: BTreeMap::new(),
            everything_at: None,
            handshake_at: None,
            others_at: None,
            judged_at: None,
        }
    }

    /// Runs until the process ends.
    pub fn run(mut self) {
        let started = Instant::now();
        while !self.live.is_whole() && started.elapsed() < FIRST {
            std::thread::sleep(SETTLES);
        }
        let mut changed = BTreeSet::new();
        loop {
            changed.extend(self.live.wait(LOOKS, SETTLES));
            let is_told_anew = self.is_told_anew();
            let is_time = self
                .everything_at
                .is_none_or(|at| at.elapsed() >= EVERYTHING);
            if is_told_anew || is_time {
                self.standing.clear();
                self.everything_at = Some(Instant::now());
                changed.extend(Told::FIELDS);
                changed.extend(repair::URGENT);
            }
            self.unrepaired.extend(&changed);
            self.repair();
            if self.look_at_others() {
                changed.insert("others");
            }
            if changed.is_empty() || !self.has_rested(&changed) {
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

    /// Whether judging may begin: where things change all the time, it takes a quarter of the
    /// time at most. What is enforced is judged when it changes.
    fn has_rested(&self, changed: &BTreeSet<&'static str>) -> bool {
        let is_urgent = repair::URGENT.iter().any(|field| changed.contains(field));
        let rest = Duration::from_secs_f64(self.numbers.seconds * 3.0);
        is_urgent || self.judged_at.is_none_or(|at| at.elapsed() >= rest)
    }

    /// Reads what the charm tells, if it is other than it was.
    fn is_told_anew(&mut self) -> bool {
        let Some(folder) = &self.folder else {
            return false;
        };
        let at = std::fs::metadata(folder.join(FILE))
            .and_then(|meta| meta.modified())
            .ok();
        if at.is_none() || at == self.told_at {
            return false;
        }
        self.told_at = at;
        let Some(told) = Told::read(folder) else {
            return false;
        };
        if told == self.told {
            return false;
        }
        info!(
            "the charm told anew; this unit {}",
            if told.leads { "leads" } else { "stands by" }
        );
        for (name, now) in &told.credentials {
            let before = self.told.credentials.get(name);
            if now.rotated.is_some() && before.is_some_and(|before| before.rotated != now.rotated) {
                let event = format!("authn_password_change:{name}");
                self.publisher.tell(Event::new(
                    event,
                    "INFO",
                    format!("credential {name} was rotated"),
                ));
            }
        }
        self.publisher.set_shows(told.shows);
        self.told = told;
        (self.options, self.problems) = parse(&self.told);
        // The policy may be about others now.
        self.others_at = None;
        log::set_max_level(self.options.log_level);
        self.live.change("juju", |facts| {
            self.told.put_into(facts);
            true
        });
        true
    }

    fn repair(&mut self) {
        if !self.told.leads {
            self.unrepaired.clear();
        }
        if !self.repairs.is_due(&self.unrepaired, &self.options.enforce) {
            return;
        }
        self.unrepaired.clear();
        for event in self.repairs.keep(&self.source, &self.live, &self.options) {
            self.publisher.tell(event);
        }
    }

    fn judge(&mut self, changed: &BTreeSet<&'static str>) {
        let started = Instant::now();
        self.live.change("about", |facts| {
            facts.about.collected_at = crate::now();
            false
        });
        let (policy, release) = (&self.options.policy, self.options.release.as_deref());
        let (report, judged, certificates) = self.live.with(|facts| {
            let judged = self.standing.update(facts, policy, release, changed);
            let assessments = self.standing.assessments();
            let problems = self.problems.clone();
            let report = Report::of(assessments, facts, policy, release, problems);
            (report, judged, metrics::certificates(facts))
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
        self.tell_changes(&report);
        self.publish(&report, certificates);
    }

    /// Tells which controls began to fail, and which hold again.
    fn tell_changes(&mut self, report: &Report) {
        let now = crate::now();
        let is_first = self.numbers.audits == 1;
        for control in &report.controls {
            let is_open = control.verdict == Verdict::Fail;
            let was_open = self.open_since.contains_key(&control.id);
            let name = match control.id.starts_with("AUTHZ-") {
                true => "privilege_permissions_changed",
                false => "sensitive_update",
            };
            if is_open && !was_open {
                self.open_since.insert(control.id.clone(), now);
                // What was open before the agent began is in the report.
                if !is_first {
                    let level = match control.severity {
                        Severity::Critical | Severity::High => "CRITICAL",
                        _ => "WARN",
                    };
                    let why = format!(
                        "{} fails: {}; {}",
                        control.id, control.title, control.reason
                    );
                    self.publisher
                        .tell(Event::new(format!("{name}:{}", control.id), level, why));
                }
            } else if !is_open && was_open {
                self.open_since.remove(&control.id);
                let why = format!(
                    "{} is {}: {}",
                    control.id,
                    control.verdict.name(),
                    control.reason
                );
                self.publisher
                    .tell(Event::new(format!("{name}:{}", control.id), "INFO", why));
            }
        }
    }

    fn publish(&mut self, report: &Report, certificates: Vec<metrics::CertificateTimes>) {
        let open = Severity::ALL.map(|severity| report.open_of(severity));
        let past = self.publisher.remember((crate::now().as_second(), open));
        let unread = report.cluster.unknown.len();
        let state = metrics::State {
            report,
            numbers: &self.numbers,
            repairs: &self.repairs,
            watches: self.live.counts(),
            open_since: &self.open_since,
            certificates: &certificates,
            images: self.images,
            told: &self.told,
            has_enforced: !self.options.enforce.is_empty(),
        };
        let is_healthy = unread * 2 <= self.live.with(|facts| facts.kinds().len());
        let head = Head {
            told: self.told.mark(),
            healthy: is_healthy,
            refused: self.repairs.refused().map(str::to_owned),
            held_back: self.repairs.held_back().map(str::to_owned),
            ledger: self.ledger.clone(),
        };
        self.publisher.put(Published {
            report: json::render(report).into(),
            head: serde_json::to_string(&head).unwrap_or_default().into(),
            metrics: metrics::render(&state).into(),
            page: html::page(report, &past).into(),
            health: match is_healthy {
                false => Err(format!("{unread} kinds of objects could not be read")),
                true => Ok(()),
            },
        });
    }

    /// Reads what only the policy's own controls are about, when it is time; returns whether it
    /// is other than it was. It is not watched: it may be any kind, and as many.
    fn look_at_others(&mut self) -> bool {
        let is_time = self.others_at.is_none_or(|at| at.elapsed() >= OTHERS);
        if self.options.policy.controls.is_empty() || !is_time {
            return false;
        }
        let kinds = self.options.policy.kinds();
        self.others_at = Some(Instant::now());
        let others = match read_others(&self.source, &kinds, WITHIN) {
            Ok(others) => others,
            Err(why) => {
                let unknown = || Known::Unknown(Unknown::Failed(why.to_string()));
                let failed = kinds.iter().map(|kind| (kind.to_string(), unknown()));
                failed.collect()
            }
        };
        let mut is_other = false;
        self.live.change("others", |facts| {
            is_other = facts.others != others;
            facts.others = others;
            false
        });
        is_other
    }

    /// Makes handshakes with the gateway when it is time, or when what it serves may be
    /// other; returns whether clients see something else.
    fn look_as_clients_do(&mut self, changed: &BTreeSet<&'static str>) -> bool {
        let may_be_other = ["gateways", "envoy_filters", "secrets", "services"]
            .iter()
            .any(|field| changed.contains(field));
        let is_time = self
            .handshake_at
            .is_none_or(|at| at.elapsed() >= HANDSHAKES);
        // A flood of changes is no reason for a flood of handshakes.
        let is_soon = self
            .handshake_at
            .is_some_and(|at| at.elapsed() < Duration::from_secs(15));
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
        let host = self.options.policy.external_hostname.as_deref();
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

fn parse(told: &Told) -> (Options, Vec<String>) {
    let (options, problems) = Options::parse(&RawOptions::new(told.options.clone()));
    (options, problems.iter().map(ToString::to_string).collect())
}
