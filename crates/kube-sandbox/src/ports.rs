//! Ports for programs that are started in tests.

use std::hash::{BuildHasher as _, Hasher as _};
use std::net::TcpListener;

use anyhow::Context as _;

/// A port that is free now, for a program that is started at once. It is below those that the
/// kernel gives to connections, so that none of these takes it first.
pub fn free_port() -> anyhow::Result<u16> {
    let [port] = free_ports()?;
    Ok(port)
}

/// Ports that are free now. They are below those that the kernel gives to connections and to
/// who asks for any: one of these could be taken before the program that is to listen there
/// has started.
pub(crate) fn free_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    let mut held: Vec<TcpListener> = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = (0..1000).find_map(|_| {
            // Each hasher of the standard library has random keys.
            let random = std::hash::RandomState::new().build_hasher().finish();
            let candidate = 10_000 + (random % 20_000) as u16;
            TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, candidate)).ok()
        });
        let listener = listener.context("no port between 10000 and 30000 is free")?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
