//! Faults in cryptography.

use ckf_worlds::{base64, tls};

use super::{Fault, fault, set};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("CRYP-01", "not a CA", |c| {
        set(
            c,
            "MutatingWebhookConfiguration",
            "admission-webhook",
            "/webhooks/0/clientConfig/caBundle",
            base64("none").into(),
        )
    }),
    fault("CRYP-03", "ignores failures", |c| {
        set(
            c,
            "MutatingWebhookConfiguration",
            "admission-webhook",
            "/webhooks/0/failurePolicy",
            "Ignore".into(),
        )
    }),
    fault("CRYP-04", "ended", |c| {
        set(
            c,
            "ConfigMap",
            "istio-ca-root-cert",
            "/data/root-cert.pem",
            tls("root", 2025).certificate.into(),
        )
    }),
];
