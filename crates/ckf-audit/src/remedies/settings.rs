//! Remedies that set options of the platform's applications through Juju.

use std::collections::BTreeMap;

use super::Target;
use super::about::{About, Risk};
use super::breaks::Breaks;
use super::desired::{Decision, DesiredState};
use super::edit::{Edit, JujuEdit, Setting};
use super::profiles::rejected_pods;
use super::remedy::Remedy;
use super::verdicts::{open, passes, waived};
use crate::controls::Finding;
use crate::controls::application_reference;
use crate::views::{Context, MissingFact};

pub(super) const SECURE_COOKIES: About = About {
    does: "sets secure-cookies of the web apps once HTTPS is served",
    controls: &["AUTHN-12"],
    risk: Risk::Low,
    reach: "the web apps restart and can no longer be used over plain HTTP",
    breaks: "login over plain HTTP, so it is skipped until TLS-01 passes",
    works_on: "1.10, 1.11 and latest",
    source: "the charms' option secure-cookies of jupyter-ui, kubeflow-volumes and tensorboards-web-app, config.yaml; tests/cluster/hardening.rs",
    only_by_name: false,
    needs_juju: true,
};

pub(super) const PROFILE_SECURITY_POLICY: About = About {
    does: "sets security-policy of kubeflow-profiles to baseline",
    controls: &["PSS-02"],
    risk: Risk::Medium,
    reach: "kubeflow-profiles labels every profile's namespace: new privileged pods are rejected",
    breaks: "without Istio's CNI plugin every pod of the mesh, since each has an init container with NET_ADMIN, so it is skipped until PSS-03 passes; with the plugin, new pods that are privileged or use the node's namespaces or paths",
    works_on: "1.10 and later, kubeflow-profiles of revision 765 and later, with cni-bin-dir and cni-conf-dir of istio-pilot set",
    source: "documentation.ubuntu.com, Run unprivileged workloads; kubernetes.io, Pod Security Standards; tests/cluster/hardening.rs",
    only_by_name: false,
    needs_juju: true,
};

pub(super) const PASSWORD_DATABASE: About = About {
    does: "sets enable-password-db of dex-auth to false once it has connectors",
    controls: &["AUTHN-08"],
    risk: Risk::High,
    reach: "the static user can no longer log in: make sure that you can log in through a connector",
    breaks: "login of the static user, which may be the only one; the owner of its Profiles can no longer log in",
    works_on: "1.10, 1.11 and latest, once dex-auth has connectors",
    source: "dex-auth, config.yaml and src/charm.py; tests/cluster/hardening.rs",
    only_by_name: true,
    needs_juju: true,
};

pub(super) const DECLARED_OPTIONS: About = About {
    does: "sets the options that the policy declares",
    controls: &["JUJU-04"],
    risk: Risk::Medium,
    reach: "each changed application reacts to its option; most restart",
    breaks: "whatever depends on the previous value",
    works_on: "every release",
    source: "tests/cluster/hardening.rs; each charm's config.yaml describes its options",
    only_by_name: false,
    needs_juju: true,
};

pub(super) const DEFAULT_IMAGES: About = About {
    does: "resets options that name images to the charms' defaults",
    controls: &["IMG-06"],
    risk: Risk::Medium,
    reach: "the applications run the charms' own images again; custom images are removed",
    breaks: "whatever the custom image was chosen for, for example a registry without which no image can be pulled",
    works_on: "every release, where the charms' own images can be pulled",
    source: "the charms' config.yaml and default-custom-images.json; tests/cluster/hardening.rs",
    only_by_name: true,
    needs_juju: true,
};

pub(super) fn secure_cookies(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let findings = open(context, "AUTHN-12")?;
    if !findings.is_empty() && !passes(context, "TLS-01")? {
        let why = "without HTTPS the web apps would be unusable; see TLS-01";
        return Ok(Decision::Skip(why.into()));
    }
    Ok(set(findings, |_| Some("true".into())))
}

