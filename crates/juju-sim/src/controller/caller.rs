//! Who is at the other end of a connection, and at which address.

use super::state::HostedModel;

/// What a connection is to, and who is at the other end.
pub(super) struct Caller {
    /// The user; empty before the login.
    pub(super) user: String,
    /// Uuid of the model, for a connection to one.
    pub(super) model: Option<String>,
    /// Whether the user may do anything, as it was at the last call.
    pub(super) is_superuser: bool,
    /// The version that the client said it is.
    pub(super) client_version: String,
}

/// How a controller is found from outside.
pub(super) struct About<'a> {
    pub(super) address: &'a str,
    pub(super) authority: &'a str,
}

impl Caller {
    /// One who has not logged in yet.
    pub(super) fn new(model: Option<String>) -> Self {
        Self { user: String::new(), model, is_superuser: false, client_version: String::new() }
    }

    /// A superuser without access to a model may log in to it and see its status, and no more.
    pub(super) fn may_read(&self, model: &HostedModel) -> bool {
        model.users.contains_key(&self.user)
    }

    pub(super) fn may_write(&self, model: &HostedModel) -> bool {
        let access = model.users.get(&self.user);
        access.is_some_and(|access| access != "read")
    }
}
