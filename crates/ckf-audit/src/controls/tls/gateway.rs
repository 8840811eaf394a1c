//! HTTPS on the Istio gateway.

use crate::controls::check::Check;
use crate::facts::object::Object as _;
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::entrances::{Entrance, Opening, Part};
use crate::views::ingress::{Ingress, MAIN_GATEWAY, Reach, gateway_reference};
use crate::views::mesh::is_ambient;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("TLS-01", serves_https), ("TLS-02", no_clear_text), ("TLS-13", one_manager)];

/// Entrances beside the platform's own gateway that are in clear text: other Gateways, and
/// Ingresses, that lead to its pods.
fn beside<'c>(context: &'c Context<'_>) -> Result<Vec<&'c Entrance>, MissingFact> {
    let others = context
        .entrances_of(&Part::OF_PROXIES)?
        .into_iter()
        .filter(|entrance| entrance.opening != Opening::Gateway && entrance.leads_to_ours());
    Ok(others.collect())
}

/// Objects beside the platform's own gateway that serve what is the platform's, and no HTTPS.
fn without_https(context: &Context<'_>) -> Result<Vec<Finding>, MissingFact> {
    let others = beside(context)?;
    let is_clear = |entrance: &&&Entrance| {
        let mut same = others.iter().filter(|other| other.object == entrance.object);
        same.all(|other| other.tls.is_missing())
    };
    let findings = others.iter().filter(is_clear).map(|entrance| {
        let seen = format!("{}, leading to {}", entrance.tls.detail(), entrance.destinations());
        finding(entrance.object.clone(), &entrance.field, seen, "HTTPS")
    });
    Ok(findings.collect())
}

/// TLS-01: The ingress gateway serves HTTPS
fn serves_https(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return Ok(Outcome::NotApplicable("the mesh is ambient, see TLS-15".into()));
    }
    let others = without_https(context);
    Ok(match of_main(context, &ingress) {
        Outcome::Fail(mut findings) => {
            // It fails whatever else could not be read.
            findings.extend(others.unwrap_or_default());
            Outcome::Fail(findings)
        }
        Outcome::Pass(evidence) => outcome(others?, evidence),
        other => other,
    })
}

/// Whether the platform's own Gateway serves HTTPS.
fn of_main(context: &Context<'_>, ingress: &Ingress<'_>) -> Outcome {
    let Some(main) = ingress.main else {
        let missing = finding(
            gateway_reference(context),
            "metadata.name",
            "missing",
            "a Gateway with an HTTPS server",
        );
        return Outcome::Fail(vec![missing]);
    };
    if !ingress.is_selected(&main.spec.selector) {
        return Outcome::Fail(vec![finding(
            main.reference(),
            "spec.selector",
            "no gateway pod selected",
            "the labels of the ingress gateway's pods",
        )]);
    }
    let servers = ingress.servers();
    let own: Vec<_> = servers.iter().filter(|s| std::ptr::eq(s.gateway, main)).collect();
    let secure = own.iter().any(|s| {
        s.server.port.protocol.eq_ignore_ascii_case("HTTPS")
            && s.server
                .tls
                .as_ref()
                .is_some_and(|tls| matches!(&*tls.mode, "SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL"))
    });
    if secure {
        return Outcome::Pass(format!("{} has an HTTPS server", main.reference()));
    }
    let seen = match main.spec.servers.first() {
        None => "no server".to_owned(),
        Some(server) => {
            let mode = server
                .tls
                .as_ref()
                .map(|tls| format!(" with tls.mode {:?}", tls.mode))
                .unwrap_or_default();
            format!("{} on port {}{mode}", server.port.protocol, server.port.number)
        }
    };
    Outcome::Fail(vec![finding(
        main.reference(),
        "spec.servers",
        seen,
        "HTTPS with tls.mode SIMPLE or MUTUAL",
    )])
}

/// TLS-02: No Gateway serves clear text on the ingress
fn no_clear_text(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return Ok(Outcome::NotApplicable("the mesh is ambient, see TLS-15".into()));
    }
    let others = beside(context)?;
    if !ingress.exists() && others.is_empty() {
        return Ok(Outcome::NotApplicable("there is no Istio ingress gateway".into()));
    }
    let servers = ingress.servers();
    let mut open = Vec::new();
    for server in servers.iter().filter(|s| s.is_clear()) {
        if !server.is_redirected(context, &servers)? {
            open.push(server);
        }
    }
    let clear = || open.iter();
    let mut findings: Vec<Finding> = clear()
        .filter(|s| s.reach == Reach::Outside)
        .map(|s| {
            let seen = format!(
                "{} on port {}, {}",
                s.server.port.protocol,
                s.server.port.number,
                s.reach_words()
            );
            finding(
                s.gateway.reference(),
                &s.field(".port.protocol"),
                seen,
                "HTTPS, or tls.httpsRedirect: true",
            )
        })
        .collect();
    findings.extend(others.iter().filter(|entrance| entrance.tls.is_missing()).map(|entrance| {
        let seen = format!("{}, leading to {}", entrance.tls.detail(), entrance.destinations());
        finding(entrance.object.clone(), &entrance.field, seen, "HTTPS, or a redirect to it")
    }));
    let inner: Vec<String> = clear()
        .filter(|s| s.reach != Reach::Outside)
        .map(|s| {
            format!(
                "; {} port {} is clear text, {}",
                s.gateway.reference(),
                s.server.port.number,
                s.reach_words()
            )
        })
        .collect();
    Ok(outcome(
        findings,
        format!(
            "none of {} serves clear text to users{}",
            count(servers.len(), "server"),
            inner.concat()
        ),
    ))
}

/// TLS-13: Only istio-pilot manages the Gateway's servers
fn one_manager(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    let Some(main) = ingress.main else {
        return Ok(Outcome::NotApplicable(format!("there is no Gateway {MAIN_GATEWAY}")));
    };
    let Some(managers) = &main.server_managers else {
        return Ok(Outcome::NotAssessed("the API server reported no field managers".into()));
    };
    if managers.is_empty() {
        return Ok(Outcome::NotAssessed("no field manager owns spec.servers".into()));
    }
    let foreign = managers.iter().filter(|m| *m != "lightkube");
    let findings = foreign
        .map(|m| {
            finding(
                main.reference(),
                "metadata.managedFields of spec.servers",
                m.clone(),
                "lightkube",
            )
        })
        .collect();
    Ok(outcome(findings, "lightkube alone, which is istio-pilot"))
}
