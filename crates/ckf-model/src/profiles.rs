//! Namespaces of profiles.
//!
//! Any user who can log in can create a Profile of any name, and the profile controller leaves
//! a Profile whose namespace belongs to others in place, in condition Failed. A Profile alone
//! therefore proves nothing: its namespace counts only if it has the label, annotation and
//! ownerReference that the controller writes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::core::Namespace;
use super::istio::Profile;
use super::known::{Known, Unknown};
use super::labels::Labels;
use super::{About, Facts};

/// API group of Profiles.
const GROUP: &str = "kubeflow.org/";
/// Label and value of every profile's namespace.
pub const PART_OF: (&str, &str) = ("app.kubernetes.io/part-of", "kubeflow-profile");

/// Relation of a namespace to the Profile of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It belongs to the Profile: label, annotation and ownerReference are right.
    Proven,
    /// It looks like a profile's, but label, annotation or ownerReference is missing or wrong:
    /// nothing is created there, and existing objects stay.
    Unproven(String),
    /// It does not belong to the Profile: a system namespace, or one that the profile controller
    /// never touched.
    Refused(String),
}

impl Claim {
    /// Whether the namespace belongs to the Profile.
    pub fn is_proven(&self) -> bool {
        *self == Self::Proven
    }

    /// Reason for which it does not; `None` if it does.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Proven => None,
            Self::Unproven(why) | Self::Refused(why) => Some(why),
        }
    }
}

/// Names of system namespaces, which never belong to a profile.
const SYSTEM: [&str; 5] = ["default", "kubeflow", "cert-manager", "olm", "tigera-operator"];
/// Prefixes of system namespaces.
const SYSTEM_PREFIXES: [&str; 7] =
    ["kube-", "istio-", "knative-", "controller-", "openshift-", "cattle-", "calico-"];
/// Suffix of system namespaces: `metallb-system`, `gatekeeper-system`, `istio-system`, …
const SYSTEM_SUFFIX: &str = "-system";

/// Reason for which a namespace can never belong to a profile; `None` if it can.
pub fn system(name: &str, labels: Option<&Labels>, about: &About) -> Option<String> {
    if about.platform_namespaces().contains(&name) {
        return Some(format!("{name} is a namespace of the platform"));
    }
    let by_name = SYSTEM.contains(&name)
        || SYSTEM_PREFIXES.iter().any(|start| name.starts_with(start))
        || name.ends_with(SYSTEM_SUFFIX);
    if by_name {
        return Some(format!("{name} is a system namespace"));
    }
    let mut labels = labels.into_iter().flat_map(Labels::iter);
    let is_of_juju = labels.any(|(key, value)| {
        key.starts_with("model.juju.is/")
            || key.starts_with("controller.juju.is/")
            || (*key == "app.kubernetes.io/managed-by" && *value == "juju")
    });
    is_of_juju.then(|| format!("{name} is a namespace of Juju"))
}

