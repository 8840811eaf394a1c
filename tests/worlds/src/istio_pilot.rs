//! istio-pilot's side of a relation for certificates, with the rules of its library:
//! tls-certificates version 3 under cert_handler.

use std::collections::BTreeMap;
use std::process::Command;

use juju_sim::Relation;
use rcgen::{CertificateParams, CertificateSigningRequestParams, DnType, Issuer, KeyPair, SanType};
use serde_json::{Value, json};

use crate::{NAMESPACE, base64, object};

/// An istio-pilot with a key of its own.
pub struct IstioPilot {
    key: KeyPair,
    csr: String,
    requests: u32,
    /// What it serves: the certificate text of the last answer that it found.
    pub served: Option<String>,
    /// Whether its library checked an answer through, and so will renew it.
    pub renews: bool,
}

impl IstioPilot {
    /// One that has a gateway at this address or name.
    pub fn at(address: &str) -> Self {
        // RSA of 2048 bits, as it makes them.
        let made = Command::new("openssl")
            .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
            .output()
            .expect("openssl runs");
        let mut pilot = Self {
            key: KeyPair::from_pem(&String::from_utf8(made.stdout).unwrap()).unwrap(),
            csr: String::new(),
            requests: 0,
            served: None,
            renews: false,
        };
        pilot.moves_to(address);
        pilot
    }

    /// Its gateway gets another address: a new request takes the place of the old one.
    pub fn moves_to(&mut self, address: &str) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![match address.parse() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::DnsName(address.try_into().unwrap()),
        }];
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, address);
        self.requests += 1;
        let unique = format!("9c1b7a52-6e0f-4a3d-9b61-{:012}", self.requests);
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 45]), unique);
        let pem = params.serialize_request(&self.key).unwrap().pem().unwrap();
        self.csr = pem.trim().to_owned();
    }

    /// Its request, PEM.
    pub fn request(&self) -> &str {
        &self.csr
    }

    /// What it writes into its unit's databag.
    pub fn databag(&self) -> BTreeMap<String, String> {
        let requests = json!([{"certificate_signing_request": self.csr, "ca": false}]);
        BTreeMap::from([("certificate_signing_requests".into(), requests.to_string())])
    }

    /// Reads what was answered, as it does at relation-changed.
    ///
    /// # Panics
    /// At what would put it into error or make it lose its key.
    pub fn reads(&mut self, relation: &Relation) {
        assert!(!relation.unit_data.contains_key("certificates"), "no peer reads it there");
        let Some(text) = relation.application_data.get("certificates") else {
            return;
        };
        let entries: Vec<Value> = serde_json::from_str(text).unwrap();
        for entry in &entries {
            assert!(entry.get("revoked").is_none(), "it would wipe its key: {entry}");
            for field in ["certificate", "ca"] {
                assert!(entry[field].as_str().unwrap().starts_with("-----BEGIN CERT"));
            }
        }
        let own = |entry: &&Value| entry["certificate_signing_request"] == self.csr.as_str();
        if let Some(entry) = entries.iter().find(own) {
            self.served = Some(entry["certificate"].as_str().unwrap().to_owned());
            self.renews = entry["chain"].as_array().is_some_and(|chain| !chain.is_empty());
        }
    }

    /// Its Gateway and the Secret that it names, with the certificate that it serves; in
    /// clear as long as it has none.
    pub fn objects(&self) -> Vec<Value> {
        let pair = self.served.as_ref().map(|served| (served.as_str(), self.key()));
        objects(pair.as_ref().map(|(served, key)| (*served, key.as_str())))
    }

    /// Its private key, PEM.
    pub fn key(&self) -> String {
        self.key.serialize_pem()
    }
}

/// istio-pilot's Gateway, and the Secret that it names if there are a certificate and a key.
pub fn objects(pair: Option<(&str, &str)>) -> Vec<Value> {
    let server = match pair {
        None => {
            json!({"hosts": ["*"], "port": {"name": "http", "number": 8080, "protocol": "HTTP"}})
        }
        Some(_) => {
            json!({"hosts": ["*"], "port": {"name": "https", "number": 8443, "protocol": "HTTPS"},
            "tls": {"mode": "SIMPLE", "credentialName": "kubeflow-gateway-gateway-secret"}})
        }
    };
    let mut objects = vec![object(
        "networking.istio.io/v1alpha3",
        "Gateway",
        NAMESPACE,
        "kubeflow-gateway",
        json!({"spec": {"selector": {"istio": "ingressgateway"}, "servers": [server]}}),
    )];
    objects.extend(pair.map(|(certificate, key)| {
        let data = json!({"tls.crt": base64(certificate), "tls.key": base64(key)});
        object(
            "v1",
            "Secret",
            NAMESPACE,
            "kubeflow-gateway-gateway-secret",
            json!({"type": "kubernetes.io/tls", "data": data}),
        )
    }));
    objects
}

/// Signs a request with the authority of these PEM texts, from and to these days from now.
pub fn sign(request: &str, (key, certificate): (&str, &str), days: (i64, i64)) -> String {
    let mut request = CertificateSigningRequestParams::from_pem(request).unwrap();
    let now = time::OffsetDateTime::now_utc();
    request.params.not_before = now + time::Duration::days(days.0);
    request.params.not_after = now + time::Duration::days(days.1);
    request.params.is_ca = rcgen::IsCa::ExplicitNoCa;
    let key = KeyPair::from_pem(key).unwrap();
    let issuer = Issuer::from_ca_cert_pem(certificate, key).unwrap();
    request.signed_by(&issuer).unwrap().pem().trim().to_owned()
}

/// A foreign authority: key and certificate, PEM.
pub fn authority() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "upstream");
    let certificate = params.self_signed(&key).unwrap().pem().trim().to_owned();
    (key.serialize_pem(), certificate)
}

/// Writes a filter of istio-pilot in the other JSON spelling of protobuf.
///
/// # Panics
///
/// Never: names of fields are replaced by others.
pub fn in_camel_case(filter: &mut Value) {
    let text = filter.to_string();
    let names = [
        ("typed_config", "typedConfig"),
        ("http_service", "httpService"),
        ("server_uri", "serverUri"),
        ("authorization_request", "authorizationRequest"),
        ("authorization_response", "authorizationResponse"),
        ("allowed_headers", "allowedHeaders"),
        ("allowed_upstream_headers", "allowedUpstreamHeaders"),
    ];
    let text = names.iter().fold(text, |text, (snake, camel)| text.replace(snake, camel));
    *filter = serde_json::from_str(&text).expect("it stays JSON");
}
