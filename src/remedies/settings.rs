//! Options of the platform's applications, set by Juju.

use std::collections::BTreeMap;

use super::breaks::Breaks;
use super::edit::{Edit, Setting};
use super::{About, Decision, Remedy, Risk, Target, Wants, holds, open, refused_pods, waived};
use crate::controls::Finding;
use crate::controls::application_reference;
use crate::views::{Context, Missing};

pub(super) const SECURE_COOKIES: About = About {
    name: "secure-cookies",
    does: "sets secure-cookies of the web apps, once HTTPS is served",
    controls: &["AUTHN-12"],
    risk: Risk::Low,
    reach: "the web apps restart; over plain HTTP nobody can use them any more",
    breaks: "logging in over plain HTTP, which is why it waits for TLS-01",
    works_on: "1.10, 1.11 and latest",
    source: "the charms' option secure-cookies of jupyter-ui, kubeflow-volumes and tensorboards-web-app, config.yaml; tests/hardening.rs",
    only_by_name: false,
    needs_juju: true,
};

pub(super) const PROFILE_SECURITY_POLICY: About = About {
    name: "profile-security-policy",
    does: "sets security-policy of kubeflow-profiles to baseline",
    controls: &["PSS-02"],
    risk: Risk::Medium,
    reach: "kubeflow-profiles labels every profile's namespace: a new pod that is privileged is \
            refused",
    breaks: "without Istio's CNI plugin every pod of the mesh, since each has an init container with NET_ADMIN, so it waits for PSS-03; with it, new pods that are privileged or use the node",
    works_on: "1.10 and later, kubeflow-profiles of revision 765 and later, with cni-bin-dir and cni-conf-dir of istio-pilot set",
    source: "documentation.ubuntu.com, Run unprivileged workloads; kubernetes.io, Pod Security Standards; tests/hardening.rs",
    only_by_name: false,
    needs_juju: true,
};

pub(super) const PASSWORD_DATABASE: About = About {
    name: "password-database",
    does: "sets enable-password-db of dex-auth to false, once it has connectors",
    controls: &["AUTHN-08"],
    risk: Risk::High,
    reach: "the static user cannot log in any more: be sure that a connector lets you in",
    breaks: "the login of the static user, which may be the only one, and its Profiles have no owner who can log in",
    works_on: "1.10, 1.11 and latest, once dex-auth has connectors",
    source: "dex-auth, config.yaml and src/charm.py; tests/hardening.rs",
    only_by_name: true,
    needs_juju: true,
};

pub(super) const DECLARED_OPTIONS: About = About {
    name: "declared-options",
    does: "sets the options that the policy declares",
    controls: &["JUJU-04"],
    risk: Risk::Medium,
    reach: "each application whose option changes does what it does then, most restart",
    breaks: "what depends on the value that was set before",
    works_on: "every release",
    source: "tests/hardening.rs; each charm's own config.yaml says what an option does",
    only_by_name: false,
    needs_juju: true,
};

pub(super) const DEFAULT_IMAGES: About = About {
    name: "default-images",
    does: "resets options that name images to the charms' defaults",
    controls: &["IMG-06"],
    risk: Risk::Medium,
    reach: "the applications run the charm's own image again; what somebody put there goes",
    breaks: "what the other image was chosen for, for example a registry without which nothing can be pulled",
    works_on: "every release, where the charms' own images can be pulled",
    source: "the charms' config.yaml and default-custom-images.json; tests/hardening.rs",
    only_by_name: true,
    needs_juju: true,
};

pub(super) fn secure_cookies(context: &Context<'_>) -> Result<Decision, Missing> {
    let findings = open(context, "AUTHN-12")?;
    if !findings.is_empty() && !holds(context, "TLS-01")? {
        let why = "without HTTPS nobody could use the web apps; see TLS-01";
        return Ok(Decision::Leave(why.into()));
    }
    Ok(set(findings, |_| Some("true".into())))
}

