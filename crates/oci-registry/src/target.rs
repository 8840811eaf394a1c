//! Where a repository is asked for.

/// A repository as it is asked for.
pub(crate) struct Target {
    /// Host that credentials are for.
    pub(crate) host: String,
    /// `https://HOST/v2/PATH`.
    pub(crate) base: String,
    /// Host and path.
    pub(crate) key: String,
}
