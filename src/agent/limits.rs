//! How many connections are served at once, and for whom there is always room.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::{info, warn};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::sync::Notify;

/// Connections in all, of which some are for this pod alone: Pebble's check and the charm.
const MOST: usize = 256;
const LOCAL: usize = 32;
/// Connections of one peer.
const PER_PEER: usize = 16;
/// Descriptors that everything else may need: the API server's watches above all.
const OTHERS: u64 = 192;
/// More descriptors than this are of no use here.
const ENOUGH: u64 = 65_536;

/// Raises the soft limit of descriptors to the hard one, and returns it. Container runtimes
/// keep the soft one low for programs that use `select`.
pub fn raise_descriptors() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    let hard = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if before.is_none_or(|before| before >= hard) {
        return before.unwrap_or(ENOUGH);
    }
    limit.current = Some(hard);
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => {
            info!("descriptors: {hard} instead of {}", before.unwrap_or_default());
            hard
        }
        Err(why) => {
            warn!("descriptors could not be raised: {why}");
            before.unwrap_or_default()
        }
    }
}

/// Whether an address is this pod's own. 127.0.0.6 is not: from there Envoy delivers what came
/// from anywhere.
pub fn is_of_this_pod(peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    peer == IpAddr::V4(Ipv4Addr::LOCALHOST) || peer == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

/// Counts connections. One too many ends the oldest that only waits, so that who holds many
/// idle ones keeps no client out.
pub struct Limits {
    most: usize,
    state: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    next: u64,
    /// By number, and so by age.
    open: BTreeMap<u64, Connection>,
}

struct Connection {
    peer: IpAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Requests that are being answered.
    answering: AtomicUsize,
    evicted: Notify,
}

/// The right to be served, until it is dropped.
pub struct Ticket {
    limits: Arc<Limits>,
    number: u64,
    shared: Arc<Shared>,
}

/// Held while a request is answered.
pub struct Answering(Arc<Shared>);

impl Limits {
    /// The limits that the number of file descriptors allows.
    pub fn new(descriptors: u64) -> Self {
        let spare = usize::try_from(descriptors.saturating_sub(OTHERS)).unwrap_or(MOST);
        Self { most: spare.clamp(LOCAL * 2, MOST), state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a connection; `None` if all that could make room for it are being answered.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Ticket> {
        let peer = peer.to_canonical();
        let mut state = self.lock();
        let is_admitted = match is_of_this_pod(peer) {
            true => state.makes_room(LOCAL, is_of_this_pod),
            false => {
                state.makes_room(PER_PEER, |other| other == peer)
                    && state.makes_room(self.most - LOCAL, |other| !is_of_this_pod(other))
            }
        };
        if !is_admitted {
            return None;
        }
        let number = state.next;
        state.next += 1;
        let shared = Arc::new(Shared::default());
        let connection = Connection { peer, shared: Arc::clone(&shared) };
        state.open.insert(number, connection);
        drop(state);
        Some(Ticket { limits: Arc::clone(self), number, shared })
    }
}

impl Connections {
    /// Whether one more has room among those of these peers.
    fn makes_room(&mut self, most: usize, of: impl Fn(IpAddr) -> bool) -> bool {
        let those = || self.open.iter().filter(|(_, open)| of(open.peer));
        if those().count() < most {
            return true;
        }
        let idle = |open: &Connection| open.shared.answering.load(Ordering::Relaxed) == 0;
        let Some(number) = those().find(|(_, open)| idle(open)).map(|(n, _)| *n) else {
            return false;
        };
        if let Some(open) = self.open.remove(&number) {
            open.shared.evicted.notify_one();
        }
        true
    }
}

impl Ticket {
    /// Waits until another connection needs the room.
    pub async fn evicted(&self) {
        self.shared.evicted.notified().await;
    }

    /// Notes that a request is being answered, so that it can be to its end.
    pub fn answer(&self) -> Answering {
        self.shared.answering.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(&self.shared))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.limits.lock().open.remove(&self.number);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_evicted(ticket: &Ticket) -> bool {
        !ticket.limits.lock().open.contains_key(&ticket.number)
    }

    #[test]
    fn peer_at_its_limit_loses_its_oldest_idle_connection() {
        let limits = Arc::new(Limits::new(1024));
        let from = peer("10.1.2.3");
        let mut tickets: Vec<Ticket> = (0..PER_PEER).map(|_| limits.admit(from).unwrap()).collect();
        let busy = tickets[0].answer();
        tickets.push(limits.admit(from).unwrap());
        assert!(!is_evicted(&tickets[0]), "it is being answered");
        assert!(is_evicted(&tickets[1]));
        assert_eq!(limits.lock().open.len(), PER_PEER);
        drop(busy);
        tickets.push(limits.admit(from).unwrap());
        assert!(is_evicted(&tickets[0]));
        // With all of them busy there is no room, for this peer only.
        let _busy: Vec<Answering> = tickets.iter().map(Ticket::answer).collect();
        assert!(limits.admit(from).is_none());
        assert!(limits.admit(peer("10.1.2.4")).is_some());
        assert_eq!(limits.lock().open.len(), PER_PEER, "a ticket gives its room back");
    }

    #[test]
    fn peers_at_their_limit_leave_room_for_this_pod() {
        let limits = Arc::new(Limits::new(1024));
        let mut held = Vec::new();
        for number in 0..600_u32 {
            let from = IpAddr::from(Ipv4Addr::from(0x0a00_0000 + number));
            if let Some(ticket) = limits.admit(from) {
                held.push((ticket.answer(), ticket));
            }
        }
        assert_eq!(held.len(), MOST - LOCAL);
        for local in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(limits.admit(peer(local)).is_some(), "{local}");
        }
        // Envoy's address is no better than any other.
        assert!(limits.admit(peer("127.0.0.6")).is_none());
        // Many idle ones of this pod itself make room for one more.
        let local: Vec<Ticket> =
            (0..3000).filter_map(|_| limits.admit(peer("127.0.0.1"))).collect();
        assert_eq!(local.len(), 3000);
        assert_eq!(limits.lock().open.len(), MOST);
    }

    #[test]
    fn few_descriptors_leave_few_connections() {
        assert_eq!(Limits::new(1 << 16).most, MOST);
        assert_eq!(Limits::new(256).most, LOCAL * 2);
        assert!(Limits::new(300).most < MOST);
    }

    #[test]
    fn loopback_addresses_are_of_this_pod() {
        for (address, is) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("127.0.0.6", false),
            ("127.0.0.2", false),
            ("::ffff:127.0.0.6", false),
            ("10.1.2.3", false),
        ] {
            assert_eq!(is_of_this_pod(peer(address)), is, "{address}");
        }
    }
}
