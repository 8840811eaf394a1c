//! What can go wrong, and how far: before the login, in it, in a call, in one item of a call.

use std::time::Duration;

use serde::Deserialize;

/// Why a connection or a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no address, or what is meant to be one is none.
    #[error("the controller has no usable address: {0}")]
    Address(String),
    /// The certificate of the authority is none.
    #[error("the controller's ca-cert is unusable: {0}")]
    Authority(String),
    /// No address could be connected to.
    #[error("no address of the controller could be reached: {}", list(.0))]
    Connect(Vec<Attempt>),
    /// Timed out.
    #[error("the controller did not answer {what} within {}", seconds(*.within))]
    TimedOut {
        /// The call.
        what: String,
        /// The timeout.
        within: Duration,
    },
    /// The connection ended before the answer came.
    #[error("the controller closed the connection before it answered {what}: {why}")]
    Closed {
        /// The call.
        what: String,
        /// Reason of the end.
        why: String,
    },
    /// The answer does not follow the API.
    #[error("the controller's answer to {what} is not understood: {why}")]
    Answer {
        /// The call.
        what: String,
        /// The problem.
        why: String,
    },
    /// A user name that Juju does not have.
    #[error("{0:?} is no name of a Juju user")]
    UserName(String),
    /// The user or the password is not accepted; Juju does not say which, nor
    /// whether the user is disabled.
    #[error("the controller refuses the login of {user}: {message}")]
    Login {
        /// The user.
        user: String,
        /// The controller's words.
        message: String,
    },
    /// The model is elsewhere. It is not followed: who is there must be trusted first.
    #[error("the model was moved to another controller at {}", .0.join(", "))]
    Redirected(Vec<String>),
    /// The facade is not offered in a version that is understood.
    #[error("the controller {server} offers {facade} in {}; {} are understood", versions(.offered), versions(.known))]
    Facade {
        /// Version of the controller.
        server: String,
        /// The facade.
        facade: &'static str,
        /// Versions offered; none if it is not there at all, as on JAAS.
        offered: Vec<u32>,
        /// Versions understood.
        known: &'static [u32],
    },
    /// The controller refused the call.
    #[error("{call}: {failure}")]
    Call {
        /// Facade and method.
        call: String,
        /// Why.
        failure: Failure,
    },
}

impl Error {
    /// Whether trying again later may help, with nothing changed.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Closed { .. } => true,
            // A certificate that is refused will be refused again.
            Self::Connect(attempts) => attempts.iter().any(|a| a.why.is_temporary()),
            Self::Call { failure, .. } => failure.code.is_temporary(),
            _ => false,
        }
    }

    /// Whether what it is about is not there any more, or just about to go.
    pub fn is_gone(&self) -> bool {
        self.failure().is_some_and(|failure| {
            failure.code == Code::NotFound || failure.message.ends_with(" is dead")
        })
    }

    /// The controller's error, if it refused the call.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Call { failure, .. } => Some(failure),
            _ => None,
        }
    }
}

/// An address that was tried.
#[derive(Debug)]
pub struct Attempt {
    /// The address, `host:port`.
    pub address: String,
    /// Why it failed.
    pub why: ConnectError,
}

/// Why an address could not be connected to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name is not known.
    #[error("the name is not known: {0}")]
    Unresolved(std::io::Error),
    /// Nothing accepts connections there.
    #[error("{0}")]
    Io(std::io::Error),
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The server's certificate is not signed by the controller's authority.
    #[error("its certificate is not signed by the ca-cert given")]
    UnknownAuthority,
    /// The server's certificate names another host.
    #[error("its certificate is not for {0}")]
    OtherName(String),
    /// The server's certificate is out of date.
    #[error("its certificate has expired or is not valid yet; check the clock here too")]
    Expired,
    /// Another fault of the certificate.
    #[error("its certificate is refused: {0}")]
    Certificate(String),
    /// The server does not speak TLS.
    #[error("it does not speak TLS; the API port of a controller is 17070")]
    NotTls,
    /// TLS failed for another reason.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The server has no websocket at the API's path.
    #[error("it is no controller, or has no such model: {0}")]
    NotAnApi(String),
}

impl ConnectError {
    fn is_temporary(&self) -> bool {
        matches!(self, Self::Unresolved(_) | Self::Io(_) | Self::TimedOut)
    }
}

/// The controller's error on a call, or on an item of a bulk call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", suffix(.code))]
pub struct Failure {
    /// Code of the error, if the controller reports one.
    pub code: Code,
    /// Its words.
    pub message: String,
}

#[derive(Deserialize)]
pub(crate) struct FailureWire {
    #[serde(default)]
    message: String,
    #[serde(default)]
    code: String,
}

impl From<FailureWire> for Failure {
    fn from(wire: FailureWire) -> Self {
        Self { code: Code::parse(&wire.code, &wire.message), message: wire.message }
    }
}

/// Kinds of errors that are distinguished.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// Bad credentials, or no permission.
    Unauthorized,
    /// There is no such thing.
    NotFound,
    /// It exists already.
    AlreadyExists,
    /// The facade, its version or the method is not there.
    NotImplemented,
    /// `juju disable-command` blocks it.
    Blocked,
    /// The controller or the model is being upgraded or moved.
    Upgrading,
    /// Too many ask.
    TryAgain,
    /// The model is at another controller.
    Redirected,
    /// Another one, by its text; empty if the controller gave none.
    Other(String),
}

impl Code {
    /// The code, taken from the message where the controller gives none.
    pub(crate) fn parse(code: &str, message: &str) -> Self {
        match code {
            "unauthorized access" | "login expired" | "access required" => Self::Unauthorized,
            "not found" | "user not found" | "model not found" | "secret not found" => {
                Self::NotFound
            }
            "already exists" => Self::AlreadyExists,
            "not implemented" | "not supported" => Self::NotImplemented,
            "operation is blocked" => Self::Blocked,
            "upgrade in progress" | "model migration in progress" => Self::Upgrading,
            "try again" | "excessive contention" | "quota limit exceeded" => Self::TryAgain,
            "redirection required" => Self::Redirected,
            // 4.0 leaves the code of these empty.
            "" if message.ends_with("not found") => Self::NotFound,
            "" if message.ends_with("is permanently deleted") => Self::NotFound,
            // Of a cloud or a controller: the user may not see it.
            "" if message.starts_with("access not found for") => Self::Unauthorized,
            "" if message.ends_with("already exists") => Self::AlreadyExists,
            "" if message.contains("maintenance in progress") => Self::Upgrading,
            "" if message == "permission denied" => Self::Unauthorized,
            other => Self::Other(other.to_owned()),
        }
    }

    fn is_temporary(&self) -> bool {
        matches!(self, Self::Upgrading | Self::TryAgain)
    }
}

fn suffix(code: &Code) -> &'static str {
    match code {
        Code::Blocked => " (an operator blocked it: `juju enable-command`)",
        _ => "",
    }
}

fn list(attempts: &[Attempt]) -> String {
    let each = attempts.iter().map(|a| format!("{}: {}", a.address, a.why));
    each.collect::<Vec<_>>().join("; ")
}

fn versions(of: &[u32]) -> String {
    if of.is_empty() {
        return "no version".into();
    }
    let each: Vec<String> = of.iter().map(u32::to_string).collect();
    format!("version {}", each.join(", "))
}

fn seconds(time: Duration) -> String {
    format!("{:.0} s", time.as_secs_f64().ceil())
}
