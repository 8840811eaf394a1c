//! The client: one connection pool for all registries, and a token for each repository.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use zeroize::Zeroizing;

use crate::guard::{Guard, Resolver};
use crate::layer::{Limits, Walk};
use crate::manifest::{self, Config, Descriptor, Document, Image, Platform};
use crate::mirror::{self, Mirror};
use crate::plain::PlainHost;
use crate::target::Target;
use crate::transport::{document, innermost};
use crate::{Credentials, Digest, Error};

/// An index may name another one, and that is all.
const DEEPEST_INDEX: usize = 2;

/// Settings of a client.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Registries that stand for others. They may be in a private network or on this machine.
    pub mirrors: Vec<Mirror>,
    /// Other hosts, `HOST[:PORT]`, that may be there; those on loopback are asked without TLS.
    pub local: Vec<String>,
    /// Registries that are asked without TLS, and without a login. They may be in a private network
    /// or on this machine.
    pub plain: Vec<PlainHost>,
    /// Registries, each with a host that hands out its tokens beside its own.
    pub realms: Vec<(String, String)>,
    /// Logins.
    pub credentials: Credentials,
    /// Longest wait for an answer, and for each part of it.
    pub timeout: Duration,
    /// When everything must be done.
    pub deadline: Instant,
    /// Longest time for one registry, from when it is asked first.
    pub per_host: Duration,
    /// Platform of the images.
    pub platform: Platform,
    /// Authorities that are trusted beside those of the system, PEM.
    pub authorities: Vec<String>,
    /// Proxy for all requests, a URL; without one that of the environment.
    pub proxy: Option<String>,
    /// Hosts to which the proxy does not lead, comma-separated.
    pub no_proxy: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mirrors: Vec::new(),
            local: Vec::new(),
            plain: Vec::new(),
            realms: Vec::new(),
            credentials: Credentials::default(),
            timeout: Duration::from_secs(10),
            deadline: Instant::now() + Duration::from_secs(60),
            per_host: Duration::from_secs(60),
            platform: Platform::default(),
            authorities: Vec::new(),
            proxy: None,
            no_proxy: None,
        }
    }
}

/// A client of registries.
#[derive(Debug)]
pub struct Client {
    pub(crate) http: reqwest::blocking::Client,
    pub(crate) settings: Settings,
    /// `Authorization` by host and path.
    pub(crate) authorized: Mutex<HashMap<String, Zeroizing<String>>>,
    /// When each host was asked first.
    pub(crate) asked: Mutex<HashMap<String, Instant>>,
    pub(crate) guard: Arc<Guard>,
    pub(crate) requests: AtomicUsize,
}

