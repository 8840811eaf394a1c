use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, CustomExtension, DnType, IsCa, KeyPair, SanType};

use super::*;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn start() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn names(texts: &[&str]) -> Vec<Name> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn params(sans: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    for san in sans {
        params.subject_alt_names.push(match san.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName((*san).try_into().unwrap()),
        });
    }
    // Like istio-pilot's library: a random number makes requests unique.
    params.distinguished_name.push(DnType::CommonName, "10.64.140.43");
    params
        .distinguished_name
        .push(DnType::CustomDnType(vec![2, 5, 4, 45]), "5a8f0d6c-3c5e-4f6a-9b0e-2f1f6d1c8a11");
    params
}

fn request(sans: &[&str]) -> Request {
    let pem = params(sans).serialize_request(&KeyPair::generate().unwrap()).unwrap().pem();
    Request::parse(&pem.unwrap()).unwrap()
}

fn authority(of: &[&str], key: KeyKind) -> Authority {
    let terms = CertificatePolicy { key, ..CertificatePolicy::default() };
    Authority::create("kubeflow", &names(of), &terms, start()).unwrap()
}

#[test]
fn clients_accept_certificates_of_either_key_type() {
    let hosts = ["kubeflow.example.com", "*.apps.example.com", "10.64.140.43", "fd00::7"];
    for kind in [KeyKind::EcdsaP256, KeyKind::Rsa3072] {
        let authority = authority(&hosts, kind);
        assert!(authority.is_of(kind));
        // An authority restored from a secret is the same.
        let again = Authority::restore(&authority.key(), authority.certificate()).unwrap();
        for sans in [&hosts[..], &hosts[..1], &hosts[2..3]] {
            let request = request(sans);
            let issued = Issued::by(&again, &request, DAY * 90, start()).unwrap();
            let leaf = issued.check(&request, start()).unwrap();
            assert_eq!(leaf.names, sans);
            assert!(leaf.subject.contains("10.64.140.43"), "{}", leaf.subject);
            assert_eq!(leaf.not_after, (start() + DAY * 90).as_second());
        }
    }
}

#[test]
fn certificate_outside_name_constraints_is_rejected_by_clients() {
    for (permitted, requested) in [
        (&["kubeflow.example.com"][..], "other.example.com"),
        (&["kubeflow.example.com"], "10.0.0.1"),
        (&["kubeflow.example.com"], "fd00::1"),
        (&["10.0.0.1"], "10.0.0.2"),
        (&["10.0.0.1"], "kubeflow.example.com"),
        (&["10.0.0.1"], "fd00::1"),
        (&["fd00::1"], "10.0.0.1"),
    ] {
        let authority = authority(permitted, KeyKind::EcdsaP256);
        let request = request(&[requested]);
        assert!(!authority.may_sign(&request.names[0]) && authority.may_sign(&names(permitted)[0]));
        let issued = Issued::by(&authority, &request, DAY, start()).unwrap();
        let problem = issued.check(&request, start()).unwrap_err();
        assert!(matches!(problem, AnswerProblem::Untrusted { .. }), "{permitted:?}: {problem}");
    }
}

#[test]
fn serial_numbers_are_unique() {
    let authority = authority(&["kubeflow.example.com"], KeyKind::EcdsaP256);
    let request = request(&["kubeflow.example.com"]);
    let serial = || {
        use rustls::pki_types::{CertificateDer, pem::PemObject};
        let pem = authority.sign(&request, DAY, start()).unwrap();
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        x509_parser::parse_x509_certificate(&der).unwrap().1.raw_serial_as_string()
    };
    assert_ne!(serial(), serial());
}

