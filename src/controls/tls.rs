//! Encryption: TLS on the ingress gateway.

use super::context::{Context, Missing};
use super::ingress::{Ingress, MAIN_GATEWAY, Reach, Served, patches_port};
use super::{Check, Finding, Outcome, count, finding, outcome};
use crate::facts::certificate::Certificate;
use crate::facts::istio::{AmbientGateway, reference};
use crate::facts::object::{Object, ObjectRef};
use crate::facts::secret::Secret;
use crate::policy::Profile;

/// The checks of this section.
pub const CHECKS: &[(&str, Check)] = &[
    ("TLS-01", serves_https),
    ("TLS-02", no_clear_text),
    ("TLS-03", secret_is_complete),
    ("TLS-04", is_valid_now),
    ("TLS-05", key_matches),
    ("TLS-06", key_is_strong),
    ("TLS-07", signature_is_strong),
    ("TLS-08", names_host),
    ("TLS-09", not_self_signed),
    ("TLS-10", refuses_old_versions),
    ("TLS-11", strong_suites),
    ("TLS-13", one_manager),
    ("TLS-14", key_not_copied),
    ("TLS-15", ambient_serves_https),
];

/// Cipher suites that the policy allows, by OpenSSL's names: forward secrecy and AEAD.
pub const STRONG_SUITES: &[&str] = &[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
];

pub(super) const NO_TLS: &str = "no TLS server is on the ingress";

/// The way into an ambient mesh.
pub fn ambient_ingress<'a>(context: &Context<'a>) -> Result<Vec<&'a AmbientGateway>, Missing> {
    let gateways = context.ambient_gateways()?.iter();
    Ok(gateways
        .filter(|g| {
            g.metadata.namespace == *context.namespace()
                && g.spec.gateway_class_name != "istio-waypoint"
        })
        .collect())
}

/// Whether the platform is in an ambient mesh, whose way in is no Istio Gateway.
pub fn is_ambient(context: &Context<'_>, ingress: &Ingress<'_>) -> Result<bool, Missing> {
    Ok(!ingress.exists() && !ambient_ingress(context)?.is_empty())
}

pub(crate) fn gateway_reference(context: &Context<'_>) -> ObjectRef {
    reference("networking.istio.io/v1", "Gateway", context.namespace(), MAIN_GATEWAY)
}

