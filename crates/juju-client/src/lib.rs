#![doc = include_str!("../README.md")]
#![deny(clippy::too_many_lines)]

mod connection;
mod endpoint;
mod error;
mod facade;
pub mod store;
mod transport;

pub use connection::{Connection, Login, Password, Target, UserInfo, is_user_name};
pub use endpoint::{Endpoint, Trust};
pub use error::{Attempt, Code, ConnectError, Error, Failure};
pub use facade::*;
