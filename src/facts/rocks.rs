//! What registries hold of the platform's images: where their tags lead by now, and what
//! is in them.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use oci_registry::{Client, Digest, DigestError, Error, Limits, Mirror, Settings};
use serde::{Deserialize, Serialize};

use super::dpkg::{self, Packages};
use super::image::ImageReference;
use super::known::{Known, Unknown};
use crate::rocks::{Allowed, Asked};

/// Images asked for side by side.
const SIDE_BY_SIDE: usize = 8;
/// Of these at most so many of one registry, so that it leaves room for the others.
const OF_ONE: usize = 6;
/// Images that only pods in profiles name, of which there may be any number.
const MOST_OF_TENANTS: usize = 50;
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
    /// Registries that are asked; one that a mirror stands for is, too.
    pub allowed: Allowed,
    /// Registries that stand for others.
    pub mirrors: Vec<Mirror>,
    /// Registries, each with a host that hands out its tokens beside its own.
    pub realms: Vec<(String, String)>,
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
    references: &[Asked],
    known: Option<&Rocks>,
    progress: &(dyn Fn() + Sync),
) -> Rocks {
    crate::tls::install_provider();
    let mut rocks = Rocks { asked_at: crate::now(), ..Rocks::default() };
    let client = match Client::new(Settings {
        mirrors: source.mirrors.clone(),
        realms: source.realms.clone(),
        credentials: source.credentials.clone(),
        authorities: source.authorities.clone(),
        proxy: source.proxy.clone(),
        no_proxy: source.no_proxy.clone(),
        deadline: Instant::now() + source.within,
        // Layers take their time; what else is asked does not.
        per_host: match source.packages {
            true => source.within,
            false => source.within.mul_f64(0.75),
        },
        ..Settings::default()
    }) {
        Ok(client) => client,
        Err(why) => {
            let why = Unknown::Failed(why.to_string());
            let all = references
                .iter()
                .map(|asked| (asked.image.to_string(), Known::Unknown(why.clone())));
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
    let reader = Reader { client: &client, source, of_digest, lost: Mutex::default() };
    let (queue, refused) = permitted(source, references);
    let images: BTreeMap<String, Known<Rock>> = refused.into_iter().collect();
    let images = Mutex::new(images);
    (0..images.lock().map_or(0, |images| images.len())).for_each(|_| progress());
    let turns = Turns::new(queue);
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(reference) = turns.next() {
                    let rock = reader.read(reference);
                    turns.done(reference, matches!(rock, Known::Known(_)));
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

type Refused = (String, Known<Rock>);

/// The images whose registries are asked, and why the others' are not.
fn permitted<'a>(source: &Source, asked: &'a [Asked]) -> (Vec<&'a ImageReference>, Vec<Refused>) {
    let (mut queue, mut refused, mut of_tenants) = (Vec::new(), Vec::new(), 0);
    for Asked { image, of_tenant } in asked {
        let is_within = |of: &str| {
            let rest = image.repository.strip_prefix(of);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_mirrored = source.mirrors.iter().any(|mirror| is_within(mirror.of()));
        let host = image.repository.split('/').next().unwrap_or_default();
        let why = if !is_mirrored && !source.allowed.permits(&image.repository, *of_tenant) {
            format!(
                "registry {host} is not asked for it: it is not allowed; add it to allow.registries \
                 of the policy, or name a mirror for it"
            )
        } else if *of_tenant && of_tenants == MOST_OF_TENANTS {
            format!("pods in profiles name more than {MOST_OF_TENANTS} images")
        } else {
            of_tenants += usize::from(*of_tenant);
            queue.push(image);
            continue;
        };
        refused.push((image.to_string(), Known::Unknown(Unknown::Forbidden(why))));
    }
    (queue, refused)
}

/// Whose turn it is: the first image in the queue whose registry is not busy. One that has not
/// answered yet is asked for one image only, so that a hundred that do not answer cannot keep
/// the others from being asked.
struct Turns<'a> {
    state: Mutex<State<'a>>,
    signal: Condvar,
}

#[derive(Default)]
struct State<'a> {
    queue: Vec<&'a ImageReference>,
    hosts: BTreeMap<&'a str, Host>,
}

#[derive(Clone, Copy, Default)]
struct Host {
    busy: usize,
    has_answered: bool,
}

fn host_of(reference: &ImageReference) -> &str {
    reference.repository.split('/').next().unwrap_or_default()
}

impl<'a> Turns<'a> {
    fn new(queue: Vec<&'a ImageReference>) -> Self {
        let state = State { queue, ..State::default() };
        Self { state: Mutex::new(state), signal: Condvar::new() }
    }

    /// The next image; `None` when there are none left.
    fn next(&self) -> Option<&'a ImageReference> {
        let mut state = self.state.lock().ok()?;
        loop {
            if state.queue.is_empty() {
                return None;
            }
            let is_free = |image: &&ImageReference| {
                let host = state.hosts.get(host_of(image)).copied().unwrap_or_default();
                host.busy < if host.has_answered { OF_ONE } else { 1 }
            };
            match state.queue.iter().position(is_free) {
                Some(at) => {
                    let image = state.queue.remove(at);
                    state.hosts.entry(host_of(image)).or_default().busy += 1;
                    return Some(image);
                }
                None => state = self.signal.wait(state).ok()?,
            }
        }
    }

    fn done(&self, image: &'a ImageReference, has_answered: bool) {
        if let Ok(mut state) = self.state.lock() {
            let host = state.hosts.entry(host_of(image)).or_default();
            host.busy = host.busy.saturating_sub(1);
            host.has_answered |= has_answered;
        }
        self.signal.notify_all();
    }
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
        if let Some(why) = self.lost.lock().ok().and_then(|lost| lost.get(host).cloned()) {
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
            Some(digest) => digest.parse().map_err(|why: DigestError| Error::Malformed {
                what: reference.to_string(),
                why: why.to_string(),
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
            self.client.layer(repository, layer, Limits::default())?.files(
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
        Error::Denied { .. } | Error::Refused { .. } => (Unknown::Forbidden(text), false),
        Error::TimedOut { .. } => (Unknown::TimedOut(text), true),
        Error::RateLimited { .. } | Error::Server { .. } | Error::Unreachable { .. } => {
            (Unknown::Failed(text), true)
        }
        _ => (Unknown::Failed(text), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> ImageReference {
        ImageReference::parse(text).unwrap()
    }

    #[test]
    fn a_registry_that_has_not_answered_holds_up_one_turn_only() {
        let images = ["slow.example/a/b:1", "slow.example/a/c:1", "good.example/a/b:1"].map(image);
        let turns = Turns::new(images.iter().collect());
        assert_eq!(turns.next(), Some(&images[0]));
        assert_eq!(turns.next(), Some(&images[2]));
        turns.done(&images[0], false);
        assert_eq!(turns.next(), Some(&images[1]));
        assert_eq!(turns.next(), None);
    }

    #[test]
    fn what_tenants_name_is_asked_for_only_where_the_platform_s_images_are() {
        let source = Source {
            allowed: Allowed::new(std::iter::empty()),
            mirrors: vec!["ghcr.io/theirs=127.0.0.1:5000/theirs".parse().unwrap()],
            ..Source::default()
        };
        let asked = |text: &str, of_tenant| Asked { image: image(text), of_tenant };
        let mut all = vec![
            asked("docker.io/charmedkubeflow/dex:1", false),
            asked("docker.io/charmedkubeflow/frontend:1", true),
            asked("ghcr.io/theirs/x:1", true),
            asked("registry.evil.example/x:1", true),
            asked("localhost:5000/x:1", false),
        ];
        let (queue, refused) = permitted(&source, &all);
        assert_eq!(queue, [&all[0].image, &all[1].image, &all[2].image]);
        assert_eq!(refused.len(), 2);
        let (name, why) = &refused[0];
        assert_eq!(name, "registry.evil.example/x:1");
        let Known::Unknown(why) = why else { panic!("nothing is known of it") };
        assert!(why.to_string().contains("allow.registries"), "{why}");
        // However many a tenant names.
        all.extend((0..200).map(|n| asked(&format!("docker.io/charmedkubeflow/x:{n}"), true)));
        let (queue, refused) = permitted(&source, &all);
        assert_eq!((queue.len(), refused.len()), (1 + MOST_OF_TENANTS, 204 - MOST_OF_TENANTS));
    }
}