pub(super) fn profile_security_policy(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let findings = open(context, "PSS-02")?;
    if !findings.is_empty() && !passes(context, "PSS-03")? {
        let why = "PSS-03 fails: without Istio's CNI plugin it would reject every pod of the mesh";
        return Ok(Decision::Skip(why.into()));
    }
    let mut state = DesiredState {
        edits: edits(findings, |_| Some("baseline".into())),
        ..DesiredState::default()
    };
    // kubeflow-profiles labels every profile's namespace.
    let platform = context.namespace();
    for edit in &state.edits {
        let cause: Target = edit.target();
        let mut breaks = Breaks::by(Remedy::ProfileSecurityPolicy, cause, platform);
        for profile in context.profile_namespaces()? {
            rejected_pods(context, profile, &mut breaks)?;
        }
        state.breaks.extend(breaks.finish());
    }
    Ok(Decision::Apply(state))
}

pub(super) fn password_database(context: &Context<'_>) -> Result<Decision, MissingFact> {
    // An explicit request applies it in any audit profile, whether or not AUTHN-08 finds it there.
    let mut state = DesiredState::default();
    let all = context.applications()?.iter();
    for dex in all.filter(|app| app.charm == "dex-auth") {
        if dex.option("enable-password-db") == Some("false") {
            continue;
        }
        let object = application_reference(&dex.name);
        if let Some(why) = waived(context, "AUTHN-08", &object) {
            state.notes.push(why);
            continue;
        }
        if !dex.has_set("connectors") {
            let why = format!("{} has no connectors, so no user could log in", dex.name);
            state.notes.push(why);
            continue;
        }
        let edit = JujuEdit::Settings {
            application: dex.name.clone(),
            options: BTreeMap::from([option("enable-password-db", None, Some("false".into()))]),
            unrecorded: BTreeMap::new(),
        };
        state.edits.push(edit.into());
    }
    Ok(Decision::Apply(state))
}

pub(super) fn declared_options(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let mut state = DesiredState::default();
    let (mut settable, applications) = (Vec::new(), context.applications()?);
    for finding in open(context, "JUJU-04")? {
        let app = applications.iter().find(|app| app.name == finding.object.name);
        let setting = app.and_then(|app| app.options.get(&finding.field));
        match setting {
            // Secrets belong neither in the policy nor in a record.
            Some(setting) if setting.secret || setting.password.is_some() => {
                state.notes.push(format!(
                    "{} of {} is a password or another secret; set it by hand",
                    finding.field, finding.object.name
                ));
            }
            Some(setting) if setting.value.is_none() => state.notes.push(format!(
                "{} of {} may be a secret, and its current value would be recorded; set it by hand",
                finding.field, finding.object.name
            )),
            Some(_) => settable.push(finding),
            None => state
                .notes
                .push(format!("{}: {} is {}", finding.object, finding.field, finding.seen)),
        }
    }
    // The value in a finding may be truncated.
    state.edits = edits(settable, |finding| {
        let declared = context.policy.options.get(&finding.object.name)?;
        declared.get(&finding.field).cloned()
    });
    Ok(Decision::Apply(state))
}

pub(super) fn default_images(context: &Context<'_>) -> Result<Decision, MissingFact> {
    Ok(set(open(context, "IMG-06")?, |_| None))
}

fn set(findings: Vec<Finding>, to: impl Fn(&Finding) -> Option<String>) -> Decision {
    DesiredState::edits(edits(findings, to))
}

/// One edit per application.
fn edits(findings: Vec<Finding>, to: impl Fn(&Finding) -> Option<String>) -> Vec<Edit> {
    let mut of: BTreeMap<String, BTreeMap<String, Setting>> = BTreeMap::new();
    for finding in findings {
        let (name, setting) = option(&finding.field, Some(finding.seen.clone()), to(&finding));
        let options = of.entry(finding.object.name).or_default();
        options.insert(name, setting);
    }
    of.into_iter()
        .map(|(application, options)| {
            JujuEdit::Settings { application, options, unrecorded: BTreeMap::new() }.into()
        })
        .collect()
}

fn option(name: &str, before: Option<String>, after: Option<String>) -> (String, Setting) {
    (name.to_owned(), Setting { before, after })
}
