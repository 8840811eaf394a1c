//! What a controller's connections share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::state::State;
use crate::session::Link;

/// How a controller behaves on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wire {
    /// As it should.
    #[default]
    Good,
    /// It accepts connections and then says nothing.
    Silent,
    /// It answers the login and then nothing.
    SilentAfterLogin,
    /// It answers with what is no JSON.
    Garbage,
    /// It answers with a message of 100 MB.
    Giant,
    /// It answers with JSON of other types.
    OtherTypes,
    /// It says that the model is elsewhere.
    Redirect,
    /// It says that too many ask.
    Busy,
    /// It closes the connection at the first call after the login.
    Close,
    /// It sends one byte at a time, slowly.
    Trickle,
}

/// A controller, as its connections share it.
pub(super) struct Shared {
    pub(super) state: State,
    pub(super) wire: Wire,
    pub(super) link: Option<Link>,
}

/// The state; a test that panicked leaves it as it was.
pub(super) fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
