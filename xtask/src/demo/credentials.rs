//! The part of the demo that rotates credentials: the charm is killed in the middle,
//! and the next hook goes on.

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ckf_hardening::catalog;
use juju_sim::controller::{Application, Controller, State};
use juju_sim::{Event, Grant, Interruption, Juju, Owner, Relation, Secret, Simulation};
use serde_json::json;

use super::{UNIT, act, fire, show_status, story};

const LOGIN: &str = "d3nkb2fmp25c76a0log1";
const PLAN: &str = "every: 90d\ntargets:\n- dex\n- juju-user/ci-bot\n";

/// Shows it.
pub fn show(juju: &mut Simulation) -> anyhow::Result<()> {
    story::say(
        "A simulated Juju 3.6 controller has the users admin, hardening and ci-bot, and the applications of 1.10.",
    );
    let controller = controller(&juju.model().uuid)?;
    story::detail(format!("wss://{}/api", controller.address()));
    juju.attach(controller);
    give_login(juju);
    story::command(
        "juju config ckf-hardening juju-credentials=secret:... rotate='every: 90d, targets: [dex, juju-user/ci-bot]'",
    );
    juju.set_option("juju-credentials", format!("secret:{LOGIN}"));
    juju.set_option("rotate", PLAN);
    fire(juju, &Event::hook("config-changed"))?;
    status(juju)?;

    story::say(
        "\nAt the next update-status Dex's password is due. The charm is killed right after it set the new one, before its hook ended.",
    );
    juju.interrupt_at("Application.SetConfigs", Interruption::KillAfter);
    let outcome = juju.run(&Event::hook("update-status"));
    let exit = outcome.exit.context("the charm ran")?;
    story::detail(format!("dispatch ended with {exit}; nothing of this hook was committed"));
    if exit.success() {
        bail!("the charm was not killed");
    }
    if !is_held(juju) {
        bail!("Dex accepts a password that is in no committed secret");
    }
    story::say(
        "What Dex accepts now is in a committed secret: nothing is lost. Juju runs the hook again, and later the next ones.",
    );
    for _ in 0..3 {
        fire(juju, &Event::hook("update-status"))?;
    }
    status(juju)?;
    story::command(&format!("juju run {UNIT} list-users"));
    let outcome = act(juju, "list-users", json!({}))?;
    story::head(outcome.results()["users"].as_str().unwrap_or_default(), 10);
    show_status(juju);
    Ok(())
}

/// A controller with the applications of the release, as its bundle deploys them.
fn controller(model: &str) -> anyhow::Result<Controller> {
    let mut state = State::new(Juju::V3_6, "of the operator only");
    state.add_user("hardening", "of the charm").access = "superuser".into();
    state.add_user("ci-bot", "of the pipeline");
    let release = catalog::release("1.10").context("the catalogue has 1.10")?;
    let hosted = state.add_model(model, "kubeflow");
    // As `juju grant hardening write kubeflow` gives it: a superuser has no access to a model by
    // that alone.
    hosted.users.insert("hardening".into(), "write".into());
    for (name, known) in &release.applications {
        let mut application = Application {
            charm: format!("ch:amd64/{}-1", known.charm),
            channel: known.channel.clone(),
            trusted: known.trust,
            ..Application::default()
        };
        if name == "dex-auth" {
            application = application
                .with_option("static-username", "string", Some("user@example.com"))
                .with_option("static-password", "string", None);
        }
        let unit = ("active".to_owned(), String::new());
        application.units.insert(format!("{name}/0"), unit);
        hosted.applications.insert(name.clone(), application);
    }
    Controller::start(state)
}

fn give_login(juju: &mut Simulation) {
    let controller = juju.controller();
    let content = [
        ("username", "hardening"),
        ("password", "of the charm"),
        ("ca-cert", controller.authority()),
        ("addresses", controller.address()),
    ];
    let content = content.map(|(key, value)| (key.to_owned(), STANDARD.encode(value)));
    let mut secret = Secret::new(LOGIN, Owner::Model, content.into());
    secret.grants.push(Grant { relation: None, to: "ckf-hardening".into() });
    juju.change(|model| {
        model.secrets.push(secret);
        let peers = Relation::new(1, "peers", "ckf-hardening", 0);
        model.relations.push(peers);
    });
}

/// Whether what Dex accepts is in the newest committed revision of its secret.
fn is_held(juju: &Simulation) -> bool {
    let accepted = juju.controller().state(|state| {
        let dex = state.application("dex-auth")?;
        Some(dex.option("static-password")?.as_str()?.to_owned())
    });
    let model = juju.model();
    let secret = model.secrets.iter().find(|s| s.label == "credential/dex");
    let content = secret.and_then(|secret| secret.revisions.get(&secret.latest()));
    let values = content.into_iter().flat_map(|content| content.values());
    let accepted = accepted.map(|value| STANDARD.encode(value));
    accepted.is_some_and(|accepted| values.into_iter().any(|value| *value == accepted))
}

fn status(juju: &mut Simulation) -> anyhow::Result<()> {
    let outcome = act(juju, "rotation-status", json!({}))?;
    story::command(&format!("juju run {UNIT} rotation-status"));
    story::head(outcome.results()["status"].as_str().unwrap_or_default(), 12);
    Ok(())
}
