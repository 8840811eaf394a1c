//! Answers as bytes, and failures of the connection as errors.

use std::io::Read as _;

use reqwest::blocking::Response;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::Error;

/// Most that is read of a manifest, an index, a configuration or a token, in bytes.
/// Registries accept no larger manifests.
pub const LARGEST_DOCUMENT: u64 = 4 << 20;

/// Reads an answer that must be small.
pub(crate) fn document(answer: Response, host: &str, what: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = answer.take(LARGEST_DOCUMENT + 1).read_to_end(&mut bytes);
    read.map_err(|error| broken_off(&error, host))?;
    if bytes.len() as u64 > LARGEST_DOCUMENT {
        return Err(Error::TooLarge { what: what.to_owned(), limit: LARGEST_DOCUMENT });
    }
    Ok(bytes)
}

/// `Retry-After`, in seconds.
pub(crate) fn seconds(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Why a request failed.
pub(crate) fn failed(error: &reqwest::Error, host: &str) -> Error {
    if error.is_timeout() {
        return Error::TimedOut { host: host.into() };
    }
    if error.is_redirect() {
        return Error::Refused { host: host.into(), why: innermost(error) };
    }
    if is_plain(error) {
        return Error::WithoutTls { host: host.into() };
    }
    Error::Unreachable { host: host.into(), why: innermost(error) }
}

/// Message of a stream's error.
pub(crate) fn broken_off(error: &std::io::Error, host: &str) -> Error {
    let is_late = error.kind() == std::io::ErrorKind::TimedOut
        || error.get_ref().is_some_and(|inner| {
            let inner = inner.downcast_ref::<reqwest::Error>();
            inner.is_some_and(reqwest::Error::is_timeout)
        });
    match is_late {
        true => Error::TimedOut { host: host.into() },
        false => Error::Unreachable { host: host.into(), why: "the answer broke off".into() },
    }
}

/// Whether what answered does not speak TLS.
fn is_plain(error: &(dyn std::error::Error + 'static)) -> bool {
    if matches!(error.downcast_ref(), Some(rustls::Error::InvalidMessage(_))) {
        return true;
    }
    // An error of input and output is no source of its own to what is in it.
    let io = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    io.is_some_and(|inner| is_plain(inner)) || error.source().is_some_and(is_plain)
}

/// The last cause: those around it repeat the URL, and say that a request failed.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => innermost(cause),
        None => error.to_string(),
    }
}
