//! Which pod an address is, asked of the API server and remembered for a while.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use log::debug;
use tokio::sync::OnceCell;

use super::audience::Pod;
use crate::facts::known::Unknown;
use crate::facts::kubernetes::{self, ReadError, Source};
use crate::facts::path::ApiPath;

/// How long an answer is taken as it is, and as long as none can be had.
const FRESH: Duration = Duration::from_secs(30);
const OLD: Duration = Duration::from_secs(600);
/// Addresses that are remembered.
const MOST: usize = 512;
/// Questions at once after a pause, and in a second: requests from many addresses must not
/// become as many to the API server.
const BURST: f64 = 20.0;
const PER_SECOND: f64 = 2.0;
/// Longest wait for an answer.
const WITHIN: Duration = Duration::from_secs(3);

/// Why the pod of an address is not known.
#[derive(Debug, thiserror::Error)]
enum LookupError {
    #[error(transparent)]
    Connect(#[from] ReadError),
    #[error(transparent)]
    List(#[from] Unknown),
    #[error("no answer within {} s", WITHIN.as_secs())]
    Late,
}

/// Knows pods by their address.
pub struct Directory {
    source: Source,
    client: OnceCell<kube::Client>,
    state: Mutex<State>,
}

struct State {
    known: HashMap<IpAddr, (Instant, Option<Pod>)>,
    allowance: f64,
    at: Instant,
}

impl Directory {
    /// Nothing is known yet.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            client: OnceCell::new(),
            state: Mutex::new(State {
                known: HashMap::new(),
                allowance: BURST,
                at: Instant::now(),
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pod of an address; `None` if there is none, several, or it cannot be read now.
    pub async fn pod(&self, address: IpAddr) -> Option<Pod> {
        let address = address.to_canonical();
        let known = {
            let mut state = self.lock();
            let known = state.known.get(&address).cloned();
            if let Some((at, pod)) = &known
                && at.elapsed() < FRESH
            {
                return pod.clone();
            }
            if !state.may_ask() {
                return known.filter(|(at, _)| at.elapsed() < OLD)?.1;
            }
            known
        };
        match self.ask(address).await {
            Ok(pod) => {
                self.lock().remember(address, pod.clone());
                pod
            }
            Err(why) => {
                debug!("which pod {address} is: {why}");
                known.filter(|(at, _)| at.elapsed() < OLD)?.1
            }
        }
    }

    async fn ask(&self, address: IpAddr) -> Result<Option<Pod>, LookupError> {
        let connect = || async {
            let connected = kubernetes::connect(&self.source).await;
            connected.map(|(client, _)| client)
        };
        let client = self.client.get_or_try_init(connect).await?;
        let path = ApiPath::from("/api/v1/pods")
            .with("limit", "16")
            .with("fieldSelector", &format!("status.podIP={address}"));
        let pods = kubernetes::list_page::<Pod>(client, &path);
        let mut pods =
            tokio::time::timeout(WITHIN, pods).await.map_err(|_| LookupError::Late)??;
        pods.retain(|pod| !pod.is_finished());
        // Several share the address of a node, and none is known by it.
        Ok(if pods.len() == 1 { pods.pop() } else { None })
    }
}

impl State {
    fn may_ask(&mut self) -> bool {
        let now = Instant::now();
        let gained = now.duration_since(self.at).as_secs_f64() * PER_SECOND;
        self.at = now;
        self.allowance = (self.allowance + gained).min(BURST);
        if self.allowance < 1.0 {
            return false;
        }
        self.allowance -= 1.0;
        true
    }

    fn remember(&mut self, address: IpAddr, pod: Option<Pod>) {
        if self.known.len() >= MOST && !self.known.contains_key(&address) {
            // Those of whom nothing is known go first, and then the oldest.
            let last = self.known.iter().min_by_key(|(_, (at, pod))| (pod.is_some(), *at));
            if let Some(last) = last.map(|(address, _)| *address) {
                self.known.remove(&last);
            }
        }
        self.known.insert(address, (Instant::now(), pod));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_addresses_are_neither_asked_about_nor_remembered_without_end() {
        let directory = Directory::new(Source::default());
        let mut state = directory.lock();
        let asked = (0..1000).filter(|_| state.may_ask()).count();
        assert!((20..25).contains(&asked), "{asked}");
        let scraper: IpAddr = "10.1.0.1".parse().unwrap();
        state.remember(scraper, Some(Pod::default()));
        for number in 0..2000_u32 {
            state.remember(IpAddr::from((0x0b00_0000 + number).to_be_bytes()), None);
        }
        assert_eq!(state.known.len(), MOST);
        assert!(state.known.contains_key(&scraper));
    }
}
