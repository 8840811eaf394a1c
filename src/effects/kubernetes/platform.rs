//! The Secret of a platform: the key of its records, and which application holds it.
//!
//! It is in kube-system: who can read or write there is root of the cluster already.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::{Cluster, named};
use crate::facts::known::Unknown;
use crate::facts::kubernetes::Failure;
use crate::facts::path::{ApiPath, PathError};
use crate::remedies::{KEY_LENGTH, MANAGED_BY, Reading, RecordKey};

/// Where the Secrets of platforms are.
const NAMESPACE: &str = "kube-system";
const KEY: &str = "record-key";
const HOLDER: &str = "holder";
/// How often a write is tried again that another writer was quicker than.
const TRIES: usize = 3;
/// Annotation by which Juju names the model of what it makes.
const MODEL: &str = "model.juju.is/id";

/// An application that enforces on a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    model_uuid: String,
    application: String,
}

impl Holder {
    /// An application of a model.
    pub fn new(model_uuid: &str, application: &str) -> Self {
        Self { model_uuid: model_uuid.into(), application: application.into() }
    }

    /// Reads what [`Display`](std::fmt::Display) writes; `None` if it names no application.
    pub fn parse(text: &str) -> Option<Self> {
        let (model, application) = text.trim().split_once('/')?;
        let is_name = !model.is_empty() && !application.is_empty();
        (is_name && !application.contains('/')).then(|| Self::new(model, application))
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.model_uuid, self.application)
    }
}

/// Who holds a platform, for one who would change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Nobody else.
    Free,
    /// Another application, which alone enforces there.
    Other(Holder),
    /// It cannot be read.
    Unknown(Unknown),
}

impl Hold {
    /// Why nothing is changed, if another application holds the platform.
    pub fn other(&self) -> Option<String> {
        match self {
            Self::Other(Holder { model_uuid, application }) => Some(format!(
                "application {application} of model {model_uuid} enforces here already, and two \
                 would undo each other; remove one of them, or set its option enforce to none"
            )),
            Self::Free | Self::Unknown(_) => None,
        }
    }
}

/// A platform's Secret as it was read.
#[derive(Clone)]
pub(super) struct PlatformSecret {
    uid: String,
    resource_version: String,
    /// Whether it is ours to delete: an administrator may have made it for us.
    is_ours: bool,
    key: Option<RecordKey>,
    holder: Option<Holder>,
}

/// The Secret in a platform's namespace, as far as it is known.
#[derive(Clone)]
pub(super) struct Platform {
    namespace: String,
    secret: Result<Option<PlatformSecret>, Unknown>,
}

/// The Secret as it is sent.
#[derive(Deserialize)]
struct Wire {
    metadata: Meta,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    uid: String,
    resource_version: String,
    #[serde(default)]
    labels: Option<Map<String, Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Data {
    record_key: String,
    holder: String,
}

impl PlatformSecret {
    fn read(text: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(text).ok()?;
        let data = wire.data.unwrap_or_default();
        let (key, holder) = (Zeroizing::new(data.record_key), data.holder);
        let key = STANDARD.decode(&*key).ok().map(Zeroizing::new);
        let holder = STANDARD.decode(holder).ok();
        let holder = holder.and_then(|bytes| String::from_utf8(bytes).ok());
        let labels = wire.metadata.labels.unwrap_or_default();
        Some(Self {
            uid: wire.metadata.uid,
            resource_version: wire.metadata.resource_version,
            is_ours: labels.get(MANAGED_BY.0).is_some_and(|by| by == MANAGED_BY.1),
            key: key.and_then(|key| RecordKey::new(&key)),
            holder: holder.as_deref().and_then(Holder::parse),
        })
    }
}

fn secrets() -> ApiPath {
    ApiPath::from("/api/v1/namespaces/kube-system/secrets")
}

fn name_of(platform: &str) -> String {
    format!("ckf-hardening-{platform}")
}

fn path_of(platform: &str) -> Result<ApiPath, PathError> {
    secrets().join(&name_of(platform))
}

/// A new key, in base64.
fn new_key() -> Result<Zeroizing<String>, Unknown> {
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    let filled = SystemRandom::new().fill(&mut *key);
    let no_source = |_| Unknown::Failed("the system has no random source".into());
    filled.map_err(no_source)?;
    Ok(Zeroizing::new(STANDARD.encode(*key)))
}

impl Cluster {
    /// Reads the Secret of a platform once; the result is used for all that follows.
    pub(super) fn read_platform(&self, platform: &str) {
        let secret = self.get_secret(platform);
        self.platform.replace(Some(Platform { namespace: platform.to_owned(), secret }));
    }

