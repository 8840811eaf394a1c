//! How things are put right: each remedy wants some objects of our own to be beside
//! the platform's, and what is to be changed follows from what is there. Pure.
//!
//! No remedy writes an object that istio-pilot owns: it applies its own without force,
//! and a field that somebody else owns puts it into an error.

mod diff;
mod hsts;
mod https_redirect;
mod tls_floor;

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use crate::controls::context::{Context, Missing};
use crate::facts::Facts;
use crate::facts::object::ObjectRef;
use crate::policy::Policy;

/// A remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remedy {
    /// The gateway accepts no older TLS and no weaker cipher suite than the policy allows.
    TlsFloor,
    /// Who comes by HTTP is sent to HTTPS.
    HttpsRedirect,
    /// Browsers are told to come by HTTPS only.
    Hsts,
}

impl Remedy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::TlsFloor, Self::HttpsRedirect, Self::Hsts];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::TlsFloor => "tls-floor",
            Self::HttpsRedirect => "https-redirect",
            Self::Hsts => "hsts",
        }
    }

    fn decide(self, context: &Context<'_>) -> Result<Decision, Missing> {
        match self {
            Self::TlsFloor => tls_floor::decide(context),
            Self::HttpsRedirect => https_redirect::decide(context),
            Self::Hsts => hsts::decide(context),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Remedy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|remedy| remedy.name() == text);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is not one of {names}")
        })
    }
}

/// What a remedy wants.
enum Decision {
    /// These objects, which are ours: kind, and what they specify.
    Wanted(Vec<Wanted>),
    /// None, for this reason.
    Unwanted(String),
}

struct Wanted {
    kind: OwnKind,
    name: &'static str,
    spec: Value,
}

/// A kind of which we make objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnKind {
    /// Group and version.
    pub api_version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Its name in a path.
    pub plural: &'static str,
}

const ENVOY_FILTER: OwnKind = OwnKind {
    api_version: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    plural: "envoyfilters",
};
const GATEWAY: OwnKind = OwnKind {
    api_version: "networking.istio.io/v1beta1",
    kind: "Gateway",
    plural: "gateways",
};

/// All of them.
pub const OWN_KINDS: [OwnKind; 2] = [ENVOY_FILTER, GATEWAY];

/// Label of every object of ours, and its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "ckf-hardening");
/// Label that names the remedy that an object is of.
const REMEDY: &str = "ckf-hardening/remedy";
/// Label of an object that the charm keeps, and removes when it is not wanted any more.
const KEPT: &str = "ckf-hardening/kept";

/// What is to be done to an object of ours.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// It is to be made.
    Create,
    /// It is to be made what it was; the managers that changed it, beside us.
    Restore(Vec<String>),
    /// It is to go.
    Delete,
}

/// A change of an object of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The remedy.
    pub remedy: Remedy,
    /// What is to be done.
    pub deed: Deed,
    /// Its kind.
    pub kind: OwnKind,
    /// The object as it is to be; as it is, if it is to go.
    pub object: Value,
    /// What differs, a line each: field, what is there, what is to be.
    pub diff: Vec<String>,
}

