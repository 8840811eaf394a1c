//! What has to be so before an upgrade is begun: a hop that is supported, versions beneath that the
//! release takes, a recent backup, and no application in trouble.

use super::plan::UpgradePlan;
use crate::catalog::Release;
use crate::controls::Verdict;
use crate::report::Report;
use crate::views::support::{Supported, supported, today};
use crate::views::{Context, MissingFact, major_minor, minor_version, takes_kubernetes};

/// Controls on backups: the platform's, and its databases'.
const BACKUPS: [&str; 2] = ["UPG-11", "UPG-12"];

/// Checks each, and notes what is blocked or not known.
pub(super) fn check(
    context: &Context<'_>,
    report: &Report,
    from: &Release,
    to: &Release,
    plan: &mut UpgradePlan,
) {
    hop(from, to, plan);
    for beneath in [kubernetes, juju] {
        if let Err(MissingFact(why)) = beneath(context, to, plan) {
            plan.unknown.push(why);
        }
    }
    backups(report, plan);
    match context.deployed() {
        Ok(applications) => {
            for application in applications {
                for (unit, says) in &application.troubled {
                    let why = format!("{unit} is {says}; fix that first");
                    plan.blockers.push(why);
                }
            }
        }
        Err(MissingFact(why)) => plan.unknown.push(format!("units in error or blocked: {why}")),
    }
    support(context, from, to, plan);
}

fn hop(from: &Release, to: &Release, plan: &mut UpgradePlan) {
    if from.mesh != to.mesh {
        plan.blockers.push(format!(
            "{} has the mesh {}, and {} the mesh {}: a refresh does not lead there; deploy it beside and move the data",
            from.name, from.mesh, to.name, to.mesh
        ));
        return;
    }
    let (Some(is), Some(after)) = (minor_version(&from.name), minor_version(&to.name)) else {
        plan.blockers
            .push(format!("{} to {} is not a hop between numbered releases", from.name, to.name));
        return;
    };
    match after {
        after if after == is => plan.blockers.push(format!("{} runs already", to.name)),
        after if after < is => {
            plan.blockers.push(format!(
                "{} is older than {}: downgrades are not supported",
                to.name, from.name
            ));
        }
        (major, minor) if (major, minor) != (is.0, is.1 + 1) => plan.blockers.push(format!(
            "{} to {} skips a release: upgrade to {}.{} first, one minor version at a time",
            from.name,
            to.name,
            is.0,
            is.1 + 1
        )),
        _ => {}
    }
}

type Looked = Result<(), MissingFact>;

/// Kubernetes, by the table of the release.
fn kubernetes(context: &Context<'_>, to: &Release, plan: &mut UpgradePlan) -> Looked {
    let running = &context.version()?.git_version;
    let (low, high) = &to.kubernetes;
    match takes_kubernetes(to, running) {
        None => plan.unknown.push(format!("the version of Kubernetes is {running:?}")),
        Some(true) => {}
        Some(false) => plan.blockers.push(format!(
            "Kubernetes is {running}, and {} is for {low} to {high}: bring Kubernetes there first",
            to.name
        )),
    }
    Ok(())
}

/// Juju's controller, by the table of the release.
fn juju(context: &Context<'_>, to: &Release, plan: &mut UpgradePlan) -> Looked {
    let server = &context.juju()?.server_version;
    match major_minor(server) {
        Some(version) if to.juju.contains(&version) => {}
        Some(_) => plan.blockers.push(format!(
            "Juju's controller is {server}, and {} is for {}",
            to.name,
            to.juju.join(" or ")
        )),
        None => plan.unknown.push(format!("the version of Juju is {server:?}")),
    }
    Ok(())
}

fn backups(report: &Report, plan: &mut UpgradePlan) {
    for control in report.controls.iter().filter(|control| BACKUPS.contains(&&*control.id)) {
        match control.verdict {
            Verdict::Pass | Verdict::NotApplicable => {}
            Verdict::Waived => {
                plan.notes.push(format!("{} is waived: {}", control.id, control.title))
            }
            Verdict::Fail => {
                for found in &control.findings {
                    plan.blockers.push(format!(
                        "{}: {} {}: {}, wanted: {}",
                        control.id, found.object, found.field, found.seen, found.wanted
                    ));
                }
            }
            Verdict::NotAssessed => {
                plan.unknown.push(format!("{}: {}", control.id, control.reason))
            }
        }
    }
}

/// Ends of support that the upgrade reaches or leaves.
fn support(context: &Context<'_>, from: &Release, to: &Release, plan: &mut UpgradePlan) {
    if !to.supported {
        plan.notes.push(format!("{} gets no fixes that are promised", to.name));
    }
    let table = context.policy.tables.support();
    let of = |version: &str| supported(table, "Istio", version, today(context));
    for (release, is_target) in [(from, false), (to, true)] {
        let istio = &release.istio;
        let until = match of(istio) {
            Supported::Until(end) => format!("gets security fixes until {end}"),
            Supported::Ended(end) => format!("got its last security fixes on {end}"),
            Supported::Unknown => "has an end of support that the table does not know".into(),
        };
        let what = if is_target { "brings" } else { "leaves" };
        plan.notes.push(format!("the upgrade {what} Istio {istio}, which {until}"));
    }
}
