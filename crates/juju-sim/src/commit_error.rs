//! Why Juju does not commit what a hook has written, in Juju's own words.

/// Why nothing of a hook was committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The test has set it: [`crate::Model::fail_next_commit`].
    #[error("{0}")]
    Injected(String),
    /// The unit is gone.
    #[error("unit not found")]
    UnitNotFound,
    /// A container is no machine that could be booted.
    #[error("unit machine not assigned")]
    NoMachine,
    /// Storage is added to machines only.
    #[error(
        "preparing storage additions: preparing storage add {name:?} for unit {unit:?}: \
         adding storage to a unit is not supported on k8s"
    )]
    Storage { name: String, unit: String },
    /// The unit's state is larger than its quota, in bytes.
    #[error("cannot apply changes: max allowed size ({0}) exceeded by unit state")]
    StateTooLarge(usize),
    /// Kubernetes opens no ICMP.
    #[error("protocol icmp on caas models not supported")]
    Icmp,
    /// A port is opened at an endpoint that the charm lacks.
    #[error(
        "update ports: looking up relation endpoint uuids for unit {unit:?}: \
         invalid endpoint(s); [{endpoint}] does exist on unit {unit}"
    )]
    UnknownEndpoint { unit: String, endpoint: String },
    /// A secret is neither the unit's nor, if it leads, its application's. A new content makes
    /// the unit's agent try for four minutes before the hook fails.
    #[error("{doing}: {unit:?} is not allowed to manage this secret")]
    NotManaged { doing: &'static str, unit: String },
    /// A grant exists to the same subject for another relation.
    #[error(
        "executing leadership func: grant secrets access: cannot change scope or subject type \
         of existing grant for {application:?} on {secret:?}"
    )]
    GrantScope { application: String, secret: String },
    /// The label is taken.
    #[error(
        "{}create secrets: creating secret {id:?}: secret with label {label:?} already exists",
        if *.of_application { "executing leadership func: " } else { "" }
    )]
    LabelTaken { of_application: bool, id: String, label: String },
}
