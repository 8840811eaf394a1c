//! A whole charm: it opens a port, sends a greeting to each application that relates to it,
//! and lets them read a token that Juju has it renew every month.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

use juju_charm::event::SecretEvent;
use juju_charm::port::{self, Port};
use juju_charm::relation::{self, Databag};
use juju_charm::secret::{self, Attributes, Content, Rotate, Value};
use juju_charm::{Event, Status, ToolError, action, config, leader, logging, status};

/// The name under which the charm finds its secret again.
const TOKEN: &str = "token";

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    logging::init(log::LevelFilter::Info, &["greeter"]);
    match Event::from_env(&|name| std::env::var(name).ok())? {
        Event::Action { name, .. } => run_action(&name),
        Event::Secret { id, what, .. } => renew(&id, what),
        event => {
            log::info!("{event:?}");
            reconcile()
        }
    }
}

/// Reconciles everything, whatever happened before.
fn reconcile() -> Result<()> {
    let options = config::all()?;
    let Some(number) = options.integer("port").and_then(|n| u16::try_from(n).ok()) else {
        let wrong = "the option port is no port; set it with juju config";
        return Ok(status::set(Status::Blocked, wrong)?);
    };
    port::open(Port::Tcp(number))?;
    if leader::is_leader()? {
        let token = token()?;
        let greeting = options.text("greeting").unwrap_or("hello");
        for relation in relation::of_endpoint("greeting")? {
            secret::grant(&token, &relation, None)?;
            relation.set_application(&Databag::from([
                ("greeting".into(), greeting.into()),
                ("token".into(), token.clone()),
            ]))?;
        }
    }
    let message = format!("greets on port {number}");
    Ok(status::set(Status::Active, &message)?)
}

/// The URI of the token, which is made when there is none.
fn token() -> Result<String> {
    match secret::info_by_label(TOKEN) {
        Ok((id, _)) => Ok(format!("secret:{id}")),
        Err(ToolError::NotFound { .. }) => {
            let monthly = Attributes {
                label: Some(TOKEN),
                rotate: Some(Rotate::Monthly),
                ..Attributes::default()
            };
            Ok(secret::add(&new_token(), &monthly)?)
        }
        Err(error) => Err(error.into()),
    }
}

fn renew(id: &str, what: SecretEvent) -> Result<()> {
    match what {
        SecretEvent::Rotate => secret::set(id, &new_token(), &Attributes::default())?,
        SecretEvent::Remove { revision } => secret::remove(id, Some(revision))?,
        SecretEvent::Expired { .. } | SecretEvent::Changed => {}
    }
    Ok(())
}

/// Good enough for an example; a real charm asks the system for randomness.
fn new_token() -> Content {
    let random = || RandomState::new().build_hasher().finish();
    let value = format!("{:016x}{:016x}", random(), random());
    Content::from([("value".into(), Value::new(value))])
}

fn run_action(name: &str) -> Result<()> {
    #[derive(Default, serde::Deserialize)]
    struct Greet {
        whom: String,
    }
    match name {
        "greet" => {
            let greet: Greet = action::parameters()?;
            let says = format!("hello {}", greet.whom);
            Ok(action::set(&[("says", &says)])?)
        }
        other => Ok(action::fail(&format!("there is no action {other}"))?),
    }
}
