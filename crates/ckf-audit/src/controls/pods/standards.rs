//! Pod Security Standards of namespaces.

use crate::controls::check::Check;
use crate::facts::core::Namespace;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("PSS-01", profiles_enforce),
    ("PSS-03", cni_is_on),
    ("PSS-04", profiles_warn),
    ("PSS-05", platform_audits),
];

pub(crate) const ENFORCE: &str = "pod-security.kubernetes.io/enforce";

const AUDIT: &str = "pod-security.kubernetes.io/audit";

const WARN: &str = "pod-security.kubernetes.io/warn";

fn profile_namespaces<'a>(context: &Context<'a>) -> Result<Vec<&'a Namespace>, MissingFact> {
    let profiles = context.profile_namespaces()?;
    Ok(context
        .namespaces()?
        .iter()
        .filter(|n| profiles.contains(n.metadata.name.as_str()))
        .collect())
}

fn labelled(
    namespaces: &[&Namespace],
    labels: &[&str],
    wanted: &[&str],
    evidence: &str,
) -> Outcome {
    if namespaces.is_empty() {
        return Outcome::NotApplicable("there is no such Namespace".into());
    }
    let mut findings = Vec::new();
    for namespace in namespaces {
        for label in labels {
            let seen = namespace.metadata.label(label).unwrap_or("absent");
            if !wanted.contains(&seen) {
                findings.push(finding(
                    namespace.reference(),
                    &format!("metadata.labels[{label}]"),
                    seen,
                    wanted.join(" or "),
                ));
            }
        }
    }
    outcome(findings, format!("{}: {evidence}", count(namespaces.len(), "namespace")))
}

/// Standards that refuse the init container of a mesh without its CNI plugin.
const REFUSING: [&str; 2] = ["baseline", "restricted"];

/// PSS-01: Profiles enforce a Pod Security Standard
fn profiles_enforce(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mut result = labelled(
        &profile_namespaces(context)?,
        &[ENFORCE],
        &REFUSING,
        "each enforces at least baseline",
    );
    // PSS-03 reports that the plugin is not known.
    if let (Outcome::Fail(findings), Ok(Outcome::Fail(_))) = (&mut result, cni_is_on(context)) {
        for finding in findings {
            finding.wanted.push_str(
                ", once Istio CNI is on (PSS-03): before that, a profile could start no pod of the \
                 mesh",
            );
        }
    }
    Ok(result)
}

/// PSS-04: Profiles warn and audit at restricted
fn profiles_warn(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    Ok(labelled(
        &profile_namespaces(context)?,
        &[AUDIT, WARN],
        &["restricted"],
        "each audits and warns at restricted",
    ))
}

/// PSS-05: The platform namespace audits pod security
fn platform_audits(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let own: Vec<_> =
        context.namespaces()?.iter().filter(|n| n.metadata.name == context.namespace()).collect();
    Ok(labelled(&own, &[AUDIT], &["baseline", "restricted"], "it audits at baseline or above"))
}

/// PSS-03: Istio CNI is on
fn cni_is_on(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let agents: Vec<_> = context
        .daemon_sets()?
        .iter()
        .filter(|d| {
            d.metadata.name == "istio-cni-node"
                || d.spec.template.spec.containers.iter().any(|c| c.name == "install-cni")
        })
        .collect();
    let Some(agent) = agents.first() else {
        let object = ObjectRef::new("apps/v1", "DaemonSet", context.namespace(), "istio-cni-node");
        let mut findings =
            vec![finding(object, "metadata.name", "missing", "Istio's CNI node agent")];
        let is_refusing = |namespace: &&&Namespace| {
            let label = namespace.metadata.label(ENFORCE);
            label.is_some_and(|label| REFUSING.contains(&label))
        };
        let in_mesh = |namespace: &&&Namespace| {
            namespace.metadata.label("istio-injection") == Some("enabled")
        };
        // Without them it still fails; PSS-01 reports that they are not known.
        let profiles = profile_namespaces(context).unwrap_or_default();
        let shut = profiles.iter().filter(is_refusing).filter(in_mesh);
        findings.extend(shut.map(|namespace| {
            let label = namespace.metadata.label(ENFORCE).unwrap_or_default();
            finding(
                namespace.reference(),
                &format!("metadata.labels[{ENFORCE}]"),
                format!("{label}, without Istio CNI: the profile can start no pod of the mesh"),
                "privileged, until Istio's CNI node agent is there",
            )
        }));
        return Ok(Outcome::Fail(findings));
    };
    let (ready, wanted) = (agent.status.number_ready, agent.status.desired_number_scheduled);
    let findings = (ready < wanted).then(|| {
        finding(agent.reference(), "status.numberReady", ready.to_string(), wanted.to_string())
    });
    Ok(outcome(findings.into_iter().collect(), format!("{} runs", agent.reference())))
}