    fn get_secret(&self, platform: &str) -> Result<Option<PlatformSecret>, Unknown> {
        let what = format!("Secret {NAMESPACE}/{}", name_of(platform));
        let path = path_of(platform).map_err(|error| named(&what, error.into()))?;
        match self.send(http::Method::GET, &path, None) {
            Ok(text) => {
                let text = Zeroizing::new(text);
                let broken = || Unknown::Failed(format!("{what} is not understood"));
                PlatformSecret::read(&text).map(Some).ok_or_else(broken)
            }
            Err(Failure::NotFound) => Ok(None),
            Err(failure) => Err(named(&what, failure)),
        }
    }

    fn secret(&self, platform: &str) -> Result<Option<PlatformSecret>, Unknown> {
        let is_read = |of: &Platform| of.namespace == platform;
        if !self.platform.borrow().as_ref().is_some_and(is_read) {
            self.read_platform(platform);
        }
        match &*self.platform.borrow() {
            Some(read) => read.secret.clone(),
            None => Err(Unknown::NotCollected),
        }
    }

    /// The key by which records of a platform are verified, if it is there.
    pub(super) fn known_key(&self, platform: &str) -> Option<RecordKey> {
        self.secret(platform).ok()??.key
    }

    /// The key by which records of a platform are signed; made on first need.
    pub fn record_key(&self, platform: &str) -> Result<RecordKey, Unknown> {
        for _ in 0..TRIES {
            let secret = self.secret(platform)?;
            if let Some(key) = secret.as_ref().and_then(|secret| secret.key.clone()) {
                return Ok(key);
            }
            let key = new_key()?;
            self.write(platform, secret.as_ref(), &[(KEY, Some(&key))])?;
        }
        Err(self.contended(platform))
    }

    /// Who holds a platform, for an application or, without one, an agent that does not know
    /// its own.
    pub fn hold(&self, platform: &str, own: Option<&Holder>) -> Hold {
        match self.secret(platform) {
            Err(why) => Hold::Unknown(why),
            Ok(secret) => match secret.and_then(|secret| secret.holder) {
                Some(holder) if Some(&holder) != own => Hold::Other(holder),
                _ => Hold::Free,
            },
        }
    }

    /// Has an application hold a platform, unless another one does that is there. One that is
    /// gone is replaced, and the key stays, so that its records stay valid.
    pub fn claim(&self, platform: &str, own: &Holder) -> Result<Hold, Unknown> {
        for _ in 0..TRIES {
            match self.hold(platform, Some(own)) {
                Hold::Other(other) if !self.is_gone(platform, &other, own)? => {
                    return Ok(Hold::Other(other));
                }
                Hold::Unknown(why) => return Ok(Hold::Unknown(why)),
                Hold::Other(_) | Hold::Free => {}
            }
            let secret = self.secret(platform)?;
            let has_key = secret.as_ref().is_some_and(|secret| secret.key.is_some());
            let holds = secret.as_ref().and_then(|secret| secret.holder.as_ref());
            if holds == Some(own) {
                return Ok(Hold::Free);
            }
            let holder = STANDARD.encode(own.to_string());
            let mut values = vec![(HOLDER, Some(holder.as_str()))];
            let key = new_key()?;
            if !has_key {
                values.push((KEY, Some(&key)));
            }
            if let Err(why) = self.write(platform, secret.as_ref(), &values) {
                return match why {
                    // An account that may not write there has no part in who holds it.
                    Unknown::Forbidden(_) => Ok(Hold::Unknown(why)),
                    why => Err(why),
                };
            }
        }
        Err(self.contended(platform))
    }

    /// Whether an application that holds a platform is not there any more. Its workload is in
    /// the platform's own namespace, as all of its model is.
    fn is_gone(&self, platform: &str, other: &Holder, own: &Holder) -> Result<bool, Unknown> {
        if other.application == own.application {
            // The name is ours by now: that model is gone.
            return Ok(true);
        }
        for plural in ["statefulsets", "deployments"] {
            let all = ApiPath::all("apps/v1", platform, plural);
            let path = all.and_then(|all| all.join(&other.application));
            let what = format!("{plural} {platform}/{}", other.application);
            let path = path.map_err(|error| named(&what, error.into()))?;
            match self.get(&path, &what) {
                Ok(Some(workload)) => {
                    let model = workload["metadata"]["annotations"][MODEL].as_str();
                    return Ok(model.is_some_and(|model| model != other.model_uuid));
                }
                Ok(None) => {}
                Err(Unknown::Forbidden(_)) => return Ok(false),
                Err(why) => return Err(why),
            }
        }
        Ok(true)
    }