#[test]
fn request_outside_policy_is_rejected_with_reason() {
    let permitted = names(&["kubeflow.example.com", "10.64.140.43"]);
    let result = |params: CertificateParams, key: &KeyPair| {
        let pem = params.serialize_request(key).unwrap().pem().unwrap();
        match Request::parse(&pem) {
            Ok(request) => request.check_permitted(&permitted).map_err(|why| why.to_string()),
            Err(why) => Err(why.to_string()),
        }
    };
    let key = KeyPair::generate().unwrap();
    assert_eq!(result(params(&["kubeflow.example.com", "10.64.140.43"]), &key), Ok(()));
    let mut ca_request = params(&["kubeflow.example.com"]);
    ca_request.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let mut odd = params(&["kubeflow.example.com"]);
    odd.custom_extensions.push(CustomExtension::from_oid_content(&[1, 2, 3], vec![5, 0]));
    let mut mail = params(&[]);
    mail.subject_alt_names.push(SanType::Rfc822Name("a@example.com".try_into().unwrap()));
    for (params, part) in [
        (ca_request, "requests a CA certificate"),
        (odd, "invalid certificate signing request"),
        (mail, "which is not a host name"),
        (params(&[]), "has no host"),
        (params(&["istio-pilot/0"]), "has no address yet"),
        (params(&["evil.example.com"]), "for evil.example.com, which is not an address"),
        (params(&["10.64.140.43", "10.64.140.44"]), "for 10.64.140.44, which is not an address"),
    ] {
        let why = result(params, &key).unwrap_err();
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn rsa_key_of_1024_bits_is_rejected() {
    // The libraries in use refuse to sign with such a key; OpenSSL does not.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("csr.pem");
    let made = std::process::Command::new("openssl")
        .args(["req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout", "/dev/null"])
        .args(["-subj", "/CN=kubeflow.example.com"])
        .args(["-addext", "subjectAltName=DNS:kubeflow.example.com", "-out"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let pem = std::fs::read_to_string(path).unwrap();
    let why = Request::parse(&pem).unwrap_err();
    assert!(why.to_string().contains("RSA of 1024 bits"), "{why}");
}

#[test]
fn certificate_for_another_key_or_of_another_authority_is_rejected() {
    let authority = authority(&["kubeflow.example.com"], KeyKind::EcdsaP256);
    let request = request(&["kubeflow.example.com"]);
    let other = self::request(&["kubeflow.example.com"]);
    let issued = |request: &Request| Issued::by(&authority, request, DAY * 9, start()).unwrap();
    let problem = |issued: Issued, at| issued.check(&request, at).unwrap_err().to_string();
    assert!(problem(issued(&other), start()).contains("another key"));
    assert!(problem(issued(&request), start() + DAY * 10).contains("expired on 2026-12-03"));
    let foreign = self::authority(&["kubeflow.example.com"], KeyKind::EcdsaP256);
    let mut wrong = issued(&request);
    wrong.ca = foreign.certificate().to_owned();
    wrong.chain = vec![];
    assert!(problem(wrong, start()).contains("clients would reject"));
    let mut broken = issued(&request);
    broken.ca = "-----BEGIN".into();
    assert!(problem(broken, start()).contains("invalid certificate"));
}

#[test]
fn authority_rollover_does_not_break_clients_that_update_within_overlap() {
    let terms = CertificatePolicy {
        authority_life: DAY * 400,
        life: DAY * 30,
        ..CertificatePolicy::default()
    };
    let hosts = names(&["kubeflow.example.com"]);
    let requirements =
        |is_renewal_asked| Leaf { of: "kubeflow", names: &hosts, terms: &terms, is_renewal_asked };
    let mut now = start();
    let mut keyring = Keyring::create(&requirements(false), now).unwrap();
    // A client fetches the trusted certificates only every six days.
    let mut client = keyring.trusted();
    let mut signers = std::collections::BTreeSet::new();
    for day in 1..1500 {
        now += DAY;
        let (advanced, changed) = keyring.advance(&requirements(day == 20), now).unwrap();
        keyring = advanced;
        let current = keyring.current.certificate().to_owned();
        assert!(client.contains(&current), "day {day}: the client does not trust the signer");
        signers.insert(current);
        assert!(keyring.trusted().len() <= 2, "day {day}");
        if day % 6 == 0 {
            client = keyring.trusted();
        }
        if changed {
            // A second call at the same time changes nothing.
            let (same, again) = keyring.advance(&requirements(false), now).unwrap();
            keyring = same;
            assert!(!again, "day {day}");
        }
    }
    // One on request, and one after each two thirds of 400 days.
    assert_eq!(signers.len(), 7);
}

#[test]
fn name_outside_constraints_replaces_authority_at_once() {
    let terms = CertificatePolicy::default();
    let requirements =
        |names| Leaf { of: "kubeflow", names, terms: &terms, is_renewal_asked: false };
    let first = names(&["10.64.140.43"]);
    let keyring = Keyring::create(&requirements(&first), start()).unwrap();
    let old = keyring.current.certificate().to_owned();
    let both = names(&["10.64.140.43", "10.64.140.44"]);
    let (keyring, changed) = keyring.advance(&requirements(&both), start() + DAY).unwrap();
    assert!(changed && keyring.current.may_sign(&both[1]));
    assert_eq!(keyring.previous.as_deref(), Some(old.as_str()));
    let (keyring, _) = keyring.advance(&requirements(&both), start() + DAY * 15).unwrap();
    assert_eq!(keyring.previous, None);
}

#[test]
fn certificate_is_fresh_for_two_thirds_of_its_life_under_the_same_policy() {
    let authority = authority(&["kubeflow.example.com"], KeyKind::EcdsaP256);
    let request = request(&["kubeflow.example.com"]);
    let life = DAY * 90;
    let issued = Issued::by(&authority, &request, life, start()).unwrap();
    for day in 0..100 {
        let is_fresh = issued.is_fresh(&authority, &request, life, start() + DAY * day);
        assert_eq!(is_fresh, day < 60, "day {day}");
    }
    // A policy with shorter lives, another authority and another key each ask for a new one.
    assert!(!issued.is_fresh(&authority, &request, DAY * 30, start()));
    let other = self::authority(&["kubeflow.example.com"], KeyKind::EcdsaP256);
    assert!(!issued.is_fresh(&other, &request, life, start()));
    let moved = self::request(&["kubeflow.example.com"]);
    assert!(!issued.is_fresh(&authority, &moved, life, start()));
}
