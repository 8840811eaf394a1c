//! Who can do what to whom, and by which chain: RBAC with the identities that it lets one take,
//! Istio's policies, membership of the mesh and NetworkPolicies, joined. Pure.

mod answer;
mod identity;
mod near;
mod network;
pub mod render;
mod rights;
mod subject;
mod survey;
mod ways;

pub use self::answer::{Answer, Can};
pub use self::identity::{Identity, Reached, Step};
pub use self::near::near_misses;
use self::network::{Network, app_ports, from_pods, ports_by_namespace};
use self::rights::Rights;
pub use self::subject::{NameError, To, Who};
pub use self::survey::{between, reaches, who_reaches};
use crate::views::mesh_policies::MeshPolicies;
use crate::views::power::Power;
use crate::views::web_apps::{KFP_API, WEB_APPS};
use crate::views::{Context, MissingFact};

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

/// An error unless this is a Profile that counts.
fn check_profile(context: &Context<'_>, name: &str) -> Result<(), MissingFact> {
    let mut claims = context.profile_claims()?.iter();
    let claim = claims.find(|(profile, _)| profile.metadata.name == *name);
    match claim.map(|(_, claim)| claim.reason()) {
        Some(None) => Ok(()),
        Some(Some(why)) => Err(MissingFact(format!("the Profile {name} does not count: {why}"))),
        None => Err(MissingFact(format!("there is no Profile {name}"))),
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
        check_profile(context, name)?;
    }
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
    let mut answers: Vec<Answer> = [
        (format!("read Secrets of {place}"), &[Power::Secrets][..]),
        (format!("run what they like in {place}, as any of its service accounts"), &[Power::Code]),
        (format!("decide who else may enter {place}"), &[Power::Doors, Power::Rights]),
        (
            format!("connect to pods of {place} through the API server, past every policy"),
            &[Power::Reach],
        ),
    ]
    .into_iter()
    .map(|(question, powers)| {
        let chain = rights.chain(&reached, namespace, powers);
        Answer::new(question, Ok(chain)).looked_at(&*looked)
    })
    .collect();
    answers.extend(by_network(context, who, to, &rights, &reached)?);
    Ok(answers)
}

/// Whether a subject with these rights reaches pods, through the gateway or from inside.
fn by_network(
    context: &Context<'_>,
    who: &Who,
    to: &To,
    rights: &Rights<'_>,
    reached: &[Reached],
) -> Result<Vec<Answer>, MissingFact> {
    let mut answers = Vec::new();
    let network = Network::of(context);
    let network = network.as_ref();
    let unread = |MissingFact(why): &MissingFact| MissingFact(why.clone());
    let ran_in: Vec<String> = rights.runs_in(reached).into_keys().collect();
    let from = match ran_in.as_slice() {
        [] => "no pod that they can run".to_owned(),
        all => format!("NetworkPolicies and AuthorizationPolicies for pods of {}", all.join(", ")),
    };
    match to {
        To::Profile(name) => {
            if let Who::User(user) = who {
                let through = MeshPolicies::of(context)
                    .and_then(|policies| network::through_gateway(&policies, user, name));
                let question = format!("reach profile {name} through the gateway, as themselves");
                let looked = format!("the AuthorizationPolicies of {name} and of the mesh");
                answers.push(Answer::new(question, through).looked_at(looked));
            }
            let inside = network.map_err(unread).and_then(|network| {
                let ports = ports_by_namespace(context)?;
                let ports = ports.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
                from_pods(network, rights, reached, ports, Some(name))
            });
            let question = format!("reach pods of profile {name} from inside the cluster");
            answers.push(Answer::new(question, inside).looked_at(from));
        }
        To::Platform => {
            for (app, ports) in WEB_APPS.iter().chain([&KFP_API]) {
                let forged = network.map_err(unread).and_then(|network| {
                    let ports = app_ports(context, app, ports)?;
                    from_pods(network, rights, reached, &ports, None)
                });
                let question = format!("call {app} as any user, with a forged kubeflow-userid");
                answers.push(Answer::new(question, forged).looked_at(&*from));
            }
        }
    }
    Ok(answers)
}