impl Client {
    /// A client. The process must have chosen how it does TLS.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let unusable = |why: String| Error::Unreachable { host: "(none)".into(), why };
        let guard = Arc::new(guard(&settings));
        let of_redirects = Arc::clone(&guard);
        let mut builder = reqwest::blocking::Client::builder()
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(Duration::from_secs(5)))
            .user_agent(concat!("ckf-hardening/", env!("CARGO_PKG_VERSION")))
            // Authorization is taken off when the host is another: reqwest sees to it.
            .redirect(reqwest::redirect::Policy::custom(move |attempt| {
                match of_redirects.may_follow(attempt.previous(), attempt.url()) {
                    Ok(()) => attempt.follow(),
                    Err(why) => attempt.error(why),
                }
            }))
            .dns_resolver(Arc::new(Resolver(Arc::clone(&guard))));
        let mut authorities = Vec::new();
        for pem in &settings.authorities {
            let parsed = reqwest::Certificate::from_pem(pem.as_bytes());
            authorities.push(parsed.map_err(|why| unusable(format!("its authority: {why}")))?);
        }
        if !authorities.is_empty() {
            builder = builder.tls_certs_merge(authorities);
        }
        if let Some(url) = &settings.proxy {
            let proxy = reqwest::Proxy::all(url.as_str());
            let proxy = proxy.map_err(|_| unusable("its proxy is no URL".into()))?;
            let none = settings.no_proxy.as_deref().unwrap_or_default();
            builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(none)));
        }
        let http = builder.build().map_err(|why| unusable(innermost(&why)))?;
        Ok(Self {
            http,
            settings,
            authorized: Mutex::default(),
            asked: Mutex::default(),
            guard,
            requests: AtomicUsize::new(0),
        })
    }

    /// URL of the registry or mirror that is asked for a repository.
    pub fn url(&self, repository: &str) -> Result<String, Error> {
        Ok(self.target(repository)?.base)
    }

    /// Number of requests sent, including those for tokens.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// The digest that a tag leads to.
    pub fn digest(&self, repository: &str, tag: &str) -> Result<Digest, Error> {
        let what = format!("{repository}:{tag}");
        let target = self.target(repository)?;
        let path = format!("manifests/{tag}");
        let answer = self.ask(Method::HEAD, &target, &path, &what)?;
        let digest = answer.headers().get("docker-content-digest");
        match digest.and_then(|value| value.to_str().ok()?.parse().ok()) {
            Some(digest) => Ok(digest),
            // An old registry does not tell, so it is worked out.
            None => {
                let answer = self.ask(Method::GET, &target, &path, &what)?;
                Ok(Digest::of(&document(answer, &target.host, &what)?))
            }
        }
    }

    /// Whether a repository has this tag or digest.
    pub fn has(&self, repository: &str, reference: &str) -> Result<bool, Error> {
        let what = format!("{repository} {reference}");
        let path = format!("manifests/{reference}");
        match self.ask(Method::HEAD, &self.target(repository)?, &path, &what) {
            Ok(_) => Ok(true),
            Err(Error::NotFound(_)) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// An image for the platform, by tag or digest.
    pub fn image(&self, repository: &str, reference: &str) -> Result<Image, Error> {
        let (top, mut document) = self.manifest(repository, reference)?;
        let mut digest = top.clone();
        for _ in 0..=DEEPEST_INDEX {
            let entries = match document {
                Document::Manifest(manifest) => {
                    return Ok(Image { digest: top, manifest_digest: digest, manifest });
                }
                Document::Index(entries) => entries,
            };
            let platform = &self.settings.platform;
            let mut of_platform = entries.iter().filter(|entry| entry.is_for(platform));
            let Some(entry) = of_platform.next() else {
                return Err(Error::NoPlatform {
                    what: format!("{repository} {reference}"),
                    platform: format!("{}/{}", platform.os, platform.architecture),
                });
            };
            digest = entry.descriptor.digest.clone();
            (_, document) = self.manifest(repository, digest.as_str())?;
        }
        Err(Error::Malformed {
            what: format!("{repository} {reference}"),
            why: "its index names an index that names an index".into(),
        })
    }

    /// An image's configuration.
    pub fn config(&self, repository: &str, image: &Image) -> Result<Config, Error> {
        let descriptor = &image.manifest.config;
        let what = format!("the configuration of {repository}");
        let target = self.target(repository)?;
        let path = format!("blobs/{}", descriptor.digest);
        let answer = self.ask(Method::GET, &target, &path, &what)?;
        let bytes = document(answer, &target.host, &what)?;
        held_to(&what, &bytes, &descriptor.digest)?;
        manifest::parse_config(&what, &bytes)
    }

    /// A layer, file by file.
    pub fn layer(
        &self,
        repository: &str,
        layer: &Descriptor,
        limits: Limits,
    ) -> Result<Walk, Error> {
        let what = format!("layer {} of {repository}", layer.digest);
        let target = self.target(repository)?;
        let path = format!("blobs/{}", layer.digest);
        let answer = self.ask(Method::GET, &target, &path, &what)?;
        Ok(Walk::new(answer, &target.host, layer, limits, what))
    }

    /// Any small document of a repository, whole.
    pub(crate) fn small(&self, repository: &str, path: &str, what: &str) -> Result<Vec<u8>, Error> {
        let target = self.target(repository)?;
        let answer = self.ask(Method::GET, &target, path, what)?;
        document(answer, &target.host, what)
    }

    fn manifest(&self, repository: &str, reference: &str) -> Result<(Digest, Document), Error> {
        let what = format!("{repository} {reference}");
        let bytes = self.small(repository, &format!("manifests/{reference}"), &what)?;
        if let Ok(wanted) = reference.parse() {
            held_to(&what, &bytes, &wanted)?;
        }
        Ok((Digest::of(&bytes), manifest::parse(&what, &bytes)?))
    }

    fn target(&self, repository: &str) -> Result<Target, Error> {
        let key = mirror::resolve(&self.settings.mirrors, repository);
        let (host, path) = key.split_once('/').unwrap_or((key.as_str(), ""));
        // Docker's own registry has another name than its images.
        let address = match host {
            "docker.io" => "registry-1.docker.io",
            other => other,
        };
        let scheme = self
            .guard
            .scheme(address)
            .map_err(|error| Error::Refused { host: host.to_owned(), why: error.to_string() })?;
        Ok(Target {
            host: host.to_owned(),
            base: format!("{scheme}://{address}/v2/{path}"),
            key: key.clone(),
        })
    }
}

/// Where a client of these settings may go.
fn guard(settings: &Settings) -> Guard {
    let env = |name: &str| std::env::var(name).ok();
    let of_environment =
        ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
    let proxies =
        settings.proxy.clone().into_iter().chain(of_environment.into_iter().filter_map(env));
    let mirrors = settings.mirrors.iter().map(|mirror| mirror.host().to_owned());
    let plain = settings.plain.iter().map(|host| host.as_str().to_owned());
    let named = mirrors.chain(settings.local.iter().cloned()).chain(plain);
    Guard::new(named, proxies, &settings.realms, &settings.plain)
}

fn held_to(what: &str, bytes: &[u8], wanted: &Digest) -> Result<(), Error> {
    let seen = Digest::of(bytes);
    if seen == *wanted {
        return Ok(());
    }
    Err(Error::OtherDigest { what: what.to_owned(), seen, wanted: wanted.clone() })
}