fn serves_https(context: &Context<'_>) -> Result<Outcome, Missing> {
    let ingress = Ingress::find(context)?;
    if is_ambient(context, &ingress)? {
        return Ok(Outcome::NotApplicable("the mesh is ambient, see TLS-15".into()));
    }
    let Some(main) = ingress.main else {
        let missing = finding(
            gateway_reference(context),
            "metadata.name",
            "missing",
            "a Gateway with an HTTPS server",
        );
        return Ok(Outcome::Fail(vec![missing]));
    };
    if !ingress.is_selected(&main.spec.selector) {
        return Ok(Outcome::Fail(vec![finding(
            main.reference(),
            "spec.selector",
            "no gateway pod selected",
            "the labels of the ingress gateway's pods",
        )]));
    }
    let servers = ingress.servers();
    let own: Vec<_> = servers.iter().filter(|s| std::ptr::eq(s.gateway, main)).collect();
    let secure = own.iter().any(|s| {
        s.server.port.protocol.eq_ignore_ascii_case("HTTPS")
            && s.server.tls.as_ref().is_some_and(|tls| matches!(&*tls.mode, "SIMPLE" | "MUTUAL"))
    });
    if secure {
        return Ok(Outcome::Pass(format!("{} has an HTTPS server", main.reference())));
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
    Ok(Outcome::Fail(vec![finding(
        main.reference(),
        "spec.servers",
        seen,
        "HTTPS with tls.mode SIMPLE or MUTUAL",
    )]))
}

fn no_clear_text(context: &Context<'_>) -> Result<Outcome, Missing> {
    let ingress = Ingress::find(context)?;
    if !ingress.exists() {
        return Ok(Outcome::NotApplicable("there is no Istio ingress gateway".into()));
    }
    let servers = ingress.servers();
    let clear = || servers.iter().filter(|s| s.is_clear() && !s.is_redirect());
    let findings = clear()
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

/// Servers with certificates and the Secrets that they name.
fn credentials<'a>(servers: &'a [Served<'a>]) -> Vec<(&'a Served<'a>, &'a str)> {
    servers
        .iter()
        .filter(|s| s.terminates_tls())
        .flat_map(|s| {
            let tls = s.server.tls.as_ref();
            let names = tls
                .into_iter()
                .flat_map(|tls| tls.credential_name.iter().chain(&tls.credential_names));
            names.map(move |name| (s, &**name))
        })
        .collect()
}

/// The Secrets that the ingress serves, without repetition.
pub(super) fn served_secrets<'a>(
    context: &Context<'a>,
) -> Result<Result<Vec<&'a Secret>, Outcome>, Missing> {
    let ingress = Ingress::find(context)?;
    let mut names: Vec<(String, String)> = Vec::new();
    let servers = ingress.servers();
    for (_, name) in credentials(&servers) {
        // Envoy asks for the Secret in the namespace of the gateway's pods.
        names.push((context.namespace().to_owned(), name.to_owned()));
    }
    let ambient = if ingress.exists() { Vec::new() } else { ambient_ingress(context)? };
    for gateway in &ambient {
        let refs = gateway
            .spec
            .listeners
            .iter()
            .filter_map(|l| l.tls.as_ref())
            .flat_map(|tls| &tls.certificate_refs);
        names.extend(refs.map(|r| {
            let namespace = r.namespace.as_deref().unwrap_or(&gateway.metadata.namespace);
            (namespace.to_owned(), r.name.to_string())
        }));
    }
    if names.is_empty() {
        return Ok(Err(Outcome::NotApplicable(NO_TLS.into())));
    }
    let secrets = context.secrets()?;
    let found: Vec<&Secret> = secrets
        .iter()
        .filter(|s| {
            names.iter().any(|(namespace, name)| {
                s.metadata.namespace == **namespace && s.metadata.name == *name
            })
        })
        .collect();
    if found.is_empty() {
        return Ok(Err(Outcome::NotAssessed(
            "the gateway's certificate Secret is missing, see TLS-03".into(),
        )));
    }
    Ok(Ok(found))
}

fn secret_is_complete(context: &Context<'_>) -> Result<Outcome, Missing> {
    let ingress = Ingress::find(context)?;
    let servers = ingress.servers();
    let credentials = credentials(&servers);
    if credentials.is_empty() && !servers.iter().any(Served::terminates_tls) {
        return Ok(Outcome::NotApplicable(NO_TLS.into()));
    }
    let secrets = context.secrets()?;
    let mut findings = Vec::new();
    let own_name = format!("{MAIN_GATEWAY}-gateway-secret");
    for served in servers.iter().filter(|s| s.terminates_tls()) {
        let tls = served.server.tls.as_ref();
        let names: Vec<_> = tls
            .into_iter()
            .flat_map(|t| t.credential_name.iter().chain(&t.credential_names))
            .collect();
        let own = ingress.main.is_some_and(|main| std::ptr::eq(main, served.gateway));
        if names.is_empty() && tls.is_some_and(|t| t.mode != "ISTIO_MUTUAL") {
            let wanted = "the name of a TLS Secret";
            findings.push(finding(
                served.gateway.reference(),
                &served.field(".tls.credentialName"),
                "absent",
                wanted,
            ));
        }
        for name in names {
            if own && **name != *own_name {
                let field = served.field(".tls.credentialName");
                findings.push(finding(
                    served.gateway.reference(),
                    &field,
                    &**name,
                    own_name.clone(),
                ));
            }
            let secret = secrets.iter().find(|s| {
                s.metadata.namespace == *context.namespace() && s.metadata.name == **name
            });
            let object = reference("v1", "Secret", context.namespace(), name);
            match secret {
                None => findings.push(finding(
                    object,
                    "metadata.name",
                    "missing",
                    "the Secret that the Gateway names",
                )),
                Some(secret) => {
                    if secret.kind != "kubernetes.io/tls" {
                        findings.push(finding(
                            object.clone(),
                            "type",
                            &*secret.kind,
                            "kubernetes.io/tls",
                        ));
                    }
                    if let Some(error) = secret.tls.as_ref().and_then(|t| t.error.as_deref())
                        && secret.keys.iter().any(|k| *k == "tls.crt")
                    {
                        findings.push(finding(
                            object.clone(),
                            "data[tls.crt]",
                            error,
                            "certificates in PEM",
                        ));
                    }
                    for key in ["tls.crt", "tls.key"] {
                        if !secret.keys.iter().any(|k| *k == key) {
                            findings.push(finding(
                                object.clone(),
                                &format!("data[{key}]"),
                                "absent or empty",
                                "PEM",
                            ));
                        }
                    }
                }
            }
        }
    }
    Ok(outcome(findings, format!("{} complete", count(credentials.len(), "credential"))))
}

