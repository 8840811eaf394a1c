//! What adds kinds to the API server: definitions, and API groups that a Service answers for.

use serde::{Deserialize, Serialize};

use super::webhook::{ClientConfig, ServiceRef};
use crate::object::{Meta, object};
use crate::text::Interned;
use crate::wire::wire;

wire! {
/// A custom resource definition, without its schemas.
CustomResourceDefinition {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: DefinitionSpec,
}}
object!(CustomResourceDefinition, "apiextensions.k8s.io/v1", "CustomResourceDefinition");

wire! {
/// Spec of a custom resource definition.
DefinitionSpec {
    /// API group.
    #[serde(skip_serializing_if = "str::is_empty")] group: Interned,
    /// How objects of one version become those of another; by their fields if absent.
    #[serde(skip_serializing_if = "Option::is_none")] conversion: Option<Conversion>,
}}

wire! {
/// Conversion between the versions of a kind.
Conversion {
    /// `None` or `Webhook`.
    strategy: Interned,
    /// The webhook that gets every object of the kind, for strategy `Webhook`.
    #[serde(skip_serializing_if = "Option::is_none")] webhook: Option<ConversionWebhook>,
}}

wire! {
/// A conversion webhook.
ConversionWebhook {
    /// Endpoint.
    client_config: ClientConfig,
}}

impl CustomResourceDefinition {
    /// Endpoint of the webhook that converts its objects.
    pub fn converter(&self) -> Option<&ClientConfig> {
        let conversion = self.spec.conversion.as_ref()?;
        let webhook = conversion.webhook.as_ref().filter(|_| conversion.strategy == "Webhook");
        webhook.map(|webhook| &webhook.client_config)
    }
}

wire! {
/// A version of an API group, and who answers for it.
ApiService {
    /// Metadata.
    metadata: Meta,
    /// Desired state.
    spec: ApiServiceSpec,
}}
object!(ApiService, "apiregistration.k8s.io/v1", "APIService");

wire! {
/// Spec of an APIService.
ApiServiceSpec {
    /// API group; empty for the core group.
    #[serde(skip_serializing_if = "str::is_empty")] group: Interned,
    /// Service that answers; the API server itself if absent.
    #[serde(skip_serializing_if = "Option::is_none")] service: Option<ServiceRef>,
    /// CA certificates, PEM in base64.
    #[serde(skip_serializing_if = "String::is_empty")] ca_bundle: String,
    /// Whether the server is believed without a certificate.
    #[serde(rename = "insecureSkipTLSVerify", skip_serializing_if = "std::ops::Not::not")]
    insecure_skip_tls_verify: bool,
}}
