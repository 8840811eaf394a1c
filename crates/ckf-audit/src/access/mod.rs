//! Who can do what to whom, and by which chain: RBAC with the identities that it lets one take,
//! Istio's policies, membership of the mesh and NetworkPolicies, joined. Pure.

mod identity;
mod near;
mod network;
pub mod render;
mod rights;
mod survey;

use std::fmt;
use std::str::FromStr;

use printable::line;
use serde::Serialize;

pub use self::identity::{Identity, Reached, Step};
pub use self::near::near_misses;
use self::network::{Network, app_ports, from_pods, ports_by_namespace};
use self::rights::Rights;
pub use self::survey::{between, reaches, who_reaches};
use crate::views::mesh_policies::MeshPolicies;
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

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user {name}"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Account { namespace, name } => {
                write!(f, "service account {namespace}/{name}")
            }
            Self::Profile(name) => write!(f, "pods of profile {name}"),
        }
    }
}

/// A text that names neither a subject nor a target of access.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A service account as the API server calls it, without a part.
    #[error("{0:?}: expected system:serviceaccount:NAMESPACE:NAME")]
    AccountUser(String),
    /// A service account without a part.
    #[error("{0:?}: expected account/NAMESPACE/NAME")]
    Account(String),
    /// No name.
    #[error("{0:?} names no subject")]
    Empty(String),
    /// No kind of subject.
    #[error("{0:?} is not NAME, user/NAME, group/NAME, profile/NAME or account/NAMESPACE/NAME")]
    Subject(String),
    /// No target.
    #[error("{0:?} is neither profile/NAME nor platform")]
    Target(String),
}

impl FromStr for Who {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // As the API server calls an account.
        let user = text.strip_prefix("user/").unwrap_or(text);
        if let Some(account) = user.strip_prefix("system:serviceaccount:") {
            return match account.split_once(':') {
                Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
                    Ok(Self::Account { namespace: namespace.into(), name: name.into() })
                }
                _ => Err(NameError::AccountUser(text.to_owned())),
            };
        }
        let (kind, name) = text.split_once('/').unwrap_or(("user", text));
        if name.is_empty() {
            return Err(NameError::Empty(text.to_owned()));
        }
        match kind {
            "user" => Ok(Self::User(name.into())),
            "group" => Ok(Self::Group(name.into())),
            "profile" => Ok(Self::Profile(name.into())),
            "account" => match name.split_once('/') {
                Some((namespace, name)) => {
                    Ok(Self::Account { namespace: namespace.into(), name: name.into() })
                }
                None => Err(NameError::Account(text.to_owned())),
            },
            _ => Err(NameError::Subject(text.to_owned())),
        }
    }
}

impl FromStr for To {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            None if text == "platform" => Ok(Self::Platform),
            Some(("profile", name)) if !name.is_empty() => Ok(Self::Profile(name.into())),
            _ => Err(NameError::Target(text.to_owned())),
        }
    }
}

/// Whether it can be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Can {
    /// By this chain.
    Yes,
    /// For this reason.
    No,
    /// What it depends on is not known.
    #[default]
    Unknown,
}

/// The answer to a question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The question.
    pub question: String,
    /// Whether it can be done.
    pub can: Can,
    /// Why, a step each; of a no, which ways were looked at.
    pub chain: Vec<String>,
    /// Objects any of which, changed, closes the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub change: Vec<String>,
    /// Who does it, if the question asks who.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub who: String,
    /// What is done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// To what.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
}

impl Answer {
    fn new(question: impl Into<String>, answer: Result<Option<Vec<Step>>, MissingFact>) -> Self {
        let none = "no binding, policy or path that is known here leads there";
        let question = question.into();
        let of = |can, chain| Self { question: question.clone(), can, chain, ..Self::default() };
        match answer {
            Ok(Some(steps)) => {
                let mut change = Vec::new();
                for object in steps.iter().filter_map(|step| step.change.clone()) {
                    if !change.contains(&object) {
                        change.push(object);
                    }
                }
                let chain = steps.into_iter().map(|step| step.says).collect();
                Self { change, ..of(Can::Yes, chain) }
            }
            Ok(None) => of(Can::No, vec![none.into()]),
            Err(MissingFact(why)) => of(Can::Unknown, vec![why]),
        }
    }

    /// The same, with the ways that were looked at if the answer is no.
    fn looked_at(mut self, ways: impl Into<String>) -> Self {
        if self.can == Can::No {
            self.chain.push(format!("looked at: {}", ways.into()));
        }
        self
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let can = self.can.word();
        match self.who.as_str() {
            "" => write!(f, "{can}: {}", line(&self.question))?,
            who => write!(f, "{can}: {} can {}", line(who), line(&self.question))?,
        }
        self.chain.iter().try_for_each(|step| write!(f, "\n  {}", line(step)))?;
        match self.change.is_empty() {
            true => Ok(()),
            false => write!(f, "\n  to close it, change {}", line(&self.change.join(" or "))),
        }
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
    let looked = format!(
        "{} bindings, for {} and {} other identities that can be had",
        rights.bindings(),
        reached.first().map_or_else(String::new, |own| own.identity.to_string()),
        reached.len().saturating_sub(1)
    );
    let place = match to {
        To::Profile(name) => format!("profile {name}"),
        To::Platform => "the platform".to_owned(),
    };
    let mut answers = vec![
        Answer::new(format!("read Secrets of {place}"), by_rights(&[Power::Secrets]))
            .looked_at(&*looked),
        Answer::new(
            format!("run what they like in {place}, as any of its service accounts"),
            by_rights(&[Power::Code]),
        )
        .looked_at(&*looked),
        Answer::new(
            format!("decide who else may enter {place}"),
            by_rights(&[Power::Doors, Power::Rights]),
        )
        .looked_at(&*looked),
    ];
    let network = Network::of(context);
    let network = network.as_ref();
    let unread = |MissingFact(why): &MissingFact| MissingFact(why.clone());
    let ran_in: Vec<String> = rights.runs_in(&reached).into_keys().collect();
    let from = match ran_in.as_slice() {
        [] => "no pod that they can run".to_owned(),
        all => format!("NetworkPolicies and AuthorizationPolicies for pods of {}", all.join(", ")),
    };
    match to {
        To::Profile(name) => {
            if let Who::User(user) = who {
                let through = MeshPolicies::of(context)
                    .and_then(|policies| network::through_gateway(&policies, user, name));
                let question = format!("reach {place} through the gateway, as themselves");
                let looked = format!("the AuthorizationPolicies of {name} and of the mesh");
                answers.push(Answer::new(question, through).looked_at(looked));
            }
            let inside = network.map_err(unread).and_then(|network| {
                let ports = ports_by_namespace(context)?;
                let ports = ports.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
                from_pods(network, &rights, &reached, ports, Some(name))
            });
            let question = format!("reach pods of {place} from inside the cluster");
            answers.push(Answer::new(question, inside).looked_at(from));
        }
        To::Platform => {
            for (app, ports) in WEB_APPS.iter().chain([&KFP_API]) {
                let forged = network.map_err(unread).and_then(|network| {
                    let ports = app_ports(context, app, ports)?;
                    from_pods(network, &rights, &reached, &ports, None)
                });
                let question = format!("call {app} as anybody, with a forged kubeflow-userid");
                answers.push(Answer::new(question, forged).looked_at(&*from));
            }
        }
    }
    Ok(answers)
}