impl Change {
    /// The object.
    pub fn reference(&self) -> ObjectRef {
        let text = |field: &str| self.object["metadata"][field].as_str().unwrap_or_default();
        ObjectRef {
            api_version: self.kind.api_version.into(),
            kind: self.kind.kind.into(),
            namespace: text("namespace").into(),
            name: text("name").into(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (remedy, object) = (self.remedy, self.reference());
        match &self.deed {
            Deed::Create => write!(f, "{remedy}: create {object}")?,
            Deed::Delete => write!(f, "{remedy}: delete {object}")?,
            Deed::Restore(by) if by.is_empty() => write!(f, "{remedy}: change {object}")?,
            Deed::Restore(by) => write!(
                f,
                "{remedy}: restore {object}, which {} changed",
                by.join(", ")
            )?,
        }
        self.diff
            .iter()
            .try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// What is to be changed, and why a remedy changes nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The changes.
    pub changes: Vec<Change>,
    /// Remedies that want no object, with the reason.
    pub notes: Vec<(Remedy, String)>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = self.changes.iter().map(ToString::to_string);
        let notes = self
            .notes
            .iter()
            .map(|(remedy, why)| format!("{remedy}: nothing, for {why}"));
        let lines: Vec<String> = changes.chain(notes).collect();
        match lines.is_empty() {
            true => f.write_str("all is as it should be"),
            false => f.write_str(&lines.join("\n")),
        }
    }
}

/// Who asks for remedies, which tells what becomes of the objects later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The charm's option: objects are kept, and those of other remedies that it kept go.
    Option,
    /// A person, once: objects stay until that person undoes them.
    Person,
}

/// What is to be changed for these remedies to hold. `own` is every object of ours as
/// it is. What depends on something that could not be read is left as it is.
pub fn plan(
    facts: &Facts,
    policy: &Policy,
    own: &[Value],
    remedies: &BTreeSet<Remedy>,
    asker: Asker,
) -> Plan {
    let context = &Context::new(facts, policy, None);
    let mut plan = Plan::default();
    for remedy in Remedy::ALL {
        let of_remedy = own
            .iter()
            .filter(|object| remedy_of(object) == Some(remedy));
        let is_asked = remedies.contains(&remedy);
        let wanted = match remedy.decide(context) {
            _ if !is_asked => Vec::new(),
            Ok(Decision::Wanted(wanted)) => wanted,
            Ok(Decision::Unwanted(why)) => {
                plan.notes.push((remedy, why));
                Vec::new()
            }
            Err(Missing(why)) => {
                plan.notes
                    .push((remedy, format!("what it depends on is not known: {why}")));
                continue;
            }
        };
        let mut left: Vec<&Value> = of_remedy.collect();
        for wanted in wanted {
            let is = |object: &&Value| {
                object["kind"] == wanted.kind.kind
                    && object["metadata"]["name"] == wanted.name
                    && object["metadata"]["namespace"] == context.namespace()
            };
            let present = left.iter().position(is).map(|at| left.swap_remove(at));
            let kept = asker == Asker::Option || present.is_some_and(is_kept);
            let object = manifest(context.namespace(), remedy, &wanted, kept);
            plan.changes
                .extend(change(remedy, wanted.kind, object, present));
        }
        let goes = |object: &&&Value| match asker {
            Asker::Option => is_kept(object),
            Asker::Person => is_asked,
        };
        let gone = left.iter().filter(goes);
        plan.changes
            .extend(gone.filter_map(|object| delete(remedy, object)));
    }
    plan
}

/// The changes that take these remedies away, or the reason that it is not to be done.
pub fn undo(own: &[Value], remedies: &BTreeSet<Remedy>) -> Result<Plan, String> {
    let mut plan = Plan::default();
    for object in own {
        let Some(remedy) = remedy_of(object).filter(|remedy| remedies.contains(remedy)) else {
            continue;
        };
        if is_kept(object) {
            return Err(format!(
                "the charm keeps {remedy}, and would put it back; take it out of the option enforce"
            ));
        }
        plan.changes.extend(delete(remedy, object));
    }
    let untouched = remedies.iter().filter(|remedy| {
        let mut changes = plan.changes.iter();
        !changes.any(|change| change.remedy == **remedy)
    });
    plan.notes = untouched
        .map(|remedy| (*remedy, "it is not applied".into()))
        .collect();
    Ok(plan)
}

/// The changes that take all objects of ours away.
pub fn remove_all(own: &[Value]) -> Plan {
    let changes = own
        .iter()
        .filter_map(|object| delete(remedy_of(object)?, object));
    Plan {
        changes: changes.collect(),
        notes: Vec::new(),
    }
}

fn remedy_of(object: &Value) -> Option<Remedy> {
    object["metadata"]["labels"][REMEDY].as_str()?.parse().ok()
}

fn is_kept(object: &Value) -> bool {
    object["metadata"]["labels"][KEPT] == "true"
}

fn manifest(namespace: &str, remedy: Remedy, wanted: &Wanted, kept: bool) -> Value {
    json!({
        "apiVersion": wanted.kind.api_version,
        "kind": wanted.kind.kind,
        "metadata": {
            "name": wanted.name,
            "namespace": namespace,
            "labels": {
                MANAGED_BY.0: MANAGED_BY.1,
                REMEDY: remedy.name(),
                KEPT: kept.to_string(),
            },
        },
        "spec": wanted.spec,
    })
}

fn change(remedy: Remedy, kind: OwnKind, object: Value, present: Option<&Value>) -> Option<Change> {
    let Some(present) = present else {
        return Some(Change {
            remedy,
            deed: Deed::Create,
            kind,
            diff: diff::lines("spec", &Value::Null, &object["spec"]),
            object,
        });
    };
    let diff = differences(present, &object);
    (!diff.is_empty()).then(|| Change {
        remedy,
        deed: Deed::Restore(foreign_managers(present)),
        kind,
        object,
        diff,
    })
}

/// What differs between an object of ours as it is and as it should be.
pub fn differences(present: &Value, wanted: &Value) -> Vec<String> {
    let mut lines = diff::lines("spec", &present["spec"], &wanted["spec"]);
    let (is, be) = (
        &present["metadata"]["labels"],
        &wanted["metadata"]["labels"],
    );
    for (label, value) in be.as_object().into_iter().flatten() {
        lines.extend(diff::lines(
            &format!("metadata.labels.{label}"),
            &is[label],
            value,
        ));
    }
    lines
}

fn foreign_managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"].as_array();
    let names = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["manager"].as_str());
    let foreign: BTreeSet<&str> = names.filter(|name| *name != MANAGED_BY.1).collect();
    foreign.into_iter().map(str::to_owned).collect()
}

fn delete(remedy: Remedy, object: &Value) -> Option<Change> {
    let kind = OWN_KINDS
        .into_iter()
        .find(|kind| object["kind"] == kind.kind)?;
    Some(Change {
        remedy,
        deed: Deed::Delete,
        kind,
        object: object.clone(),
        diff: Vec::new(),
    })
}
