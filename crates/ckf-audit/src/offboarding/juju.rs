//! Access of a leaving person in Juju, at login and in the policy.

use super::remnant::{By, Offboarding, Part, Person, Remnant};
use crate::facts::juju::{Juju, User};
use crate::facts::known::Known;
use crate::facts::object::ObjectRef;
use crate::views::{Context, MissingFact};

/// Parts of this file.
pub(super) const PARTS: [Part; 3] = [of_juju, of_logins, of_policy];

/// How long a session of the platform lasts once login is refused.
const SESSION: &str = "up to a day";

type Looked = Result<(), MissingFact>;

/// A tool of the shell takes the name as one word.
fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', r"'\''"))
}

fn of_juju(context: &Context<'_>, person: &Person, left: &mut Offboarding) -> Looked {
    let juju = context.juju()?;
    let users = context.users()?.iter();
    for user in users.filter(|user| person.is_in_juju(&user.name) && !user.disabled) {
        left.remnants.push(login_of(user, &juju.login));
    }
    of_models(context, person, left)?;
    of_grants(juju, person, left);
    Ok(())
}

/// A user's login, and who may disable it.
fn login_of(user: &User, login: &str) -> Remnant {
    let name = quoted(&user.name);
    let (by, how) = if user.name.contains('@') {
        (By::Hand, format!("juju revoke {name} login; disable it at its provider"))
    } else if user.name == "admin" || user.name == login {
        (By::Hand, format!("give it to another person: juju change-user-password {name}"))
    } else {
        (By::Command, format!("juju disable-user {name}"))
    };
    let access = if user.access.is_empty() { "no access" } else { &user.access };
    Remnant {
        place: "juju",
        object: ObjectRef::new("juju", "User", "", &user.name),
        has: format!("a login with {access} to the controller"),
        by,
        how,
        is_verifiable: true,
    }
}

/// Access to models, and cloud credentials that models use.
fn of_models(context: &Context<'_>, person: &Person, left: &mut Offboarding) -> Looked {
    for model in context.models()? {
        let object = || ObjectRef::new("juju", "Model", "", &model.name);
        for (name, access) in model.users.iter().filter(|(name, _)| person.is_in_juju(name)) {
            let how = format!("juju revoke {} read {}", quoted(name), quoted(&model.name));
            left.add("juju", object(), &format!("{access} of the model"), how);
        }
        let owner_of = |credential: &String| {
            credential.split('/').nth(1).is_some_and(|owner| person.is_in_juju(owner))
        };
        if let Some(credential) = model.credential.as_ref().filter(|it| owner_of(it)) {
            let how = format!(
                "juju set-credential -m {} with another's, then revoke the old one at the cloud",
                quoted(&model.name)
            );
            left.add("juju", object(), &format!("its cloud credential, {credential}"), how);
        }
    }
    Ok(())
}

/// Access to clouds and offers.
fn of_grants(juju: &Juju, person: &Person, left: &mut Offboarding) {
    for (kind, verb, known) in
        [("Cloud", "revoke-cloud", &juju.clouds), ("Offer", "revoke", &juju.offers)]
    {
        let Known::Known(all) = known else {
            left.unknown.push(format!("Juju's {}s could not be read", kind.to_lowercase()));
            continue;
        };
        for grants in all {
            let own = grants.users.iter().filter(|(name, _)| person.is_in_juju(name));
            for (name, access) in own {
                let lowest = if kind == "Cloud" { "add-model" } else { "read" };
                let how = format!("juju {verb} {} {lowest} {}", quoted(name), quoted(&grants.name));
                let object = ObjectRef::new("juju", kind, "", &grants.name);
                left.add("juju", object, &format!("{access} of it"), how);
            }
        }
    }
}

fn of_logins(context: &Context<'_>, person: &Person, left: &mut Offboarding) -> Looked {
    for dex in context.applications()?.iter().filter(|app| app.charm == "dex-auth") {
        let object = || ObjectRef::new("juju", "Application", "", &dex.name);
        if dex.option("static-username").is_some_and(|name| person.is(name)) {
            let how = "disable it once connectors work: juju config dex-auth \
                       enable-password-db=false; until then rotate it: juju run \
                       ckf-hardening/leader rotate-credentials targets=dex";
            left.add("logins", object(), "Dex's static user", how.into());
        }
        if dex.has_set("connectors") {
            let has = "perhaps an account at the identity provider";
            left.tell("logins", object(), has, "disable the person's account there, first of all");
        }
    }
    for gatekeeper in context.applications()?.iter().filter(|app| app.charm == "oidc-gatekeeper") {
        let object = ObjectRef::new("juju", "Application", "", &gatekeeper.name);
        let has = format!("perhaps a session, which lasts {SESSION}");
        let how = "wait that long, or end all sessions by removing what oidc-gatekeeper stores: \
                   all users then log in again";
        left.tell("sessions", object, &has, how);
    }
    Ok(())
}

fn of_policy(context: &Context<'_>, person: &Person, left: &mut Offboarding) -> Looked {
    let policy = context.policy;
    let object = || ObjectRef::new("policy", "Policy", "", "policy");
    let allowed = [&policy.allow.superusers, &policy.allow.model_admins];
    if allowed.into_iter().flatten().any(|name| person.is_in_juju(name)) {
        let how = "take the name out of the policy";
        left.add("policy", object(), "a place under allow", how.into());
    }
    let owned = policy.waivers.iter().filter(|waiver| person.is(&waiver.owner));
    for waiver in owned {
        let how = "name another owner, or let it go";
        left.add("policy", object(), &format!("a waiver of {}", waiver.control), how.into());
    }
    Ok(())
}