/// Relation of a namespace to the Profile of its name; all code decides by this function.
pub fn claim(profile: &Profile, namespace: Option<&Namespace>, about: &About) -> Claim {
    let name = profile.metadata.name.as_str();
    let labels = namespace.map(|namespace| &namespace.metadata.labels);
    if let Some(why) = system(name, labels, about) {
        return Claim::Refused(why);
    }
    let Some(namespace) = namespace else {
        return Claim::Unproven(format!("there is no namespace {name}"));
    };
    let meta = &namespace.metadata;
    let owner = meta.annotations.owner.as_deref();
    let mut references = meta.owner_references.iter().filter(|reference| {
        reference.kind == "Profile" && reference.api_version.starts_with(GROUP)
    });
    let reference = references.find(|reference| reference.name == *name);
    if owner.is_none() && reference.is_none() && meta.label(PART_OF.0) != Some(PART_OF.1) {
        return Claim::Refused(format!(
            "namespace {name} has no label, annotation or ownerReference of the profile controller"
        ));
    }
    let expected = &*profile.spec.owner.name;
    let problem = match (owner, reference) {
        (None, _) => Some(format!("namespace {name} has no annotation owner")),
        (Some(owner), _) if owner != expected || expected.is_empty() => Some(format!(
            "namespace {name} is annotated with the owner {owner:?}, not {expected:?}"
        )),
        (_, None) => Some(format!("namespace {name} has no ownerReference to this Profile")),
        (_, Some(reference)) => {
            let are_known = !reference.uid.is_empty() && !profile.uid.is_empty();
            let differs = are_known && reference.uid != profile.uid;
            differs.then(|| {
                format!("namespace {name} has an ownerReference to another Profile of that name")
            })
        }
    };
    let failed = profile
        .status
        .conditions
        .iter()
        .find(|c| c.kind.eq_ignore_ascii_case("failed") && c.status != "False");
    let failed = failed.map(|condition| format!("its condition is Failed: {}", condition.message));
    match problem.or(failed) {
        None => Claim::Proven,
        Some(why) => Claim::Unproven(why),
    }
}

/// All Profiles, with the relation of their namespaces.
pub fn claims<'a>(
    profiles: &'a [Profile],
    namespaces: &'a [Namespace],
    about: &About,
) -> Vec<(&'a Profile, Claim)> {
    let by_name: BTreeMap<&str, &Namespace> =
        namespaces.iter().map(|namespace| (namespace.metadata.name.as_str(), namespace)).collect();
    let claimed = profiles.iter().map(|profile| {
        let namespace = by_name.get(profile.metadata.name.as_str());
        (profile, claim(profile, namespace.copied(), about))
    });
    claimed.collect()
}

/// Namespaces that belong to a profile.
pub fn proven<'a>(
    profiles: &'a [Profile],
    namespaces: &'a [Namespace],
    about: &About,
) -> BTreeSet<&'a str> {
    let claims = claims(profiles, namespaces, about).into_iter();
    let proven = claims.filter(|(_, claim)| claim.is_proven());
    proven.map(|(profile, _)| profile.metadata.name.as_str()).collect()
}

/// Namespaces that belong to a profile, from the facts.
pub fn namespaces(facts: &Facts) -> Result<BTreeSet<&str>, &Unknown> {
    match (&facts.profiles, &facts.namespaces) {
        (Known::Known(profiles), Known::Known(namespaces)) => {
            Ok(proven(&profiles.items, &namespaces.items, &facts.about))
        }
        (Known::Unknown(why), _) | (_, Known::Unknown(why)) => Err(why),
    }
}