/// Applies a judgement to each certificate that the ingress serves.
pub(super) fn each_leaf(
    context: &Context<'_>,
    judge: impl Fn(&Certificate, &ObjectRef) -> Result<Vec<Finding>, Outcome>,
    evidence: impl Fn(&Certificate) -> String,
) -> Result<Outcome, Missing> {
    let secrets = match served_secrets(context)? {
        Ok(secrets) => secrets,
        Err(other) => return Ok(other),
    };
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    let mut unknown = None;
    for secret in secrets {
        let object = secret.reference();
        let tls = secret.tls.as_ref();
        let Some(leaf) = tls.and_then(|tls| tls.chain.first()) else {
            let error =
                tls.and_then(|tls| tls.error.clone()).unwrap_or_else(|| "it has no tls.crt".into());
            findings.push(finding(object, "data[tls.crt]", error, "a PEM certificate"));
            continue;
        };
        match judge(leaf, &object) {
            Ok(more) => findings.extend(more),
            Err(other) => unknown = Some(other),
        }
        seen.push(evidence(leaf));
    }
    match unknown {
        Some(other) if findings.is_empty() => Ok(other),
        _ => Ok(outcome(findings, seen.join("; "))),
    }
}

fn days_left(context: &Context<'_>, certificate: &Certificate) -> i64 {
    (certificate.not_after - context.now().as_second()).div_euclid(86_400)
}

fn is_valid_now(context: &Context<'_>) -> Result<Outcome, Missing> {
    let (fail, warn) = context.policy.certificate_days;
    let fail = if context.policy.profile == Profile::Strict { warn } else { fail };
    let leaves = each_leaf(
        context,
        |leaf, object| {
            let mut findings = Vec::new();
            if leaf.not_before > context.now().as_second() {
                findings.push(finding(
                    object.clone(),
                    "tls.crt notBefore",
                    date(leaf.not_before),
                    "a time in the past",
                ));
            }
            let left = days_left(context, leaf);
            if leaf.not_after <= context.now().as_second() {
                findings.push(finding(
                    object.clone(),
                    "tls.crt notAfter",
                    format!("{}, expired", date(leaf.not_after)),
                    "a time to come",
                ));
            } else if left < fail {
                let seen = format!("{}, {left} days left", date(leaf.not_after));
                findings.push(finding(
                    object.clone(),
                    "tls.crt notAfter",
                    seen,
                    format!("at least {fail} days left"),
                ));
            }
            Ok(findings)
        },
        |leaf| {
            let left = days_left(context, leaf);
            let warning = if left < warn { ", renewal is due" } else { "" };
            format!("valid until {}, {left} days left{warning}", date(leaf.not_after))
        },
    )?;
    let ended = ended_intermediates(context)?;
    Ok(match leaves {
        Outcome::Fail(findings) => Outcome::Fail([findings, ended].concat()),
        Outcome::Pass(_) if !ended.is_empty() => Outcome::Fail(ended),
        other => other,
    })
}

/// Certificates between a leaf and its root that hold no longer: clients refuse the whole.
fn ended_intermediates(context: &Context<'_>) -> Result<Vec<Finding>, Missing> {
    let now = context.now().as_second();
    let secrets = served_secrets(context)?.unwrap_or_default();
    let mut findings = Vec::new();
    for secret in secrets {
        let chain = secret.tls.iter().flat_map(|tls| tls.chain.iter().enumerate().skip(1));
        for (index, found) in chain.filter(|(_, found)| !found.self_signed) {
            if found.not_after <= now {
                let field = format!("tls.crt certificate {index} notAfter");
                let seen = format!("{}, expired", date(found.not_after));
                findings.push(finding(secret.reference(), &field, seen, "a time to come"));
            }
        }
    }
    Ok(findings)
}

