//! The sandbox's own certificates.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// Writes a CA, the API server's certificate and the key of account tokens.
pub fn write(directory: &Path) -> anyhow::Result<()> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "kube-sandbox");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = params.self_signed(&key)?;
    fs::write(directory.join("ca.crt"), certificate.pem())?;
    fs::write(directory.join("ca.key"), key.serialize_pem())?;
    let names = ["localhost", "kubernetes", "kubernetes.default.svc", "127.0.0.1", "10.96.0.1"];
    let mut server = CertificateParams::new(names.map(String::from))?;
    server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
    server.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    sign(directory, server, "apiserver")?;
    let accounts = KeyPair::generate()?;
    fs::write(directory.join("accounts.key"), accounts.serialize_pem())?;
    // The API server reads no public key out of a PKCS #8 private key.
    fs::write(directory.join("accounts.pub"), accounts.public_key_pem())?;
    Ok(())
}

/// Writes a client certificate and key, and returns their paths.
pub fn client(directory: &Path, user: &str, group: &str) -> anyhow::Result<(PathBuf, PathBuf)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, user);
    params.distinguished_name.push(DnType::OrganizationName, group);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    sign(directory, params, user)
}

fn sign(
    directory: &Path,
    params: CertificateParams,
    name: &str,
) -> anyhow::Result<(PathBuf, PathBuf)> {
    let ca_key = KeyPair::from_pem(
        &fs::read_to_string(directory.join("ca.key")).context("reading the sandbox's CA key")?,
    )?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name.push(DnType::CommonName, "kube-sandbox");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate()?;
    let (certificate_path, key_path) =
        (directory.join(format!("{name}.crt")), directory.join(format!("{name}.key")));
    fs::write(&certificate_path, params.signed_by(&key, &issuer)?.pem())?;
    fs::write(&key_path, key.serialize_pem())?;
    Ok((certificate_path, key_path))
}

/// Writes the CA of a mesh as istiod takes it.
pub fn mesh(directory: &Path) -> anyhow::Result<()> {
    let key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name.push(DnType::OrganizationName, "cluster.local");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = ca.self_signed(&key)?.pem();
    let authority = directory.join("cacerts");
    for name in ["root-cert.pem", "ca-cert.pem", "cert-chain.pem"] {
        fs::write(authority.join(name), &certificate)?;
    }
    fs::write(authority.join("ca-key.pem"), key.serialize_pem())?;
    Ok(())
}

/// Writes a certificate of the mesh and its key, which name an identity.
pub fn identity(directory: &Path, name: &str, identity: &str) -> anyhow::Result<()> {
    let authority = directory.join("cacerts");
    let key = KeyPair::from_pem(&fs::read_to_string(authority.join("ca-key.pem"))?)?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name.push(DnType::OrganizationName, "cluster.local");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(ca, key);
    let mut params = CertificateParams::new(Vec::new())?;
    params.subject_alt_names = vec![SanType::URI(identity.try_into()?)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // istiod asks for both.
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    fs::write(directory.join(format!("{name}.crt")), params.signed_by(&key, &issuer)?.pem())?;
    fs::write(directory.join(format!("{name}.key")), key.serialize_pem())?;
    Ok(())
}
