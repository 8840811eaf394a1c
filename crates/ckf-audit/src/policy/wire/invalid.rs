//! Each field of a policy with an invalid value: the message names it.

use super::tests::{CUSTOM, WAIVER};
use super::*;

/// An invalid value of each field.
const WRONG: [(&str, &str); 65] = [
    ("allow", "allow: all"),
    ("allow.clusterroles", "allow: {clusterroles: admin}"),
    ("allow.envoyfilters", "allow: {envoyfilters: ['']}"),
    ("allow.model-admins", "allow: {model-admins: [' ']}"),
    ("allow.pods", "allow: {pods: [/]}"),
    ("allow.registries", "allow: {registries: [{}]}"),
    ("allow.rolebindings", "allow: {rolebindings: [admin/]}"),
    ("allow.services", "allow: {services: {a: b}}"),
    ("allow.superusers", "allow: {superusers: [[]]}"),
    ("allow.virtualservices", "allow: {virtualservices: [/x]}"),
    ("attestations", "attestations: K8S-01"),
    (
        "attestations.control",
        "attestations: [{control: K8S-99, reason: r, owner: o, date: 2026-10-01}]",
    ),
    ("attestations.date", "attestations: [{control: K8S-01, reason: r, owner: o, date: once}]"),
    ("attestations.owner", "attestations: [{control: K8S-01, reason: r, date: 2026-10-01}]"),
    (
        "attestations.reason",
        "attestations: [{control: K8S-01, reason: '', owner: o, date: 2026-10-01}]",
    ),
    ("certificates", "certificates: []"),
    ("certificates.ca-days", "certificates: {ca-days: 0}"),
    ("certificates.days", "certificates: {days: -1}"),
    ("certificates.key", "certificates: {key: rsa-1024}"),
    ("certificates.names", "certificates: {names: ['kube flow']}"),
    ("certificates.overlap-days", "certificates: {overlap-days: soon}"),
    ("controls", "controls: {}"),
    ("controls.apiVersion", "controls: [{CUSTOM, apiVersion: a/b/c}]"),
    ("controls.expression", "controls: [{CUSTOM, expression: 'object.'}]"),
    ("controls.fix", "controls: [{CUSTOM, fix: ''}]"),
    ("controls.id", "controls: [{CUSTOM, id: TLS-99}]"),
    ("controls.kind", "controls: [{CUSTOM, kind: ''}]"),
    ("controls.mappings", "controls: [{CUSTOM, mappings: CIS}]"),
    ("controls.mappings.cis-kubernetes", "controls: [{CUSTOM, mappings: {cis-kubernetes: {}}}]"),
    ("controls.mappings.nist-800-53", "controls: [{CUSTOM, mappings: {nist-800-53: AC-1}}]"),
    ("controls.mappings.nsa-cisa", "controls: [{CUSTOM, mappings: {nsa-cisa: [{}]}}]"),
    ("controls.namespaces", "controls: [{CUSTOM, namespaces: kubeflow}]"),
    ("controls.section", "controls: [{CUSTOM, section: []}]"),
    ("controls.severity", "controls: [{CUSTOM, severity: awful}]"),
    ("controls.title", "controls: [{CUSTOM, title: ' '}]"),
    ("controls.waive", "controls: [{CUSTOM, waive: {}}]"),
    ("controls.why", "controls: [{CUSTOM, why: ''}]"),
    ("options", "options: [dex-auth]"),
    ("options", "options: {dex-auth: {static-username: [a]}}"),
    ("severities", "severities: {TLS-02: awful}"),
    ("severities", "severities: {TLS-99: low}"),
    ("source-ranges", "source-ranges: [10.0.0.0/33]"),
    ("source-ranges", "source-ranges: [10.0.0.0]"),
    ("source-ranges", "source-ranges: [kubeflow.example.com/8]"),
    ("thresholds", "thresholds: 7"),
    ("thresholds", "treshold: {}"),
    ("thresholds.certificate-fail-days", "thresholds: {certificate-fail-days: -1}"),
    ("thresholds.certificate-warn-days", "thresholds: {certificate-warn-days: 1}"),
    ("thresholds.idle-max-days", "thresholds: {idle-max-days: 0}"),
    ("thresholds.password-max-days", "thresholds: {password-max-days: 90d}"),
    ("waivers", "waivers: {TLS-02: no}"),
    ("waivers.control", "waivers: [{control: TLS-99, reason: r, owner: o, expires: 2027-01-31}]"),
    ("waivers.expires", "waivers: [{control: TLS-02, reason: r, owner: o, expires: 31.1.2027}]"),
    ("waivers.object", "waivers: [{WAIVER, object: gateway}]"),
    ("waivers.object", "waivers: [{WAIVER, object: {label: a}}]"),
    ("waivers.object.kind", "waivers: [{WAIVER, object: {kind: [Pod]}}]"),
    ("waivers.object.labels", "waivers: [{WAIVER, object: {labels: a}}]"),
    ("waivers.object.name", "waivers: [{WAIVER, object: {name: {}}}]"),
    ("waivers.object.namespace", "waivers: [{WAIVER, object: {namespace: [a]}}]"),
    ("waivers.object.owner", "waivers: [{WAIVER, object: {owner: web}}]"),
    ("waivers.object.owner", "waivers: [{WAIVER, object: {owner: {kind: [Job]}}}]"),
    ("waivers.object.owner", "waivers: [{WAIVER, object: {owner: {name: {}}}}]"),
    ("waivers.owner", "waivers: [{control: TLS-02, reason: r, expires: 2027-01-31}]"),
    ("waivers.reason", "waivers: [{control: TLS-02, owner: o, expires: 2027-01-31}]"),
    ("waivers.reason", "waiver: [{WAIVER}]"),
];

/// Collects the paths of all fields below a part of the schema.
fn fields(schema: &serde_json::Value, part: &serde_json::Value, at: &str, all: &mut Vec<String>) {
    let part = match part["$ref"].as_str() {
        Some(name) => &schema["$defs"][name.rsplit('/').next().unwrap()],
        None => part,
    };
    if part["items"].is_object() {
        fields(schema, &part["items"], at, all);
    }
    for (name, field) in part["properties"].as_object().into_iter().flatten() {
        let path = format!("{at}.{name}");
        let path = path.trim_start_matches('.');
        all.push(path.to_owned());
        fields(schema, field, path, all);
    }
}

#[test]
fn invalid_value_of_any_field_is_an_error_that_names_it() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let mut all = Vec::new();
    fields(&schema, &schema, "", &mut all);
    assert!(all.len() > 50, "{all:?}");
    for field in &all {
        let is_tested = WRONG.iter().any(|(tested, _)| tested == field);
        assert!(is_tested, "{field} has no invalid value here");
    }
    for (field, yaml) in WRONG {
        // A duplicate key would be a different error.
        let parts: Vec<&str> = CUSTOM
            .split(", ")
            .filter(|part| {
                let key = part.split(':').next().unwrap().trim();
                !yaml.contains(&format!(", {key}: "))
            })
            .collect();
        let yaml = yaml.replace("CUSTOM", &parts.join(", ")).replace("WAIVER", WAIVER);
        assert!(all.iter().any(|known| known == field), "{field} is not a field");
        let (_, problems) = Policy::parse(&yaml);
        assert_eq!(problems.len(), 1, "{field}: {yaml}: {problems:?}");
        let message = &problems[0].0;
        let name = field.rsplit('.').next().unwrap();
        let is_named = message.contains(name)
            || message.contains(field.split('.').next().unwrap().trim_end_matches('s'));
        assert!(is_named, "{field}: {message}");
    }
}
