//! The certificate of the option `tls-secret`: checked first, then installed at istio-pilot as a
//! secret of the model, by the controller's API.

use std::collections::BTreeMap;

use jiff::Timestamp;
use juju_charm::secret::{self, Which};
use juju_charm::tool::ToolError;
use juju_charm::{Status, Unit};
use juju_client::{Error, Password};
use log::info;

use crate::charm::controller::{ControllerSession, LoginProblem};
use crate::charm::issue::StatusProblem;
use crate::facts::juju::charm;
use crate::pki::chain::{self, ChainProblem, Link};
use crate::pki::{Fingerprint, PairProblem, check_pair};
use crate::rotation::backend::{Backends as _, RotationError};

/// Name of the secret that istio-pilot reads.
const LABEL: &str = "ckf-hardening-gateway";
/// The charm that reads it.
const CHARM: &str = "istio-pilot";
/// Its option.
const OPTION: &str = "tls-secret-id";
/// Its endpoint for the other source.
const ENDPOINT: &str = "certificates";
const KEYS: [&str; 2] = ["tls-crt", "tls-key"];

/// Key of the secret with certificates to trust that are not served: a private root.
const ROOTS: &str = "ca-crt";

/// Reasons why the certificate of the option is not served.
#[derive(Debug, thiserror::Error)]
pub enum ProvidedProblem {
    /// The secret is gone.
    #[error("option tls-secret: the secret {0} does not exist; make one with juju add-secret")]
    Missing(String),
    /// The charm may not read it.
    #[error(
        "option tls-secret: {application} may not read {secret}; juju grant-secret {secret} \
         {application}"
    )]
    NotGranted {
        /// The secret.
        secret: String,
        /// This application.
        application: String,
    },
    /// The hook tool failed.
    #[error("option tls-secret: {0}")]
    Unreadable(ToolError),
    /// The secret lacks a key.
    #[error("option tls-secret: the secret has no {0}; juju update-secret fixes it")]
    NoKey(&'static str),
    /// The certificate or its private key is rejected.
    #[error("option tls-secret: {0}; juju update-secret fixes it")]
    Pair(PairProblem),
    /// A key of the secret is not a list of certificates.
    #[error("option tls-secret: {key}: {problem}; juju update-secret fixes it")]
    Chain {
        /// The key.
        key: &'static str,
        /// What is wrong with its value.
        problem: ChainProblem,
    },
    /// The gateway is given a certificate by a relation too.
    #[error(
        "option tls-secret and the relation gateway-certificates are both there, and the gateway \
         takes one; reset tls-secret, or remove the relation"
    )]
    TwoSources,
    /// There is no login to the controller.
    #[error("option tls-secret: {0}")]
    Login(LoginProblem),
    /// There is no gateway.
    #[error("option tls-secret: no application of the model is of the charm {CHARM}")]
    NoGateway,
    /// The gateway gets its certificate from another charm.
    #[error(
        "option tls-secret: {gateway} is related to {providers} for certificates and takes one \
         source; remove that relation, or reset tls-secret"
    )]
    OtherProvider {
        /// The gateway's application.
        gateway: String,
        /// Applications that provide its certificate, comma-separated.
        providers: String,
    },
    /// The controller refused a call.
    #[error("option tls-secret: {0}")]
    Controller(#[from] RotationError),
}

impl StatusProblem for ProvidedProblem {
    fn status(&self) -> Status {
        Status::Blocked
    }
}

/// A certificate that passed its checks.
pub struct ProvidedCertificate {
    /// Certificates to serve, PEM: the leaf and its intermediates, in order.
    served: String,
    key: Password,
    /// Certificates to trust, PEM.
    anchors: Vec<String>,
    /// SHA-256 of the leaf.
    pub fingerprint: Fingerprint,
}

