//! Odd certificates and keys in the gateway's Secret, each with the verdicts it should get.

use std::fmt::Write as _;

use ckf_hardening::controls::Verdict::{self, Fail, NotAssessed, Pass};
use ckf_worlds::{HOST, base64, sha1, weak_rsa};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, SignatureAlgorithm,
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::case::Case;
use crate::faults::gateway_secret;
use crate::{none, verdict};

/// What is in `tls.crt` and `tls.key`.
type Pair = (String, String);

/// What is assessed of the Secret's certificate.
const CHECKED: [&str; 6] = ["TLS-03", "TLS-04", "TLS-05", "TLS-06", "TLS-07", "TLS-08"];

fn openssl(arguments: &[&str], input: &str) -> String {
    String::from_utf8(ckf_test_support::openssl::openssl(arguments, input.as_bytes())).unwrap()
}

/// A certificate that openssl signs itself, from now on, with its key.
fn self_signed(options: &[&str]) -> Pair {
    let name = format!("subjectAltName=DNS:{HOST}");
    let subject = format!("/CN={HOST}");
    let request = ["req", "-x509", "-nodes", "-keyout", "-", "-subj", &subject];
    let rest = ["-addext", &name, "-days", "300"];
    let text = openssl(&[&request[..], options, &rest].concat(), "");
    let at = text.find("-----BEGIN CERTIFICATE").unwrap();
    (text[at..].to_owned(), text[..at].to_owned())
}

/// So many days from now.
fn day(days: i64) -> OffsetDateTime {
    OffsetDateTime::now_utc() + Duration::days(days)
}

fn params(sans: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.subject_alt_names = sans
        .iter()
        .map(|san| match san.parse() {
            Ok(ip) => SanType::IpAddress(ip),
            Err(_) => SanType::DnsName((*san).try_into().unwrap()),
        })
        .collect();
    params.distinguished_name.push(DnType::CommonName, HOST);
    params.not_before = day(-300);
    params.not_after = day(3000);
    params
}

fn signer(name: &str, until: i64) -> (CertificateParams, KeyPair) {
    let mut params = params(&[]);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_after = day(until);
    (params, KeyPair::generate().unwrap())
}

/// A leaf by an authority of its own.
fn issued(params: &CertificateParams, key: &KeyPair) -> Pair {
    let (authority, authority_key) = signer("authority", 3000);
    let leaf = params.signed_by(key, &Issuer::new(authority, authority_key)).unwrap();
    (leaf.pem(), key.serialize_pem())
}

fn of_kind(kind: &'static SignatureAlgorithm) -> Pair {
    issued(&params(&[HOST]), &KeyPair::generate_for(kind).unwrap())
}

fn plain() -> Pair {
    of_kind(&rcgen::PKCS_ECDSA_P256_SHA256)
}

fn for_names(sans: &[&str]) -> Pair {
    issued(&params(sans), &KeyPair::generate().unwrap())
}

fn dated(from: i64, to: i64) -> Pair {
    let mut params = params(&[HOST]);
    params.not_before = day(from);
    params.not_after = day(to);
    issued(&params, &KeyPair::generate().unwrap())
}

fn rsa(bits: &str) -> Pair {
    let option = format!("rsa_keygen_bits:{bits}");
    let key = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", &option], "");
    issued(&params(&[HOST]), &KeyPair::from_pem(&key).unwrap())
}

/// Leaf, intermediate and root, in an order.
fn chain(order: [usize; 3], intermediate_until: i64) -> Pair {
    let (root, root_key) = signer("root", 3000);
    let root_pem = root.clone().self_signed(&root_key).unwrap().pem();
    let root = Issuer::new(root, root_key);
    let (intermediate, key) = signer("intermediate", intermediate_until);
    let intermediate_pem = intermediate.clone().signed_by(&key, &root).unwrap().pem();
    let intermediate = Issuer::new(intermediate, key);
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = params(&[HOST]).signed_by(&leaf_key, &intermediate).unwrap().pem();
    let parts = [leaf, intermediate_pem, root_pem];
    let text: String = order.iter().map(|index| parts[*index].as_str()).collect();
    (text, leaf_key.serialize_pem())
}

fn certificate(change: impl Fn(String) -> String) -> Pair {
    let (certificate, key) = plain();
    (change(certificate), key)
}

fn key(change: impl Fn(String) -> String) -> Pair {
    let (certificate, key) = plain();
    (certificate, change(key))
}

