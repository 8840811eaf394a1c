//! Juju's users: how old their passwords are, whether they are used, and what they
//! may do. And the ages of other credentials that the charm rotates.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::context::{Context, Missing};
use super::{Check, Outcome, count, finding, outcome};
use crate::facts::istio::reference;
use crate::facts::juju::User;
use crate::facts::object::ObjectRef;

/// The checks of this part of the section.
pub const CHECKS: &[(&str, Check)] = &[
    ("CRED-01", passwords_are_rotated),
    ("CRED-02", nobody_is_idle),
    ("CRED-03", least_privilege),
    ("CRED-04", dex_is_rotated),
    ("CRED-09", minio_is_rotated),
    ("CRED-12", mysql_is_rotated),
    ("JUJU-01", credentials_are_not_shared),
];

/// The controller's first user, who has to be a superuser.
const FIRST_USER: &str = "admin";
/// Users of a MySQL charm whose password its action sets.
const MYSQL_USERS: [&str; 3] = ["root", "serverconfig", "clusteradmin"];

fn user_reference(name: &str) -> ObjectRef {
    reference("juju", "User", "", name)
}

fn days(time: SignedDuration) -> String {
    count(usize::try_from(time.as_hours() / 24).unwrap_or(0), "day")
}

/// What is known of the age of a credential.
enum Age {
    Young,
    /// Older than the policy allows, by this.
    Old(SignedDuration),
    Unknown,
}

fn age(since: Option<Timestamp>, context: &Context<'_>) -> Age {
    let Some(since) = since else {
        return Age::Unknown;
    };
    let age = context.now().duration_since(since);
    match age > context.policy.password_age {
        true => Age::Old(age),
        false => Age::Young,
    }
}

/// Old ones fail; if there are none, unknown ones keep it from being told.
fn by_age(
    context: &Context<'_>,
    credentials: Vec<(ObjectRef, Option<Timestamp>)>,
    nothing: &str,
) -> Outcome {
    if credentials.is_empty() {
        return Outcome::NotApplicable(nothing.into());
    }
    let total = credentials.len();
    let wanted = format!("{} at most", days(context.policy.password_age));
    let (mut old, mut unknown) = (Vec::new(), Vec::new());
    for (object, since) in credentials {
        match age(since, context) {
            Age::Young => {}
            Age::Old(age) => old.push(finding(object, "password age", days(age), wanted.clone())),
            Age::Unknown => unknown.push(object.name),
        }
    }
    match (old.is_empty(), unknown.is_empty()) {
        (true, false) => Outcome::NotAssessed(format!(
            "Juju keeps no age of passwords, and this charm has not rotated that of {}; \
             rotate-credentials begins its record",
            unknown.join(", ")
        )),
        _ => outcome(old, format!("{} young enough", count(total, "password"))),
    }
}

fn enabled<'a>(context: &Context<'a>) -> Result<impl Iterator<Item = &'a User>, Missing> {
    Ok(context.users()?.iter().filter(|user| !user.disabled))
}

fn passwords_are_rotated(context: &Context<'_>) -> Result<Outcome, Missing> {
    let rotated = context.rotated();
    let login = &context.juju()?.login;
    let since = |user: &User| {
        let name = format!("juju-user/{}", user.name);
        let own = (user.name == *login).then(|| rotated.get("own-login")).flatten();
        let known = rotated.get(name.as_str()).into_iter().chain(own).max().copied();
        // A password is no older than its user.
        let newly = user.created.filter(|created| {
            context.now().duration_since(*created) <= context.policy.password_age
        });
        known.or(newly)
    };
    let users = enabled(context)?.map(|user| (user_reference(&user.name), since(user)));
    Ok(by_age(context, users.collect(), "the controller has no local user"))
}

