//! Reads the facts from a controller. What cannot be read is unknown, with the reason.

mod settings;

pub use ckf_model::juju::*;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use juju_client::{
    ApplicationConfig, ApplicationStatus, Code, Connection, Endpoint, Error, FullStatus, Login,
    ModelSummary, OptionSource, Target,
};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::facts::known::{Known, Unknown};
use ckf_model::juju::options::Sensitivity;

/// Controller, login and model to read.
#[derive(Debug)]
pub struct Source<'a> {
    /// Addresses and CA of the controller.
    pub endpoint: &'a Endpoint,
    /// User that logs in.
    pub login: &'a Login,
    /// Options declared by the policy, for comparison.
    pub declared: &'a Options,
    /// Name of the platform's model.
    pub model: &'a str,
}

/// Reads a controller, over one connection to it and one to the model. Blocks.
pub fn read(source: &Source<'_>) -> Known<Juju> {
    match Connection::open(source.endpoint, &Target::Controller, source.login) {
        Err(error) => Known::Unknown(why(&error)),
        Ok(mut controller) => Known::Known(read_from(&mut controller, source)),
    }
}

fn read_from(controller: &mut Connection, source: &Source<'_>) -> Juju {
    let summaries = controller.models();
    let target = summaries.as_ref().ok().and_then(|models| {
        let model = models.iter().find(|model| model.name == source.model);
        model.map(|model| Target::Model(model.uuid.clone()))
    });
    let models = match &summaries {
        Err(error) => Known::Unknown(why(error)),
        Ok(all) => known(models(controller, all)),
    };
    let offers = match &models {
        Known::Unknown(why) => Known::Unknown(why.clone()),
        Known::Known(all) => known(offers(controller, all)),
    };
    let clouds = known(clouds(controller));
    let users = match controller.is_superuser() {
        false => {
            let login = &controller.user().identity;
            let why = format!("{login} has no superuser access to the controller");
            Known::Unknown(Unknown::Forbidden(why))
        }
        true => known(users(controller, &external(&models, &clouds, &offers))),
    };
    let mut remotes = BTreeMap::new();
    let (applications, settings) = match &target {
        None => {
            let why = format!("the controller lists no model {:?} for this user", source.model);
            let why = Unknown::Failed(why);
            (Known::Unknown(why.clone()), Known::Unknown(why))
        }
        Some(target) => match Connection::open(source.endpoint, target, source.login) {
            Ok(mut model) => platform(source, &mut model, &mut remotes),
            Err(error) => (Known::Unknown(why(&error)), Known::Unknown(why(&error))),
        },
    };
    let configuration = controller.controller_config();
    Juju {
        planned: false,
        server_version: controller.server_version().to_owned(),
        login: name(&controller.user().identity).to_owned(),
        users,
        models,
        clouds,
        offers,
        applications,
        controller: known(configuration.map(|config| settings::controller(&config))),
        settings,
        remotes,
    }
}

/// Applications and configuration of the platform's model.
fn platform(
    source: &Source<'_>,
    model: &mut Connection,
    remotes: &mut BTreeMap<String, String>,
) -> (Known<Vec<Application>>, Known<ModelSettings>) {
    let status = match model.status() {
        Ok(status) => status,
        Err(error) => return (Known::Unknown(why(&error)), Known::Unknown(why(&error))),
    };
    let of_model = status.model.clone();
    let remote = status.remote_applications.iter();
    remotes.extend(remote.map(|(name, of)| (name.clone(), of.offer_url.clone())));
    let applications = known(applications(source, model, status));
    let read = |model: &mut Connection| {
        let mut config = model.model_config()?;
        if let Some(backend) = model.model_secret_backend()? {
            config.insert("secret-backend".into(), Value::String(backend));
        }
        Ok(settings::model(&config, model.blocks()?, &of_model))
    };
    (applications, known(read(model)))
}

