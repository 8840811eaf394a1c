//! Consent: changes of a plan that the operator has not agreed to are held back and reported.

use std::collections::BTreeSet;

use serde_json::Value;

use super::breaks::Break;
use super::edit::{ClusterEdit, JujuEdit, Target};
use super::managed::ManagedObject;
use super::plan::{
    Change, ClusterOperation, HeldBack, JujuOperation, Operation, Plan, WithheldFor,
};
use super::remedy::Remedy;

/// Origin of a request for remedies, which decides how long they stay applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester {
    /// The charm's option: remedies stay enforced, and those removed from it are reverted.
    Option,
    /// An operator, once: remedies stay applied until they are undone.
    Person,
}

/// The origin of a request for changes, and the disruption that it allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    requester: Requester,
    /// The request named each remedy explicitly.
    is_named: bool,
    /// Remedies that may break existing flows.
    disruption: BTreeSet<Remedy>,
    /// Profiles to which changes are limited; `None` for no limit.
    profiles: Option<BTreeSet<String>>,
    /// Managed objects that existed when this process last read the cluster.
    stood: BTreeSet<Target>,
}

impl Consent {
    /// Consent by the options `enforce` and `allow-disruption`, for unattended changes.
    pub fn of_option(allow_disruption: &BTreeSet<Remedy>) -> Self {
        Self::new(Requester::Option, allow_disruption.clone())
    }

    /// Consent of an operator who named remedies, and who allows the disruption of some.
    pub fn of_person(allow_disruption: &BTreeSet<Remedy>) -> Self {
        Self::new(Requester::Person, allow_disruption.clone())
    }

    fn new(requester: Requester, disruption: BTreeSet<Remedy>) -> Self {
        Self {
            requester,
            is_named: requester == Requester::Person,
            disruption,
            profiles: None,
            stood: BTreeSet::new(),
        }
    }

    /// For an operator who named no remedy, so that those of the option are applied.
    pub fn unnamed(self) -> Self {
        Self { is_named: false, ..self }
    }

    /// Limited to these profiles.
    pub fn only_in(self, profiles: BTreeSet<String>) -> Self {
        Self { profiles: Some(profiles), ..self }
    }

    /// With managed objects that existed a moment ago: recreating them is no new disruption.
    pub fn with_stood(self, stood: BTreeSet<Target>) -> Self {
        Self { stood, ..self }
    }

    pub(super) fn requester(&self) -> Requester {
        self.requester
    }

    /// Moves changes without consent from a plan's changes to those held back.
    pub(super) fn confine(&self, plan: &mut Plan) {
        if let Some(profiles) = &self.profiles {
            plan.confine(profiles);
        }
        let (mut agreed, mut held_back) = (Vec::new(), Vec::new());
        for change in std::mem::take(&mut plan.changes) {
            match self.withheld(&change, &plan.breaks) {
                None => agreed.push(change),
                Some(why) => held_back.push(HeldBack { change, why }),
            }
        }
        plan.changes = agreed;
        plan.held_back = held_back;
    }

    fn withheld(&self, change: &Change, breaks: &[Break]) -> Option<WithheldFor> {
        let remedy = change.remedy;
        let is_new = match &change.operation {
            Operation::Cluster(operation) => match operation {
                ClusterOperation::Create(_) => !self.stood.contains(&change.target()),
                ClusterOperation::Edit(..) => true,
                ClusterOperation::Restore(..)
                | ClusterOperation::Delete(_)
                | ClusterOperation::Revert(..) => false,
            },
            Operation::Juju(JujuOperation::Edit(..)) => true,
            Operation::Juju(JujuOperation::Revert(..)) => false,
        };
        let is_configuration = matches!(
            change.operation,
            Operation::Juju(JujuOperation::Edit(JujuEdit::Configuration { .. }, _))
        );
        if is_configuration && !self.is_named {
            return Some(WithheldFor::Person);
        }
        if !is_new || self.disruption.contains(&remedy) {
            return None;
        }
        let is_removal = matches!(
            change.operation,
            Operation::Cluster(ClusterOperation::Edit(ClusterEdit::Removal(_), _))
        );
        if !self.is_named && (remedy.about().only_by_name || is_removal) {
            return Some(WithheldFor::Removal);
        }
        let target = change.target();
        let broken =
            breaks.iter().filter(|broken| broken.remedy == remedy && broken.cause == target);
        let broken: Vec<Break> = broken.cloned().collect();
        (!broken.is_empty()).then_some(WithheldFor::Breaks(broken))
    }
}

