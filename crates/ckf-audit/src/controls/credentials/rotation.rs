//! Ages of passwords.

use jiff::{SignedDuration, Timestamp};

use crate::controls::check::Check;
use crate::facts::juju::User;
use crate::facts::object::ObjectRef;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("CRED-01", passwords_are_rotated),
    ("CRED-04", dex_is_rotated),
    ("CRED-09", minio_is_rotated),
    ("CRED-12", mysql_is_rotated),
];

/// Users of a MySQL charm whose password its action sets.
const MYSQL_USERS: [&str; 3] = ["root", "serverconfig", "clusteradmin"];

pub(super) fn user_reference(name: &str) -> ObjectRef {
    ObjectRef::new("juju", "User", "", name)
}

pub(super) fn days(time: SignedDuration) -> String {
    count(usize::try_from(time.as_hours() / 24).unwrap_or(0), "day")
}

/// Age of a credential, against the limit of the policy.
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

/// Old ones fail; without any, an unknown age makes it not assessed.
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
            "Juju records no age of passwords, and this charm has not rotated that of {}; \
             rotate-credentials starts a record",
            unknown.join(", ")
        )),
        _ => outcome(old, format!("{} young enough", count(total, "password"))),
    }
}

pub(super) fn enabled<'a>(
    context: &Context<'a>,
) -> Result<impl Iterator<Item = &'a User>, MissingFact> {
    Ok(context.users()?.iter().filter(|user| !user.disabled))
}

/// The user by whom Juju collects the controller's metrics, with a password of Juju's own.
const METRICS_USER: &str = "juju-metrics";

/// Enabled users with a password of their own: neither those of an identity provider, whose names
/// have a domain, nor Juju itself.
pub(super) fn people<'a>(
    context: &Context<'a>,
) -> Result<impl Iterator<Item = &'a User>, MissingFact> {
    let is_own = |user: &&User| user.name != METRICS_USER && !user.name.contains('@');
    Ok(enabled(context)?.filter(is_own))
}

/// CRED-01: Juju users' passwords are rotated
fn passwords_are_rotated(context: &Context<'_>) -> Result<Outcome, MissingFact> {
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
    let users = people(context)?.map(|user| (user_reference(&user.name), since(user)));
    Ok(by_age(context, users.collect(), "the controller has no local user"))
}

/// CRED-04: Dex's static password is rotated
fn dex_is_rotated(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let applications = context.applications()?.iter();
    let with_password = applications.filter(|application| {
        application.charm == "dex-auth" && application.option("enable-password-db") != Some("false")
    });
    let since = context.rotated().get("dex").copied();
    let dex =
        with_password.map(|dex| (ObjectRef::new("juju", "Application", "", &dex.name), since));
    Ok(by_age(context, dex.collect(), "Dex has no static user"))
}

/// CRED-09: MinIO's root key is rotated
fn minio_is_rotated(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let since = context.rotated().get("minio").copied();
    let applications = context.applications()?.iter();
    let all = applications
        .filter(|application| application.charm == "minio")
        .map(|minio| (ObjectRef::new("juju", "Application", "", &minio.name), since));
    let nothing = "the model has no application of the charm minio";
    Ok(by_age(context, all.collect(), nothing))
}

/// CRED-12: Passwords of MySQL's system users are rotated
fn mysql_is_rotated(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let rotated = context.rotated();
    let mut credentials = Vec::new();
    for database in context.applications()?.iter().filter(|a| a.charm == "mysql-k8s") {
        for user in MYSQL_USERS {
            let name = format!("mysql/{}/{user}", database.name);
            let object = ObjectRef::new("juju", "Credential", "", &name);
            credentials.push((object, rotated.get(name.as_str()).copied()));
        }
    }
    Ok(by_age(context, credentials, "the model has no application of mysql-k8s"))
}
