//! What registries hold of the platform's images: where their tags lead by now, and what
//! is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use oci_registry::{Client, Digest, Error, Limits, Mirror, Settings};
use serde::{Deserialize, Serialize};

use super::dpkg::{self, Packages};
use super::image::ImageReference;
use super::known::{Known, Unknown};

/// Images asked for side by side.
const SIDE_BY_SIDE: usize = 8;
/// Largest list of packages that is read, in bytes.
const LARGEST_LIST: u64 = 8 << 20;
/// Charmhub's own registry, which gives images to Juju only.
const CHARMHUB: &str = "registry.jujucharms.com/";

/// What registries told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Rocks {
    /// When they were asked.
    pub asked_at: Timestamp,
    /// By reference, as [`ImageReference`] prints it.
    pub images: BTreeMap<String, Known<Rock>>,
    /// How many requests that took.
    pub requests: usize,
}

/// An image in its registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Rock {
    /// What the reference leads to now, `sha256:…`.
    pub digest: String,
    /// Digest for this platform, where that is an index; nodes tell either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<String>,
    /// When it was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Whether a signature is beside it, and whether an attestation is.
    pub signed: bool,
    /// An attestation.
    pub attested: bool,
    /// What is in it, if that was asked for and it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<Packages>,
}

impl Rock {
    /// Whether this is the digest of it, or of its index.
    pub fn is(&self, digest: &str) -> bool {
        self.digest == digest || self.manifest_digest.as_deref() == Some(digest)
    }
}

/// How registries are asked.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Registries that stand for others.
    pub mirrors: Vec<Mirror>,
    /// Logins.
    pub credentials: oci_registry::Credentials,
    /// Authorities to trust beside the system's, PEM.
    pub authorities: Vec<String>,
    /// Proxy for all of it.
    pub proxy: Option<String>,
    /// Hosts to which no proxy leads, comma-separated.
    pub no_proxy: Option<String>,
    /// Longest time for all of it.
    pub within: Duration,
    /// Whether the packages of each image are read, which means reading its layers.
    pub packages: bool,
}

/// Asks registries for images. What was `known` of a digest is not asked again. Blocks.
pub fn read(
    source: &Source,
    references: &BTreeSet<ImageReference>,
    known: Option<&Rocks>,
    progress: &(dyn Fn() + Sync),
) -> Rocks {
    crate::tls::install_provider();
    let mut rocks = Rocks {
        asked_at: crate::now(),
        ..Rocks::default()
    };
    let client = match Client::new(Settings {
        mirrors: source.mirrors.clone(),
        credentials: source.credentials.clone(),
        authorities: source.authorities.clone(),
        proxy: source.proxy.clone(),
        no_proxy: source.no_proxy.clone(),
        deadline: Instant::now() + source.within,
        ..Settings::default()
    }) {
        Ok(client) => client,
        Err(why) => {
            let why = Unknown::Failed(why.to_string());
            let all = references
                .iter()
                .map(|r| (r.to_string(), Known::Unknown(why.clone())));
            rocks.images = all.collect();
            return rocks;
        }
    };
    let of_digest: BTreeMap<&str, &Rock> = known
        .into_iter()
        .flat_map(|rocks| rocks.images.values())
        .filter_map(|rock| match rock {
            Known::Known(rock) => Some((rock.digest.as_str(), rock)),
            Known::Unknown(_) => None,
        })
        .collect();
    let reader = Reader {
        client: &client,
        source,
        of_digest,
        lost: Mutex::default(),
    };
    let queue: Vec<&ImageReference> = references.iter().collect();
    let next = AtomicUsize::new(0);
    let images = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE.min(queue.len()) {
            scope.spawn(|| {
                while let Some(reference) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let rock = reader.read(reference);
                    progress();
                    if let Ok(mut images) = images.lock() {
                        images.insert(reference.to_string(), rock);
                    }
                }
            });
        }
    });
    rocks.images = images.into_inner().unwrap_or_default();
    rocks.requests = client.requests();
    rocks
}

struct Reader<'a> {
    client: &'a Client,
    source: &'a Source,
    of_digest: BTreeMap<&'a str, &'a Rock>,
    /// Hosts that do not answer, with the reason: asking each for every image would take
    /// the time of all others.
    lost: Mutex<BTreeMap<String, Unknown>>,
}

impl Reader<'_> {
    fn read(&self, reference: &ImageReference) -> Known<Rock> {
        if reference.repository.starts_with(CHARMHUB) {
            let why = "Charmhub's registry gives images to Juju only";
            return Known::Unknown(Unknown::Forbidden(why.into()));
        }
        let host = reference.repository.split('/').next().unwrap_or_default();
        if let Some(why) = self
            .lost
            .lock()
            .ok()
            .and_then(|lost| lost.get(host).cloned())
        {
            return Known::Unknown(why);
        }
        match self.ask(reference) {
            Ok(rock) => Known::Known(rock),
            Err(error) => {
                let (why, is_lost) = why(&error);
                if is_lost && let Ok(mut lost) = self.lost.lock() {
                    lost.insert(host.to_owned(), why.clone());
                }
                Known::Unknown(why)
            }
        }
    }

    fn ask(&self, reference: &ImageReference) -> Result<Rock, Error> {
        let repository = &reference.repository;
        let digest: Digest = match &reference.digest {
            Some(digest) => digest.parse().map_err(|why| Error::Malformed {
                what: reference.to_string(),
                why,
            })?,
            None => {
                let tag = reference.tag.as_deref().unwrap_or("latest");
                self.client.digest(repository, tag)?
            }
        };
        if let Some(known) = self.of_digest.get(digest.as_str())
            && (known.packages.is_some() || !self.source.packages)
        {
            return Ok((*known).clone());
        }
        let image = self.client.image(repository, digest.as_str())?;
        let config = self.client.config(repository, &image)?;
        let signatures = self.client.signatures(repository, &image.digest)?;
        let packages = match self.source.packages {
            true => self.packages(repository, &image.manifest.layers)?,
            false => None,
        };
        let is_index = image.manifest_digest != image.digest;
        Ok(Rock {
            digest: image.digest.to_string(),
            manifest_digest: is_index.then(|| image.manifest_digest.to_string()),
            created: config.created,
            signed: signatures.signed,
            attested: signatures.attested,
            packages,
        })
    }

    /// The packages of an image, by the list that rocks carry, else by dpkg's own: the
    /// topmost layer that has one tells.
    fn packages(
        &self,
        repository: &str,
        layers: &[oci_registry::Descriptor],
    ) -> Result<Option<Packages>, Error> {
        for layer in layers.iter().rev() {
            let mut files = BTreeMap::new();
            self.client
                .layer(repository, layer, Limits::default())?
                .files(
                    LARGEST_LIST,
                    |path| dpkg::FILES.contains(&path),
                    |path, content| drop(files.insert(path.to_owned(), content)),
                )?;
            if let Some(packages) = Packages::of(&files) {
                return Ok(Some(packages));
            }
        }
        Ok(None)
    }
}

/// Why it is not known, and whether its registry is worth another question.
fn why(error: &Error) -> (Unknown, bool) {
    let text = error.to_string();
    match error {
        Error::Denied { .. } => (Unknown::Forbidden(text), false),
        Error::TimedOut { .. } => (Unknown::TimedOut(text), true),
        Error::RateLimited { .. } | Error::Server { .. } | Error::Unreachable { .. } => {
            (Unknown::Failed(text), true)
        }
        _ => (Unknown::Failed(text), false),
    }
}
