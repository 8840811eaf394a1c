//! Questions without one of their ends: who reaches a profile, what a subject or a pod that is
//! taken over reaches, and which profiles reach each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::answer::Answer;
use super::identity::{Identity, Reached, Step};
use super::network::{Chain, Network, Port, ports_by_namespace, through_gateway};
use super::rights::Rights;
use super::subject::Who;
use crate::views::future_profile::{TOMORROW, future_profile};
use crate::views::mesh_policies::STRANGER;
use crate::views::power::Power;
use crate::views::web_apps::{KFP_API, WEB_APPS};
use crate::views::{Context, MissingFact};

/// What rights let their holder do in a namespace, each with the powers that do.
const DEEDS: &[(&str, &[Power])] = &[
    ("read Secrets", &[Power::Secrets]),
    ("run code", &[Power::Code]),
    ("become service accounts", &[Power::Accounts]),
    ("decide who may enter", &[Power::Doors, Power::Rights]),
    (BY_API_SERVER, &[Power::Reach]),
];
const BY_API_SERVER: &str = "connect to pods through the API server";
const ANY_USER: &str = "any user who logs in";
const ANY_POD: &str = "any pod of another profile";
const GATEWAY: &str = "reach pods through the gateway";
const INSIDE: &str = "reach pods from inside the cluster";

/// What is done, where.
fn question(what: &str, place: &str) -> String {
    match what.split_once(" pods ") {
        Some((verb, by)) => format!("{verb} pods of {place} {by}"),
        None if what.ends_with("code") => format!("{what} in {place}"),
        None if what.ends_with("enter") => format!("{what} {place}"),
        None => format!("{what} of {place}"),
    }
}

fn row(who: impl ToString, what: &str, place: &str, chain: Chain) -> Option<Answer> {
    let answer = Answer::new(question(what, place), chain.transpose()?.map(Some));
    Some(Answer { who: who.to_string(), what: what.into(), to: place.into(), ..answer })
}

/// All who reach a profile: by rights, by rights of accounts that they can become, through
/// the gateway, and from pods of other namespaces.
pub fn who_reaches(context: &Context<'_>, profile: &str) -> Result<Vec<Answer>, MissingFact> {
    let rights = Rights::of(context)?;
    let place = format!("profile {profile}");
    let mut rows = Vec::new();
    for (what, powers) in DEEDS {
        // From those whom a binding names, back to those who can become them.
        let mut known = BTreeSet::new();
        let mut next: Vec<(Identity, Vec<Step>)> = rights
            .holders(profile, powers)
            .into_iter()
            .map(|(identity, step)| (identity, vec![step]))
            .collect();
        while !next.is_empty() {
            let mut before = Vec::new();
            for (identity, chain) in next {
                if !known.insert(identity.clone()) {
                    continue;
                }
                if let Identity::Account(namespace, _) = &identity
                    && namespace != profile
                {
                    let runs = rights.holders(namespace, &[Power::Code, Power::Accounts]);
                    before.extend(runs.into_iter().map(|(who, step)| {
                        let says = format!("{}, and so becomes {identity}", step.says);
                        let mut all = vec![Step { says, ..step }];
                        all.extend(chain.clone());
                        (who, all)
                    }));
                }
                rows.extend(row(&identity, what, &place, Ok(Some(chain))));
            }
            next = before;
        }
    }
    let network = Network::of(context)?;
    rows.extend(users_of_gateway(context, &network, profile)?);
    let ports = ports_by_namespace(context)?;
    let ports = ports.get(profile).map(Vec::as_slice).unwrap_or_default();
    let namespaces = context.namespaces()?.iter().map(|of| of.metadata.name.as_str());
    let tomorrow = from_tomorrow(&network, &rights, ports);
    let is_open = matches!(tomorrow, Ok(Some(_)));
    rows.extend(row(ANY_POD, INSIDE, &place, tomorrow));
    let profiles = context.profile_namespaces()?;
    for from in namespaces.filter(|from| *from != profile) {
        // What holds for any pod need not be said of each.
        if !(is_open && profiles.contains(from)) {
            let chain = network.path(&rights, from, None, ports, Some(profile));
            rows.extend(row(format!("pods of namespace {from}"), INSIDE, &place, chain));
        }
    }
    sort(&mut rows);
    Ok(rows)
}

fn sort(rows: &mut [Answer]) {
    rows.sort_by(|one, other| {
        (&one.to, &one.who, &one.what).cmp(&(&other.to, &other.who, &other.what))
    });
}

fn from_tomorrow<'a>(network: &Network<'a>, rights: &Rights<'_>, ports: &[Port<'a>]) -> Chain {
    network.path(rights, TOMORROW, Some(&future_profile()), ports, None)
}

