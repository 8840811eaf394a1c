//! A client of the API of Juju's controllers, 3.6 and 4.0.
//!
//! It connects over a websocket in TLS, logs in with a password, agrees on the
//! versions of facades and calls them. It blocks, and every wait has an end. Only
//! the controller's own authority is trusted, or the machine's for a public name.
//! Types hold what is used and let pass what is not known, so that a newer
//! controller breaks nothing.
//!
//! ```no_run
//! use juju_client::{Connection, Endpoint, Login, Password, Target, Trust};
//!
//! # fn main() -> Result<(), juju_client::Error> {
//! let endpoint = Endpoint {
//!     addresses: vec!["10.152.183.21:17070".into()],
//!     trust: Trust::Authority("-----BEGIN CERTIFICATE----- ...".into()),
//! };
//! let login = Login::new("admin", Password::new("…"))?;
//! let mut controller = Connection::open(&endpoint, &Target::Controller, &login)?;
//! for user in controller.users()? {
//!     println!("{} {} {:?}", user.username, user.access, user.last_connection);
//! }
//! # Ok(())
//! # }
//! ```

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
