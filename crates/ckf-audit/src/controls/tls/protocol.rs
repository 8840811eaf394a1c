//! TLS versions and cipher suites.

use serde::Deserialize;

use crate::controls::check::Check;
use crate::controls::tls::secrets::NO_TLS;
use crate::facts::istio::TlsParameters;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::text::Interned;
use crate::finding::{Finding, Outcome, finding, outcome};
use crate::tls::{STRONG_SUITES, TlsVersion};
use crate::views::ingress::{GatewayServer, Ingress, patches_port};
use crate::views::mesh_options::{mesh_options, options_reference};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("TLS-10", refuses_old_versions), ("TLS-11", strong_suites)];

/// TLS parameters that EnvoyFilters set on the filter chain of a server.
fn floors<'a>(
    context: &Context<'a>,
    ingress: &Ingress<'_>,
    served: &GatewayServer<'_>,
) -> Result<Vec<(ObjectRef, &'a TlsParameters)>, MissingFact> {
    let filters = context.envoy_filters()?.iter().filter(|f| ingress.is_patched_by(f));
    Ok(filters
        .flat_map(|f| f.patches.iter().map(move |p| (f.reference(), p)))
        // The gateway's filter chain has no transport protocol to match.
        .filter(|(_, p)| {
            p.apply_to == "FILTER_CHAIN" && p.operation == "MERGE" && p.transport_protocol.is_none()
        })
        .filter(|(_, p)| patches_port(p, served.listener))
        .filter(|(_, p)| {
            let sni = p.sni.as_deref();
            sni.is_none_or(|sni| served.server_names().contains(&sni))
        })
        .filter_map(|(object, p)| Some((object, p.tls.as_ref()?)))
        .collect())
}

/// What the mesh gives servers that do not say otherwise.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    tls_defaults: Defaults,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Defaults {
    cipher_suites: Vec<Interned>,
    min_protocol_version: String,
}

fn defaults(context: &Context<'_>) -> Result<(ObjectRef, Defaults), MissingFact> {
    let options = mesh_options::<Options>(context)?.unwrap_or_default();
    Ok((options_reference(context), options.tls_defaults))
}

fn tls_servers(
    context: &Context<'_>,
    check: impl Fn(&Ingress<'_>, &GatewayServer<'_>, &mut Vec<Finding>) -> Result<(), MissingFact>,
) -> Result<Option<Vec<Finding>>, MissingFact> {
    let ingress = Ingress::find(context)?;
    let servers = ingress.servers();
    let terminating: Vec<_> = servers.iter().filter(|s| s.terminates_tls()).collect();
    if terminating.is_empty() {
        return Ok(None);
    }
    let mut findings = Vec::new();
    for served in terminating {
        check(&ingress, served, &mut findings)?;
    }
    Ok(Some(findings))
}

/// TLS-10: The gateway refuses TLS versions below the policy
fn refuses_old_versions(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let least = context.policy.tls_minimum;
    let (mesh, of_mesh) = defaults(context)?;
    let findings = tls_servers(context, |ingress, served, findings| {
        let tls = served.server.tls.as_ref();
        let own = tls.and_then(|t| t.min_protocol_version.as_deref());
        let own = own.filter(|version| *version != "TLS_AUTO");
        let floors = floors(context, ingress, served)?;
        let lowest = floors
            .iter()
            .filter_map(|(object, p)| Some((object, p.minimum.as_deref()?)))
            .min_by_key(|(_, v)| TlsVersion::of_protocol(v));
        let (object, field, version) = match lowest {
            Some((filter, version)) => {
                (filter.clone(), "tls_minimum_protocol_version".to_owned(), version)
            }
            None => match (own, &*of_mesh.min_protocol_version) {
                (None, version) if !matches!(version, "" | "TLS_AUTO") => {
                    (mesh.clone(), "tlsDefaults.minProtocolVersion".to_owned(), version)
                }
                (own, _) => (
                    served.gateway.reference(),
                    served.field(".tls.minProtocolVersion"),
                    own.unwrap_or("TLSV1_2"),
                ),
            },
        };
        let version = TlsVersion::of_protocol(version);
        if version < least {
            findings.push(finding(
                object,
                &field,
                version.to_string(),
                format!("{least} or later"),
            ));
        }
        if let Some(highest) =
            tls.and_then(|t| t.max_protocol_version.as_deref()).filter(|v| *v != "TLS_AUTO")
            && TlsVersion::of_protocol(highest) < least
        {
            let wanted = format!("{least} or later");
            findings.push(finding(
                served.gateway.reference(),
                &served.field(".tls.maxProtocolVersion"),
                highest,
                wanted,
            ));
        }
        Ok(())
    })?;
    Ok(match findings {
        None => Outcome::NotApplicable(NO_TLS.into()),
        Some(findings) => outcome(findings, format!("{least} or later only")),
    })
}

/// TLS-11: The gateway offers only strong cipher suites
fn strong_suites(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let (mesh, of_mesh) = defaults(context)?;
    let findings = tls_servers(context, |ingress, served, findings| {
        let mut check = |object: ObjectRef, field: &str, suites: &[Interned]| {
            for suite in suites {
                // Envoy groups suites of equal preference: [A|B].
                for name in
                    suite.trim_matches(['[', ']']).split('|').filter(|n| !STRONG_SUITES.contains(n))
                {
                    findings.push(finding(
                        object.clone(),
                        field,
                        name,
                        "ECDHE with AES-GCM or ChaCha20-Poly1305",
                    ));
                }
            }
        };
        for (object, params) in floors(context, ingress, served)? {
            check(object, "cipher_suites", &params.cipher_suites);
        }
        let tls = served.server.tls.as_ref();
        if tls.is_none_or(|tls| tls.cipher_suites.is_empty()) {
            check(mesh.clone(), "tlsDefaults.cipherSuites", &of_mesh.cipher_suites);
        }
        // A filter's suites are added to the server's own and do not replace them.
        if let Some(tls) = tls {
            check(
                served.gateway.reference(),
                &served.field(".tls.cipherSuites"),
                &tls.cipher_suites,
            );
        }
        Ok(())
    })?;
    Ok(match findings {
        None => Outcome::NotApplicable(NO_TLS.into()),
        Some(findings) => {
            outcome(findings, "only suites with forward secrecy and AEAD, or Envoy's default")
        }
    })
}