/// Users whom policies of a profile name, its owner, and any other user.
fn users_of_gateway(
    context: &Context<'_>,
    network: &Network<'_>,
    profile: &str,
) -> Result<Vec<Answer>, MissingFact> {
    let place = format!("profile {profile}");
    let mut users = BTreeSet::new();
    let mut profiles = context.profiles()?.iter();
    let owner = profiles.find(|of| of.metadata.name == profile).map(|of| &of.spec.owner);
    users.extend(owner.filter(|owner| owner.kind != "Group").map(|owner| owner.name.to_string()));
    let policies = network.policies.in_namespace(profile).iter();
    for condition in policies.flat_map(|of| &of.spec.rules).flat_map(|rule| &rule.when) {
        let values = condition.values.iter().chain(condition.not_values.iter());
        let names = values.filter(|value| !value.contains('*'));
        users.extend(names.map(|value| value.to_string()));
    }
    let stranger = through_gateway(&network.policies, STRANGER, profile);
    let is_open = matches!(stranger, Ok(Some(_)));
    let mut rows: Vec<Answer> = row(ANY_USER, GATEWAY, &place, stranger).into_iter().collect();
    for user in users.iter().filter(|_| !is_open) {
        let chain = through_gateway(&network.policies, user, profile);
        rows.extend(row(format!("user {user}"), GATEWAY, &place, chain));
    }
    Ok(rows)
}

/// All that a subject reaches, for example to take it from them: what rights give, in which
/// namespaces; profiles through the gateway; and what the pods reach that they can run.
pub fn reaches(context: &Context<'_>, who: &Who) -> Result<Vec<Answer>, MissingFact> {
    let rights = Rights::of(context)?;
    let (reached, name) = match who {
        // A pod that is taken over has the account that it runs as, whichever that is.
        Who::Profile(profile) => (rights.reach_from(profile), format!("pods of profile {profile}")),
        who => {
            let reached = rights.reach(who);
            let name = reached.first().map_or_else(String::new, |own| own.identity.to_string());
            (reached, name)
        }
    };
    let mut rows = Vec::new();
    for (what, powers) in DEEDS {
        for (namespace, chain) in rights.places(&reached, powers) {
            let place = match namespace {
                Some(namespace) => format!("namespace {namespace}"),
                None => "every namespace".into(),
            };
            rows.extend(row(&name, what, &place, Ok(Some(chain))));
        }
    }
    let network = Network::of(context)?;
    if let Who::User(user) = who {
        for profile in context.profile_namespaces()? {
            let chain = through_gateway(&network.policies, user, profile);
            rows.extend(row(&name, GATEWAY, &format!("profile {profile}"), chain));
        }
    }
    rows.extend(network_rows(context, &network, &rights, &reached, &name)?);
    sort(&mut rows);
    Ok(rows)
}

/// Pods that are reached over the network, by namespace; of the platform's by application.
fn network_rows(
    context: &Context<'_>,
    network: &Network<'_>,
    rights: &Rights<'_>,
    reached: &[Reached],
    name: &str,
) -> Result<Vec<Answer>, MissingFact> {
    let mut rows = Vec::new();
    let from = rights.runs_in(reached);
    for (namespace, ports) in ports_by_namespace(context)? {
        let is_platform = namespace == context.namespace();
        let mut targets: BTreeMap<String, Vec<Port<'_>>> = BTreeMap::new();
        // The platform's pods do not all name the ports on which they listen.
        let mut all = ports.clone();
        for (pod, _) in ports.iter().filter(|_| is_platform) {
            let name = pod.metadata.label("app.kubernetes.io/name");
            let known = WEB_APPS.iter().chain([&KFP_API]).filter(|(app, _)| name == Some(*app));
            let more = known.flat_map(|(_, ports)| ports.iter()).map(|port| (*pod, *port));
            all.extend(more);
        }
        for (pod, port) in all {
            let app = pod.metadata.label("app.kubernetes.io/name").unwrap_or(&pod.metadata.name);
            let place = match is_platform {
                true => format!("{app} port {port}"),
                false => format!("namespace {namespace}"),
            };
            targets.entry(place).or_default().push((pod, port));
        }
        for (place, targets) in targets {
            let mut unknown = None;
            let mut found = None;
            for (own, before) in from.iter().filter(|(own, _)| *own != namespace) {
                match network.path(rights, own, None, &targets, Some(namespace)) {
                    Ok(Some(steps)) => {
                        found = Some([before.clone(), steps].concat());
                        break;
                    }
                    Ok(None) => {}
                    Err(missing) => unknown = Some(missing),
                }
            }
            let chain = match (found, unknown) {
                (Some(chain), _) => Ok(Some(chain)),
                (None, Some(missing)) => Err(missing),
                (None, None) => Ok(None),
            };
            rows.extend(row(name, INSIDE, &place, chain));
        }
    }
    Ok(rows)
}

/// Which profiles' pods reach which others'. One that any pod reaches is listed once.
pub fn between(context: &Context<'_>) -> Result<Vec<Answer>, MissingFact> {
    let rights = Rights::of(context)?;
    let network = Network::of(context)?;
    let ports = ports_by_namespace(context)?;
    let profiles = context.profile_namespaces()?;
    let mut rows = Vec::new();
    let mut matched = HashMap::new();
    for profile in profiles {
        let place = format!("profile {profile}");
        let ports = ports.get(profile).map(Vec::as_slice).unwrap_or_default();
        match from_tomorrow(&network, &rights, ports) {
            Ok(None) => {
                let from = network.may_come_from(profile, profiles, &mut matched);
                for from in from.iter().filter(|from| *from != profile) {
                    let chain = network.path(&rights, from, None, ports, Some(profile));
                    rows.extend(row(format!("pods of profile {from}"), INSIDE, &place, chain));
                }
            }
            open => rows.extend(row(ANY_POD, INSIDE, &place, open)),
        }
    }
    sort(&mut rows);
    Ok(rows)
}