/// A time in seconds since 1970, as a day.
pub fn date(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
        Err(_) => format!("second {seconds}"),
    }
}

fn key_matches(context: &Context<'_>) -> Result<Outcome, Missing> {
    let secrets = match served_secrets(context)? {
        Ok(secrets) => secrets,
        Err(other) => return Ok(other),
    };
    let mut findings = Vec::new();
    for secret in secrets {
        let object = secret.reference();
        let Some(tls) = &secret.tls else {
            findings.push(finding(object, "data[tls.key]", "absent", "the key of tls.crt"));
            continue;
        };
        match (&tls.key, tls.chain.first()) {
            (Some(key), Some(leaf)) if *key == leaf.public_key => {}
            (Some(_), Some(_)) => findings.push(finding(
                object,
                "data[tls.key]",
                "of another key pair",
                "the key of tls.crt",
            )),
            (None, Some(leaf)) => {
                let why = format!(
                    "the private key in {object} could not be read to compare it with the {} certificate",
                    leaf.key_type
                );
                return Ok(Outcome::NotAssessed(why));
            }
            (_, None) => findings.push(finding(
                object,
                "data[tls.crt]",
                "no certificate",
                "the certificate of tls.key",
            )),
        }
    }
    Ok(outcome(findings, "the public parts are equal"))
}

fn key_is_strong(context: &Context<'_>) -> Result<Outcome, Missing> {
    let rsa_least = if context.policy.profile == Profile::Strict { 3072 } else { 2048 };
    each_leaf(
        context,
        |leaf, object| {
            let weak = match leaf.key_type.as_str() {
                "RSA" => leaf.key_bits < rsa_least,
                "EC" => leaf.key_bits < 256,
                "Ed25519" => false,
                other => {
                    return Err(Outcome::NotAssessed(format!(
                        "the key of {object} is of a type not known here: {other}"
                    )));
                }
            };
            let seen = format!("{} {} bits", leaf.key_type, leaf.key_bits);
            let wanted = format!("RSA of {rsa_least} bits, EC of 256 bits or Ed25519");
            Ok(if weak {
                vec![finding(object.clone(), "tls.crt key", seen, wanted)]
            } else {
                Vec::new()
            })
        },
        |leaf| {
            let warning = if leaf.key_type == "RSA" && leaf.key_bits < 3072 {
                "; 3072 are advised"
            } else {
                ""
            };
            format!("{} {} bits{warning}", leaf.key_type, leaf.key_bits)
        },
    )
}

fn signature_is_strong(context: &Context<'_>) -> Result<Outcome, Missing> {
    let secrets = match served_secrets(context)? {
        Ok(secrets) => secrets,
        Err(other) => return Ok(other),
    };
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    for secret in secrets {
        let tls = secret.tls.as_ref();
        let chain = tls.map(|t| t.chain.as_slice()).unwrap_or_default();
        if chain.is_empty() {
            findings.push(finding(
                secret.reference(),
                "data[tls.crt]",
                "no certificate",
                "a PEM certificate",
            ));
        }
        for (index, cert) in chain.iter().enumerate() {
            // Nobody checks the signature of a root by itself.
            let is_root = index > 0 && cert.self_signed;
            if cert.is_weakly_signed() && !is_root {
                let field = format!("tls.crt certificate {index}");
                findings.push(finding(
                    secret.reference(),
                    &field,
                    cert.signature.clone(),
                    "SHA-256 or better",
                ));
            }
        }
        seen.extend(chain.first().map(|leaf| leaf.signature.clone()));
    }
    Ok(outcome(findings, seen.join("; ")))
}

fn names_host(context: &Context<'_>) -> Result<Outcome, Missing> {
    let Some(host) = &context.policy.external_hostname else {
        return Ok(match served_secrets(context)? {
            Err(not_applicable @ Outcome::NotApplicable(_)) => not_applicable,
            _ => Outcome::NotAssessed("the option external-hostname is not set".into()),
        });
    };
    each_leaf(
        context,
        |leaf, object| {
            if leaf.covers(host) {
                return Ok(Vec::new());
            }
            let seen = if leaf.names.is_empty() { "no name".into() } else { leaf.names.join(", ") };
            Ok(vec![finding(object.clone(), "tls.crt subjectAltName", seen, host.clone())])
        },
        |_| format!("it is for {host}"),
    )
}