/// Name, what is in the Secret, and the verdicts that are no pass.
type Odd = (&'static str, fn() -> Pair, &'static [(&'static str, Verdict)]);

/// No certificate can be read, so nothing of it is right.
const UNREADABLE: &[(&str, Verdict)] = &[
    ("TLS-03", Fail),
    ("TLS-04", Fail),
    ("TLS-05", Fail),
    ("TLS-06", Fail),
    ("TLS-07", Fail),
    ("TLS-08", Fail),
];
/// The first certificate is not the leaf.
const OUT_OF_ORDER: &[(&str, Verdict)] = &[("TLS-03", Fail), ("TLS-05", Fail), ("TLS-08", Fail)];
/// A key that no program here can read might still be the right one.
const UNREADABLE_KEY: &[(&str, Verdict)] = &[("TLS-05", NotAssessed)];

const ODD: &[Odd] = &[
    ("ECDSA on P-256", plain, &[]),
    ("ECDSA on P-384", || of_kind(&rcgen::PKCS_ECDSA_P384_SHA384), &[]),
    ("Ed25519", || of_kind(&rcgen::PKCS_ED25519), &[]),
    (
        "ECDSA on P-521",
        || self_signed(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"]),
        &[],
    ),
    (
        "ECDSA on P-224",
        || self_signed(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-224"]),
        &[("TLS-06", Fail)],
    ),
    (
        "RSA of 1024 bits",
        || {
            let tls = weak_rsa();
            (tls.certificate, tls.key)
        },
        &[("TLS-06", Fail)],
    ),
    ("RSA of 2048 bits", || rsa("2048"), &[]),
    ("RSA of 4096 bits", || rsa("4096"), &[]),
    (
        "a key in PKCS#1",
        || {
            let (certificate, key) = rsa("2048");
            (certificate, openssl(&["rsa", "-traditional"], &key))
        },
        &[],
    ),
    ("a key in SEC1", || key(|key| openssl(&["ec"], &key)), &[]),
    (
        "a key behind its curve's parameters",
        || {
            key(|key| {
                format!(
                    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{key}"
                )
            })
        },
        &[],
    ),
    (
        "signed with SHA-1",
        || {
            let tls = sha1();
            (tls.certificate, tls.key)
        },
        &[("TLS-07", Fail)],
    ),
    (
        "signed with RSA-PSS",
        || self_signed(&["-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss"]),
        &[],
    ),
    ("no alternative names", || for_names(&[]), &[("TLS-08", Fail)]),
    ("a wildcard", || for_names(&["*.example.com"]), &[]),
    (
        "a wildcard one level too low",
        || for_names(&["*.kubeflow.example.com"]),
        &[("TLS-08", Fail)],
    ),
    ("a wildcard one level too high", || for_names(&["*.com"]), &[("TLS-08", Fail)]),
    ("an address only", || for_names(&["10.64.140.43"]), &[("TLS-08", Fail)]),
    (
        "addresses of both versions beside the name",
        || for_names(&["10.64.140.43", "fd00::7", HOST]),
        &[],
    ),
    ("a name in capitals", || for_names(&["KUBEFLOW.Example.COM"]), &[]),
    (
        "a name that goes on behind ours",
        || for_names(&["kubeflow.example.com.evil.test"]),
        &[("TLS-08", Fail)],
    ),
    (
        "a thousand names",
        || {
            let mut names = String::new();
            for number in 0..1000 {
                let _ = write!(names, "host-{number}.example.com ");
            }
            names.push_str(HOST);
            for_names(&names.split(' ').collect::<Vec<_>>())
        },
        &[],
    ),
    ("not yet valid", || dated(30, 300), &[("TLS-04", Fail)]),
    ("ended", || dated(-300, -30), &[("TLS-04", Fail)]),
    ("days left", || dated(-300, 3), &[("TLS-04", Fail)]),
    ("valid beyond 2050", || dated(-1, 25_000), &[]),
    ("with its intermediate and root", || chain([0, 1, 2], 3000), &[]),
    ("an intermediate that ended", || chain([0, 1, 2], -1), &[("TLS-04", Fail)]),
    ("the root first", || chain([2, 1, 0], 3000), OUT_OF_ORDER),
    ("the intermediate first", || chain([1, 0, 2], 3000), OUT_OF_ORDER),
    (
        "lines that end with CRLF",
        || {
            let (certificate, key) = plain();
            (certificate.replace('\n', "\r\n"), key.replace('\n', "\r\n"))
        },
        &[],
    ),
    (
        "text before and after",
        || certificate(|pem| format!("Certificate:\n  Data: some\n{pem}\nand more\n")),
        &[],
    ),
    ("no line end at the end", || certificate(|pem| pem.trim_end().to_owned()), &[]),
    (
        "the key behind the certificate",
        || {
            let (certificate, key) = plain();
            (format!("{certificate}{key}"), key)
        },
        &[],
    ),
    ("key of another pair", || key(|_| plain().1), &[("TLS-05", Fail)]),
    ("a certificate for a key", || key(|_| plain().0), UNREADABLE_KEY),
    (
        "a key behind a password",
        || key(|key| openssl(&["pkcs8", "-topk8", "-passout", "pass:x"], &key)),
        UNREADABLE_KEY,
    ),
    ("no PEM", || certificate(|_| "certificate".into()), UNREADABLE),
    (
        "PEM once more in base64",
        || {
            certificate(|pem| {
                openssl(&["base64", "-A"], &openssl(&["x509", "-outform", "PEM"], &pem))
            })
        },
        UNREADABLE,
    ),
    ("cut off", || certificate(|pem| pem[..pem.len() / 2].to_owned()), UNREADABLE),
    (
        "PEM of something else",
        || certificate(|pem| pem.replace("CERTIFICATE", "X509 CRL")),
        UNREADABLE,
    ),
    (
        "a certificate of nothing",
        || certificate(|_| "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n".into()),
        UNREADABLE,
    ),
    (
        "the second certificate broken",
        || {
            certificate(|pem| {
                format!("{pem}-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
            })
        },
        UNREADABLE,
    ),
];

#[test]
fn each_odd_certificate_gets_the_verdicts_it_should() {
    assert!(ODD.len() >= 30);
    let mut wrong = Vec::new();
    for (what, make, others) in ODD {
        let mut case = Case::hardened();
        case.now = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(1);
        let (certificate, key) = make();
        gateway_secret(&mut case)["data"] =
            json!({"tls.crt": base64(&certificate), "tls.key": base64(&key)});
        let report = case.audit();
        for id in CHECKED {
            let wanted = others.iter().find(|(known, _)| *known == id);
            let wanted = wanted.map_or(Pass, |(_, verdict)| *verdict);
            let (seen, reason) = verdict(&report, id);
            wrong.extend((seen != wanted).then(|| {
                format!("{what}: {id} is {} and not {}: {reason}", seen.name(), wanted.name())
            }));
        }
    }
    none(&wrong);
}
