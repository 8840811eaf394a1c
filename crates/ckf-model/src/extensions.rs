//! Servers that the API server calls: for admission, for conversion between the versions of a kind,
//! and for whole API groups.

use super::Facts;
use super::core::{
    ApiService, ClientConfig, CustomResourceDefinition, MutatingWebhookConfiguration, ServiceRef,
    ValidatingWebhookConfiguration, Webhook,
};
use super::known::Known;
use super::object::{Object as _, ObjectRef};

/// A server that the API server calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The object that names it.
    pub object: ObjectRef,
    /// Prefix of the fields of its address and CA, with a dot.
    pub field: String,
    /// The Service; absent if it is called by URL.
    pub service: Option<&'a ServiceRef>,
    /// URL at which it is called instead.
    pub url: Option<&'a str>,
    /// CA certificates, PEM in base64.
    pub ca_bundle: &'a str,
    /// Whether it is believed without a certificate.
    pub is_unverified: bool,
    /// For what it is called.
    pub purpose: Purpose<'a>,
}

/// For what a server is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// Admission: it sees, changes or refuses objects that match.
    Admission(&'a Webhook),
    /// Conversion: it reads and rewrites every object of the kind; API group of the kind.
    Conversion(&'a str),
    /// It answers for an API group, of this name.
    Group(&'a str),
}

impl<'a> Extension<'a> {
    fn new(
        object: ObjectRef,
        field: String,
        client: &'a ClientConfig,
        purpose: Purpose<'a>,
    ) -> Self {
        Self {
            object,
            field,
            service: client.service.as_ref(),
            url: client.url.as_deref(),
            ca_bundle: &client.ca_bundle,
            is_unverified: false,
            purpose,
        }
    }

    fn of_webhooks(object: ObjectRef, webhooks: &'a [Webhook]) -> impl Iterator<Item = Self> {
        webhooks.iter().map(move |webhook| {
            let field = format!("webhook {} clientConfig.", webhook.name);
            let purpose = Purpose::Admission(webhook);
            Self::new(object.clone(), field, &webhook.client_config, purpose)
        })
    }

    /// Those of admission.
    pub fn of_admission(
        mutating: &'a [MutatingWebhookConfiguration],
        validating: &'a [ValidatingWebhookConfiguration],
    ) -> Vec<Self> {
        let mutating = mutating.iter().map(|of| (of.reference(), &of.webhooks));
        let validating = validating.iter().map(|of| (of.reference(), &of.webhooks));
        let all = mutating.chain(validating);
        all.flat_map(|(object, webhooks)| Self::of_webhooks(object, webhooks)).collect()
    }

    /// Those of every kind.
    pub fn all(
        mutating: &'a [MutatingWebhookConfiguration],
        validating: &'a [ValidatingWebhookConfiguration],
        definitions: &'a [CustomResourceDefinition],
        groups: &'a [ApiService],
    ) -> Vec<Self> {
        let mut all = Self::of_admission(mutating, validating);
        all.extend(definitions.iter().filter_map(Self::of_definition));
        all.extend(groups.iter().filter_map(Self::of_group));
        all
    }

    /// The webhook that converts the objects of a kind.
    fn of_definition(definition: &'a CustomResourceDefinition) -> Option<Self> {
        let field = "spec.conversion.webhook.clientConfig.".to_owned();
        let purpose = Purpose::Conversion(&definition.spec.group);
        let client = definition.converter()?;
        Some(Self::new(definition.reference(), field, client, purpose))
    }

    /// The Service that answers for an API group, unless the API server does so itself.
    fn of_group(api: &'a ApiService) -> Option<Self> {
        let spec = &api.spec;
        Some(Self {
            object: api.reference(),
            field: "spec.".to_owned(),
            service: Some(spec.service.as_ref()?),
            url: None,
            ca_bundle: &spec.ca_bundle,
            is_unverified: spec.insecure_skip_tls_verify,
            purpose: Purpose::Group(&spec.group),
        })
    }
}

impl Facts {
    /// Every server that the API server calls; `None` if a kind that names some was not read.
    pub fn extensions(&self) -> Option<Vec<Extension<'_>>> {
        let (
            Known::Known(mutating),
            Known::Known(validating),
            Known::Known(definitions),
            Known::Known(groups),
        ) = (&self.mutating_webhooks, &self.validating_webhooks, &self.crds, &self.api_services)
        else {
            return None;
        };
        let (mutating, validating) = (&mutating.items, &validating.items);
        Some(Extension::all(mutating, validating, &definitions.items, &groups.items))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::About;

    fn facts(spec: Value) -> Facts {
        let object = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "rockets.example.com"}, "spec": spec});
        Facts::from_objects(About::default(), &[object])
    }

    #[test]
    fn webhook_of_a_definition_is_called_with_its_strategy_only() {
        let client = json!({"caBundle": "QQ==", "service": {"namespace": "a", "name": "b"}});
        let of = |strategy: &str| {
            let webhook = json!({"clientConfig": client, "conversionReviewVersions": ["v1"]});
            facts(
                json!({"group": "example.com", "conversion": {"strategy": strategy, "webhook": webhook}}),
            )
        };
        let facts = of("Webhook");
        let all = facts.extensions().unwrap();
        assert_eq!(all[0].service.map(|service| &*service.name), Some("b"));
        assert_eq!(all[0].purpose, Purpose::Conversion("example.com"));
        assert_eq!(of("None").extensions().unwrap(), []);
        let without = Facts { crds: Known::default(), ..of("None") };
        assert_eq!(without.extensions(), None);
    }

    #[test]
    fn group_without_a_service_is_the_api_servers_own() {
        let api = |spec: Value| {
            let object = json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                "metadata": {"name": "v1.example.com"}, "spec": spec});
            Facts::from_objects(About::default(), &[object])
        };
        assert_eq!(api(json!({"group": "example.com"})).extensions().unwrap(), []);
        let service = json!({"namespace": "a", "name": "b"});
        let facts =
            api(json!({"group": "example.com", "service": service, "insecureSkipTLSVerify": true}));
        let all = facts.extensions().unwrap();
        assert!(all[0].is_unverified);
        assert_eq!(all[0].object.to_string(), "APIService v1.example.com");
    }
}
