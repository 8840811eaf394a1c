//! Why a request does not go where a registry, or a user, wants it to go.

/// Why an address is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GuardError {
    #[error("{0:?} is no host")]
    NotAHost(String),
    #[error("it is on this machine or its link, and only a registry that an option names may be")]
    OwnAddress,
    #[error("it leads to {0} without TLS")]
    WithoutTls(String),
    #[error("it leads to {0} with a login of its own")]
    WithLogin(String),
    #[error("it leads to {0}, which is on this machine or its link")]
    LeadsToOwnAddress(String),
    #[error("it leads to {0}, which is in a private network")]
    LeadsToPrivateNetwork(String),
    #[error("it leads on more than {0} times")]
    TooManyRedirects(usize),
    #[error("it leads to {0}, and only for what an image is made of another host is asked")]
    OtherHost(String),
    #[error("it has its tokens handed out by {0}, which is not known to belong to it")]
    OtherRealm(String),
    /// Said in one line, so that the cause is no source of its own.
    #[error("its tokens: {0}")]
    Tokens(Box<Self>),
}
