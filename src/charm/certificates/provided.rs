//! The certificate of the option `tls-secret`: checked first, then installed at istio-pilot as a
//! secret of the model, by the controller's API.

use std::collections::BTreeMap;

use jiff::Timestamp;
use juju_charm::Unit;
use juju_charm::secret::{self, Content, Which};
use juju_charm::tool::ToolError;
use juju_client::{Error, Password};
use log::info;

use crate::charm::controller::ControllerSession;
use crate::charm::issue::StatusIssue;
use crate::facts::certificate::Certificate;
use crate::facts::juju::charm;
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

/// A certificate that passed its checks.
pub struct ProvidedCertificate {
    content: Content,
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
        let fingerprint = judge_pair(value(KEYS[0])?, value(KEYS[1])?, host, now)
            .map_err(|why| blocked(format!("{why}; juju update-secret fixes it")))?;
        Ok(Self { content, fingerprint })
    }

    /// Authorities to trust for it, PEM, if the secret has them: a root behind it, or itself.
    pub fn anchors(&self) -> Vec<String> {
        let text = self.content.get(KEYS[0]).map(secret::Value::expose);
        let text = text.unwrap_or_default();
        let is_root = Certificate::from_pem(text.as_bytes())
            .is_ok_and(|chain| chain.last().is_some_and(|last| last.self_signed));
        match text.rfind("-----BEGIN CERTIFICATE-----") {
            Some(at) if is_root => vec![text[at..].trim().to_owned()],
            _ => Vec::new(),
        }
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
        let values: BTreeMap<&str, Password> = KEYS
            .into_iter()
            .filter_map(|key| Some((key, Password::new(self.content.get(key)?.expose()))))
            .collect();
        let content = values.iter().map(|(key, value)| (*key, value)).collect();
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
