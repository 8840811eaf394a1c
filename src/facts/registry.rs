//! The platform's images in their registries: digests to which tags resolve, signatures and
//! packages.

pub use ckf_model::registry::*;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use oci_registry::{Client, Digest, DigestError, Error, Limits, Mirror, PlainHost, Settings};

use super::dpkg::{self, Packages};
use super::image::ImageReference;
use super::known::{Known, Unknown};
use super::reachable::{self, HostPort};
use crate::images::{Allowed, Asked};

/// Images queried concurrently.
const SIDE_BY_SIDE: usize = 8;
/// Images queried concurrently from one registry, so that others get a share.
const PER_REGISTRY: usize = 6;
/// Largest number of images that only pods in profiles use: tenants could name any number.
const MAX_TENANT_IMAGES: usize = 50;
/// Largest accepted package list, in bytes.
const LARGEST_LIST: u64 = 8 << 20;
/// Charmhub's registry, which serves Juju only.
const CHARMHUB: &str = "registry.jujucharms.com/";

/// Configuration of registry queries.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Registries that may be queried; those with a mirror are allowed as well.
    pub allowed: Allowed,
    /// Mirrors of registries.
    pub mirrors: Vec<Mirror>,
    /// Registries that are asked without TLS.
    pub plain: Vec<PlainHost>,
    /// Registries, each with another host that issues its tokens.
    pub realms: Vec<(String, String)>,
    /// Credentials by registry.
    pub credentials: oci_registry::Credentials,
    /// CA certificates to trust in addition to the system's, PEM.
    pub authorities: Vec<String>,
    /// URL of the proxy for all requests.
    pub proxy: Option<String>,
    /// Hosts that bypass the proxy, comma-separated.
    pub no_proxy: Option<String>,
    /// Deadline of all requests together.
    pub within: Duration,
    /// Whether to read the packages of each image, which downloads layers.
    pub packages: bool,
    /// Longest wait for a first connection to each host; zero if hosts are queried without one.
    pub connect_within: Duration,
    /// Hosts that are known to be out of reach, and are not asked.
    pub unreachable: BTreeSet<HostPort>,
}

impl Source {
    /// The client of these settings.
    fn client(&self) -> Result<Client, Error> {
        crate::tls::install_provider();
        Client::new(Settings {
            mirrors: self.mirrors.clone(),
            plain: self.plain.clone(),
            realms: self.realms.clone(),
            credentials: self.credentials.clone(),
            authorities: self.authorities.clone(),
            proxy: self.proxy.clone(),
            no_proxy: self.no_proxy.clone(),
            deadline: Instant::now() + self.within,
            // Only layers take long to download.
            per_host: match self.packages {
                true => self.within,
                false => self.within.mul_f64(0.75),
            },
            ..Settings::default()
        })
    }

    /// Hosts that would be connected to for these images: proxies, mirrors and registries.
    pub fn hosts(&self, references: &[Asked]) -> BTreeSet<HostPort> {
        let Ok(client) = self.client() else {
            return BTreeSet::new();
        };
        let (queue, _) = permitted(self, references);
        let asked = queue.iter().filter(|image| !image.repository.starts_with(CHARMHUB));
        asked.filter_map(|image| self.host(&client, &image.repository)).collect()
    }

    fn host(&self, client: &Client, repository: &str) -> Option<HostPort> {
        let url = client.url(repository).ok()?;
        reachable::first_hop(&url, self.proxy.as_deref(), self.no_proxy.as_deref())
    }
}