/// Targets of managed objects, for [`Consent::with_stood`].
pub fn targets(own: &[Value]) -> BTreeSet<Target> {
    let own = own.iter().filter_map(ManagedObject::read);
    own.map(|own| Target::Object(own.reference())).collect()
}

impl Plan {
    /// Limits the plan to changes of these profiles.
    pub fn confine(&mut self, profiles: &BTreeSet<String>) {
        let is_in = |target: &Target| match target {
            Target::Object(object) if object.kind == "Namespace" => profiles.contains(&object.name),
            Target::Object(object) => profiles.contains(&object.namespace),
            Target::Application(_) | Target::Relation(_) | Target::Configuration(_) => false,
        };
        self.changes.retain(|change| is_in(&change.target()));
        self.breaks.retain(|broken| is_in(&broken.cause));
    }

    /// One line about what is held back, short enough for a status; `None` if nothing is.
    pub fn held_back_line(&self) -> Option<String> {
        let first = self.held_back.first()?;
        let all = self.held_back.iter();
        let remedies: BTreeSet<Remedy> = all.map(|one| one.change.remedy).collect();
        let names: Vec<&str> = remedies.iter().map(|remedy| remedy.name()).collect();
        let more = match self.held_back.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        // The way to allow it comes first, since a long status is cut at its end.
        let names = names.join(",");
        Some(format!("without allow-disruption={names}: {first}{more}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::facts::object::ObjectRef;
    use crate::remedies::edit::{Configured, Removal};
    use crate::remedies::managed::{DesiredObject, ManagedObject, PEER_AUTHENTICATION};
    use crate::remedies::{Risk, breaks::Breaks};

    fn desired(namespace: &str) -> DesiredObject {
        DesiredObject {
            kind: PEER_AUTHENTICATION,
            namespace: namespace.into(),
            name: "managed".into(),
            content: json!({}),
        }
    }

    fn own(namespace: &str) -> ManagedObject {
        ManagedObject::new(&desired(namespace), "kubeflow", Remedy::MutualTls, true)
    }

    fn change(remedy: Remedy, operation: impl Into<Operation>) -> Change {
        Change { remedy, operation: operation.into(), diff: Vec::new() }
    }

    fn object(namespace: &str) -> ObjectRef {
        ObjectRef::new("v1", "Pod", namespace, "caller")
    }

    /// A plan with a change in each of two profiles; the first would break a flow.
    fn plan(operation: fn(ManagedObject) -> ClusterOperation) -> Plan {
        let changes = ["alice", "bob"];
        let changes = changes.map(|name| change(Remedy::MutualTls, operation(own(name))));
        let mut breaks = Breaks::of(Remedy::MutualTls, &desired("alice"));
        breaks.add(object("kubeflow"), Risk::High, "caller calls".into());
        Plan { changes: changes.into(), breaks: breaks.finish(), ..Plan::default() }
    }

    fn targets(changes: &[Change]) -> Vec<String> {
        changes.iter().map(|change| change.target().to_string()).collect()
    }

    const ALICE: &str = "PeerAuthentication alice/managed";
    const BOB: &str = "PeerAuthentication bob/managed";

    fn confined(consent: &Consent, mut plan: Plan) -> (Vec<String>, Vec<String>) {
        consent.confine(&mut plan);
        let held = plan.held_back.iter().map(|held| held.change.clone());
        (targets(&plan.changes), targets(&held.collect::<Vec<_>>()))
    }

    #[test]
    fn change_that_breaks_a_flow_is_held_back_until_allowed() {
        let none = BTreeSet::new();
        let mutual_tls = BTreeSet::from([Remedy::MutualTls]);
        for (ask, is_held) in [
            (Consent::of_option(&none), true),
            (Consent::of_person(&none), true),
            (Consent::of_option(&BTreeSet::from([Remedy::TlsFloor])), true),
            (Consent::of_option(&mutual_tls), false),
            (Consent::of_person(&mutual_tls), false),
        ] {
            let (made, held) = confined(&ask, plan(ClusterOperation::Create));
            match is_held {
                true => assert_eq!((made, held), (vec![BOB.into()], vec![ALICE.into()]), "{ask:?}"),
                false => assert_eq!((made.len(), held.len()), (2, 0), "{ask:?}"),
            }
        }
    }

    #[test]
    fn object_that_existed_before_is_restored_despite_breaks() {
        let none = BTreeSet::new();
        let restored = confined(
            &Consent::of_option(&none),
            plan(|own| ClusterOperation::Restore(own, Vec::new())),
        );
        assert_eq!(restored.0.len(), 2);
        let stood = BTreeSet::from([Target::Object(own("alice").reference())]);
        let again = Consent::of_option(&none).with_stood(stood);
        assert_eq!(confined(&again, plan(ClusterOperation::Create)).0.len(), 2);
        assert_eq!(confined(&again, plan(ClusterOperation::Delete)).0.len(), 2);
    }

    fn removal() -> Change {
        let edit = ClusterEdit::Removal(Removal {
            object: object("alice"),
            why: "foreign".into(),
            manifest: None,
        });
        change(Remedy::ForeignRoleBindings, ClusterOperation::Edit(edit, own("kubeflow")))
    }

    fn relation() -> Change {
        let endpoints = ["a:b".to_owned(), "c:d".to_owned()];
        let edit = JujuEdit::Relation { endpoints };
        change(Remedy::PasswordDatabase, JujuOperation::Edit(edit, own("kubeflow")))
    }

    #[test]
    fn removal_by_option_is_held_back_without_allow_disruption() {
        let both = || Plan { changes: vec![removal(), relation()], ..Plan::default() };
        let none = BTreeSet::new();
        let (made, held) = confined(&Consent::of_option(&none), both());
        assert_eq!((made.len(), held.len()), (0, 2));
        // Naming such a remedy is consent.
        let (made, held) = confined(&Consent::of_person(&none), both());
        assert_eq!((made.len(), held.len()), (2, 0));
        let (made, held) = confined(&Consent::of_person(&none).unnamed(), both());
        assert_eq!((made.len(), held.len()), (0, 2));
        let allowed = BTreeSet::from([Remedy::ForeignRoleBindings]);
        let (made, held) = confined(&Consent::of_option(&allowed), both());
        assert_eq!(made, ["Pod alice/caller"]);
        assert_eq!(held, ["relation a:b c:d"]);
    }

    #[test]
    fn configuration_of_juju_is_never_set_by_an_option() {
        let remedy = Remedy::ControllerAuditLog;
        let edit = JujuEdit::Configuration { of: Configured::Controller, options: BTreeMap::new() };
        let plan = || Plan {
            changes: vec![change(remedy, JujuOperation::Edit(edit.clone(), own("kubeflow")))],
            ..Plan::default()
        };
        let allowed = BTreeSet::from([remedy]);
        for unattended in [Consent::of_option(&allowed), Consent::of_person(&allowed).unnamed()] {
            let (made, held) = confined(&unattended, plan());
            assert_eq!((made.len(), held.len()), (0, 1), "{unattended:?}");
        }
        let (made, _) = confined(&Consent::of_person(&BTreeSet::new()), plan());
        assert_eq!(made, ["the controller's configuration"]);
    }

    #[test]
    fn plan_limited_to_profiles_skips_other_profiles_and_platform() {
        let none = BTreeSet::new();
        let only = Consent::of_person(&none).only_in(BTreeSet::from(["bob".to_owned()]));
        assert_eq!(confined(&only, plan(ClusterOperation::Create)).0, [BOB]);
        let mut labels = removal();
        let namespace = ObjectRef {
            kind: "Namespace".into(),
            namespace: String::new(),
            name: "bob".into(),
            ..object("bob")
        };
        if let Operation::Cluster(ClusterOperation::Edit(edit, _)) = &mut labels.operation {
            *edit = ClusterEdit::Labels { object: namespace, labels: BTreeMap::new() };
        }
        let plan = Plan { changes: vec![labels, relation(), removal()], ..Plan::default() };
        assert_eq!(confined(&only, plan).0, ["Namespace bob"]);
    }

    #[test]
    fn held_back_line_says_how_to_allow_it() {
        let mut plan = plan(ClusterOperation::Create);
        plan.changes.push(removal());
        assert_eq!(plan.held_back_line(), None);
        Consent::of_option(&BTreeSet::new()).confine(&mut plan);
        let line = plan.held_back_line().unwrap();
        for part in [
            "mutual-tls: PeerAuthentication alice/managed is held back",
            "caller calls",
            "(and 1 more)",
            "allow-disruption=mutual-tls,foreign-role-bindings",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(line.len() < 400, "{line}");
        let _: Value = plan.data();
    }
}
