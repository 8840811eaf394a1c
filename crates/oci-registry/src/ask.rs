//! Asking: logins, tokens, pauses and deadlines.

use std::time::{Duration, Instant};

use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, WWW_AUTHENTICATE};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::auth::Challenge;
use crate::client::Client;
use crate::guard::Guard;
use crate::target::Target;
use crate::transport::{document, failed, seconds};
use crate::{Error, manifest};

/// Longest wait that a registry may ask for before it is asked again, in seconds.
const LONGEST_PAUSE: u64 = 5;

impl Client {
    /// Asks, and once more after what an answer makes worth it: a login, a pause, a failure.
    pub(crate) fn ask(
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
            let request = self.request(method.clone(), &url, &target.key);
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
                StatusCode::TOO_MANY_REQUESTS => match retry_after {
                    Some(seconds) if seconds <= LONGEST_PAUSE && !has_paused => {
                        has_paused = true;
                        self.pause(seconds, &target.host)?;
                    }
                    _ => {
                        let host = target.host.clone();
                        return Err(Error::RateLimited { host, retry_after });
                    }
                },
                status if status.is_server_error() && !has_paused => {
                    has_paused = true;
                    self.pause(1, &target.host)?;
                }
                status => {
                    let host = target.host.clone();
                    return Err(Error::Server { host, status: status.as_u16() });
                }
            }
        }
    }

    /// A request with the login that is known, if any.
    fn request(&self, method: Method, url: &str, key: &str) -> RequestBuilder {
        let request = self.http.request(method, url).header(ACCEPT, manifest::ACCEPTED);
        match self.known(key) {
            Some(authorization) => request.header(AUTHORIZATION, authorization.as_str()),
            None => request,
        }
    }

    fn known(&self, key: &str) -> Option<Zeroizing<String>> {
        self.authorized.lock().ok()?.get(key).cloned()
    }

    fn denied(&self, target: &Target, what: &str, why: &str) -> Error {
        Error::Denied { host: target.host.clone(), what: what.to_owned(), why: why.to_owned() }
    }

    /// Value of `Authorization` for further requests.
    fn authorize(
        &self,
        target: &Target,
        headers: &HeaderMap,
        what: &str,
    ) -> Result<Zeroizing<String>, Error> {
        let header = headers.get(WWW_AUTHENTICATE).and_then(|v| v.to_str().ok());
        let challenge = Challenge::parse(header.unwrap_or_default());
        let own = Url::parse(&target.base);
        let may_log_in = own.is_ok_and(|own| Guard::may_log_in(&own));
        let login = self.settings.credentials.basic(&target.host).filter(|_| may_log_in);
        match (challenge, login) {
            (None, _) => Err(self.denied(target, what, "it asks for a login of another kind")),
            (Some(Challenge::Basic), None) if !may_log_in => {
                Err(self.denied(target, what, "it asks for a login, and none is sent without TLS"))
            }
            (Some(Challenge::Basic), None) => {
                Err(self.denied(target, what, "it asks for a login, and there is none"))
            }
            (Some(Challenge::Basic), Some(login)) => {
                Ok(Zeroizing::new(format!("Basic {}", *login)))
            }
            (Some(Challenge::Bearer { realm, service, scope }), login) => {
                self.token(target, &realm, service, scope, login, what)
            }
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
        let denied = |why: String| self.denied(target, what, &why);
        let realm = Url::parse(realm).map_err(|_| denied("its realm is no URL".into()))?;
        let own = Url::parse(&target.base).map_err(|_| denied("its address is no URL".into()))?;
        self.guard.may_hand_out(&own, &realm).map_err(|error| denied(error.to_string()))?;
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
                return Err(Error::Server { host: target.host.clone(), status: status.as_u16() });
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
        self.requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let request = request.timeout(left.min(self.settings.timeout));
        request.send().map_err(|error| failed(&error, host))
    }

    fn left(&self, host: &str) -> Result<Duration, Error> {
        let now = Instant::now();
        let mut until = self.settings.deadline;
        if let Ok(mut asked) = self.asked.lock() {
            let first = *asked.entry(host.to_owned()).or_insert(now);
            until = until.min(first + self.settings.per_host);
        }
        let left = until.saturating_duration_since(now);
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
