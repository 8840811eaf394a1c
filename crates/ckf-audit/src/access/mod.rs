//! Who can do what to whom, and by which chain: RBAC with the identities that it lets one take,
//! Istio's policies, membership of the mesh and NetworkPolicies, joined. Pure.

mod identity;
mod network;
mod rights;

use std::fmt;
use std::str::FromStr;

use printable::line;
use serde::Serialize;

pub use self::identity::{Identity, Reached};
use self::rights::Rights;
use crate::views::power::Power;
use crate::views::web_apps::{KFP_API, WEB_APPS};
use crate::views::{Context, MissingFact};

/// The subject of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A user, by the name that login gives.
    User(String),
    /// Members of a group.
    Group(String),
    /// A service account.
    Account {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// What runs in a profile, by default as its `default-editor`.
    Profile(String),
}

/// The target of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A profile.
    Profile(String),
    /// The platform itself.
    Platform,
}

impl FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // As the API server calls an account.
        let user = text.strip_prefix("user/").unwrap_or(text);
        if let Some(account) = user.strip_prefix("system:serviceaccount:") {
            return match account.split_once(':') {
                Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
                    Ok(Self::Account { namespace: namespace.into(), name: name.into() })
                }
                _ => Err(format!("{text:?}: expected system:serviceaccount:NAMESPACE:NAME")),
            };
        }
        let (kind, name) = text.split_once('/').unwrap_or(("user", text));
        if name.is_empty() {
            return Err(format!("{text:?} names no subject"));
        }
        match kind {
            "user" => Ok(Self::User(name.into())),
            "group" => Ok(Self::Group(name.into())),
            "profile" => Ok(Self::Profile(name.into())),
            "account" => match name.split_once('/') {
                Some((namespace, name)) => {
                    Ok(Self::Account { namespace: namespace.into(), name: name.into() })
                }
                None => Err(format!("{text:?}: expected account/NAMESPACE/NAME")),
            },
            _ => Err(format!(
                "{text:?} is not NAME, user/NAME, group/NAME, profile/NAME or account/NAMESPACE/NAME"
            )),
        }
    }
}

impl FromStr for To {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            None if text == "platform" => Ok(Self::Platform),
            Some(("profile", name)) if !name.is_empty() => Ok(Self::Profile(name.into())),
            _ => Err(format!("{text:?} is neither profile/NAME nor platform")),
        }
    }
}

/// Whether it can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Can {
    /// By this chain.
    Yes,
    /// For this reason.
    No,
    /// What it depends on is not known.
    Unknown,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The question.
    pub question: String,
    /// Whether it can be done.
    pub can: Can,
    /// Why, a step each.
    pub chain: Vec<String>,
}

impl Answer {
    fn new(question: impl Into<String>, answer: Result<Option<Vec<String>>, MissingFact>) -> Self {
        let question = question.into();
        match answer {
            Ok(Some(chain)) => Self { question, can: Can::Yes, chain },
            Ok(None) => Self {
                question,
                can: Can::No,
                chain: vec!["no binding, policy or path that is known here leads there".into()],
            },
            Err(MissingFact(why)) => Self { question, can: Can::Unknown, chain: vec![why] },
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let can = match self.can {
            Can::Yes => "yes",
            Can::No => "no",
            Can::Unknown => "not known",
        };
        write!(f, "{can}: {}", line(&self.question))?;
        self.chain.iter().try_for_each(|step| write!(f, "\n  {}", line(step)))
    }
}

/// Whether anything in the cluster names a subject. A user that nothing names may exist: the
/// API server knows users only by what their login says.
pub fn is_named(context: &Context<'_>, who: &Who) -> Result<bool, MissingFact> {
    let bound = |kind: &str, name: &str| -> Result<bool, MissingFact> {
        let of_cluster = context.cluster_role_bindings()?.iter();
        let of_cluster = of_cluster.flat_map(|binding| &binding.subjects);
        let of_namespaces = context.role_bindings()?.iter();
        let mut all = of_cluster.chain(of_namespaces.flat_map(|binding| &binding.subjects));
        Ok(all.any(|subject| &*subject.kind == kind && &*subject.name == name))
    };
    match who {
        Who::Profile(name) => Ok(context.profile_namespaces()?.contains(name.as_str())),
        Who::Group(name) => Ok(name.starts_with("system:") || bound("Group", name)?),
        Who::Account { namespace, name } => {
            let mut accounts = context.service_accounts()?.iter();
            Ok(accounts.any(|account| {
                account.metadata.name == *name && *account.metadata.namespace == *namespace.as_str()
            }))
        }
        Who::User(name) => {
            let mut profiles = context.profiles()?.iter();
            if name.starts_with("system:")
                || profiles.any(|profile| &*profile.spec.owner.name == name.as_str())
                || bound("User", name)?
            {
                return Ok(true);
            }
            let rules = context.authorization_policies()?.iter();
            let rules = rules.flat_map(|policy| &policy.spec.rules);
            let mut conditions = rules.flat_map(|rule| &rule.when);
            Ok(conditions
                .any(|condition| condition.values.iter().any(|value| *value == *name.as_str())))
        }
    }
}

/// Answers every question about a subject and a target.
pub fn answers(context: &Context<'_>, who: &Who, to: &To) -> Result<Vec<Answer>, MissingFact> {
    let rights = Rights::of(context)?;
    let reached = rights.reach(who);
    let namespace = match to {
        To::Profile(name) => name.as_str(),
        To::Platform => context.namespace(),
    };
    if let To::Profile(name) = to {
        let mut claims = context.profile_claims()?.iter();
        let claim = claims.find(|(profile, _)| profile.metadata.name == *name);
        match claim.map(|(_, claim)| claim.reason()) {
            Some(None) => {}
            Some(Some(why)) => {
                return Err(MissingFact(format!("the Profile {name} does not count: {why}")));
            }
            None => return Err(MissingFact(format!("there is no Profile {name}"))),
        }
    }
    let by_rights = |what: &[Power]| Ok(rights.chain(&reached, namespace, what));
    let place = match to {
        To::Profile(name) => format!("profile {name}"),
        To::Platform => "the platform".to_owned(),
    };
    let mut answers = vec![
        Answer::new(format!("read Secrets of {place}"), by_rights(&[Power::Secrets])),
        Answer::new(
            format!("run what they like in {place}, as any of its service accounts"),
            by_rights(&[Power::Code]),
        ),
        Answer::new(
            format!("decide who else may enter {place}"),
            by_rights(&[Power::Doors, Power::Rights]),
        ),
    ];
    match to {
        To::Profile(name) => {
            if let Who::User(user) = who {
                let through = network::through_gateway(context, user, name);
                let question = format!("reach {place} through the gateway, as themselves");
                answers.push(Answer::new(question, through));
            }
            let inside = network::from_inside(context, &rights, &reached, name);
            let question = format!("reach pods of {place} from inside the cluster");
            answers.push(Answer::new(question, inside));
        }
        To::Platform => {
            for (app, ports) in WEB_APPS.iter().chain([&KFP_API]) {
                let forged = network::forged(context, &rights, &reached, app, ports);
                let question = format!("call {app} as anybody, with a forged kubeflow-userid");
                answers.push(Answer::new(question, forged));
            }
        }
    }
    Ok(answers)
}
