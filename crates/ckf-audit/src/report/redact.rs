//! Redaction: replaces names of people and hosts by pseudonyms that are consistent within the
//! report.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::model::Report;
use crate::facts::Facts;
use crate::facts::known::Known;

/// Replaces names of people (users, profile owners and their namespaces) and of hosts (those in
/// certificates, Gateways and addresses). Numbers follow the order of the names, so equal facts
/// give an equal report.
pub fn redact(report: &Report, facts: &Facts, more_hosts: &[String]) -> Report {
    let mut report = report.clone();
    // Contexts are often called after a person and a host.
    report.cluster.context = report.cluster.context.map(|_| "redacted".to_owned());
    let (people, mut hosts) = (people(facts), hosts(facts));
    hosts.extend(more_hosts.iter().cloned());
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (index, name) in people.into_iter().enumerate() {
        names.insert(name, format!("person-{}", index + 1));
    }
    for (index, name) in hosts.into_iter().enumerate() {
        names.entry(name).or_insert(format!("host-{}", index + 1));
    }
    // Longer names first, since one may contain another.
    let mut names: Vec<(String, String)> = names.into_iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut value = serde_json::to_value(&report).unwrap_or_default();
    walk(&mut value, &names);
    // Only free text was changed, so the report still deserializes.
    serde_json::from_value(value).unwrap_or_else(|_| Report { controls: Vec::new(), ..report })
}

/// Names of the platform itself, which stay even if a person has the same name.
const OF_PLATFORM: [&str; 6] = ["admin", "kubeflow", "default", "anonymous", "system", "root"];

fn people(facts: &Facts) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Known::Known(profiles) = &facts.profiles {
        for profile in &profiles.items {
            names.insert(profile.metadata.name.clone());
            names.insert(profile.spec.owner.name.to_string());
        }
    }
    let mut subjects = |all: &[crate::facts::rbac::Subject]| {
        let users = all.iter().filter(|subject| subject.kind == "User");
        names.extend(users.map(|subject| subject.name.to_string()));
    };
    if let Known::Known(bindings) = &facts.role_bindings {
        bindings.items.iter().for_each(|b| subjects(&b.subjects));
    }
    if let Known::Known(bindings) = &facts.cluster_role_bindings {
        bindings.items.iter().for_each(|b| subjects(&b.subjects));
    }
    if let Known::Known(juju) = &facts.juju {
        if let Known::Known(users) = &juju.users {
            names.extend(users.iter().map(|user| user.name.clone()));
        }
        names.insert(juju.login.clone());
    }
    names.retain(|name| {
        name.len() > 2 && !name.starts_with("system:") && !OF_PLATFORM.contains(&name.as_str())
    });
    names
}

fn hosts(facts: &Facts) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let server = facts.origin.server.split("://").last().unwrap_or_default();
    let server = server.rsplit_once(':').map_or(server, |(host, _)| host);
    names.insert(server.to_owned());
    if let Known::Known(secrets) = &facts.secrets {
        let pairs = secrets.items.iter().filter_map(|secret| secret.tls.as_ref());
        for certificate in pairs.flat_map(|pair| &pair.chain) {
            names.extend(certificate.names.iter().cloned());
        }
    }
    if let Known::Known(services) = &facts.services {
        for service in &services.items {
            names.extend(service.addresses(false));
        }
    }
    if let Known::Known(seen) = &facts.handshake {
        names.extend(seen.host.clone());
        names.extend(seen.at.rsplit_once(':').map(|(host, _)| host.to_owned()));
    }
    if let Known::Known(telemetry) = &facts.telemetry {
        names.extend(telemetry.at.rsplit_once(':').map(|(host, _)| host.to_owned()));
    }
    names.retain(|name| {
        name.contains('.') && !name.ends_with(".cluster.local") && !name.ends_with(".svc")
    });
    names
}

/// Keys whose values are this program's own terms, which stay even if a person has the same name.
const PLAIN_KEYS: [&str; 15] = [
    "schema",
    "id",
    "title",
    "headline",
    "section",
    "severity",
    "verdict",
    "fix",
    "why",
    "mappings",
    "advice",
    "limits",
    "kind",
    "tool",
    "framework",
];

fn walk(value: &mut Value, names: &[(String, String)]) {
    match value {
        Value::String(text) => {
            for (name, other) in names {
                if text.contains(name.as_str()) {
                    *text = replaced(text, name, other);
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|value| walk(value, names)),
        Value::Object(all) => {
            let free_text = all.iter_mut().filter(|(key, _)| !PLAIN_KEYS.contains(&key.as_str()));
            free_text.for_each(|(_, value)| walk(value, names));
        }
        _ => {}
    }
}

/// Replaces a name where it is a whole word.
fn replaced(text: &str, name: &str, other: &str) -> String {
    let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, from) = rest.split_at(at);
        let after = &from[name.len()..];
        let last = before.chars().next_back().or_else(|| out.chars().next_back());
        out.push_str(before);
        match is_part(last) || is_part(after.chars().next()) {
            true => out.push_str(name),
            false => out.push_str(other),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_replaced_only_as_a_whole_word() {
        let text = "bob and bobby: RoleBinding bob/x of bob@example.com, abob";
        let redacted = "person-1 and bobby: RoleBinding person-1/x of person-1@example.com, abob";
        assert_eq!(replaced(text, "bob", "person-1"), redacted);
    }

    #[test]
    fn person_named_like_a_verdict_leaves_verdicts_unchanged() {
        let mut value =
            serde_json::json!({"verdict": "fail", "severity": "high", "reason": "fail is high"});
        let names = [("fail", "person-1"), ("high", "person-2")];
        walk(&mut value, &names.map(|(a, b)| (a.to_owned(), b.to_owned())));
        let redacted = serde_json::json!({"verdict": "fail", "severity": "high", "reason": "person-1 is person-2"});
        assert_eq!(value, redacted);
    }
}
