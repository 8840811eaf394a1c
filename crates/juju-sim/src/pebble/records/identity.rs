//! Identities, and what each may do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a client may; each more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    Untrusted,
    Metrics,
    Read,
    Admin,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    pub(crate) access: Access,
    pub(crate) local: Option<Local>,
    pub(crate) basic: Option<Basic>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Local {
    pub(crate) user_id: u32,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Basic {
    pub(crate) password: String,
}

/// Those that are known, by name.
#[derive(Default)]
pub(crate) struct Identities(pub(crate) BTreeMap<String, Identity>);

impl Identities {
    pub(crate) fn of_user(&self, user: u32) -> Option<Access> {
        let local = |identity: &&Identity| {
            let local = identity.local.as_ref();
            local.is_some_and(|local| local.user_id == user)
        };
        self.0.values().find(local).map(|found| found.access)
    }

    pub(crate) fn of_password(&self, name: &str, password: &str) -> Option<Access> {
        let identity = self.0.get(name)?;
        let hash = &identity.basic.as_ref()?.password;
        sha_crypt::sha512_check(password, hash).is_ok().then_some(identity.access)
    }
}