/// Queries registries for images; reuses what is `known` of a digest. Blocks.
pub fn read(
    source: &Source,
    references: &[Asked],
    known: Option<&Rocks>,
    progress: &(dyn Fn() + Sync),
) -> Rocks {
    let mut rocks = Rocks { asked_at: crate::now(), ..Rocks::default() };
    let client = match source.client() {
        Ok(client) => client,
        Err(why) => {
            let why = Unknown::Failed(why.to_string());
            let all = references
                .iter()
                .map(|request| (request.image.to_string(), Known::Unknown(why.clone())));
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
    let (queue, skipped) = permitted(source, references);
    let images: BTreeMap<String, Known<Rock>> = skipped.into_iter().collect();
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

type Skipped = (String, Known<Rock>);

/// Splits images into those to query, and those to skip with the reason.
fn permitted<'a>(
    source: &Source,
    requests: &'a [Asked],
) -> (Vec<&'a ImageReference>, Vec<Skipped>) {
    let (mut queue, mut skipped, mut of_tenants) = (Vec::new(), Vec::new(), 0);
    for Asked { image, of_tenant } in requests {
        let is_within = |of: &str| {
            let rest = image.repository.strip_prefix(of);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_mirrored = source.mirrors.iter().any(|mirror| is_within(mirror.of()));
        let host = image.repository.split('/').next().unwrap_or_default();
        let why = if !is_mirrored && !source.allowed.permits(&image.repository, *of_tenant) {
            format!(
                "registry {host} is not allowed and was not queried; add it to allow.registries of \
                 the policy, or configure a mirror for it"
            )
        } else if *of_tenant && of_tenants == MAX_TENANT_IMAGES {
            format!("pods in profiles use more than {MAX_TENANT_IMAGES} images")
        } else {
            of_tenants += usize::from(*of_tenant);
            queue.push(image);
            continue;
        };
        skipped.push((image.to_string(), Known::Unknown(Unknown::Forbidden(why))));
    }
    (queue, skipped)
}

/// Schedules queries: the next image is the first in the queue whose registry is not busy. A
/// registry that has not yet answered gets one query at a time, so that a hundred unreachable
/// registries cannot block the others.
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

    /// The next image to query; `None` if the queue is empty.
    fn next(&self) -> Option<&'a ImageReference> {
        let mut state = self.state.lock().ok()?;
        loop {
            if state.queue.is_empty() {
                return None;
            }
            let is_free = |image: &&ImageReference| {
                let host = state.hosts.get(host_of(image)).copied().unwrap_or_default();
                host.busy < if host.has_answered { PER_REGISTRY } else { 1 }
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
    /// Unreachable hosts, with the reason: they are not tried again, which would use up the
    /// deadline of the others.
    lost: Mutex<BTreeMap<String, Unknown>>,
}

impl Reader<'_> {
    /// The host of a repository that is known to be out of reach.
    fn unreachable(&self, repository: &str) -> Option<HostPort> {
        let known = &self.source.unreachable;
        if known.is_empty() {
            return None;
        }
        let host = self.source.host(self.client, repository);
        host.filter(|host| known.contains(host))
    }

    fn read(&self, reference: &ImageReference) -> Known<Rock> {
        if reference.repository.starts_with(CHARMHUB) {
            let why = "Charmhub's registry serves images to Juju only";
            return Known::Unknown(Unknown::Forbidden(why.into()));
        }
        let host = reference.repository.split('/').next().unwrap_or_default();
        if let Some(why) = self.lost.lock().ok().and_then(|lost| lost.get(host).cloned()) {
            return Known::Unknown(why);
        }
        if let Some(host) = self.unreachable(&reference.repository) {
            return Known::Unknown(Unknown::Failed(format!(
                "registry {host} could not be reached"
            )));
        }
        match self.query(reference) {
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

    fn query(&self, reference: &ImageReference) -> Result<Rock, Error> {
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

    /// Packages of an image, from the topmost layer with a package list.
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

/// Reason for which an image is unknown, and whether to skip its registry from now on.
fn why(error: &Error) -> (Unknown, bool) {
    let text = error.to_string();
    match error {
        Error::Denied { .. } | Error::Refused { .. } => (Unknown::Forbidden(text), false),
        Error::WithoutTls { host } => {
            let why = format!(
                "registry {host} does not speak TLS, and was not asked; list it in registry-plain-http \
                 if it may be read without"
            );
            (Unknown::Forbidden(why), true)
        }
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
    fn registry_without_answer_gets_one_query_at_a_time() {
        let images = ["slow.example/a/b:1", "slow.example/a/c:1", "good.example/a/b:1"].map(image);
        let turns = Turns::new(images.iter().collect());
        assert_eq!(turns.next(), Some(&images[0]));
        assert_eq!(turns.next(), Some(&images[2]));
        turns.done(&images[0], false);
        assert_eq!(turns.next(), Some(&images[1]));
        assert_eq!(turns.next(), None);
    }

    #[test]
    fn tenant_images_are_queried_from_allowed_registries_only() {
        let source = Source {
            allowed: Allowed::new(std::iter::empty()),
            mirrors: vec!["ghcr.io/theirs=127.0.0.1:5000/theirs".parse().unwrap()],
            ..Source::default()
        };
        let requested = |text: &str, of_tenant| Asked { image: image(text), of_tenant };
        let mut all = vec![
            requested("docker.io/charmedkubeflow/dex:1", false),
            requested("docker.io/charmedkubeflow/frontend:1", true),
            requested("ghcr.io/theirs/x:1", true),
            requested("registry.evil.example/x:1", true),
            requested("localhost:5000/x:1", false),
        ];
        let (queue, skipped) = permitted(&source, &all);
        assert_eq!(queue, [&all[0].image, &all[1].image, &all[2].image]);
        assert_eq!(skipped.len(), 2);
        let (name, why) = &skipped[0];
        assert_eq!(name, "registry.evil.example/x:1");
        let Known::Unknown(why) = why else { panic!("image is known") };
        assert!(why.to_string().contains("allow.registries"), "{why}");
        // However many images a tenant uses.
        all.extend((0..200).map(|n| requested(&format!("docker.io/charmedkubeflow/x:{n}"), true)));
        let (queue, skipped) = permitted(&source, &all);
        assert_eq!((queue.len(), skipped.len()), (1 + MAX_TENANT_IMAGES, 204 - MAX_TENANT_IMAGES));
    }
}
