//! The client: one connection pool for all registries, and a token for each repository.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::auth::Challenge;
use crate::layer::{Limits, Walk};
use crate::manifest::{self, Config, Descriptor, Document, Image, Platform};
use crate::mirror::{self, Mirror};
use crate::{Credentials, Digest, Error};

/// Most that is read of a manifest, an index, a configuration or a token, in bytes.
/// Registries accept no larger manifests.
pub const LARGEST_DOCUMENT: u64 = 4 << 20;
/// An index may name another one, and that is all.
const DEEPEST_INDEX: usize = 2;
/// Longest wait that a registry may ask for before it is asked again, in seconds.
const LONGEST_PAUSE: u64 = 5;

/// What a client is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Registries that stand for others.
    pub mirrors: Vec<Mirror>,
    /// Logins.
    pub credentials: Credentials,
    /// Longest wait for an answer, and for each part of it.
    pub timeout: Duration,
    /// When everything must be done.
    pub deadline: Instant,
    /// What images are for.
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
            credentials: Credentials::default(),
            timeout: Duration::from_secs(10),
            deadline: Instant::now() + Duration::from_secs(60),
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
    http: reqwest::blocking::Client,
    settings: Settings,
    /// `Authorization` by host and path.
    authorized: Mutex<HashMap<String, Zeroizing<String>>>,
    requests: AtomicUsize,
}

/// A repository as it is asked for.
struct Target {
    /// Host that credentials are for.
    host: String,
    /// `https://HOST/v2/PATH`.
    base: String,
    /// Host and path.
    key: String,
}

