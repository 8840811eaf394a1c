//! Keys and secrets that something logs in with and that this charm does not rotate by itself: how
//! old each is, as far as anything shows, who owns it, when it is next, and how it is changed. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::crypto_assets::inventory;
use crate::facts::known::Known;
use crate::facts::object::Object as _;
use crate::views::{Context, MissingFact};

/// A key that is changed by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LoginKey {
    /// What it is, and of what.
    pub key: String,
    /// Who changes it.
    pub owner: &'static str,
    /// Since when it is in use; None if nothing shows it.
    pub since: Option<Date>,
    /// By when it is to be changed; None if it is not known since when it is in use.
    pub next: Option<Date>,
    /// How it is changed, in order.
    pub steps: String,
}

/// Keys, and what could not be looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LoginKeys {
    /// The keys, those with a date first, the nearest before the others.
    pub keys: Vec<LoginKey>,
    /// What could not be looked at, and why.
    pub unknown: Vec<String>,
}

impl LoginKeys {
    fn add(&mut self, key: impl Into<String>, owner: &'static str, age: Age, steps: &str) {
        let (since, next) = age;
        let (key, steps) = (key.into(), steps.to_owned());
        self.keys.push(LoginKey { key, owner, since, next, steps });
    }
}

/// Since when, and until when.
type Age = (Option<Date>, Option<Date>);
type Part = Result<(), MissingFact>;

/// How long before the end of an authority its change begins.
const BEFORE_END: SignedDuration = SignedDuration::from_hours(180 * 24);

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn of_seconds(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

/// All of them.
pub fn login_keys(context: &Context<'_>) -> LoginKeys {
    let mut all = LoginKeys::default();
    for part in [of_applications, of_controller, of_mesh, of_secrets] {
        if let Err(MissingFact(why)) = part(context, &mut all)
            && !all.unknown.contains(&why)
        {
            all.unknown.push(why);
        }
    }
    all.keys.sort_by(|a, b| {
        (a.next.is_none(), a.next, &a.key).cmp(&(b.next.is_none(), b.next, &b.key))
    });
    all
}

/// By an attestation of the day on which it was changed, for a year.
fn attested(context: &Context<'_>, control: &str) -> Age {
    let all = context.policy.attestations.iter().filter(|it| it.control == control);
    let since = all.map(|it| it.date).max();
    (since, since.and_then(|date| date.checked_add(SignedDuration::from_hours(365 * 24)).ok()))
}

fn of_applications(context: &Context<'_>, all: &mut LoginKeys) -> Part {
    for app in context.applications()? {
        let name = &app.name;
        if app.charm == "dex-auth" && app.options.get("connectors").is_some_and(|it| it.secret) {
            all.add(
                format!("client secret or bind password in {name}'s connectors"),
                "administrators of the identity provider",
                (None, None),
                "1. add a second client secret at the provider, or a second account for the bind; 2. \
                 write it into a file with the other connectors; 3. juju config dex-auth \
                 connectors=@FILE; 4. log in with a private window; 5. take the old one away at \
                 the provider",
            );
        }
        if app.charm == "oidc-gatekeeper" {
            all.add(
                format!("client secret of {name}, shared with Dex"),
                "operators of the platform",
                attested(context, "CRED-05"),
                "no option and no action changes it: see CRED-05 for the new deployment that does, \
                 and attest the day",
            );
            all.add(
                format!("sessions of {name}"),
                "operators of the platform",
                (None, None),
                "a session lasts up to a day; disable the account at the identity provider, then \
                 wait that long",
            );
        }
    }
    Ok(())
}

fn of_controller(context: &Context<'_>, all: &mut LoginKeys) -> Part {
    let juju = context.juju()?;
    let Known::Known(controller) = &juju.controller else {
        return Err(MissingFact("the controller's configuration was not read".into()));
    };
    if let Some(ends) = controller.authority_ends {
        let begin = ends.checked_sub(BEFORE_END).ok().map(day);
        all.add(
            format!("certificate authority of Juju's controller, until {}", day(ends)),
            "administrators of Juju",
            (None, begin),
            "no command replaces it: 1. bootstrap a new controller; 2. juju migrate each model; 3. \
             give the new address and CA to clients and to juju-credentials (JUJU-08)",
        );
    }
    Ok(())
}

fn of_mesh(context: &Context<'_>, all: &mut LoginKeys) -> Part {
    let assets = inventory(context)?;
    let roots = assets.iter().filter(|asset| asset.object.name == "istio-ca-root-cert");
    let own = roots.filter(|asset| *asset.object.namespace == *context.namespace());
    for certificate in own.filter_map(|asset| asset.certificate.as_ref()) {
        let since = of_seconds(certificate.not_before).map(day);
        let ends = of_seconds(certificate.not_after);
        let begin = ends.and_then(|ends| ends.checked_sub(BEFORE_END).ok()).map(day);
        let until = ends.map_or("an unknown day".into(), |ends| day(ends).to_string());
        all.add(
            format!("root of the mesh, until {until}"),
            "operators of the platform",
            (since, begin),
            "1. make a new root and an intermediate; 2. have pods trust both roots, by a Secret \
             cacerts whose root-cert.pem has both; 3. restart istiod, then every pod with a proxy; \
             4. sign with the new one only; 5. restart them again, and take the old root out",
        );
    }
    Ok(())
}

fn of_secrets(context: &Context<'_>, all: &mut LoginKeys) -> Part {
    for secret in context.secrets()? {
        let object = secret.reference();
        let has = |name: &str| secret.keys.iter().any(|key| **key == *name);
        // Elsewhere than in the platform: where Velero is installed.
        if secret.metadata.name == "cloud-credentials" && has("cloud") {
            all.add(
                format!("{object}, S3 key of Velero"),
                "operators of the backup",
                (None, None),
                "1. make a second key at the store; 2. write it into the Secret; 3. restart Velero; \
                 4. see a backup succeed; 5. take the old key away",
            );
            continue;
        }
        if !context.is_ours(&secret.metadata.namespace)? {
            continue;
        }
        match &*secret.kind {
            "kubernetes.io/service-account-token" if secret.metadata.name != "model-exec" => all.add(
                format!("{object}, a token of a service account that never ends"),
                "the maker of the Secret",
                (None, None),
                "have its user ask for a token that ends: kubectl create token ACCOUNT \
                 --duration=1h; then ckf-hardening apply service-account-tokens",
            ),
            "kubernetes.io/dockerconfigjson" | "kubernetes.io/dockercfg" => {
                let (owner, steps) = match secret.metadata.name.ends_with("-secret") {
                    true => (
                        "Juju, with the charm's resource",
                        "Juju renews it with the next revision of the resource: juju refresh, or juju \
                         attach-resource with the registry's new password",
                    ),
                    false => (
                        "the maker of the Secret",
                        "1. make a second token at the registry; 2. write it into the Secret; 3. see an \
                         image pulled; 4. take the old token away",
                    ),
                };
                all.add(format!("{object}, a registry's password"), owner, (None, None), steps);
            }
            _ if secret.minio.is_none() && has("AWS_SECRET_ACCESS_KEY") => all.add(
                format!("{object}, an S3 key"),
                "the maker of the Secret",
                (None, None),
                "1. make a second key at the store; 2. write it into the Secret; 3. restart the pods \
                 that use it; 4. take the old key away",
            ),
            _ => {}
        }
    }
    Ok(())
}
