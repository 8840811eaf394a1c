//! What nodes may do, and who may do something with them.

use crate::controls::attestation::attested;
use crate::controls::check::Check;
use crate::controls::kubernetes::benchmark::benchmarks;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::rbac::{PolicyRule, RoleRef, Subject};
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("K8S-04", no_secrets_by_rbac),
    ("K8S-05", nodes_change_their_own),
    ("K8S-06", kubelets_ask_who_calls),
];

/// Requirements of benchmarks, as their titles name them.
const NODE_RESTRICTION: &[&str] = &["noderestriction"];
const ANONYMOUS: &[&str] = &["anonymous-auth", "anonymous auth"];
const ALWAYS_ALLOW: &[&str] = &["alwaysallow"];
const READ_ONLY: &[&str] = &["read-only-port", "readonlyport"];
/// Where benchmarks have the kubelet: CIS' own, and those of managed clusters.
const OF_KUBELET: &[&str] = &["4.2.", "3.2."];

/// Whether a subject stands for kubelets, by the names that the Node authoriser goes by.
fn is_of_nodes(subject: &Subject) -> bool {
    match &*subject.kind {
        "Group" => *subject.name == *"system:nodes",
        "User" => subject.name.starts_with("system:node:"),
        _ => false,
    }
}

/// Rules of a role that a binding in this namespace names.
fn rules<'a>(
    context: &Context<'a>,
    role: &RoleRef,
    namespace: &str,
) -> Result<&'a [PolicyRule], MissingFact> {
    let found = match &*role.kind {
        "ClusterRole" => context
            .cluster_roles()?
            .iter()
            .find(|of| of.metadata.name == *role.name)
            .map(|of| of.rules.as_slice()),
        _ => context
            .roles()?
            .iter()
            .find(|of| of.metadata.namespace == *namespace && of.metadata.name == *role.name)
            .map(|of| of.rules.as_slice()),
    };
    Ok(found.unwrap_or_default())
}

/// A binding that gives nodes Secrets, if it does.
fn secrets_of_nodes(
    context: &Context<'_>,
    binding: ObjectRef,
    role: &RoleRef,
    subjects: &[Subject],
) -> Result<Option<Finding>, MissingFact> {
    let Some(subject) = subjects.iter().find(|subject| is_of_nodes(subject)) else {
        return Ok(None);
    };
    let reads = |rule: &PolicyRule| {
        ["get", "list", "watch"].iter().any(|verb| rule.allows("", "secrets", verb))
    };
    if !rules(context, role, &binding.namespace)?.iter().any(reads) {
        return Ok(None);
    }
    let seen = format!("{subject} has {}, which reads Secrets", role.name);
    Ok(Some(finding(binding, "subjects", seen, "no node: the Node authoriser suffices")))
}

/// K8S-04: RBAC gives nodes no Secrets
fn no_secrets_by_rbac(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let (of_cluster, of_namespaces) = (context.cluster_role_bindings()?, context.role_bindings()?);
    let cluster = of_cluster.iter().map(|of| (of.reference(), &of.role_ref, &of.subjects));
    let namespaces = of_namespaces.iter().map(|of| (of.reference(), &of.role_ref, &of.subjects));
    let mut findings = Vec::new();
    for (binding, role, subjects) in cluster.chain(namespaces) {
        findings.extend(secrets_of_nodes(context, binding, role, subjects)?);
    }
    let all = count(of_cluster.len() + of_namespaces.len(), "binding");
    Ok(outcome(findings, format!("none of {all} gives nodes Secrets")))
}

