//! Models and events that Juju would never have.

/// What is wrong with a model, or with an event in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Inconsistency {
    #[error("juju config: {0}")]
    Option(String),
    #[error("{0:?} is no id of a secret")]
    SecretId(String),
    #[error("metadata.yaml has no {kind} {name}")]
    NotInMetadata { kind: &'static str, name: String },
    #[error("the model has two relations {0}")]
    TwoRelations(u32),
    #[error("relation {relation} is between peers, and its other side is {application}")]
    PeerOfAnother { relation: String, application: String },
    #[error("relation {relation} is with {application}, and {unit} is no unit of it")]
    UnitOfAnother { relation: String, application: String, unit: String },
    #[error("relation {0} has this unit at its other side")]
    RelatedToItself(String),
    #[error("Juju 4.0 fires no {0}")]
    NotInJuju4(&'static str),
    #[error("the model has no relation {id} of {endpoint:?}")]
    NoRelation { id: String, endpoint: String },
    #[error("the model has no secret {0}")]
    NoSecret(String),
    #[error("the unit has no storage {0}")]
    NoStorage(String),
    #[error("the plan of {container} has no check {check}")]
    NoCheck { container: String, check: String },
    #[error("{0} is of a unit, and none is named")]
    NeedsUnit(String),
    #[error("{event} is of no unit, and {unit} is named")]
    NeedsNoUnit { event: String, unit: String },
    #[error("relation {relation} has no unit {unit}")]
    NoUnit { relation: String, unit: String },
    #[error("secret-changed is for who reads a secret, and {0} is this unit's own")]
    OwnSecret(String),
    #[error("{event} is for who owns a secret, and {secret} is not this unit's")]
    SecretOfAnother { event: String, secret: String },
}

impl Inconsistency {
    /// What the charm's metadata does not declare.
    pub(crate) fn not_in_metadata(kind: &'static str, name: &str) -> Self {
        Self::NotInMetadata { kind, name: name.to_owned() }
    }
}
