//! Pod Security labels of the namespaces of profiles and of the platform. The controller of
//! profiles writes the one that enforces once, and never again.

use std::collections::BTreeMap;

use super::breaks::Breaks;
use super::edit::{Edit, Label, Target};
use super::{About, Decision, Remedy, Risk, Wants, holds, open, refused_pods};
use crate::controls::pods::standards::ENFORCE;
use crate::facts::object::ObjectRef;
use crate::views::{Context, Missing};

pub(super) const ABOUT: About = About {
    name: "pod-security-labels",
    does: "labels namespaces of profiles and of the platform with Pod Security Standards",
    controls: &["PSS-01", "PSS-04", "PSS-05"],
    risk: Risk::Medium,
    reach: "a new pod of a profile that is privileged, or uses the node's namespaces or paths, is \
            refused; pods that run go on; what the platform's namespace runs is only noted in the \
            audit log",
    breaks: "without Istio's CNI plugin every new pod of the mesh, so enforce waits for PSS-03; \
             with it, new pods that baseline refuses. A profile in which such a pod runs is left \
             out until allow-disruption names the remedy; audit and warn break nothing",
    works_on: "every release; enforce with Istio's CNI plugin",
    source: "kubernetes.io, Pod Security Standards; documentation.ubuntu.com, Run unprivileged \
             workloads; tests/hardening.rs, tests/attacks/slip.rs",
    only_by_name: false,
    needs_juju: false,
};

/// What each control wants; the first of those that it takes is the one that is set.
const WANTED: [(&str, &str); 3] =
    [("PSS-01", "baseline"), ("PSS-04", "restricted"), ("PSS-05", "baseline")];

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let mut wants = Wants::default();
    let mut labels: BTreeMap<ObjectRef, BTreeMap<String, Label>> = BTreeMap::new();
    for (id, wanted) in WANTED {
        let findings = open(context, id)?;
        // Without the CNI plugin each pod of the mesh has a container that baseline refuses.
        if id == "PSS-01" && !findings.is_empty() && !holds(context, "PSS-03")? {
            wants.notes.push(format!(
                "PSS-03 does not hold: without Istio's CNI plugin {ENFORCE}={wanted} would refuse \
                 every pod of the mesh"
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
                after: Some(wanted.to_owned()),
            };
            let of = labels.entry(finding.object).or_default();
            of.insert(name.to_owned(), label);
        }
    }
    for (object, labels) in labels {
        if labels.contains_key(ENFORCE) {
            let cause = Target::Object(object.clone());
            let mut breaks = Breaks::by(Remedy::PodSecurityLabels, cause, &object.name);
            refused_pods(context, &object.name, &mut breaks)?;
            wants.breaks.extend(breaks.found());
        }
        wants.edits.push(Edit::Labels { object, labels });
    }
    Ok(Decision::Wanted(wants))
}