impl Client {
    /// A client. The process must have chosen how it does TLS.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let unusable = |why: String| Error::Unreachable {
            host: "(none)".into(),
            why,
        };
        let mut builder = reqwest::blocking::Client::builder()
            .timeout(settings.timeout)
            .connect_timeout(settings.timeout.min(Duration::from_secs(5)))
            .user_agent(concat!("ckf-hardening/", env!("CARGO_PKG_VERSION")))
            // Authorization is taken off when the host is another: reqwest sees to it.
            .redirect(reqwest::redirect::Policy::limited(4));
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
            requests: AtomicUsize::new(0),
        })
    }

    /// How many requests were made, those for tokens included.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// The digest that a tag leads to.
    pub fn digest(&self, repository: &str, tag: &str) -> Result<Digest, Error> {
        let what = format!("{repository}:{tag}");
        let target = self.target(repository);
        let path = format!("manifests/{tag}");
        let answer = self.ask(Method::HEAD, &target, &path, &what)?;
        let told = answer.headers().get("docker-content-digest");
        match told.and_then(|value| value.to_str().ok()?.parse().ok()) {
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
        match self.ask(Method::HEAD, &self.target(repository), &path, &what) {
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
                    return Ok(Image {
                        digest: top,
                        manifest_digest: digest,
                        manifest,
                    });
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
        let target = self.target(repository);
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
        let target = self.target(repository);
        let path = format!("blobs/{}", layer.digest);
        let answer = self.ask(Method::GET, &target, &path, &what)?;
        Ok(Walk::new(answer, &target.host, layer, limits, what))
    }

    /// Any small document of a repository, whole.
    pub(crate) fn small(&self, repository: &str, path: &str, what: &str) -> Result<Vec<u8>, Error> {
        let target = self.target(repository);
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

    fn target(&self, repository: &str) -> Target {
        let key = mirror::resolve(&self.settings.mirrors, repository);
        let (host, path) = key.split_once('/').unwrap_or((key.as_str(), ""));
        // Docker's own registry has another name than its images.
        let address = match host {
            "docker.io" => "registry-1.docker.io",
            other => other,
        };
        let scheme = if is_loopback(address) {
            "http"
        } else {
            "https"
        };
        Target {
            host: host.to_owned(),
            base: format!("{scheme}://{address}/v2/{path}"),
            key: key.clone(),
        }
    }

    /// Asks, and once more after what an answer makes worth it: a login, a pause, a failure.
    fn ask(
        &self,
        method: Method,
        target: &Target,
        path: &str,
        what: &str,
    ) -> Result<Response, Error> {
        let url = format!("{}/{path}", target.base);
        let mut has_logged_in = false;
        let mut has_paused = false;
        loop {
            let mut request = self.http.request(method.clone(), &url);
            request = request.header(ACCEPT, manifest::ACCEPTED);
            let known = self.known(&target.key);
            if let Some(authorization) = &known {
                request = request.header(AUTHORIZATION, authorization.as_str());
            }
            let answer = match self.send(request, &target.host) {
                Ok(answer) => answer,
                Err(Error::Unreachable { .. }) if !has_paused => {
                    has_paused = true;
                    self.pause(1, &target.host)?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let status = answer.status();
            let retry_after = seconds(answer.headers());
            match status {
                status if status.is_success() => return Ok(answer),
                StatusCode::UNAUTHORIZED if !has_logged_in => {
                    has_logged_in = true;
                    let authorization = self.authorize(target, answer.headers(), what)?;
                    if let Ok(mut all) = self.authorized.lock() {
                        all.insert(target.key.clone(), authorization);
                    }
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    return Err(self.denied(target, what, "the login is not accepted for it"));
                }
                StatusCode::NOT_FOUND => return Err(Error::NotFound(what.to_owned())),
                StatusCode::TOO_MANY_REQUESTS => {
                    let host = target.host.clone();
                    match retry_after {
                        Some(seconds) if seconds <= LONGEST_PAUSE && !has_paused => {
                            has_paused = true;
                            self.pause(seconds, &target.host)?;
                        }
                        _ => return Err(Error::RateLimited { host, retry_after }),
                    }
                }
                status if status.is_server_error() && !has_paused => {
                    has_paused = true;
                    self.pause(1, &target.host)?;
                }
                status => {
                    return Err(Error::Server {
                        host: target.host.clone(),
                        status: status.as_u16(),
                    });
                }
            }
        }
    }

    fn known(&self, key: &str) -> Option<Zeroizing<String>> {
        self.authorized.lock().ok()?.get(key).cloned()
    }

    fn denied(&self, target: &Target, what: &str, why: &str) -> Error {
        Error::Denied {
            host: target.host.clone(),
            what: what.to_owned(),
            why: why.to_owned(),
        }
    }

    /// What to say in `Authorization` from now on.
    fn authorize(
        &self,
        target: &Target,
        headers: &HeaderMap,
        what: &str,
    ) -> Result<Zeroizing<String>, Error> {
        let header = headers.get(WWW_AUTHENTICATE).and_then(|v| v.to_str().ok());
        let challenge = Challenge::parse(header.unwrap_or_default());
        let login = self.settings.credentials.basic(&target.host);
        match (challenge, login) {
            (None, _) => Err(self.denied(target, what, "it asks for a login of another kind")),
            (Some(Challenge::Basic), None) => {
                Err(self.denied(target, what, "it asks for a login, and there is none"))
            }
            (Some(Challenge::Basic), Some(login)) => {
                Ok(Zeroizing::new(format!("Basic {}", *login)))
            }
            (
                Some(Challenge::Bearer {
                    realm,
                    service,
                    scope,
                }),
                login,
            ) => self.token(target, &realm, service, scope, login, what),
        }
    }

    fn token(
        &self,
        target: &Target,
        realm: &str,
        service: Option<String>,
        scope: Option<String>,
        login: Option<Zeroizing<String>>,
        what: &str,
    ) -> Result<Zeroizing<String>, Error> {
        #[derive(Deserialize)]
        struct Token {
            token: Option<Zeroizing<String>>,
            access_token: Option<Zeroizing<String>>,
        }
        let is_safe = realm.starts_with("https://")
            || realm
                .strip_prefix("http://")
                .is_some_and(|rest| is_loopback(rest.split('/').next().unwrap_or_default()));
        if !is_safe {
            return Err(self.denied(target, what, "it hands out tokens without TLS"));
        }
        let mut query = Vec::new();
        query.extend(service.map(|service| ("service", service)));
        query.extend(scope.map(|scope| ("scope", scope)));
        let mut request = self.http.get(realm).query(&query);
        if let Some(login) = &login {
            request = request.header(AUTHORIZATION, format!("Basic {}", **login));
        }
        let answer = self.send(request, &target.host)?;
        match answer.status() {
            status if status.is_success() => {}
            StatusCode::TOO_MANY_REQUESTS => {
                return Err(Error::RateLimited {
                    host: target.host.clone(),
                    retry_after: seconds(answer.headers()),
                });
            }
            status if status.is_server_error() => {
                return Err(Error::Server {
                    host: target.host.clone(),
                    status: status.as_u16(),
                });
            }
            _ => return Err(self.denied(target, what, "it hands out no token for this login")),
        }
        let bytes = Zeroizing::new(document(answer, &target.host, "a token")?);
        let token: Option<Token> = serde_json::from_slice(&bytes).ok();
        let token = token.and_then(|answer| answer.token.or(answer.access_token));
        let is_plain = |token: &Zeroizing<String>| token.bytes().all(|b| (0x21..0x7f).contains(&b));
        match token.filter(is_plain) {
            Some(token) => Ok(Zeroizing::new(format!("Bearer {}", *token))),
            None => Err(Error::Malformed {
                what: format!("the token of {}", target.host),
                why: "it has no token".into(),
            }),
        }
    }

    fn send(&self, request: RequestBuilder, host: &str) -> Result<Response, Error> {
        let left = self.left(host)?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        let request = request.timeout(left.min(self.settings.timeout));
        request.send().map_err(|error| failed(&error, host))
    }

    fn left(&self, host: &str) -> Result<Duration, Error> {
        let left = self
            .settings
            .deadline
            .saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(Error::TimedOut { host: host.into() }),
            false => Ok(left),
        }
    }

    fn pause(&self, seconds: u64, host: &str) -> Result<(), Error> {
        let pause = Duration::from_secs(seconds);
        if self.left(host)? <= pause {
            return Err(Error::TimedOut { host: host.into() });
        }
        std::thread::sleep(pause);
        Ok(())
    }
}

/// Reads an answer that must be small.
fn document(answer: Response, host: &str, what: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = answer.take(LARGEST_DOCUMENT + 1).read_to_end(&mut bytes);
    read.map_err(|error| broken_off(&error, host))?;
    if bytes.len() as u64 > LARGEST_DOCUMENT {
        return Err(Error::TooLarge {
            what: what.to_owned(),
            limit: LARGEST_DOCUMENT,
        });
    }
    Ok(bytes)
}

fn held_to(what: &str, bytes: &[u8], wanted: &Digest) -> Result<(), Error> {
    let seen = Digest::of(bytes);
    if seen == *wanted {
        return Ok(());
    }
    Err(Error::OtherDigest {
        what: what.to_owned(),
        seen,
        wanted: wanted.clone(),
    })
}

fn seconds(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

fn failed(error: &reqwest::Error, host: &str) -> Error {
    if error.is_timeout() {
        return Error::TimedOut { host: host.into() };
    }
    Error::Unreachable {
        host: host.into(),
        why: innermost(error),
    }
}

/// What a stream's error says.
pub(crate) fn broken_off(error: &std::io::Error, host: &str) -> Error {
    let is_late = error.kind() == std::io::ErrorKind::TimedOut
        || error.get_ref().is_some_and(|inner| {
            let inner = inner.downcast_ref::<reqwest::Error>();
            inner.is_some_and(reqwest::Error::is_timeout)
        });
    match is_late {
        true => Error::TimedOut { host: host.into() },
        false => Error::Unreachable {
            host: host.into(),
            why: "the answer broke off".into(),
        },
    }
}

/// The last cause: those around it repeat the URL, and say that a request failed.
fn innermost(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => innermost(cause),
        None => error.to_string(),
    }
}

/// Only there a registry is asked without TLS.
fn is_loopback(address: &str) -> bool {
    let host = match address.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => address,
    };
    let host = host.trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}
