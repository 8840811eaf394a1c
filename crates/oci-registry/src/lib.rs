#![doc = include_str!("../README.md")]
#![deny(clippy::too_many_lines)]

mod ask;
mod auth;
mod client;
mod credentials;
mod digest;
mod error;
mod guard;
mod guard_error;
mod layer;
mod manifest;
mod mirror;
mod plain;
mod signature;
mod target;
mod transport;

pub use client::{Client, Settings};
pub use credentials::{CredentialError, Credentials};
pub use digest::{Digest, DigestError};
pub use error::Error;
pub use layer::{Limits, UNPACKED_AT_LEAST, Walk, layer_files};
pub use manifest::{Config, Descriptor, Image, Manifest, Platform};
pub use mirror::{Mirror, MirrorError};
pub use plain::{PlainHost, PlainHostError};
pub use signature::Signatures;
pub use transport::LARGEST_DOCUMENT;