pub(super) fn profile_security_policy(context: &Context<'_>) -> Result<Decision, Missing> {
    let findings = open(context, "PSS-02")?;
    if !findings.is_empty() && !holds(context, "PSS-03")? {
        let why = "PSS-03 does not hold: without Istio's CNI plugin it would refuse every pod of \
                   the mesh";
        return Ok(Decision::Leave(why.into()));
    }
    let mut wants =
        Wants { edits: edits(findings, |_| Some("baseline".into())), ..Wants::default() };
    // The charm labels every profile's namespace.
    let platform = context.namespace();
    for edit in &wants.edits {
        let cause: Target = edit.target();
        let mut breaks = Breaks::by(Remedy::ProfileSecurityPolicy, cause, platform);
        for profile in context.profile_namespaces()? {
            refused_pods(context, profile, &mut breaks)?;
        }
        wants.breaks.extend(breaks.found());
    }
    Ok(Decision::Wanted(wants))
}

pub(super) fn password_database(context: &Context<'_>) -> Result<Decision, Missing> {
    // Whoever asks for it wants it by the profile baseline too.
    let mut wants = Wants::default();
    let all = context.applications()?.iter();
    for dex in all.filter(|app| app.charm == "dex-auth") {
        if dex.option("enable-password-db") == Some("false") {
            continue;
        }
        let object = application_reference(&dex.name);
        if let Some(why) = waived(context, "AUTHN-08", &object) {
            wants.notes.push(why);
            continue;
        }
        if !dex.has_set("connectors") {
            let why = format!("{} has no connectors: nobody could log in", dex.name);
            wants.notes.push(why);
            continue;
        }
        wants.edits.push(Edit::Settings {
            application: dex.name.clone(),
            options: BTreeMap::from([option("enable-password-db", None, Some("false".into()))]),
            unrecorded: BTreeMap::new(),
        });
    }
    Ok(Decision::Wanted(wants))
}

pub(super) fn declared_options(context: &Context<'_>) -> Result<Decision, Missing> {
    let mut wants = Wants::default();
    let (mut settable, applications) = (Vec::new(), context.applications()?);
    for finding in open(context, "JUJU-04")? {
        let app = applications.iter().find(|app| app.name == finding.object.name);
        let setting = app.and_then(|app| app.options.get(&finding.field));
        match setting {
            // The policy is no place for a secret, and a record is none either.
            Some(setting) if setting.secret || setting.password.is_some() => {
                wants.notes.push(format!(
                    "{} of {} holds a password or another secret; set it by hand",
                    finding.field, finding.object.name
                ));
            }
            Some(setting) if setting.value.is_none() => wants.notes.push(format!(
                "{} of {} is not known to be harmless, and what stands would be on record; set it \
                 by hand",
                finding.field, finding.object.name
            )),
            Some(_) => settable.push(finding),
            None => wants
                .notes
                .push(format!("{}: {} is {}", finding.object, finding.field, finding.seen)),
        }
    }
    // A finding's text may be cut short.
    wants.edits = edits(settable, |finding| {
        let declared = context.policy.options.get(&finding.object.name)?;
        declared.get(&finding.field).cloned()
    });
    Ok(Decision::Wanted(wants))
}

pub(super) fn default_images(context: &Context<'_>) -> Result<Decision, Missing> {
    Ok(set(open(context, "IMG-06")?, |_| None))
}

fn set(findings: Vec<Finding>, to: impl Fn(&Finding) -> Option<String>) -> Decision {
    Wants::edits(edits(findings, to))
}

/// An edit for each application.
fn edits(findings: Vec<Finding>, to: impl Fn(&Finding) -> Option<String>) -> Vec<Edit> {
    let mut of: BTreeMap<String, BTreeMap<String, Setting>> = BTreeMap::new();
    for finding in findings {
        let (name, setting) = option(&finding.field, Some(finding.seen.clone()), to(&finding));
        let options = of.entry(finding.object.name).or_default();
        options.insert(name, setting);
    }
    of.into_iter()
        .map(|(application, options)| Edit::Settings {
            application,
            options,
            unrecorded: BTreeMap::new(),
        })
        .collect()
}

fn option(name: &str, before: Option<String>, after: Option<String>) -> (String, Setting) {
    (name.to_owned(), Setting { before, after })
}
