//! The certificate of the option `tls-secret`: checked first, then installed at istio-pilot as a
//! secret of the model, by the controller's API.

use std::collections::BTreeMap;

use jiff::Timestamp;
use juju_charm::Unit;
use juju_charm::secret::{self, Which};
use juju_charm::tool::ToolError;
use juju_client::{Error, Password};
use log::info;

use crate::charm::controller::ControllerSession;
use crate::charm::issue::StatusIssue;
use crate::facts::juju::charm;
use crate::pki::chain::{self, Link};
use crate::pki::{Fingerprint, judge_pair};
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
    ) -> Result<Self, StatusIssue> {
        let blocked = |why: String| StatusIssue::blocked(format!("option tls-secret: {why}"));
        let application = unit.application();
        let content = secret::get(id, Which::Refresh).map_err(|error| {
            blocked(match error {
                ToolError::NotFound { .. } => {
                    format!("the secret {id} does not exist; make one with juju add-secret")
                }
                ToolError::Denied { .. } => {
                    format!("{application} may not read {id}; juju grant-secret {id} {application}")
                }
                other => other.to_string(),
            })
        })?;
        let value = |key: &str| {
            let value = content.get(key).map(secret::Value::expose);
            value.ok_or_else(|| {
                blocked(format!("the secret has no {key}; juju update-secret fixes it"))
            })
        };
        let (certificate, key) = (value(KEYS[0])?, value(KEYS[1])?);
        let fingerprint = judge_pair(certificate, key, host, now)
            .map_err(|why| blocked(format!("{why}; juju update-secret fixes it")))?;
        // istio-pilot's charm fails on text around the certificates that is not ASCII.
        let parse = |name: &str, text: &str| {
            chain::certificates(text.as_bytes())
                .map_err(|why| blocked(format!("{name}: {why}; juju update-secret fixes it")))
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
    pub fn install(&self, unit: &Unit, login: Option<&str>) -> Result<(), StatusIssue> {
        let blocked = |why: String| StatusIssue::blocked(format!("option tls-secret: {why}"));
        let mut session =
            ControllerSession::read(unit, login).map_err(|why| blocked(why.to_string()))?;
        self.apply(unit, &mut session).map_err(|why| blocked(why.0))
    }

    fn apply(&self, unit: &Unit, session: &mut ControllerSession) -> Result<(), RotationError> {
        let (user, access) = (session.user().to_owned(), format!("write {}", session.namespace()));
        let denied = |error: Error| RotationError::of_grant(&error, &user, &access);
        let model = session.model()?;
        let status = model.status().map_err(denied)?;
        let pilot = status.applications.iter();
        let pilot = pilot.into_iter().find(|(_, known)| charm(&known.charm).0 == CHARM);
        let Some((pilot, known)) = pilot else {
            let why = format!("no application of the model is of the charm {CHARM}");
            return Err(RotationError(why));
        };
        let related = known.relations.get(ENDPOINT).filter(|with| !with.is_empty());
        if let Some(with) = related {
            return Err(RotationError(format!(
                "{pilot} is related to {} for certificates and takes one source; remove that relation, or reset tls-secret",
                with.join(", ")
            )));
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
