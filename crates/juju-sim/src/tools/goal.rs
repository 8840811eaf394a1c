//! `goal-state`.

use std::collections::BTreeMap;

use crate::charm::Role;
use crate::failure::Failure;
use crate::flags::Arguments;
use crate::format::{self, FORMAT, OUTPUT};
use crate::model::{Forgotten, Goal, GoalStatus};
use crate::protocol::Request;
use crate::session::Session;

pub fn state(session: &mut Session, request: &Request) -> Result<String, Failure> {
    let arguments = Arguments::parse(&request.arguments, &[FORMAT, OUTPUT])?;
    arguments.at_most(0)?;
    if session.model.forgotten != Forgotten::No {
        let application = session.model.application();
        return Err(Failure::run(format!("application {application:?} not found")));
    }
    let goal = session.model.goal.clone();
    format::print(&goal.unwrap_or_else(|| made_up(session)), &arguments)
}

/// All that the model has, as if it were wanted so.
fn made_up(session: &Session) -> Goal {
    let model = &session.model;
    let of = |status: &str| GoalStatus {
        status: status.to_owned(),
        since: model.now.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    };
    let unit_of = |unit: &str, status: &str| match model.dying.contains(unit) {
        true => of("dying"),
        false => of(status),
    };
    let own = unit_of(&model.unit, &model.status.name);
    let mut goal = Goal { units: [(model.unit.clone(), own)].into(), relations: BTreeMap::new() };
    // Others that go are listed until they are gone, also when they have left the peer relation.
    let others = model.dying.iter().filter(|unit| **unit != model.unit);
    goal.units.extend(others.map(|unit| (unit.clone(), of("dying"))));
    for relation in &model.relations {
        let units = relation.remote_units.keys();
        if session.charm.endpoints.get(&relation.endpoint) == Some(&Role::Peer) {
            goal.units.extend(units.map(|unit| (unit.clone(), unit_of(unit, "active"))));
            continue;
        }
        let remote = goal.relations.entry(relation.endpoint.clone()).or_default();
        let status = if relation.broken { "dying" } else { "joined" };
        remote.insert(relation.remote_application.clone(), of(status));
        remote.extend(units.map(|unit| (unit.clone(), of("active"))));
    }
    goal
}
