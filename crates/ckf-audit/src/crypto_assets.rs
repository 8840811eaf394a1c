//! Every certificate and key of the platform that the cluster shows: where it is, what it is,
//! when it ends, and who renews it. Pure.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::facts::About;
use crate::facts::certificate::Certificate;
use crate::facts::core::Webhook;
use crate::facts::object::{Object as _, ObjectRef};
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
        "istio-ca-secret" | "cacerts" => "istiod, which creates it once",
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
    for secret in context.secrets()? {
        if !context.is_ours(&secret.metadata.namespace)? {
            continue;
        }
        let object = || secret.reference();
        if let Some(tls) = &secret.tls {
            for (index, certificate) in tls.chain.iter().enumerate() {
                keys.push(CryptoAsset {
                    object: object(),
                    field: format!("tls.crt[{index}]"),
                    certificate: Some(certificate.clone()),
                    has_private_key: index == 0 && tls.key.is_some(),
                    material: None,
                    renewed_by: of_secret(&secret.metadata.name),
                });
            }
        }
        if let Some(minio) = &secret.minio {
            keys.push(CryptoAsset {
                object: object(),
                field: "secretkey".into(),
                certificate: None,
                has_private_key: true,
                material: Some(format!("a password of {} characters", minio.length)),
                renewed_by: of_secret(&secret.metadata.name),
            });
        }
        if secret.kind == "kubernetes.io/service-account-token" {
            keys.push(CryptoAsset {
                object: object(),
                field: "token".into(),
                certificate: None,
                has_private_key: true,
                material: Some("a service account token without expiry".into()),
                renewed_by: "never: see CRED-15",
            });
        }
    }
    let mut webhook = |object: &ObjectRef, webhook: &Webhook| {
        let read = Certificate::from_base64_pem(&webhook.client_config.ca_bundle);
        for (index, certificate) in read.unwrap_or_default().into_iter().enumerate() {
            keys.push(CryptoAsset {
                object: object.clone(),
                field: format!("webhook {} caBundle[{index}]", webhook.name),
                certificate: Some(certificate),
                has_private_key: false,
                material: None,
                renewed_by: NEVER,
            });
        }
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
    for map in context.config_maps()? {
        let root =
            map.data.get("root-cert.pem").filter(|_| map.metadata.name == "istio-ca-root-cert");
        let Some(root) = root else { continue };
        let read = Certificate::from_pem(root.as_bytes()).unwrap_or_default();
        keys.extend(read.into_iter().map(|certificate| CryptoAsset {
            object: map.reference(),
            field: "root-cert.pem".into(),
            certificate: Some(certificate),
            has_private_key: false,
            material: None,
            renewed_by: "istiod, which creates it once",
        }));
    }
    keys.sort_by(|one, other| (&one.object, &one.field).cmp(&(&other.object, &other.field)));
    Ok(keys)
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
                "type": if key.field == "token" { "token" } else { "password" },
            },
        }),
    };
    let mut details = vec![
        json!({"name": "where", "value": format!("{}: {}", key.object, key.field)}),
        json!({"name": "renewed-by", "value": key.renewed_by}),
        json!({"name": "private-key-beside", "value": key.has_private_key.to_string()}),
    ];
    if let Some(certificate) = &key.certificate {
        let size = format!("{} {}", certificate.key_type, certificate.key_bits);
        details.push(json!({"name": "key", "value": size}));
        details.push(json!({"name": "signature", "value": certificate.signature}));
    }
    json!({
        "type": "cryptographic-asset", "bom-ref": format!("key-{}", index + 1),
        "name": format!("{} {}", key.object, key.field),
        "cryptoProperties": properties, "properties": details,
    })
}
