//! Every certificate and key of the platform that the cluster shows: where it is, what it is,
//! when it ends, and who renews it. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::facts::About;
use crate::facts::certificate::Certificate;
use crate::facts::core::Webhook;
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::ingress::gateway_reference;
use crate::views::key_places::{KeyPlace, key_places};
use crate::views::{Context, MissingFact};

/// A certificate or a key.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CryptoAsset {
    /// The object that holds it.
    pub object: ObjectRef,
    /// The field of it.
    pub field: String,
    /// The certificate; none for a key without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// Whether the private key is beside it.
    pub has_private_key: bool,
    /// Description of a key that belongs to no certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub material: Option<String>,
    /// Who renews it, as far as it is known.
    pub renewed_by: &'static str,
}

const NEVER: &str = "never: the charm creates it once";
const NOT_KNOWN: &str = "not known";

/// Who renews what a Secret of the platform holds.
fn of_secret(name: &str) -> &'static str {
    match name {
        name if name.ends_with("-gateway-secret") => "istio-pilot, with its certificate",
        "istio-ca-secret" => "istiod, which creates it once",
        "cacerts" => "the operator who plugged it in",
        "operator-webhook-certs" | "knative-serving-certs" => "Knative",
        "training-operator-webhook-cert" => "the training operator",
        "mlpipeline-minio-artifact" | "kfp-profile-controller-minio-credentials" => {
            "this charm, by rotation of minio"
        }
        _ => NOT_KNOWN,
    }
}

/// All of them, in the order of their objects.
pub fn inventory(context: &Context<'_>) -> Result<Vec<CryptoAsset>, MissingFact> {
    let mut keys = Vec::new();
    let places = key_places(context)?;
    let mut by_object: BTreeMap<&ObjectRef, Vec<&KeyPlace<'_>>> = BTreeMap::new();
    for place in &places {
        by_object.entry(&place.object).or_default().push(place);
    }
    for (object, beside) in by_object {
        if context.is_ours(&object.namespace)? {
            beside.iter().for_each(|place| of_place(place, &beside, &mut keys));
        }
    }
    passwords(context, &mut keys)?;
    webhooks(context, &mut keys)?;
    // What is served need not be in any object. It is listed as far as it was asked for.
    for server in context.webhook_servers().unwrap_or_default() {
        let object = ObjectRef::new("v1", "Service", &server.namespace, &server.service);
        let field = format!("served on port {}", server.port);
        chain(&object, &field, &server.chain, NEVER, &mut keys);
    }
    if let Ok(seen) = context.handshake() {
        let field = format!("served at {}", seen.at);
        let by = "istio-pilot, with its certificate";
        chain(&gateway_reference(context), &field, &seen.chain, by, &mut keys);
    }
    keys.sort_by(|one, other| (&one.object, &one.field).cmp(&(&other.object, &other.field)));
    Ok(keys)
}

/// Passwords and tokens in Secrets.
fn passwords(context: &Context<'_>, keys: &mut Vec<CryptoAsset>) -> Result<(), MissingFact> {
    for secret in context.secrets()? {
        if !context.is_ours(&secret.metadata.namespace)? {
            continue;
        }
        let mut password = |field: &str, material: String, renewed_by| {
            keys.push(CryptoAsset {
                object: secret.reference(),
                field: field.into(),
                certificate: None,
                has_private_key: true,
                material: Some(material),
                renewed_by,
            });
        };
        if let Some(minio) = &secret.minio {
            let material = format!("a password of {} characters", minio.length);
            password("secretkey", material, of_secret(&secret.metadata.name));
        }
        if secret.kind == "kubernetes.io/service-account-token" {
            let material = "a service account token without expiry".into();
            password("token", material, "never: see CRED-15");
        }
    }
    Ok(())
}

/// Authorities that webhooks trust.
fn webhooks(context: &Context<'_>, keys: &mut Vec<CryptoAsset>) -> Result<(), MissingFact> {
    let mut webhook = |object: &ObjectRef, webhook: &Webhook| {
        let read = Certificate::from_base64_pem(&webhook.client_config.ca_bundle);
        let field = format!("webhook {} caBundle", webhook.name);
        chain(object, &field, &read.unwrap_or_default(), NEVER, keys);
    };
    for configuration in context.mutating_webhooks()? {
        let object = configuration.reference();
        let all = configuration.webhooks.iter();
        all.for_each(|of| webhook(&object, of));
    }
    for configuration in context.validating_webhooks()? {
        let object = configuration.reference();
        let all = configuration.webhooks.iter();
        all.for_each(|of| webhook(&object, of));
    }
    Ok(())
}

