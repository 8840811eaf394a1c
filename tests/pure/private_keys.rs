//! Private keys beside openssl: kind, size and public part of each, in every wrapping.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ckf_hardening::facts::certificate::public_key_hash;
use ckf_hardening::facts::crypto_material::CryptoMaterial;
use ckf_test_support::openssl::openssl;

/// Kind, size, and the key in PKCS#8.
fn keys() -> Vec<(&'static str, usize, Vec<u8>)> {
    let rsa = [1024, 2048, 3072, 4096].map(|bits: usize| {
        let option = format!("rsa_keygen_bits:{bits}");
        ("RSA", bits, openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", &option], b""))
    });
    let curves = [
        ("P-192", 192),
        ("P-224", 224),
        ("P-256", 256),
        ("P-384", 384),
        ("P-521", 521),
        ("secp256k1", 256),
    ];
    let elliptic = curves.map(|(curve, bits)| {
        let option = format!("ec_paramgen_curve:{curve}");
        ("EC", bits, openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", &option], b""))
    });
    let edwards = ("Ed25519", 256, openssl(&["genpkey", "-algorithm", "ED25519"], b""));
    rsa.into_iter().chain(elliptic).chain([edwards]).collect()
}

#[test]
fn key_is_described_as_by_openssl() {
    for (kind, bits, key) in keys() {
        let public = openssl(&["pkey", "-pubout", "-outform", "DER"], &key);
        let public = public_key_hash(&public);
        let mut forms = vec![
            key.clone(),
            openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &key),
            BASE64.encode(&key).into_bytes(),
            format!("--key={}", String::from_utf8_lossy(&key).replace('\n', "\\n")).into_bytes(),
        ];
        if kind != "Ed25519" {
            let tool = kind.to_lowercase();
            let traditional: &[&str] =
                if kind == "RSA" { &["rsa", "-traditional"] } else { &[&tool] };
            forms.push(openssl(traditional, &key));
            forms.push(openssl(&[traditional, &["-outform", "DER"]].concat(), &key));
        }
        for (index, form) in forms.iter().enumerate() {
            let found = CryptoMaterial::of("x", form);
            let found = found.unwrap_or_else(|| panic!("{kind} {bits}, form {index}"));
            let key = &found.keys[0];
            assert_eq!((key.key_type.as_str(), key.key_bits), (kind, bits), "form {index}");
            assert_eq!(key.public_key.as_deref(), Some(&*public), "{kind} {bits}, form {index}");
        }
    }
}

#[test]
fn encrypted_key_and_keystore_are_found() {
    let (_, _, key) = keys().remove(6);
    let protected = openssl(&["pkcs8", "-topk8", "-passout", "pass:x"], &key);
    let found = CryptoMaterial::of("x", &protected).unwrap();
    assert!(found.keys[0].encrypted && found.keys[0].public_key.is_none());
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("key.pem");
    std::fs::write(&at, &key).unwrap();
    let at = at.to_str().unwrap();
    let certificate = openssl(&["req", "-x509", "-key", at, "-subj", "/CN=x", "-days", "9"], b"");
    let both = folder.path().join("both.pem");
    std::fs::write(&both, [certificate, key].concat()).unwrap();
    let both = both.to_str().unwrap();
    let store = openssl(&["pkcs12", "-export", "-passout", "pass:x", "-in", both], b"");
    let found = CryptoMaterial::of("x", &store).unwrap();
    assert_eq!(found.keys[0].describe(), "PKCS#12 keystore");
}
