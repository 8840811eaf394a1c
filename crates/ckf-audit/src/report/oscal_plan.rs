//! The OSCAL assessment plan that assessment results import: which statements of NIST SP 800-53
//! are assessed, by which controls.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::model::{ControlReport, Report};

/// Namespace of this program's properties.
pub(super) const NAMESPACE: &str = "https://charmhub.io/ckf-hardening";
/// Version of OSCAL.
pub(super) const VERSION: &str = "1.1.2";

/// File name under which the results expect the plan.
const FILE: &str = "ckf-hardening.assessment-plan.json";

/// Id of the whole statement of a NIST control in OSCAL's catalogue.
pub(super) fn statement(control: &str) -> String {
    format!("{control}_smt")
}

/// Selection of these NIST controls, by their statements.
pub(super) fn selection<'a>(ids: impl Iterator<Item = &'a String>) -> Value {
    let selected: Vec<Value> =
        ids.map(|id| json!({"control-id": id, "statement-ids": [statement(id)]})).collect();
    match selected.is_empty() {
        true => json!({"include-all": {}}),
        false => json!({"include-controls": selected}),
    }
}

/// Import of the plan, and the resource that it refers to.
pub(super) fn reference(report: &Report) -> (Value, Value) {
    let id = uuid(report, "plan resource");
    let resource = json!({
        "uuid": id,
        "title": "Assessment plan",
        "description": "Written by `ckf-hardening audit --format oscal-plan`.",
        "rlinks": [{"href": FILE, "media-type": "application/oscal+json"}],
    });
    (json!({"href": format!("#{id}")}), resource)
}

/// The plan.
pub(super) fn of(report: &Report, requirements: &BTreeMap<String, Vec<&ControlReport>>) -> Value {
    let mut activities: BTreeMap<&str, (&ControlReport, Vec<&String>)> = BTreeMap::new();
    for (id, controls) in requirements {
        for control in controls {
            let (_, ids) = activities.entry(&control.id).or_insert((control, Vec::new()));
            ids.push(id);
        }
    }
    let activity_id = |control: &str| uuid(report, &format!("activity {control}"));
    let described: Vec<Value> = activities
        .values()
        .map(|(control, ids)| activity(activity_id(&control.id), control, ids))
        .collect();
    let associated: Vec<Value> = activities
        .keys()
        .map(|id| {
            json!({
                "activity-uuid": activity_id(id),
                "subjects": [{"type": "component", "include-all": {}}],
            })
        })
        .collect();
    let security_plan = uuid(report, "security plan");
    let mut plan = json!({
        "uuid": uuid(report, "plan"),
        "metadata": {
            "title": format!(
                "Assessment of Charmed Kubeflow in namespace {}", report.cluster.namespace),
            "last-modified": report.cluster.collected_at,
            "version": crate::VERSION, "oscal-version": VERSION,
        },
        "import-ssp": {"href": format!("#{security_plan}")},
        "local-definitions": {"activities": described},
        "reviewed-controls": {"control-selections": [selection(requirements.keys())]},
        "assessment-assets": {"assessment-platforms": [{
            "uuid": uuid(report, "platform"),
            "title": format!("ckf-hardening {}", crate::VERSION),
        }]},
        "tasks": [{
            "uuid": uuid(report, "task"), "type": "action", "title": "Audit the platform",
            "associated-activities": associated,
        }],
        "back-matter": {"resources": [{
            "uuid": security_plan,
            "title": "System security plan",
            "description": "The operator's system security plan of the platform.",
        }]},
    });
    // OSCAL does not allow empty lists.
    if let Some(plan) = plan.as_object_mut().filter(|_| activities.is_empty()) {
        plan.remove("local-definitions");
        plan.remove("tasks");
    }
    json!({"assessment-plan": plan})
}

/// The activity by which a control is assessed, for these requirements.
fn activity(uuid: String, control: &ControlReport, ids: &[&String]) -> Value {
    json!({
        "uuid": uuid,
        "title": format!("{} {}", control.id, control.title),
        "description": control.known().map_or("", |(why, _)| why.trim()),
        "props": [
            {"name": "method", "value": "TEST"},
            {"name": "control", "ns": NAMESPACE, "value": control.id},
        ],
        "related-controls": {"control-selections": [selection(ids.iter().copied())]},
    })
}

/// A UUID that is the same in every plan of a platform.
fn uuid(report: &Report, part: &str) -> String {
    crate::uuid(&format!("{} {part}", report.cluster.namespace))
}