fn not_self_signed(context: &Context<'_>) -> Result<Outcome, Missing> {
    each_leaf(
        context,
        |leaf, object| {
            let found = |seen: &str, wanted: &str| {
                let field = "tls.crt issuer";
                Ok(vec![finding(object.clone(), field, seen, wanted)])
            };
            match (leaf.self_signed, context.policy.profile) {
                (false, _) => Ok(Vec::new()),
                (true, Profile::Strict) => found("the subject itself", "a CA"),
                (true, Profile::Baseline) => match is_trusted_at_login(context, leaf) {
                    Ok(true) => Ok(Vec::new()),
                    Ok(false) => found(
                        "the subject itself, which no oidc-gatekeeper trusts",
                        "a CA, or the certificate in oidc-gatekeeper's ca-bundle",
                    ),
                    Err(Missing(why)) => Err(Outcome::NotAssessed(format!(
                        "the certificate is self-signed, and oidc-gatekeeper's ca-bundle is not known: {why}"
                    ))),
                },
            }
        },
        |leaf| format!("issued by {}", leaf.issuer),
    )
}

/// Whether oidc-gatekeeper, which asks Dex by the gateway's name, is told to trust it.
fn is_trusted_at_login(context: &Context<'_>, leaf: &Certificate) -> Result<bool, Missing> {
    let applications = context.applications()?.iter();
    let mut bundles = applications
        .filter(|application| application.charm == "oidc-gatekeeper")
        .filter_map(|application| application.option("ca-bundle"));
    Ok(bundles.any(|bundle| {
        let trusted = Certificate::from_pem(bundle.as_bytes()).unwrap_or_default();
        trusted.iter().any(|known| known.public_key == leaf.public_key)
    }))
}

/// The minor digit of a TLS version in Istio's or Envoy's words; 1.2 for the default.
fn minor(version: &str) -> u8 {
    match version.to_ascii_uppercase().as_str() {
        "TLSV1_0" => 0,
        "TLSV1_1" => 1,
        "TLSV1_3" => 3,
        _ => 2,
    }
}

