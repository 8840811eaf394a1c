//! How Juju removes a unit, in the orders that were recorded of Juju 4.0.15.

use std::fmt;
use std::sync::Arc;

use crate::charm::Role;
use crate::driver::{Outcome, Simulation};
use crate::event::Event;
use crate::model::{Forgotten, Gone, Model, Relation, Status};

/// What the controller does, and the event that it then fires.
#[derive(Clone)]
pub struct Step {
    change: Arc<dyn Fn(&mut Model)>,
    /// The event.
    pub event: Event,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.event.fmt(f)
    }
}

impl From<Event> for Step {
    fn from(event: Event) -> Self {
        Self::new(|_| (), event)
    }
}

impl Step {
    /// An event, with what the controller does before it.
    pub fn new(change: impl Fn(&mut Model) + 'static, event: Event) -> Self {
        Self { change: Arc::new(change), event }
    }

    /// With something else that happens before.
    fn after(self, before: impl Fn(&mut Model) + 'static) -> Self {
        let change = self.change;
        Self {
            change: Arc::new(move |model| {
                before(model);
                change(model);
            }),
            event: self.event,
        }
    }
}

/// What becomes of the peer relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peers {
    /// It is gone before the first hook and listed to the last: so of a lone unit that is blocked.
    Left,
    /// It stays to the end.
    Stays,
    /// It is broken before the other relations are.
    Broken,
    /// The other units depart from it, and it stays.
    Departed,
}

/// How a unit is removed.
#[derive(Clone, Debug)]
pub struct Removal {
    /// Other units that are being removed with it.
    pub with: Vec<String>,
    /// What becomes of the peer relation; one that a blocked unit is alone in is left.
    pub peers: Peers,
    /// Whether the units of a relation depart before it is broken.
    pub departs: bool,
    /// Whether Juju has forgotten the unit by its hook `remove`.
    pub forgets: bool,
}

impl Default for Removal {
    fn default() -> Self {
        Self { with: Vec::new(), peers: Peers::Stays, departs: true, forgets: false }
    }
}

impl Removal {
    /// The steps for a unit of this model. Relations that were removed by force have no hooks.
    pub fn steps(&self, juju: &Simulation) -> Vec<Step> {
        let (model, charm) = (juju.model(), juju.charm());
        let is_peer =
            |relation: &&Relation| charm.endpoints.get(&relation.endpoint) == Some(&Role::Peer);
        let peers: Option<Relation> = model.relations.iter().find(is_peer).cloned();
        let others = model.relations.iter().filter(|relation| !is_peer(relation));
        let others: Vec<&Relation> = others.filter(|r| r.gone == Gone::No).collect();
        let unit = model.unit.clone();
        let mut steps = Vec::new();
        for relation in others.iter().filter(|_| self.departs) {
            steps.extend(departures(relation, &unit));
        }
        match (&peers, self.peers) {
            (Some(peers), Peers::Departed) => steps.extend(departures(peers, &unit)),
            (Some(peers), Peers::Broken) => steps.extend(broken(peers)),
            _ => {}
        }
        for relation in others {
            steps.extend(broken(relation));
        }
        let maintenance = |message: &'static str| {
            move |model: &mut Model| model.status = Status::new("maintenance", message)
        };
        let stop = Event::hook("stop");
        steps.push(Step::new(maintenance("stopping charm software"), stop));
        let forgets = self.forgets;
        let remove =
            Step::new(maintenance("cleaning up prior to charm deletion"), Event::hook("remove"));
        steps.push(remove.after(move |model| {
            if forgets {
                model.forgotten = Forgotten::Unit;
            }
        }));
        self.begin(peers.map(|peers| peers.id), gone_after_broken(steps))
    }

    /// What the request itself does, before the first hook.
    fn begin(&self, peers: Option<u32>, mut steps: Vec<Step>) -> Vec<Step> {
        let (with, left) = (self.with.clone(), self.peers == Peers::Left);
        let request = move |model: &mut Model| {
            model.dying.extend(with.iter().cloned());
            model.dying.insert(model.unit.clone());
            let is_blocked = ["blocked", "error"].contains(&model.status.name.as_str());
            let mut relations = model.relations.iter_mut();
            if let Some(peers) = relations.find(|relation| Some(relation.id) == peers)
                && (left || (is_blocked && peers.remote_units.is_empty()))
            {
                peers.gone = Gone::Left;
            }
        };
        if !steps.is_empty() {
            let first = steps.remove(0).after(request);
            steps.insert(0, first);
        }
        steps
    }
}

/// A relation is listed in its own broken hook, and in none after it.
fn gone_after_broken(steps: Vec<Step>) -> Vec<Step> {
    let forget = |model: &mut Model| model.relations.retain(|relation| !relation.broken);
    steps.into_iter().map(|step| step.after(forget)).collect()
}

fn departures(relation: &Relation, unit: &str) -> Vec<Step> {
    let id = relation.id;
    let units = relation.remote_units.keys();
    units
        .map(|remote| {
            let mut event = Event::relation(relation, "departed", Some(remote));
            if let Event::Hook { environment, .. } = &mut event {
                environment.insert("JUJU_DEPARTING_UNIT".into(), unit.to_owned());
            }
            let remote = remote.clone();
            let depart = move |model: &mut Model| {
                let mut relations = model.relations.iter_mut();
                if let Some(relation) = relations.find(|relation| relation.id == id) {
                    relation.remote_units.remove(&remote);
                }
            };
            Step::new(depart, event)
        })
        .collect()
}

fn broken(relation: &Relation) -> Vec<Step> {
    let id = relation.id;
    let end = move |model: &mut Model| {
        let mut relations = model.relations.iter_mut();
        if let Some(relation) = relations.find(|relation| relation.id == id) {
            relation.remote_units.clear();
            relation.broken = true;
        }
    };
    vec![Step::new(end, Event::relation(relation, "broken", None))]
}

impl Simulation {
    /// Takes a step: what the controller does, then the event.
    pub fn take(&mut self, step: &Step) -> Outcome {
        self.change(|model| (step.change)(model));
        self.run(&step.event)
    }

    /// Removes a related application by force, as `juju remove-application --force` does: its
    /// relations are listed from then on, and nothing of them can be read. One hook follows.
    pub fn remove_by_force(&mut self, application: &str) -> Vec<Event> {
        let model = self.model();
        let is_with = |relation: &&Relation| relation.remote_application == application;
        let first = model.relations.iter().find(is_with);
        let unit = first.and_then(|relation| relation.remote_units.keys().next());
        let events = first
            .zip(unit)
            .map(|(relation, unit)| Event::relation(relation, "departed", Some(unit)));
        let departed = first.map(|relation| relation.id);
        self.change(|model| {
            let relations = model.relations.iter_mut();
            for relation in relations.filter(|r| r.remote_application == application) {
                relation.gone = Gone::Removed;
                if Some(relation.id) == departed {
                    relation.remote_units.clear();
                }
            }
        });
        events.into_iter().collect()
    }
}
