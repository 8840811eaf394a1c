//! What Juju fires by itself: at the start of a unit, as time passes, and when
//! leadership moves. Events come in the order in which the agent resolves them.

use jiff::{SignedDuration, Timestamp};

use crate::charm::Role;
use crate::driver::Simulation;
use crate::event::Event;
use crate::model::{Juju, Model};
use crate::secret::Secret;

/// How long Juju waits before it asks again for a secret to be rotated or removed.
const AGAIN: SignedDuration = SignedDuration::from_mins(5);
/// A model's `update-status-hook-interval`, as it is by default.
const UPDATE_STATUS: SignedDuration = SignedDuration::from_mins(5);

impl Simulation {
    /// The events of a new unit, from `install` to each container's `pebble-ready`.
    pub fn deployment(&self) -> Vec<Event> {
        let (model, charm) = (self.model(), self.charm());
        let mut events = vec![Event::hook("install")];
        let is_peer = |endpoint: &str| charm.endpoints.get(endpoint) == Some(&Role::Peer);
        let peers = model.relations.iter().filter(|r| is_peer(&r.endpoint));
        events.extend(peers.map(|peer| Event::relation(peer, "created", None)));
        events.extend(leadership(&model));
        events.extend(["config-changed", "start"].map(Event::hook));
        events.extend(charm.containers.iter().map(|c| Event::pebble_ready(c)));
        events
    }

    /// Moves leadership to this unit or away from it.
    pub fn lead(&mut self, leader: bool) -> Vec<Event> {
        let moved = self.model().leader != leader;
        self.change(|model| model.leader = leader);
        match moved {
            true => leadership(&self.model()).into_iter().collect(),
            false => Vec::new(),
        }
    }

    /// Lets time pass. What the controller does in its own time is done, and the
    /// events that are due are returned: secrets that expired, are to be rotated,
    /// have changed or have a revision that no consumer reads, then `update-status`.
    pub fn advance(&mut self, time: SignedDuration) -> Vec<Event> {
        self.settle();
        let mut events = Vec::new();
        self.change(|model| {
            model.now += time;
            events = due(model);
        });
        events
    }
}

fn leadership(model: &Model) -> Option<Event> {
    match (model.leader, model.juju) {
        (true, _) => Some(Event::hook("leader-elected")),
        (false, Juju::V3_6) => Some(Event::hook("leader-settings-changed")),
        (false, Juju::V4_0) => None,
    }
}

fn due(model: &mut Model) -> Vec<Event> {
    let (unit, leader, now) = (model.unit.clone(), model.leader, model.now);
    let is_past = |time: Option<Timestamp>| time.is_some_and(|time| time <= now);
    let mut events: [Vec<Event>; 4] = Default::default();
    let [expired, rotate, changed, remove] = &mut events;
    for secret in &mut model.secrets {
        let managed = secret.is_managed_by(&unit, leader);
        let (label, latest) = (secret.label.clone(), secret.latest());
        let again = secret.expired.map(|fired| fired + AGAIN);
        if managed && is_past(secret.expires) && again.is_none_or(|again| again <= now) {
            secret.expired = Some(now);
            expired.push(Event::secret("expired", secret, &label, Some(latest)));
        }
        if managed && is_past(secret.rotates) {
            secret.rotates = Some(now + AGAIN);
            rotate.push(Event::secret("rotate", secret, &label, None));
        }
        let own = secret.owner.is_of(&unit);
        if let (false, Some(consumer)) = (own, secret.consumers.get_mut(&unit))
            && consumer.notified < latest
        {
            consumer.notified = latest;
            let label = consumer.label.clone();
            changed.push(Event::secret("changed", secret, &label, None));
        }
        for revision in unread(secret).filter(|_| managed) {
            secret.offered.insert(revision);
            remove.push(Event::secret("remove", secret, &label, Some(revision)));
        }
    }
    let mut events = events.concat();
    if model.status_updated + UPDATE_STATUS <= now {
        model.status_updated = now;
        events.push(Event::hook("update-status"));
    }
    events
}

/// Old revisions that no consumer reads and whose owner does not know yet.
fn unread(secret: &Secret) -> impl Iterator<Item = u32> + use<> {
    let latest = secret.latest();
    let read: Vec<u32> = secret.consumers.values().map(|c| c.revision).collect();
    let revisions: Vec<u32> = secret.revisions.keys().copied().collect();
    let offered = secret.offered.clone();
    revisions.into_iter().filter(move |r| *r < latest && !read.contains(r) && !offered.contains(r))
}