    /// Deletes the Secret of a platform when no application holds it and it has no records left;
    /// `leaving` is an application that releases it.
    pub fn settle(&self, platform: &str, leaving: Option<&Holder>) -> Result<(), Unknown> {
        let secret = match self.secret(platform) {
            Ok(Some(secret)) => secret,
            Ok(None) => return Ok(()),
            // Who may not read it has not written it.
            Err(Unknown::Forbidden(_)) => return Ok(()),
            Err(why) => return Err(why),
        };
        if secret.holder.is_some() && secret.holder.as_ref() != leaving {
            return Ok(());
        }
        let mut has_records = false;
        self.each_record(platform, |object| {
            let reading = Reading::of(&object, secret.key.as_ref());
            has_records |= !matches!(reading, Reading::Refused(_));
        })?;
        if has_records || !secret.is_ours {
            let mut values = Vec::new();
            values.extend(secret.holder.as_ref().map(|_| (HOLDER, None)));
            if !has_records && secret.key.is_some() {
                values.push((KEY, None));
            }
            return match values.is_empty() {
                true => Ok(()),
                false => self.write(platform, Some(&secret), &values),
            };
        }
        let what = format!("Secret {NAMESPACE}/{}", name_of(platform));
        let path = path_of(platform).map_err(|error| named(&what, error.into()))?;
        let preconditions = json!({"preconditions": {
            "uid": secret.uid, "resourceVersion": secret.resource_version}});
        let deleted = self.send(http::Method::DELETE, &path, Some(preconditions));
        self.platform.replace(None);
        match deleted {
            // It was written meanwhile, and is needed.
            Ok(_) | Err(Failure::NotFound | Failure::Conflict(_)) => Ok(()),
            Err(failure) => Err(named(&what, failure)),
        }
    }

    /// Writes values of the Secret, in base64, or takes them away; reads it again. That another
    /// writer was quicker is no error: what it wrote is there to see then.
    fn write(
        &self,
        platform: &str,
        secret: Option<&PlatformSecret>,
        values: &[(&str, Option<&str>)],
    ) -> Result<(), Unknown> {
        let what = format!("Secret {NAMESPACE}/{}", name_of(platform));
        let values: Map<String, Value> =
            values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let written = match secret {
            None => {
                let body = json!({
                    "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                    "metadata": {
                        "name": name_of(platform),
                        "namespace": NAMESPACE,
                        "labels": {MANAGED_BY.0: MANAGED_BY.1},
                    },
                    "data": values,
                });
                let path = secrets().with("fieldManager", MANAGED_BY.1);
                self.send(http::Method::POST, &path, Some(body))
            }
            Some(secret) => {
                let path = path_of(platform).map_err(|error| named(&what, error.into()))?;
                let meta = json!({
                    "uid": secret.uid, "resourceVersion": secret.resource_version});
                let body = json!({"metadata": meta, "data": values});
                self.patch(&path, "application/merge-patch+json", body)
            }
        };
        match written {
            Ok(text) => {
                let text = Zeroizing::new(text);
                self.platform.replace(Some(Platform {
                    namespace: platform.to_owned(),
                    secret: Ok(PlatformSecret::read(&text)),
                }));
                Ok(())
            }
            Err(Failure::Conflict(_)) => {
                self.read_platform(platform);
                Ok(())
            }
            Err(failure) => Err(named(&what, failure)),
        }
    }

    fn contended(&self, platform: &str) -> Unknown {
        let name = name_of(platform);
        Unknown::Failed(format!("Secret {NAMESPACE}/{name} is written by others all the time"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holder_is_read_as_it_is_written() {
        let holder = Holder::new("62ab6cbb-ee5b-4fa3-872f-3a9f4a242d8e", "ckf-hardening");
        assert_eq!(Holder::parse(&holder.to_string()), Some(holder));
        for text in ["", "/", "model/", "/application", "model", "a/b/c"] {
            assert_eq!(Holder::parse(text), None, "{text}");
        }
    }

    #[test]
    fn secret_that_is_empty_has_neither_key_nor_holder() {
        let text = r#"{"metadata": {"uid": "1", "resourceVersion": "2"}}"#;
        let secret = PlatformSecret::read(text).unwrap();
        assert!(secret.key.is_none() && secret.holder.is_none() && !secret.is_ours);
        let text = r#"{"metadata": {"uid": "1", "resourceVersion": "2"},
            "data": {"record-key": "c2hvcnQ=", "holder": ""}}"#;
        assert!(PlatformSecret::read(text).unwrap().key.is_none());
    }
}