/// Goes by the results of benchmarks on requirements: `needed` each have one that passes, and neither
/// these nor `further` one that fails. Else a person attests it.
fn by_requirement(
    context: &Context<'_>,
    control: &str,
    sections: &[&str],
    needed: &[&[&str]],
    further: &[&[&str]],
) -> Result<Outcome, MissingFact> {
    let all = benchmarks(context);
    let is_about = |name: &str, words: &[&str]| {
        let name = name.to_lowercase();
        words.iter().any(|word| name.contains(word))
    };
    let (mut findings, mut passed) = (Vec::new(), Vec::new());
    for (report, results) in &all.young {
        let benchmark = &report.spec.compliance.id;
        let of_section = results.iter().filter(|result| {
            sections.is_empty() || sections.iter().any(|of| result.id.starts_with(of))
        });
        for result in of_section {
            let at = needed.iter().position(|words| is_about(&result.name, words));
            if at.is_none() && !further.iter().any(|words| is_about(&result.name, words)) {
                continue;
            }
            match result.total_fail {
                Some(0) => passed.extend(at.map(|at| (at, format!("{benchmark} {}", result.id)))),
                Some(_) => {
                    let field = format!("{benchmark} {}", result.id);
                    findings.push(finding(report.reference(), &field, &result.name, "no failure"));
                }
                None => {}
            }
        }
    }
    if !findings.is_empty() {
        return Ok(Outcome::Fail(findings));
    }
    if (0..needed.len()).all(|at| passed.iter().any(|(of, _)| *of == at)) {
        let names: Vec<String> = passed.into_iter().map(|(_, name)| name).collect();
        return Ok(Outcome::Pass(format!("passed: {}", names.join(", "))));
    }
    match (attested(control, context), all.missing, all.old) {
        (Some(by_person), ..) => Ok(by_person),
        (None, Some(missing), _) => Err(missing),
        (None, None, Some(old)) => Ok(Outcome::NotAssessed(old)),
        (None, None, None) => Ok(Outcome::NotAssessed(
            "no API reports it, and no result of a benchmark has it: run trivy-operator, or \
             kube-bench on each node, or attest it in the policy"
                .into(),
        )),
    }
}

/// K8S-05: Nodes change only themselves and their pods
fn nodes_change_their_own(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    by_requirement(context, "K8S-05", &[], &[NODE_RESTRICTION], &[])
}

/// K8S-06: Kubelets answer only those who log in and are permitted
fn kubelets_ask_who_calls(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let needed = [ANONYMOUS, ALWAYS_ALLOW];
    by_requirement(context, "K8S-06", OF_KUBELET, &needed, &[READ_ONLY])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::facts::Facts;
    use crate::facts::known::{Known, Listed};
    use crate::policy::Policy;

    /// The outcome on kubelets, by these results of a benchmark.
    fn outcome_of(results: serde_json::Value, policy: &str) -> Outcome {
        let report = json!({"metadata": {"name": "cis"},
            "spec": {"compliance": {"id": "cis-1.11"}},
            "status": {"summaryReport": {"controlCheck": results}, "updateTimestamp": "2026-10-31T00:00:00Z"}});
        let reports =
            Listed { items: vec![serde_json::from_value(report).unwrap()], ..Listed::default() };
        let mut facts = Facts {
            cluster_compliance_reports: Known::Known(reports),
            config_maps: Known::Known(Listed::default()),
            ..Facts::default()
        };
        facts.about.collected_at = "2026-11-01T00:00:00Z".parse().unwrap();
        let (policy, problems) = Policy::parse(policy);
        assert!(problems.is_empty(), "{problems:?}");
        kubelets_ask_who_calls(&Context::new(&facts, &policy, None)).unwrap()
    }

    #[test]
    fn kubelet_is_assessed_by_each_requirement_and_by_none_of_the_api_server() {
        let anonymous = json!({"id": "4.2.1", "name": "--anonymous-auth is false", "totalFail": 0});
        let modes =
            json!({"id": "4.2.2", "name": "Authorization is not AlwaysAllow", "totalFail": 0});
        // The API server has requirements of the same names, and a person has to look at some.
        let of_server =
            json!({"id": "1.2.6", "name": "Authorization is not AlwaysAllow", "totalFail": 0});
        let by_person = json!({"id": "4.2.2", "name": "Authorization is not AlwaysAllow"});
        for results in [
            json!([]),
            json!([anonymous]),
            json!([anonymous, of_server]),
            json!([anonymous, by_person]),
        ] {
            let outcome = outcome_of(results.clone(), "");
            assert!(matches!(outcome, Outcome::NotAssessed(_)), "{results}: {outcome:?}");
        }
        let Outcome::Pass(evidence) = outcome_of(json!([anonymous, modes]), "") else {
            panic!("both passed")
        };
        assert_eq!(evidence, "passed: cis-1.11 4.2.1, cis-1.11 4.2.2");
        // What a person attests fills a gap, and hides no failure.
        let policy =
            "attestations: [{control: K8S-06, reason: the provider's, owner: o, date: 2026-10-01}]";
        assert!(matches!(outcome_of(json!([anonymous]), policy), Outcome::Pass(_)));
        let open = json!({"id": "4.2.4", "name": "--read-only-port is 0", "totalFail": 2});
        assert!(matches!(outcome_of(json!([anonymous, modes, open]), policy), Outcome::Fail(_)));
    }
}