fn chain(
    object: &ObjectRef,
    field: &str,
    chain: &[Certificate],
    renewed_by: &'static str,
    keys: &mut Vec<CryptoAsset>,
) {
    keys.extend(chain.iter().enumerate().map(|(index, certificate)| CryptoAsset {
        object: object.clone(),
        field: format!("{field}[{index}]"),
        certificate: Some(certificate.clone()),
        has_private_key: false,
        material: None,
        renewed_by,
    }));
}

/// Certificates and keys of a place. A certificate says whether its key is anywhere in the same
/// object.
fn of_place(place: &KeyPlace<'_>, beside: &[&KeyPlace<'_>], keys: &mut Vec<CryptoAsset>) {
    let renewed_by = match (place.is_secret, place.object.kind.as_str(), &*place.object.name) {
        (true, _, name) => of_secret(name),
        (false, "ConfigMap", "istio-ca-root-cert") => "istiod, which creates it once",
        _ => NOT_KNOWN,
    };
    let from = keys.len();
    chain(&place.object, &place.field, &place.material.chain, renewed_by, keys);
    for link in &mut keys[from..] {
        let of = link.certificate.as_ref();
        let is_held = |of: &Certificate| {
            beside.iter().any(|place| place.material.holds_key_of(&of.public_key))
        };
        link.has_private_key = of.is_some_and(is_held);
    }
    for (index, key) in place.material.keys.iter().enumerate() {
        keys.push(CryptoAsset {
            object: place.object.clone(),
            field: format!("{} key[{index}]", place.field),
            certificate: None,
            has_private_key: true,
            material: Some(key.describe()),
            renewed_by,
        });
    }
}

/// A day, as dates of certificates are shown.
pub fn day(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| "never".to_owned(),
        |at| at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
    )
}

fn instant(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
}

/// The inventory as a cryptography bill of materials, CycloneDX 1.6, of the time at which its facts
/// were collected. The same keys at the same time give the same bytes.
pub fn cbom(keys: &[CryptoAsset], about: &About) -> Value {
    let components: Vec<Value> =
        keys.iter().enumerate().map(|(index, key)| component(index, key)).collect();
    let (namespace, at) = (&about.namespace, about.collected_at);
    let serial = crate::uuid(&format!("cbom {namespace} {at} {}", json!(components)));
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "serialNumber": format!("urn:uuid:{serial}"),
        "metadata": {
            "timestamp": at.to_string(),
            "component": {"type": "platform", "bom-ref": "platform", "name": namespace},
            "tools": {"components": [{
                "type": "application", "name": "ckf-hardening", "version": crate::VERSION}]},
        },
        "components": components,
    })
}

fn component(index: usize, key: &CryptoAsset) -> Value {
    let properties = match &key.certificate {
        Some(certificate) => json!({
            "assetType": "certificate",
            "certificateProperties": {
                "subjectName": certificate.subject,
                "issuerName": certificate.issuer,
                "notValidBefore": instant(certificate.not_before),
                "notValidAfter": instant(certificate.not_after),
                "certificateFormat": "X.509",
            },
        }),
        None => json!({
            "assetType": "related-crypto-material",
            "relatedCryptoMaterialProperties": {
                "type": match key.field.as_str() {
                    "token" => "token",
                    "secretkey" => "password",
                    _ => "private-key",
                },
            },
        }),
    };
    let mut details = vec![
        json!({"name": "where", "value": format!("{}: {}", key.object, key.field)}),
        json!({"name": "renewed-by", "value": key.renewed_by}),
        json!({"name": "private-key-beside", "value": key.has_private_key.to_string()}),
    ];
    if let Some(material) = &key.material {
        details.push(json!({"name": "material", "value": material}));
    }
    if let Some(certificate) = &key.certificate {
        details.push(json!({"name": "key", "value": certificate.key()}));
        for (name, all) in [
            ("extended-key-usage", &certificate.usage),
            ("names", &certificate.names),
            ("other-names", &certificate.other_names),
        ] {
            if !all.is_empty() {
                details.push(json!({"name": name, "value": all.join(", ")}));
            }
        }
        details.push(json!({"name": "signature", "value": certificate.signature}));
    }
    json!({
        "type": "cryptographic-asset", "bom-ref": format!("key-{}", index + 1),
        "name": format!("{} {}", key.object, key.field),
        "cryptoProperties": properties, "properties": details,
    })
}
