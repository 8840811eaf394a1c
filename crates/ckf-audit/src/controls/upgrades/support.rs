//! Whether Kubernetes and Istio still get security fixes on the day of the audit.

use crate::controls::check::Check;
use crate::facts::image::ImageReference;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Finding, Outcome, finding, outcome};
use crate::views::support::{Supported, supported, today};
use crate::views::{Context, MissingFact, major_minor};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("UPG-06", kubernetes_is_fixed), ("UPG-08", istio_is_fixed)];

/// The table itself, if it is past the day until which it may be relied on.
fn table_is_old(context: &Context<'_>) -> Option<Finding> {
    let table = context.policy.tables.support();
    (today(context) > table.review_by).then(|| {
        let object = ObjectRef::new("catalogue", "Table", "", "support");
        let seen = format!("reviewed on {}, to be reviewed by {}", table.reviewed, table.review_by);
        finding(object, "review-by", seen, "a newer version of this program")
    })
}

/// UPG-06: Kubernetes gets security fixes
fn kubernetes_is_fixed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let version = context.version()?.git_version.as_str();
    let table = context.policy.tables.support();
    let distribution = context.distribution()?.name();
    let Some(minor) = major_minor(version) else {
        return Ok(Outcome::NotAssessed(format!("the API server reports no version: {version:?}")));
    };
    let by = [distribution, "Kubernetes"]
        .map(|name| (name, supported(table, name, &minor, today(context))));
    let mut findings: Vec<Finding> = table_is_old(context).into_iter().collect();
    let (old, unknown) = kubelets(context, distribution, &minor)?;
    findings.extend(old);
    let until = by.iter().find_map(|(name, is)| match is {
        Supported::Until(end) => Some(format!("{name} {minor} gets fixes until {end}")),
        _ => None,
    });
    let ended = by.iter().find_map(|(name, is)| match is {
        Supported::Ended(end) => Some(format!("{version}; fixes of {name} {minor} ended by {end}")),
        _ => None,
    });
    match (until, ended) {
        (Some(_), _) if findings.is_empty() && !unknown.is_empty() => Ok(Outcome::NotAssessed(
            format!("the catalogue does not know the kubelets of {}", unknown.join(", ")),
        )),
        (Some(evidence), _) => Ok(outcome(findings, evidence)),
        (None, Some(seen)) => {
            let object = ObjectRef::new("v1", "Service", "default", "kubernetes");
            let wanted = "a version that gets fixes, of Kubernetes or of the distribution";
            findings.push(finding(object, "version", seen, wanted));
            Ok(Outcome::Fail(findings))
        }
        (None, None) if findings.is_empty() => Ok(Outcome::NotAssessed(format!(
            "the catalogue of {} does not know {distribution} {minor}",
            context.policy.tables.support().reviewed
        ))),
        (None, None) => Ok(Outcome::Fail(findings)),
    }
}

/// Nodes whose kubelet is of a version past its end, of those that have another than the API server;
/// and those of which the table does not know it. A node that has not said its version yet is new.
fn kubelets(
    context: &Context<'_>,
    distribution: &str,
    server: &str,
) -> Result<(Vec<Finding>, Vec<String>), MissingFact> {
    let (mut old, mut unknown) = (Vec::new(), Vec::new());
    for node in context.nodes()? {
        let version = &*node.status.node_info.kubelet_version;
        let minor = major_minor(version);
        if version.is_empty() || minor.as_deref() == Some(server) {
            continue;
        }
        let is = [distribution, "Kubernetes"].map(|name| {
            let minor = minor.as_deref().unwrap_or_default();
            supported(context.policy.tables.support(), name, minor, today(context))
        });
        let ended = is.iter().find_map(|is| match is {
            Supported::Ended(end) => Some(end),
            _ => None,
        });
        if is.iter().any(|is| matches!(is, Supported::Until(_))) {
            continue;
        }
        match ended {
            Some(end) => {
                let seen = format!("{version}, whose fixes ended by {end}");
                let wanted = "the version of the API server";
                old.push(finding(node.reference(), "kubeletVersion", seen, wanted));
            }
            None => unknown.push(node.metadata.name.clone()),
        }
    }
    Ok((old, unknown))
}

/// UPG-08: Istio gets security fixes
fn istio_is_fixed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let pods = context.pods()?.iter().filter(|p| p.metadata.namespace == *context.namespace());
    let mut pilots = pods.filter_map(|pod| {
        let container = pod.all_containers().find(|c| c.name == "discovery")?;
        let tag = ImageReference::parse(&container.image)?.tag?;
        Some((pod.reference(), major_minor(&tag)?))
    });
    let Some((object, minor)) = pilots.next() else {
        return Ok(Outcome::NotAssessed("no istiod pod shows a version".into()));
    };
    Ok(match supported(context.policy.tables.support(), "Istio", &minor, today(context)) {
        Supported::Until(end) => Outcome::Pass(format!("Istio {minor} gets fixes until {end}")),
        Supported::Ended(end) => {
            let seen = format!("Istio {minor}, whose fixes ended by {end}");
            let wanted = "a version that gets fixes, once the release has one";
            Outcome::Fail(vec![finding(object, "container discovery", seen, wanted)])
        }
        Supported::Unknown => Outcome::NotAssessed(format!(
            "the catalogue of {} does not know Istio {minor}",
            context.policy.tables.support().reviewed
        )),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::facts::Facts;
    use crate::facts::core::Version;
    use crate::facts::known::{Known, Listed};
    use crate::policy::Policy;

    #[test]
    fn table_past_its_review_is_finding() {
        let nodes =
            json!([{"metadata": {"name": "n", "labels": {"eks.amazonaws.com/nodegroup": "g"}}}]);
        let mut facts = Facts {
            nodes: Known::Known(Listed {
                items: serde_json::from_value(nodes).unwrap(),
                ..Listed::default()
            }),
            version: Known::Known(Version { git_version: "v1.35.2-eks-1".into() }),
            ..Facts::default()
        };
        let mut outcome_on = |day: &str| {
            facts.about.collected_at = format!("{day}T12:00:00Z").parse().unwrap();
            let policy = Policy::default();
            kubernetes_is_fixed(&Context::new(&facts, &policy, None)).unwrap()
        };
        assert!(matches!(outcome_on("2027-03-31"), Outcome::Pass(_)));
        let Outcome::Fail(findings) = outcome_on("2027-04-01") else { panic!("it is past it") };
        assert_eq!(findings.len(), 1);
        assert!(findings[0].seen.contains("to be reviewed by 2027-03-31"), "{findings:?}");
        // By then the distribution's own support has ended too.
        let Outcome::Fail(findings) = outcome_on("2028-04-01") else { panic!("it has ended") };
        assert!(findings[1].seen.contains("Amazon EKS 1.35 ended by 2028-03-27"), "{findings:?}");
    }
}
