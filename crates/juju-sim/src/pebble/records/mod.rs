//! What a Pebble holds, without the requests that change it.

pub(super) mod change;
pub(super) mod check;
pub(super) mod exchange;
pub(super) mod identity;
pub(super) mod log;
pub(super) mod notice;
pub(super) mod options;
pub(super) mod service;
