//! The actions `rotate-credentials` and `rotation-status`.

use anyhow::bail;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use jiff::Timestamp;
use juju_charm::{Unit, action};
use serde::{Deserialize, Serialize};

use super::names::Names;
use super::results::{Results, WIDTH};
use crate::charm::gather;
use crate::charm::hook::Hook;
use crate::charm::rotations::{Loaded, Requested, Rotations};
use crate::controls::Context;
use crate::login_keys::{LoginKey, login_keys};
use crate::rotation::{Credential, Delivery, Ledger, Plan, Stage};

/// Where what does not fit into the results is.
const ELSEWHERE: &str = "the result credentials has all";

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Parameters {
    targets: Names,
    users: Names,
    abandon: Option<String>,
    deliver: Option<Delivery>,
    dry_run: bool,
    force: bool,
}

impl Parameters {
    /// Credentials that the action names.
    fn named(&self) -> anyhow::Result<Vec<Credential>> {
        let users = self.users.0.iter().map(|name| format!("juju-user/{name}"));
        let names = self.targets.0.iter().cloned().chain(users);
        names.map(|name| name.parse().map_err(anyhow::Error::msg)).collect()
    }
}

/// Starts rotations, or continues those under way.
pub fn rotate(hook: &Hook<'_>) -> anyhow::Result<()> {
    let parameters: Parameters = action::parameters()?;
    require_leader(hook)?;
    if let Some(why) = hook.options.freeze_reason() {
        bail!("{why}");
    }
    let plan = &hook.options.rotate;
    let login = hook.login();
    let mut rotations = read(hook.unit, plan, login)?;
    rotations.log_in(hook.unit, login);
    if let Some(name) = &parameters.abandon {
        let credential = name.parse().map_err(anyhow::Error::msg)?;
        return abandon(rotations, &credential, &parameters);
    }
    let asked = asked(&parameters, plan, &mut rotations)?;
    if parameters.dry_run {
        let lines = asked.credentials.keys().map(|credential| {
            let stage = rotations.ledger().0.get(credential).map(|entry| entry.stage);
            format!("{credential}: {}", would(stage.unwrap_or_default()))
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        return Ok(Results::default().lines("plan", &text, ELSEWHERE).set()?);
    }
    for credential in asked.credentials.keys() {
        action::log(&format!("rotating {credential}"))?;
    }
    if let Err(error) = rotations.advance(&asked) {
        return Err(rotations.end_early(error));
    }
    let rows: Vec<Row> = rows(rotations.ledger(), plan, crate::now())
        .into_iter()
        .filter(|row| {
            let mut credentials = asked.credentials.keys();
            credentials.any(|credential| credential.to_string() == row.credential)
        })
        .collect();
    for row in &rows {
        action::log(&format!("{}: {}", row.credential, row.state))?;
    }
    // First what was begun is written down.
    rotations.write()?;
    let next = "the next hooks go on by themselves; rotation-status shows how far they are";
    shown(&rows).value("next", next).set_after_work();
    Ok(())
}

/// What is asked for: what is named, each of which must be possible, or all that the option
/// names and that is.
fn asked(
    parameters: &Parameters,
    plan: &Plan,
    rotations: &mut Rotations<'_>,
) -> anyhow::Result<Requested> {
    let named = parameters.named()?;
    let force = parameters.force;
    let mut asked = Requested { force, ..Requested::default() };
    if let Some(problem) = rotations.login_problem() {
        bail!("{problem}");
    }
    let is_named = !named.is_empty();
    let all = match is_named {
        true => named,
        false => plan.targets.keys().cloned().collect(),
    };
    if all.is_empty() {
        bail!("nothing to rotate: name targets, for example targets=dex, or set the option rotate");
    }
    for credential in all {
        if let Err(why) = rotations.check(&credential, force) {
            if is_named {
                bail!("{why}");
            }
            action::log(&format!("{credential} is left out: {why}"))?;
            continue;
        }
        let delivery = parameters.deliver.filter(|_| matches!(credential, Credential::JujuUser(_)));
        asked.credentials.insert(credential, delivery);
    }
    if asked.credentials.is_empty() {
        bail!(
            "none of what the option rotate names can be rotated now; the log of the action says why"
        );
    }
    Ok(asked)
}

/// Gives up a rotation that is under way.
fn abandon(
    mut rotations: Box<Rotations<'_>>,
    credential: &Credential,
    parameters: &Parameters,
) -> anyhow::Result<()> {
    let stage = rotations.ledger().0.get(credential).map(|entry| entry.stage);
    if stage.is_none_or(|stage| stage == Stage::Settled) {
        bail!("no rotation of {credential} is under way");
    }
    if parameters.dry_run {
        let plan = format!("{credential}: its rotation would be given up");
        return Ok(Results::default().value("plan", &plan).set()?);
    }
    let became = rotations.abandon(credential)?;
    let again = match rotations.is_planned(credential) {
        true => "; the option rotate names it, so that it begins again when it is due",
        false => "",
    };
    let status = format!("{credential}: {became}{again}");
    // First what was given up is written down.
    rotations.write()?;
    Results::default().value("status", &status).set_after_work();
    Ok(())
}

/// Warning about passwords that are lost when the application is removed.
const BEFORE_REMOVAL: &str = "removing the application destroys these secrets, the only place of \
                              the values: juju show-secret ID --reveal takes them out before; see \
                              how-to/uninstall";

/// Shows the state of each credential.
pub fn status(hook: &Hook<'_>) -> anyhow::Result<()> {
    require_leader(hook)?;
    let plan = &hook.options.rotate;
    let rotations = read(hook.unit, plan, hook.login())?;
    let rows = rows(rotations.ledger(), plan, crate::now());
    let (others, problem) = by_hand(hook);
    let add = |results: Results| {
        let json = |keys: &[LoginKey]| serde_json::to_string(keys).unwrap_or_default();
        let results = match others.is_empty() {
            true => results,
            false => results
                .lines("by-hand", &lines_of(&others), "the result other-keys has all")
                .json("other-keys", &others, json),
        };
        match problem.is_empty() {
            true => results,
            false => results.value("by-hand-problem", &problem),
        }
    };
    if rows.is_empty() {
        let text = "no credential is rotated; the option rotate names those that should be";
        return Ok(add(Results::default().value("status", text)).set()?);
    }
    let mut results = add(shown(&rows));
    if rows.iter().any(|row| row.secret.starts_with("secret:")) {
        results = results.value("before-removal", BEFORE_REMOVAL);
    }
    Ok(results.set()?)
}

/// Keys that are changed by hand, and what of them could not be looked at.
fn by_hand(hook: &Hook<'_>) -> (Vec<LoginKey>, String) {
    match gather::platform(hook.unit, &hook.options) {
        Ok(facts) => {
            let all = login_keys(&Context::new(&facts, &hook.options.policy, None));
            (all.keys, all.unknown.join("; "))
        }
        Err(error) => (Vec::new(), error.to_string()),
    }
}

fn lines_of(keys: &[LoginKey]) -> String {
    let lines = keys.iter().map(|key| {
        let since = key.since.map_or("age not known".into(), |date| format!("since {date}"));
        let next = key.next.map_or(String::new(), |date| format!(", next by {date}"));
        format!("{}: {since}{next}; {}: {}", key.key, key.owner, key.steps)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Credentials as a table and as JSON.
fn shown(rows: &[Row]) -> Results {
    // Strings and numbers only, so this cannot fail.
    let json = |rows: &[Row]| serde_json::to_string(rows).unwrap_or_default();
    Results::default().lines("status", &table(rows), ELSEWHERE).json("credentials", rows, json)
}

fn require_leader(hook: &Hook<'_>) -> anyhow::Result<()> {
    if !hook.is_leader {
        let application = hook.unit.application();
        bail!("only the leader rotates credentials; run it on {application}/leader");
    }
    Ok(())
}

fn read<'a>(
    unit: &Unit,
    plan: &'a Plan,
    login: Option<&str>,
) -> anyhow::Result<Box<Rotations<'a>>> {
    match Rotations::read(unit, plan, login)? {
        Loaded::Ready(rotations) => Ok(rotations),
        Loaded::Damaged(why) => Err(why.into()),
        Loaded::NoPeers => {
            bail!("the peer relation is not there yet; try again when the unit has started")
        }
    }
}

/// What would be done first.
fn would(stage: Stage) -> &'static str {
    match stage {
        Stage::Settled => {
            "a new value would be written to its secret, then set at its owner by the next hook"
        }
        Stage::Prepared => "its new value would be set at its owner, and published in its secret",
        Stage::Published => "it has just been rotated",
    }
}

/// A credential in the results.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    credential: String,
    state: String,
    /// Days since the last rotation.
    age_days: Option<i64>,
    next: Option<Timestamp>,
    secret: String,
}

fn rows(ledger: &Ledger, plan: &Plan, now: Timestamp) -> Vec<Row> {
    let all = plan.targets.keys().chain(ledger.0.keys());
    let all: std::collections::BTreeSet<&Credential> = all.collect();
    let row = |credential: &Credential| {
        let entry = ledger.0.get(credential).cloned().unwrap_or_default();
        let state = match (&entry.failure, entry.disabled) {
            (Some(failure), _) => format!(
                "{}, failed {} times: {}; again after {}",
                entry.stage.name(),
                failure.attempts,
                failure.why,
                failure.again
            ),
            (None, Some(when)) => format!("user disabled at {when}"),
            (None, None) if entry.rotated.is_none() && entry.stage == Stage::Settled => {
                "never rotated".into()
            }
            (None, None) => entry.stage.name().into(),
        };
        let every = plan.targets.get(credential).map(|target| target.every);
        Row {
            credential: credential.to_string(),
            state,
            age_days: entry.rotated.map(|at| now.duration_since(at).as_hours() / 24),
            next: every.and_then(|every| entry.next(every)),
            secret: match credential.is_kept_by_owner() {
                true => "held by its owner".into(),
                false => entry.secret,
            },
        }
    };
    all.into_iter().map(row).collect()
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    table.set_header(["credential, secret", "state", "age", "next"]);
    for row in rows {
        let age = row.age_days.map_or("unknown".into(), |days| format!("{days} d"));
        let next = row.next.map_or("-".into(), |next| next.to_string());
        // Juju takes the id without the model's.
        let id = row.secret.rsplit('/').next().unwrap_or_default();
        let secret = match row.secret.split_once("//") {
            Some((scheme, _)) => format!("{scheme}{id}"),
            None => row.secret.clone(),
        };
        table.add_row([&format!("{}\n{secret}", row.credential), &row.state, &age, &next]);
    }
    // Names and ids are there to be copied, so they are not broken.
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    let lines = table.lines().map(|line| line.trim().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}