impl ProvidedCertificate {
    /// Reads the option's secret and checks what is in it.
    pub fn read(
        unit: &Unit,
        id: &str,
        host: Option<&str>,
        now: Timestamp,
    ) -> Result<Self, ProvidedProblem> {
        let content = secret::get(id, Which::Refresh).map_err(|error| match error {
            ToolError::NotFound { .. } => ProvidedProblem::Missing(id.to_owned()),
            ToolError::Denied { .. } => ProvidedProblem::NotGranted {
                secret: id.to_owned(),
                application: unit.application().to_owned(),
            },
            other => ProvidedProblem::Unreadable(other),
        })?;
        let value = |key| {
            let value = content.get(key).map(secret::Value::expose);
            value.ok_or(ProvidedProblem::NoKey(key))
        };
        let (certificate, key) = (value(KEYS[0])?, value(KEYS[1])?);
        let fingerprint = check_pair(certificate, key, host, now).map_err(ProvidedProblem::Pair)?;
        // istio-pilot's charm fails on text around the certificates that is not ASCII.
        let parse = |key, text: &str| {
            chain::certificates(text.as_bytes())
                .map_err(|problem| ProvidedProblem::Chain { key, problem })
        };
        let links = parse(KEYS[0], certificate)?;
        let mut trusted: Vec<Link> = links.iter().filter(|link| link.is_root).cloned().collect();
        if let Some(roots) = content.get(ROOTS) {
            trusted.extend(parse(ROOTS, roots.expose())?);
        }
        let mut anchors: Vec<String> = trusted.into_iter().map(|link| link.pem).collect();
        anchors.dedup();
        let arranged = chain::arrange(links);
        let served: Vec<&str> = arranged
            .iter()
            .enumerate()
            .filter(|(index, link)| *index == 0 || !link.is_root)
            .map(|(_, link)| link.pem.as_str())
            .collect();
        let key = Password::new(chain::private_key(key).unwrap_or(key));
        Ok(Self { served: format!("{}\n", served.join("\n")), key, anchors, fingerprint })
    }

    /// Authorities to trust for it, PEM, if the secret has them: roots among its certificates,
    /// and those of `ca-crt`.
    pub fn anchors(&self) -> Vec<String> {
        self.anchors.clone()
    }

    /// Makes istio-pilot serve it. Each step may be repeated.
    pub fn install(&self, unit: &Unit, login: Option<&str>) -> Result<(), ProvidedProblem> {
        let mut session = ControllerSession::read(unit, login).map_err(ProvidedProblem::Login)?;
        let (user, access) = (session.user().to_owned(), format!("write {}", session.namespace()));
        let denied = |error: Error| RotationError::of_grant(&error, &user, &access);
        let model = session.model()?;
        let status = model.status().map_err(denied)?;
        let pilot = status.applications.iter();
        let pilot = pilot.into_iter().find(|(_, known)| charm(&known.charm).0 == CHARM);
        let Some((pilot, known)) = pilot else {
            return Err(ProvidedProblem::NoGateway);
        };
        let related = known.relations.get(ENDPOINT).filter(|with| !with.is_empty());
        if let Some(with) = related {
            let (gateway, providers) = (pilot.clone(), with.join(", "));
            return Err(ProvidedProblem::OtherProvider { gateway, providers });
        }
        let served = Password::new(self.served.as_str());
        let content = BTreeMap::from([(KEYS[0], &served), (KEYS[1], &self.key)]);
        let description = format!("certificate {} of the gateway", self.fingerprint);
        let uuid = &unit.model_uuid;
        let mut own = model.model_secrets(uuid).map_err(denied)?.into_iter();
        let uri = match own.find(|secret| secret.label == LABEL) {
            None => model.create_secret(LABEL, &description, &content).map_err(denied)?,
            Some(own) => {
                if own.description != description {
                    model.update_secret(&own.uri, &description, &content).map_err(denied)?;
                }
                own.uri
            }
        };
        model.grant_secret(&uri, pilot).map_err(denied)?;
        let config = model.application_config(pilot).map_err(denied)?;
        let wanted = Password::new(uri.as_str());
        let present = config.text(OPTION);
        if present.as_ref() != Some(&wanted) {
            let set = BTreeMap::from([(OPTION, &wanted)]);
            model.set_application_config(pilot, &set).map_err(denied)?;
            info!("{pilot} serves the certificate of tls-secret, by {uri}");
        }
        Ok(())
    }
}
