//! A simulated controller: its API over a websocket in TLS, with the meaning that
//! a real one gives to users, models, access, options and actions.

mod access;
mod applications;
mod blocks;
mod caller;
mod charms;
mod clouds;
mod connection;
mod controllers;
mod facades;
mod model_config;
mod models;
mod offers;
mod refresh;
mod reply;
mod secrets;
mod server;
mod shared;
mod state;
mod users;

use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

pub use self::shared::Wire;
use self::shared::{Shared, lock};
pub use self::state::{
    Action, Application, Call, CharmOption, CharmRevision, DeployedResource, HostedModel, Life,
    ModelSecret, Offer, State, User,
};
use crate::session::Link;

/// What is in the certificate of a controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// What Juju puts there.
    #[default]
    Good,
    /// It has expired.
    Expired,
    /// It is for another name.
    OtherName,
}

/// A simulated controller. It listens on loopback until the process ends.
#[derive(Clone)]
pub struct Controller {
    address: String,
    authority: String,
    shared: Arc<Mutex<Shared>>,
}

impl Controller {
    /// Starts one.
    pub fn start(state: State) -> anyhow::Result<Self> {
        Self::start_with(state, Certificate::Good)
    }

    /// Starts one with a certificate that has a fault.
    pub fn start_with(state: State, certificate: Certificate) -> anyhow::Result<Self> {
        let (authority, tls) = certificates(certificate)?;
        let shared = Arc::new(Mutex::new(Shared { state, wire: Wire::Good, link: None }));
        let address = server::listen(Arc::new(tls), authority.clone(), shared.clone())?;
        Ok(Self { address, authority, shared })
    }

    /// Where it listens, `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The certificate of its authority, PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What it knows.
    pub fn state<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&lock(&self.shared).state)
    }

    /// Changes what it knows.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut lock(&self.shared).state)
    }

    /// Sets how it behaves on the wire from now on.
    pub fn behave(&self, wire: Wire) {
        lock(&self.shared).wire = wire;
    }

    /// From now on its calls count as the charm's, to be interrupted in turn.
    pub(crate) fn link(&self, link: Link) {
        lock(&self.shared).link = Some(link);
    }
}

fn certificates(certificate: Certificate) -> anyhow::Result<(String, ServerConfig)> {
    let authority_key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "juju-generated CA for model \"controller\"");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key)?;
    let issuer = Issuer::new(params, authority_key);
    let names: &[&str] = match certificate {
        Certificate::OtherName => &["elsewhere.example.com"],
        _ => &["juju-apiserver", "localhost", "anything", "127.0.0.1"],
    };
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    if certificate == Certificate::Expired {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    }
    let key = KeyPair::generate()?;
    let leaf = params.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .context("the controller's certificate")?;
    Ok((authority.pem(), tls))
}
