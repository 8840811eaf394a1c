//! Faults in Juju.

use ckf_hardening::facts::juju::Model;

use super::{Fault, fault};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("JUJU-01", "a cloud credential of two owners", |c| {
        let other = Model { name: "other".into(), owner: "alice".into(), ..c.model().clone() };
        c.models().push(other);
    }),
    fault("JUJU-02", "trust that the release does not give", |c| {
        let stranger = c.app("minio");
        (stranger.charm, stranger.trusted) = ("some-charm".into(), true);
    }),
    fault("JUJU-03", "a blocked unit", |c| {
        c.app("minio").troubled.insert("minio/0".into(), "blocked: no storage".into());
    }),
    fault("JUJU-04", "another value than the policy declares", |c| {
        c.declare("kubeflow-dashboard", "port", "8082");
        c.set_option("kubeflow-dashboard", "port", "9999");
    }),
    fault("JUJU-04", "a declared application is not deployed", |c| c.declare("nowhere", "a", "b")),
];
