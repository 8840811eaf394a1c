//! Admission webhooks.

use serde::{Deserialize, Serialize};

use crate::object::{Meta, object};
use crate::text::Interned;
use crate::wire::wire;

macro_rules! webhook_configuration {
    ($(#[$meta:meta])* $name:ident, $kind:literal) => {
        wire! { $(#[$meta])* $name {
            /// Metadata.
            metadata: Meta,
            /// Webhooks.
            webhooks: Vec<Webhook>,
        }}
        object!($name, "admissionregistration.k8s.io/v1", $kind);
    };
}
webhook_configuration!(/// Mutating webhooks.
    MutatingWebhookConfiguration, "MutatingWebhookConfiguration");
webhook_configuration!(/// Validating webhooks.
    ValidatingWebhookConfiguration, "ValidatingWebhookConfiguration");

wire! {
/// An admission webhook.
Webhook {
    /// Name.
    name: Interned,
    /// `Fail` or `Ignore`.
    failure_policy: Interned,
    /// Endpoint.
    client_config: ClientConfig,
}}

wire! {
/// Endpoint of a webhook.
ClientConfig {
    /// CA certificates, PEM in base64.
    ca_bundle: String,
    /// Service in the cluster; absent if it is called by URL.
    #[serde(skip_serializing_if = "Option::is_none")] service: Option<ServiceRef>,
    /// URL at which it is called instead.
    #[serde(skip_serializing_if = "Option::is_none")] url: Option<Interned>,
}}

wire! {
/// Reference to a service.
ServiceRef {
    /// Namespace.
    namespace: Interned,
    /// Name.
    name: Interned,
    /// Port; 443 if there is none.
    #[serde(skip_serializing_if = "Option::is_none")] port: Option<u16>,
}}