/// Namespaces that belong to a profile, from Profiles and Namespaces as the API server sends them.
pub fn of_objects(platform: &str, objects: &[Value]) -> BTreeSet<String> {
    let about = About { namespace: platform.into(), ..About::default() };
    let facts = Facts::from_objects(about, objects);
    let proven = namespaces(&facts).unwrap_or_default();
    proven.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claim_of(change: impl Fn(&mut Value, &mut Value)) -> Claim {
        let mut profile = json!({"apiVersion": "kubeflow.org/v1", "kind": "Profile",
            "metadata": {"name": "team-a", "uid": "u1"},
            "spec": {"owner": {"kind": "User", "name": "ada@example.com"}}});
        let mut namespace = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "team-a", "annotations": {"owner": "ada@example.com"},
                "labels": {"app.kubernetes.io/part-of": "kubeflow-profile"},
                "ownerReferences": [{"apiVersion": "kubeflow.org/v1", "kind": "Profile",
                    "name": "team-a", "uid": "u1", "controller": true}]}});
        change(&mut profile, &mut namespace);
        let facts = Facts::from_objects(About::default(), &[profile, namespace]);
        let (Known::Known(profiles), Known::Known(namespaces)) = (facts.profiles, facts.namespaces)
        else {
            panic!("both are known")
        };
        assert_eq!((profiles.items.len(), profiles.unread.len()), (1, 0));
        let claims = claims(&profiles.items, &namespaces.items, &facts.about);
        claims[0].1.clone()
    }

    fn rename(name: &str) -> impl Fn(&mut Value, &mut Value) + '_ {
        move |profile, namespace| {
            profile["metadata"]["name"] = name.into();
            namespace["metadata"]["name"] = name.into();
            namespace["metadata"]["ownerReferences"][0]["name"] = name.into();
        }
    }

    #[test]
    fn namespace_with_all_metadata_is_proven() {
        assert_eq!(claim_of(|_, _| ()), Claim::Proven);
        // A snapshot from before UIDs were collected, and the older API version.
        let older = claim_of(|profile, namespace| {
            profile["metadata"]["uid"].take();
            namespace["metadata"]["ownerReferences"][0]["apiVersion"] =
                "kubeflow.org/v1beta1".into();
        });
        assert_eq!(older, Claim::Proven);
        let recovered = claim_of(|profile, _| {
            profile["status"]["conditions"] = json!([{"type": "Failed", "status": "False"}]);
        });
        assert_eq!(recovered, Claim::Proven);
        for name in ["team-a", "system", "kubeflow-user", "my-default", "istio"] {
            assert_eq!(claim_of(rename(name)), Claim::Proven, "{name}");
        }
    }

    #[test]
    fn namespace_with_incomplete_metadata_is_unproven() {
        type Change = fn(&mut Value, &mut Value);
        let changes: [(&str, Change); 9] = [
            ("no namespace", |_, n| n["metadata"]["name"] = "other".into()),
            ("no annotation owner", |_, n| n["metadata"]["annotations"] = json!({})),
            ("not \"ada@example.com\"", |_, n| {
                n["metadata"]["annotations"]["owner"] = "mallory".into()
            }),
            ("not \"\"", |p, _| p["spec"]["owner"]["name"] = "".into()),
            ("no ownerReference", |_, n| n["metadata"]["ownerReferences"] = json!([])),
            ("no ownerReference", |_, n| {
                n["metadata"]["ownerReferences"][0]["apiVersion"] = "evil.org/v1".into()
            }),
            ("no ownerReference", |_, n| {
                n["metadata"]["ownerReferences"][0]["name"] = "team-b".into()
            }),
            ("another Profile", |_, n| n["metadata"]["ownerReferences"][0]["uid"] = "u2".into()),
            ("Failed: not owned", |p, _| {
                p["status"]["conditions"] = json!([{"type": "Failed", "message": "not owned"}])
            }),
        ];
        for (expected, change) in changes {
            match claim_of(change) {
                Claim::Unproven(why) => assert!(why.contains(expected), "{expected}: {why}"),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn system_namespace_is_refused_with_any_metadata() {
        for name in [
            "kube-system",
            "kube-public",
            "kube-node-lease",
            "default",
            "kubeflow",
            "knative-serving",
            "knative-eventing",
            "knative-operator",
            "istio-system",
            "istio-ingress",
            "controller-prod",
            "metallb-system",
            "cert-manager",
            "calico-apiserver",
        ] {
            let claim = claim_of(rename(name));
            assert!(matches!(claim, Claim::Refused(_)), "{name}: {claim:?}");
        }
        for labels in [
            json!({"app.kubernetes.io/managed-by": "juju"}),
            json!({"model.juju.is/name": "cos"}),
            json!({"controller.juju.is/id": "c0"}),
        ] {
            let claim = claim_of(|_, namespace| namespace["metadata"]["labels"] = labels.clone());
            assert!(matches!(claim, Claim::Refused(_)), "{labels}: {claim:?}");
        }
    }

    #[test]
    fn namespace_without_metadata_is_refused() {
        let claim = claim_of(|_, namespace| {
            namespace["metadata"] = json!({"name": "team-a"});
        });
        assert!(matches!(claim, Claim::Refused(why) if why.contains("has no label")));
    }
}
