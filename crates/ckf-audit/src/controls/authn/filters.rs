//! Login in front of every entrance: its filters, what they cover and what undoes them.

use crate::controls::check::Check;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::entrances::{From, Front, Opening, Part};
use crate::views::ingress::{Ingress, Reach};
use crate::views::login::{Deviation, Login, MeshLogin, OWN_FILTER, content, mesh_login};
use crate::views::mesh::{ambient_ingress, is_ambient};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("AUTHN-01", login_is_there), ("AUTHN-02", login_covers_every_port)];

/// Login in front of the platform's gateway.
pub(super) fn of_ingress<'a>(
    context: &Context<'a>,
    ingress: &Ingress<'a>,
) -> Result<Login<'a>, MissingFact> {
    Login::of(context, context.namespace(), &ingress.pods())
}

/// What keeps the filters of the platform's gateway from requiring login at all.
fn broken(context: &Context<'_>, login: &Login<'_>) -> Result<Vec<Finding>, MissingFact> {
    let mut findings = Vec::new();
    for undone in &login.undone {
        let wanted = "nothing that undoes login";
        findings.push(finding(undone.object.clone(), &undone.field, undone.how.clone(), wanted));
    }
    let filter = "an ext_authz filter on the ingress";
    match (login.patches.first(), login.partial.first()) {
        (Some(_), _) => {}
        (None, Some(((object, ..), why))) => {
            findings.push(finding(object.reference(), "spec.configPatches", why.clone(), filter));
        }
        (None, None) => {
            let version = "networking.istio.io/v1alpha3";
            let object = ObjectRef::new(version, "EnvoyFilter", context.namespace(), OWN_FILTER);
            findings.push(finding(
                object,
                "spec.configPatches",
                "no filter requires login",
                filter,
            ));
        }
    }
    for (object, patch, asked) in &login.patches {
        let what = content(object, patch)?;
        if let Some(other) = Deviation::of_filter(context.namespace(), asked, what) {
            findings.push(finding(object.reference(), &other.field, other.seen, other.wanted));
        }
    }
    let elsewhere = Deviation::of_service(context)?.into_iter().filter(|d| d.is_elsewhere);
    findings.extend(elsewhere.filter_map(|d| Some(finding(d.object?, &d.field, d.seen, d.wanted))));
    Ok(findings)
}

/// AUTHN-01: Login protects the ingress
fn login_is_there(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    let entrances = context.entrances_of(&Part::OF_PROXIES)?;
    let (mut findings, mut evidence, mut unknown) = (Vec::new(), String::new(), None);
    let mut is_any = false;
    if !ingress.servers().is_empty() {
        is_any = true;
        let login = of_ingress(context, &ingress)?;
        findings.extend(broken(context, &login)?);
        if let Some((filter, ..)) = login.patches.first() {
            evidence = format!("{} requires login", filter.reference());
        }
    }
    let is_broken = !findings.is_empty();
    if is_ambient(context, &ingress)? {
        for gateway in ambient_ingress(context)? {
            is_any = true;
            match mesh_login(context, gateway)? {
                MeshLogin::Asked(_) => {
                    evidence = "external authorisation is on the ingress".into();
                }
                MeshLogin::Unknown(why) => unknown = Some(why),
                MeshLogin::Open(object, field, seen, wanted) => {
                    let object = object.unwrap_or_else(|| gateway.reference());
                    findings.push(finding(object, &field, seen, wanted));
                }
            }
        }
    }
    for entrance in entrances.iter().filter(|e| e.leads_to_ours()) {
        is_any = true;
        // Of the platform's own gateway it was said already.
        if entrance.opening == Opening::Gateway && is_broken {
            continue;
        }
        match &entrance.login {
            Front::Missing(why) => {
                let seen = format!("{why}; it leads to {}", entrance.destinations());
                let wanted = "login in front of what leads to the platform";
                findings.push(finding(entrance.object.clone(), &entrance.field, seen, wanted));
            }
            Front::Unknown(why) if entrance.opening == Opening::GatewayApi => {
                unknown = Some(why.clone());
            }
            _ => {}
        }
    }
    match (is_any, unknown) {
        (false, _) => Ok(Outcome::NotApplicable("no Gateway is on the ingress".into())),
        (true, Some(why)) if findings.is_empty() => Ok(Outcome::NotAssessed(why)),
        _ => Ok(outcome(findings, evidence)),
    }
}

/// AUTHN-02: Login covers every port that the ingress serves
fn login_covers_every_port(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return Ok(Outcome::NotApplicable(
            "in an ambient mesh the policy is for the whole Gateway, see AUTHN-01".into(),
        ));
    }
    let servers = ingress.servers();
    if servers.is_empty() {
        return Ok(Outcome::NotApplicable("no Gateway is on the ingress".into()));
    }
    let login = of_ingress(context, &ingress)?;
    let entrances = context.entrances_of(&[Part::Gateways])?;
    let mut findings = Vec::new();
    let mut inner = String::new();
    for served in servers.iter().filter(|s| !s.is_redirect()) {
        let protocol = served.server.port.protocol.to_ascii_uppercase();
        if served.is_http() && login.covers(served.listener) {
            continue;
        }
        let object = served.gateway.reference();
        let seen = format!(
            "{protocol} on port {} without login, {}",
            served.listener,
            served.reach_words()
        );
        // Every pod reaches the gateway's own ports, and what is behind them as the gateway.
        let is_open = entrances.iter().any(|e| {
            e.opening == Opening::Gateway
                && e.from == From::Pods
                && e.object == object
                && e.field == served.field("")
                && e.leads_to_ours()
                && e.login.is_missing()
        });
        if served.reach == Reach::Outside || is_open {
            findings.push(finding(
                object,
                &served.field(".port.number"),
                seen,
                "a port that the login filter covers",
            ));
        } else {
            inner.push_str(&format!("; {object}: {seen}"));
        }
    }
    Ok(outcome(findings, format!("{} behind login{inner}", count(servers.len(), "server"))))
}