fn nobody_is_idle(context: &Context<'_>) -> Result<Outcome, Missing> {
    let limit = context.policy.idle_time;
    let mut total = 0;
    let mut findings = Vec::new();
    for user in enabled(context)? {
        total += 1;
        let (field, since) = match (user.last_connection, user.created) {
            (Some(last), _) => ("last login", Some(last)),
            (None, created) => ("registration", created),
        };
        let Some(since) = since else { continue };
        let idle = context.now().duration_since(since);
        if idle > limit {
            let seen = match field {
                "last login" => format!("{} ago", days(idle)),
                _ => format!("never taken up in {}", days(idle)),
            };
            let wanted = format!("used within {}, or disabled", days(limit));
            findings.push(finding(user_reference(&user.name), field, seen, wanted));
        }
    }
    Ok(outcome(findings, format!("{} in use", count(total, "user"))))
}

fn least_privilege(context: &Context<'_>) -> Result<Outcome, Missing> {
    let juju = context.juju()?;
    let allow = &context.policy.allow;
    let may_be = |list: &[String], name: &str| {
        // Its own login needs superuser, to rotate and to read this.
        name == FIRST_USER || name == juju.login || list.iter().any(|allowed| allowed == name)
    };
    let mut findings = Vec::new();
    let mut total = 0;
    for user in enabled(context)?.filter(|user| user.access == "superuser") {
        total += 1;
        if !may_be(&allow.superusers, &user.name) {
            let wanted = "login, or in the policy under allow.superusers";
            let object = user_reference(&user.name);
            findings.push(finding(object, "controller access", "superuser", wanted));
        }
    }
    for model in context.models()?.iter().filter(|model| model.name == context.namespace()) {
        for (name, _) in model.users.iter().filter(|(_, access)| *access == "admin") {
            total += 1;
            if *name != model.owner && !may_be(&allow.model_admins, name) {
                let field = format!("access to model {}", model.name);
                let wanted = "write or read, or in the policy under allow.model-admins";
                findings.push(finding(user_reference(name), &field, "admin", wanted));
            }
        }
    }
    let evidence = format!("{}, all of them expected", count(total, "superuser or model admin"));
    Ok(outcome(findings, evidence))
}

fn dex_is_rotated(context: &Context<'_>) -> Result<Outcome, Missing> {
    let applications = context.applications()?.iter();
    let with_password = applications.filter(|application| {
        application.charm == "dex-auth" && application.option("enable-password-db") != Some("false")
    });
    let since = context.rotated().get("dex").copied();
    let dex = with_password.map(|dex| (reference("juju", "Application", "", &dex.name), since));
    Ok(by_age(context, dex.collect(), "Dex has no static user"))
}

fn minio_is_rotated(context: &Context<'_>) -> Result<Outcome, Missing> {
    let since = context.rotated().get("minio").copied();
    let applications = context.applications()?.iter();
    let all = applications
        .filter(|application| application.charm == "minio")
        .map(|minio| (reference("juju", "Application", "", &minio.name), since));
    let nothing = "the model has no application of the charm minio";
    Ok(by_age(context, all.collect(), nothing))
}

fn mysql_is_rotated(context: &Context<'_>) -> Result<Outcome, Missing> {
    let rotated = context.rotated();
    let mut credentials = Vec::new();
    for database in context.applications()?.iter().filter(|a| a.charm == "mysql-k8s") {
        for user in MYSQL_USERS {
            let name = format!("mysql/{}/{user}", database.name);
            let object = reference("juju", "Credential", "", &name);
            credentials.push((object, rotated.get(name.as_str()).copied()));
        }
    }
    Ok(by_age(context, credentials, "the model has no application of mysql-k8s"))
}

fn credentials_are_not_shared(context: &Context<'_>) -> Result<Outcome, Missing> {
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for model in context.models()? {
        if let Some(credential) = &model.credential {
            owners.entry(credential).or_default().insert(&model.owner);
        }
    }
    let shared = owners.iter().filter(|(_, of)| of.len() > 1);
    let findings = shared.map(|(credential, of)| {
        let of: Vec<&str> = of.iter().copied().collect();
        let object = reference("juju", "CloudCredential", "", credential);
        finding(object, "owners of its models", of.join(", "), "one owner")
    });
    let findings = findings.collect();
    let evidence = format!("{}, each of one owner", count(owners.len(), "cloud credential"));
    Ok(match owners.is_empty() {
        true => {
            Outcome::NotAssessed("the controller shows no cloud credential of any model".into())
        }
        false => outcome(findings, evidence),
    })
}
