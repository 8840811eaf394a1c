//! Pod Security labels of profile and platform namespaces. The profile controller sets the enforce
//! label once, and does not restore it.

use std::collections::BTreeMap;

use super::about::{About, Risk};
use super::breaks::Breaks;
use super::desired::{Decision, DesiredState};
use super::edit::{ClusterEdit, Label, Target};
use super::profiles::rejected_pods;
use super::remedy::Remedy;
use super::verdicts::{open, passes};
use crate::controls::pods::standards::ENFORCE;
use crate::facts::object::ObjectRef;
use crate::views::{Context, MissingFact};

pub(super) const ABOUT: About = About {
    does: "labels profile and platform namespaces with Pod Security Standards",
    controls: &["PSS-01", "PSS-04", "PSS-05"],
    risk: Risk::Medium,
    reach: "new pods of a profile that are privileged, or use the node's namespaces or paths, are \
            rejected; running pods continue; violations in the platform's namespace are only \
            written to the audit log",
    breaks: "without Istio's CNI plugin every new pod of the mesh, so enforce is skipped until \
             PSS-03 passes; with the plugin, new pods that baseline rejects. A profile in which \
             such a pod runs is skipped until allow-disruption names the remedy; audit and warn \
             break nothing",
    works_on: "every release; enforce with Istio's CNI plugin",
    source: "kubernetes.io, Pod Security Standards; documentation.ubuntu.com, Run unprivileged \
             workloads; tests/cluster/hardening.rs, tests/attacks/slip.rs",
    only_by_name: false,
    needs_juju: false,
};

/// The level that each control accepts and this remedy sets.
const LEVELS: [(&str, &str); 3] =
    [("PSS-01", "baseline"), ("PSS-04", "restricted"), ("PSS-05", "baseline")];

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let mut state = DesiredState::default();
    let mut labels: BTreeMap<ObjectRef, BTreeMap<String, Label>> = BTreeMap::new();
    for (id, level) in LEVELS {
        let findings = open(context, id)?;
        // Without the CNI plugin each pod of the mesh has a container that baseline rejects.
        if id == "PSS-01" && !findings.is_empty() && !passes(context, "PSS-03")? {
            state.notes.push(format!(
                "PSS-03 fails: without Istio's CNI plugin {ENFORCE}={level} would reject every \
                 pod of the mesh"
            ));
            continue;
        }
        for finding in findings {
            let name = finding.field.strip_prefix("metadata.labels[");
            let Some(name) = name.and_then(|rest| rest.strip_suffix(']')) else {
                continue;
            };
            let label = Label {
                before: (finding.seen != "absent").then_some(finding.seen),
                after: Some(level.to_owned()),
            };
            let of = labels.entry(finding.object).or_default();
            of.insert(name.to_owned(), label);
        }
    }
    for (object, labels) in labels {
        if labels.contains_key(ENFORCE) {
            let cause = Target::Object(object.clone());
            let mut breaks = Breaks::by(Remedy::PodSecurityLabels, cause, &object.name);
            rejected_pods(context, &object.name, &mut breaks)?;
            state.breaks.extend(breaks.finish());
        }
        state.edits.push(ClusterEdit::Labels { object, labels }.into());
    }
    Ok(Decision::Apply(state))
}