/// Users of identity providers whom grants name, and all of these: no list has them.
fn external(
    models: &Known<Vec<Model>>,
    clouds: &Known<Vec<Grants>>,
    offers: &Known<Vec<Grants>>,
) -> BTreeSet<String> {
    let mut names = BTreeSet::from([EVERYONE.to_owned()]);
    let mut add = |users: &BTreeMap<String, String>| {
        names.extend(users.keys().filter(|name| name.contains('@')).cloned());
    };
    if let Known::Known(models) = models {
        models.iter().for_each(|model| add(&model.users));
    }
    for known in [clouds, offers] {
        if let Known::Known(all) = known {
            all.iter().for_each(|grants| add(&grants.users));
        }
    }
    names
}

fn users(controller: &mut Connection, external: &BTreeSet<String>) -> Result<Vec<User>, Error> {
    let user = |user: juju_client::User| User {
        name: user.username,
        access: user.access,
        created: time(user.date_created.as_deref()),
        last_connection: time(user.last_connection.as_deref()),
        disabled: user.disabled,
    };
    let mut all: Vec<User> = controller.users()?.into_iter().map(user).collect();
    for name in external {
        match controller.user_info(name) {
            Ok(found) => all.push(User { name: name.clone(), ..user(found) }),
            // One whom the controller does not know has no access to it.
            Err(error) if error.is_gone() || is_no_user(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

fn is_no_user(error: &Error) -> bool {
    error.failure().is_some_and(|failure| failure.message.contains("not found"))
}

fn models(controller: &mut Connection, all: &[ModelSummary]) -> Result<Vec<Model>, Error> {
    let model = |summary: &ModelSummary| still_there(model(controller, &summary.uuid));
    all.iter().map(model).filter_map(Result::transpose).collect()
}

/// The result; `None` if the object was removed in the meantime.
fn still_there<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error),
    }
}

fn model(controller: &mut Connection, uuid: &str) -> Result<Model, Error> {
    let info = controller.model(uuid)?;
    Ok(Model {
        name: info.name.clone(),
        owner: info.owner().to_owned(),
        credential: info.credential(),
        last_logins: last_logins(&info.users),
        users: info.users.into_iter().map(|user| (user.user, user.access)).collect(),
    })
}

fn last_logins(users: &[juju_client::ModelUser]) -> BTreeMap<String, Timestamp> {
    let logins = users
        .iter()
        .filter_map(|user| Some((user.user.clone(), time(user.last_connection.as_deref())?)));
    logins.collect()
}

fn clouds(controller: &mut Connection) -> Result<Vec<Grants>, Error> {
    let names = controller.clouds()?;
    let grants = |name: String| {
        let Some(cloud) = still_there(controller.cloud(&name))? else {
            return Ok(None);
        };
        let users = cloud.users.into_iter().map(|user| (user.name, user.access));
        Ok(Some(Grants { name, users: users.collect(), connections: None }))
    };
    let all = names.into_iter().map(grants);
    all.filter_map(Result::transpose).collect()
}

fn offers(controller: &mut Connection, models: &[Model]) -> Result<Vec<Grants>, Error> {
    let mut all = Vec::new();
    for model in models {
        let offers = still_there(controller.offers(&model.owner, &model.name))?;
        let offers = offers.unwrap_or_default();
        all.extend(offers.into_iter().map(|offer| Grants {
            name: offer.offer_url,
            users: offer.users.into_iter().map(|user| (user.user, user.access)).collect(),
            connections: Some(offer.connections.len()),
        }));
    }
    Ok(all)
}

fn applications(
    source: &Source<'_>,
    model: &mut Connection,
    status: FullStatus,
) -> Result<Vec<Application>, Error> {
    let names: Vec<&str> = status.applications.keys().map(String::as_str).collect();
    // An error here leaves the rest of the facts known.
    let resources = known(model.resources(&names));
    let mut application = |(name, status): (String, ApplicationStatus)| {
        // A dead application has no options, but remains in the status for a while.
        let Some(config) = still_there(model.application_config(&name))? else {
            return Ok(None);
        };
        let declared = source.declared.get(&name);
        let url = status.charm.clone();
        let own: Known<BTreeMap<String, Resource>> = match &resources {
            Known::Known(all) => {
                let all = all.get(&name).into_iter().flatten();
                Known::Known(all.cloned().map(resource).collect())
            }
            Known::Unknown(why) => Known::Unknown(why.clone()),
        };
        let mut application = application(name, status, &config, declared);
        // The image of an attached resource does not identify its container.
        let is_attached = |resource: &Resource| resource.revision.is_none();
        let has_attached = matches!(&own, Known::Known(own) if own.values().any(is_attached));
        application.resources = own;
        if has_attached {
            let info = model.charm_info(&url).unwrap_or_default();
            let containers = info.meta.unwrap_or_default().containers.into_iter();
            application.containers = containers.map(|(name, of)| (name, of.resource)).collect();
        }
        Ok(Some(application))
    };
    let all = status.applications.into_iter();
    all.filter_map(|known| application(known).transpose()).collect()
}

fn resource(resource: juju_client::Resource) -> (String, Resource) {
    let fact = Resource {
        revision: (resource.origin == "store").then_some(resource.revision),
        mark: resource.fingerprint.chars().take(16).collect(),
    };
    (resource.name, fact)
}

fn application(
    name: String,
    status: ApplicationStatus,
    config: &ApplicationConfig,
    declared: Option<&BTreeMap<String, String>>,
) -> Application {
    let (charm, revision) = charm(&status.charm);
    let units = status.units.into_iter();
    let troubled = units.filter_map(|(name, unit)| {
        let workload = unit.workload_status;
        let is_troubled = ["error", "blocked"].contains(&workload.status.as_str());
        is_troubled.then(|| (name, format!("{}: {}", workload.status, workload.info)))
    });
    let options = config.config.iter().map(|(name, option)| {
        let declared = declared.and_then(|options| options.get(name));
        let option = Given {
            name,
            value: &option.value,
            is_set: option.source == OptionSource::User,
            is_uri: option.kind == "secret",
        };
        (name.clone(), setting(charm, &option, declared))
    });
    Application {
        name,
        charm: charm.to_owned(),
        revision,
        channel: status.charm_channel,
        base: status.base.version().to_owned(),
        can_upgrade_to: Some(status.can_upgrade_to).filter(|newer| !newer.is_empty()),
        trusted: config.is_trusted(),
        exposed: status.exposed,
        relations: status.relations,
        troubled: troubled.collect(),
        options: options.collect(),
        ..Application::default()
    }
}

/// An option, from Juju or a bundle.
pub(crate) struct Given<'a> {
    /// Name of the option.
    pub name: &'a str,
    /// Value, of any YAML type.
    pub value: &'a Value,
    /// Whether it was set by a user.
    pub is_set: bool,
    /// Whether it is of Juju's type `secret`, so that its value is only a reference.
    pub is_uri: bool,
}

