//! A client of OCI registries, to read what is in them: which digest a tag leads to, an
//! image's manifest and configuration, and files of its layers.
//!
//! It blocks, and several threads may share it. Whatever a registry says, time and memory
//! are bounded: manifests and configurations by [`LARGEST_DOCUMENT`], layers by what the
//! caller takes, each request by a deadline, and so is each registry. What is read is held to its
//! digest. A token or password goes to the host that it is for and to no other, redirects
//! included. A registry leads to no other host but by TLS, for blobs, and never into a network
//! of this site; one on this machine is asked only if the caller names it.

mod ask;
mod auth;
mod client;
mod credentials;
mod digest;
mod error;
mod guard;
mod layer;
mod manifest;
mod mirror;
mod signature;
mod target;
mod transport;

pub use client::{Client, Settings};
pub use credentials::{CredentialError, Credentials};
pub use digest::Digest;
pub use error::Error;
pub use layer::{Limits, UNPACKED_AT_LEAST, Walk, layer_files};
pub use manifest::{Config, Descriptor, Image, Manifest, Platform};
pub use mirror::{Mirror, MirrorError};
pub use signature::Signatures;
pub use transport::LARGEST_DOCUMENT;
