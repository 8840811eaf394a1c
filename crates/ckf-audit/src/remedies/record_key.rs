//! The key that authenticates records.

use ring::hmac;
use zeroize::Zeroizing;

/// Length of a record key in bytes.
pub const KEY_LENGTH: usize = 32;

/// The key that authenticates records. Its `Debug` output hides it, and it is wiped on drop.
#[derive(Clone)]
pub struct RecordKey(Zeroizing<[u8; KEY_LENGTH]>);

impl RecordKey {
    /// A key of exactly [`KEY_LENGTH`] bytes; `None` for any other length.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    pub(super) fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.0)
    }

    /// Keyed digest of an option's value, recorded in place of a value that may be secret.
    pub fn digest(&self, application: &str, option: &str, value: &str) -> String {
        let tag = hmac::sign(&self.key(), &message(&["option", application, option, value]));
        hex(tag.as_ref())
    }
}

impl std::fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordKey(..)")
    }
}

pub(super) fn message(parts: &[&str]) -> Vec<u8> {
    let mut message = b"ckf-hardening/v1".to_vec();
    for part in parts {
        message.extend((part.len() as u64).to_be_bytes());
        message.extend(part.as_bytes());
    }
    message
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