/// The fact of a charm's option: the value is retained only if it is harmless.
pub(crate) fn setting(charm: &str, option: &Given<'_>, declared: Option<&String>) -> Setting {
    let text = Zeroizing::new(text(option.value));
    let sensitivity = match option.is_uri {
        true => Sensitivity::Harmless,
        false => options::sensitivity(charm, option.name),
    };
    let holds_secret = match sensitivity {
        Sensitivity::Secret => !text.is_empty(),
        Sensitivity::Harmless => options::holds_login(&text),
        Sensitivity::Document | Sensitivity::Private => options::holds_secret(&text),
    };
    let is_shown = sensitivity == Sensitivity::Harmless && !holds_secret;
    let is_password = sensitivity == Sensitivity::Secret;
    Setting {
        set: option.is_set && !text.is_empty(),
        value: is_shown.then(|| text.to_string()),
        password: (is_password && holds_secret).then(|| Strength::of(&text)),
        connectors: match (charm, option.name) {
            ("dex-auth", "connectors") => connectors(&text),
            _ => Vec::new(),
        },
        secret: holds_secret,
        as_declared: declared.filter(|_| !is_shown).map(|declared| declared.trim() == text.trim()),
    }
}

/// Name and revision from a charm URL, such as `ch:amd64/dex-auth-612`.
pub(crate) fn charm(url: &str) -> (&str, Option<u64>) {
    let path = url.split_once(':').map_or(url, |(_, path)| path);
    let last = path.rsplit('/').next().unwrap_or(path);
    match last.rsplit_once('-') {
        Some((name, revision)) => match revision.parse() {
            Ok(revision) => (name, Some(revision)),
            Err(_) => (last, None),
        },
        None => (last, None),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A time, truncated to the second, which is the precision of a last login in Juju.
fn time(text: Option<&str>) -> Option<Timestamp> {
    let time: Timestamp = text?.parse().ok()?;
    Timestamp::from_second(time.as_second()).ok()
}

fn name(tag: &str) -> &str {
    tag.strip_prefix("user-").unwrap_or(tag)
}

fn known<T>(result: Result<T, Error>) -> Known<T> {
    match result {
        Ok(value) => Known::Known(value),
        Err(error) => Known::Unknown(why(&error)),
    }
}

fn why(error: &Error) -> Unknown {
    let denied = error.failure().is_some_and(|f| f.code == Code::Unauthorized);
    match error {
        Error::TimedOut { .. } => Unknown::TimedOut(error.to_string()),
        _ if denied => Unknown::Forbidden(error.to_string()),
        _ => Unknown::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(charm: &str, name: &str, value: &str, declared: Option<&str>) -> Setting {
        let option = Given { name, value: &json!(value), is_set: true, is_uri: false };
        setting(charm, &option, declared.map(str::to_owned).as_ref())
    }

    #[test]
    fn declared_secret_option_is_compared_and_not_retained() {
        for (charm, name, value) in [
            ("dex-auth", "static-password", "hunter2"),
            ("dex-auth", "connectors", "- config: {clientSecret: hunter2}"),
            ("minio", "secret-key", "hunter2"),
            ("minio", "ssl-key", "aHVudGVyMg=="),
            ("minio", "access-key", "hunter2"),
            ("theirs", "api-token", "hunter2"),
            ("theirs", "colour", "hunter2"),
            ("dex-auth", "issuer-url", "https://me:hunter2@idp.example.com"),
            ("oidc-gatekeeper", "ca-bundle", "-----BEGIN PRIVATE KEY-----\nhunter2"),
        ] {
            let other = of(charm, name, value, Some(""));
            assert_eq!((other.as_declared, &other.value), (Some(false), &None), "{name}");
            let same = of(charm, name, value, Some(value));
            assert_eq!((same.as_declared, &same.value), (Some(true), &None), "{name}");
            let json = serde_json::to_string(&same).unwrap();
            assert!(!json.contains("hunter2") && !json.contains("aHVu"), "{name}: {json}");
        }
        let shown = of("dex-auth", "issuer-url", "https://idp.example.com", Some(""));
        assert_eq!(shown.value.as_deref(), Some("https://idp.example.com"));
        assert_eq!((shown.secret, shown.as_declared), (false, None));
    }

    #[test]
    fn connectors_without_secret_are_no_secret() {
        assert!(of("dex-auth", "connectors", "[{bindPW: x}]", None).secret);
        assert!(!of("dex-auth", "connectors", "[{type: github}]", None).secret);
        assert!(of("minio", "ssl-key", "LS0t", None).secret);
        assert!(!of("minio", "access-key", "root-of-minio", None).secret);
    }

    #[test]
    fn name_and_revision_are_parsed_from_charm_url() {
        for (url, expected) in [
            ("ch:amd64/dex-auth-612", ("dex-auth", Some(612))),
            ("ch:amd64/jammy/dex-auth-612", ("dex-auth", Some(612))),
            ("local:dex-auth-0", ("dex-auth", Some(0))),
            ("dex-auth", ("dex-auth", None)),
            ("", ("", None)),
        ] {
            assert_eq!(charm(url), expected, "{url}");
        }
    }
}
