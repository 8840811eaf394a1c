//! Claims and releases a platform for an application, and makes the key of its records.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::cluster::{Cluster, named};
use super::platform::{Hold, Holder, Platform, PlatformSecret};
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
