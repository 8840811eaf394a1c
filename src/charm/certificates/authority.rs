//! The charm's own certificate authority, in a Juju secret that the application owns.

use jiff::Timestamp;
use juju_charm::Unit;
use juju_charm::secret::{self, Attributes, Content, Value, Which};
use juju_charm::tool::ToolError;
use log::info;

use crate::facts::certificate::Certificate;
use crate::pki::{
    Authority, AuthorityError, CertificatePolicy, Issued, Keyring, Leaf, Name, SUBJECT,
};

/// Label of the secret.
pub const LABEL: &str = "gateway-ca";

const CURRENT: [&str; 2] = ["current-key", "current-certificate"];
const NEXT: [&str; 2] = ["next-key", "next-certificate"];
const PREVIOUS: &str = "previous-certificate";

/// Why there is no authority to sign with: the operator must fix it.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// It could not be created or renewed.
    #[error("the authority could not be made: {0}")]
    Create(AuthorityError),
    /// The content of its secret is not an authority.
    #[error("the authority in the secret {LABEL} is damaged, and nothing is signed: {0}")]
    Damaged(KeyringError),
}

/// Problems of the secret's content.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// An authority is not valid.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// One of two keys of the content is missing.
    #[error("{0} and {1} are not both there")]
    Half(&'static str, &'static str),
    /// There is no authority.
    #[error("{} is missing", CURRENT[0])]
    Missing,
}

/// The authority and its successor, as the secret has them.
pub struct Own {
    keyring: Keyring,
    /// Whether this hook wrote them, and Juju may still drop what it wrote.
    pub is_new: bool,
}

impl Own {
    /// The authorities for these names: created, renewed and written as needed. The inner error
    /// is what the operator must fix.
    pub fn ready(
        unit: &Unit,
        terms: &CertificatePolicy,
        names: Vec<Name>,
        now: Timestamp,
    ) -> anyhow::Result<Result<Self, OwnError>> {
        let mut names = [names, terms.names.clone()].concat();
        names.sort();
        names.dedup();
        let wanted = Leaf { of: &unit.model, names: &names, terms, is_renewal_asked: false };
        let content = match secret::get_by_label(LABEL, Which::Refresh) {
            Ok(content) => content,
            Err(ToolError::NotFound { .. }) => {
                let keyring = match Keyring::create(&wanted, now) {
                    Ok(keyring) => keyring,
                    Err(why) => return Ok(Err(OwnError::Create(why))),
                };
                let attributes = Attributes {
                    label: Some(LABEL),
                    description: Some("authority that signs the gateway's certificates"),
                    ..Attributes::default()
                };
                secret::add(&content_of(&keyring), &attributes)?;
                info!("created an authority for the gateway's certificates");
                return Ok(Ok(Self { keyring, is_new: true }));
            }
            Err(other) => return Err(other.into()),
        };
        let keyring = match read(&content) {
            Ok(keyring) => keyring,
            Err(why) => return Ok(Err(OwnError::Damaged(why))),
        };
        let (keyring, is_new) = match keyring.advance(&wanted, now) {
            Ok(advanced) => advanced,
            Err(why) => return Ok(Err(OwnError::Create(why))),
        };
        if is_new {
            let (id, _) = secret::info_by_label(LABEL)?;
            secret::set(&id, &content_of(&keyring), &Attributes::default())?;
            info!("the authority for the gateway's certificates changed");
        }
        Ok(Ok(Self { keyring, is_new }))
    }

    /// The one that signs.
    pub fn signer(&self) -> &Authority {
        &self.keyring.current
    }

    /// Whether it, or an authority of this charm before it, issued this certificate.
    pub fn has_issued(&self, issued: &Issued) -> bool {
        let leaf = Certificate::from_pem(issued.certificate.as_bytes());
        let is_own = |leaf: &Certificate| leaf.issuer.contains(SUBJECT);
        self.trusted().contains(&issued.ca) || leaf.is_ok_and(|chain| is_own(&chain[0]))
    }

    /// Certificates to trust, PEM.
    pub fn trusted(&self) -> Vec<String> {
        self.keyring.trusted()
    }
}

fn content_of(keyring: &Keyring) -> Content {
    let mut content = Content::new();
    let mut put = |[key, certificate]: [&str; 2], authority: &Authority| {
        content.insert(key.into(), Value::new(authority.key().as_str()));
        content.insert(certificate.into(), Value::new(authority.certificate()));
    };
    put(CURRENT, &keyring.current);
    if let Some(next) = &keyring.next {
        put(NEXT, next);
    }
    if let Some(previous) = &keyring.previous {
        content.insert(PREVIOUS.into(), Value::new(previous.as_str()));
    }
    content
}

fn read(content: &Content) -> Result<Keyring, KeyringError> {
    let authority = |[key, certificate]: [&'static str; 2]| {
        let of = |name| content.get(name).map(Value::expose);
        match (of(key), of(certificate)) {
            (Some(key), Some(certificate)) => Ok(Some(Authority::restore(key, certificate)?)),
            (None, None) => Ok(None),
            _ => Err(KeyringError::Half(key, certificate)),
        }
    };
    Ok(Keyring {
        current: authority(CURRENT)?.ok_or(KeyringError::Missing)?,
        next: authority(NEXT)?,
        previous: content.get(PREVIOUS).map(|pem| pem.expose().to_owned()),
    })
}