/// TLS parameters that EnvoyFilters set on the filter chain of a server.
fn floors<'a>(
    context: &Context<'a>,
    ingress: &Ingress<'_>,
    served: &Served<'_>,
) -> Result<Vec<(ObjectRef, &'a crate::facts::istio::TlsParameters)>, Missing> {
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

fn tls_servers(
    context: &Context<'_>,
    judge: impl Fn(&Ingress<'_>, &Served<'_>, &mut Vec<Finding>) -> Result<(), Missing>,
) -> Result<Option<Vec<Finding>>, Missing> {
    let ingress = Ingress::find(context)?;
    let servers = ingress.servers();
    let terminating: Vec<_> = servers.iter().filter(|s| s.terminates_tls()).collect();
    if terminating.is_empty() {
        return Ok(None);
    }
    let mut findings = Vec::new();
    for served in terminating {
        judge(&ingress, served, &mut findings)?;
    }
    Ok(Some(findings))
}

fn refuses_old_versions(context: &Context<'_>) -> Result<Outcome, Missing> {
    let least = context.policy.tls_minimum;
    let findings = tls_servers(context, |ingress, served, findings| {
        let tls = served.server.tls.as_ref();
        let own = tls.and_then(|t| t.min_protocol_version.as_deref()).unwrap_or("TLSV1_2");
        let floors = floors(context, ingress, served)?;
        let lowest = floors
            .iter()
            .filter_map(|(object, p)| Some((object, p.minimum.as_deref()?)))
            .min_by_key(|(_, v)| minor(v));
        let (object, field, version) = match lowest {
            Some((filter, version)) => {
                (filter.clone(), "tls_minimum_protocol_version".to_owned(), version)
            }
            None => (served.gateway.reference(), served.field(".tls.minProtocolVersion"), own),
        };
        if minor(version) < least {
            findings.push(finding(
                object,
                &field,
                format!("TLS 1.{}", minor(version)),
                format!("TLS 1.{least} or later"),
            ));
        }
        if let Some(highest) =
            tls.and_then(|t| t.max_protocol_version.as_deref()).filter(|v| *v != "TLS_AUTO")
            && minor(highest) < least
        {
            let wanted = format!("TLS 1.{least} or later");
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
        Some(findings) => outcome(findings, format!("TLS 1.{least} or later only")),
    })
}

fn strong_suites(context: &Context<'_>) -> Result<Outcome, Missing> {
    let findings = tls_servers(context, |ingress, served, findings| {
        let mut judge = |object: ObjectRef, field: &str, suites: &[crate::facts::text::Text]| {
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
            judge(object, "cipher_suites", &params.cipher_suites);
        }
        // A filter's suites are added to the server's own, not put in their place.
        if let Some(tls) = &served.server.tls {
            judge(
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

fn one_manager(context: &Context<'_>) -> Result<Outcome, Missing> {
    let ingress = Ingress::find(context)?;
    let Some(main) = ingress.main else {
        return Ok(Outcome::NotApplicable(format!("there is no Gateway {MAIN_GATEWAY}")));
    };
    let Some(managers) = &main.server_managers else {
        return Ok(Outcome::NotAssessed("the API server told no field managers".into()));
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

fn key_not_copied(context: &Context<'_>) -> Result<Outcome, Missing> {
    let served = match served_secrets(context)? {
        Ok(secrets) => secrets,
        Err(other) => return Ok(other),
    };
    let keys: Vec<&str> = served.iter().filter_map(|s| s.tls.as_ref()?.key.as_deref()).collect();
    if keys.is_empty() {
        return Ok(Outcome::NotAssessed(
            "the gateway's private key could not be read to look for copies".into(),
        ));
    }
    let copies = context.secrets()?.iter().filter(|s| {
        let key = s.tls.as_ref().and_then(|tls| tls.key.as_deref());
        key.is_some_and(|k| keys.contains(&k)) && !served.iter().any(|own| std::ptr::eq(*own, *s))
    });
    let findings = copies
        .map(|s| {
            finding(s.reference(), "data[tls.key]", "the gateway's private key", "another key")
        })
        .collect();
    Ok(outcome(findings, "no other Secret holds the key"))
}

fn ambient_serves_https(context: &Context<'_>) -> Result<Outcome, Missing> {
    let ingress = Ingress::find(context)?;
    let gateways = ambient_ingress(context)?;
    if ingress.exists() || gateways.is_empty() {
        return Ok(Outcome::NotApplicable("the mesh is not ambient, see TLS-01".into()));
    }
    let mut findings = Vec::new();
    for gateway in gateways {
        let secure = gateway.spec.listeners.iter().any(|l| {
            l.protocol == "HTTPS"
                && l.tls.as_ref().is_some_and(|tls| !tls.certificate_refs.is_empty())
        });
        if !secure {
            findings.push(finding(
                gateway.reference(),
                "spec.listeners",
                "no HTTPS listener with a certificate",
                "https-443",
            ));
        }
        for listener in gateway.spec.listeners.iter().filter(|l| l.protocol == "HTTP") {
            let routes = context.ambient_routes()?.iter().filter(|r| {
                r.spec.parent_refs.iter().any(|p| {
                    p.name == *gateway.metadata.name
                        && p.namespace.as_ref().unwrap_or(&r.metadata.namespace)
                            == &gateway.metadata.namespace
                        && p.section_name.as_ref().is_none_or(|section| *section == listener.name)
                })
            });
            for route in routes {
                let redirects = !route.spec.rules.is_empty()
                    && route.spec.rules.iter().all(|rule| {
                        rule.filters.iter().any(|f| {
                            f.request_redirect
                                .as_ref()
                                .is_some_and(|r| r.scheme.as_deref() == Some("https"))
                        })
                    });
                if !redirects {
                    let seen = format!("routes on listener {} in clear text", listener.name);
                    findings.push(finding(
                        route.reference(),
                        "spec.rules",
                        seen,
                        "a redirect to https",
                    ));
                }
            }
        }
    }
    Ok(outcome(findings, "HTTPS with a certificate; HTTP only redirects"))
}
