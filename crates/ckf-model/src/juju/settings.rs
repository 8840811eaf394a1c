//! Configuration of the controller and of the platform's model, as far as controls assess it. Addresses
//! with a login in them are not retained.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Configuration of the controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ControllerSettings {
    /// Calls to the API are written to an audit log.
    pub auditing: bool,
    /// Their arguments are written too.
    pub audit_arguments: bool,
    /// Methods that the audit log leaves out; `ReadOnlyMethods` stands for all that only read.
    pub audit_exclusions: BTreeSet<String>,
    /// Full audit logs that are kept beside the current one.
    pub audit_backups: Option<i64>,
    /// Size from which a log is full, for example `300M`.
    pub audit_size: String,
    /// Host of the identity provider; None if there is none.
    pub identity_provider: Option<String>,
    /// The identity provider, or the issuer of login tokens, is reached without TLS.
    pub identity_in_clear: bool,
    /// JAAS issues tokens that log in.
    pub token_login: bool,
    /// Users of a model may log in without access to the controller.
    pub models_alone: bool,
    /// End of the controller's certificate authority; None if it could not be parsed.
    pub authority_ends: Option<Timestamp>,
}

/// Configuration of the platform's model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct ModelSettings {
    /// Sets of commands that are disabled, by Juju's names: `BlockDestroy`, `BlockRemove`,
    /// `BlockChange`.
    pub blocks: BTreeSet<String>,
    /// Where secrets are kept; `auto` for the cloud's own.
    pub secret_backend: String,
    /// Options whose address is reached without TLS.
    pub in_clear: BTreeSet<String>,
    /// Options whose address has a login in it.
    pub with_login: BTreeSet<String>,
    /// Options that are for development only, as set.
    pub development: BTreeSet<String>,
    /// Where agents come from: `released`.
    pub agent_stream: String,
    /// Version of the agents.
    pub agent_version: String,
    /// Newest version that the controller knows for them; empty if they have it.
    pub available_version: String,
}
