//! The platform's model, as the operator's own login reaches it.

use juju_client::Connection;

use crate::cli::shared::ClusterArguments;
use crate::effects::{JujuError, Model, NotConnected};

/// The platform's model, by the operator's own login.
pub(super) struct OperatorModel<'a> {
    arguments: &'a ClusterArguments,
    connection: Option<Result<Connection, NotConnected>>,
    controller: Option<Result<Connection, NotConnected>>,
}

impl<'a> OperatorModel<'a> {
    pub(super) fn new(arguments: &'a ClusterArguments) -> Self {
        Self { arguments, connection: None, controller: None }
    }
}

impl Model for OperatorModel<'_> {
    fn connect(&mut self) -> Result<&mut Connection, JujuError> {
        let connection = self.connection.get_or_insert_with(|| {
            let namespace = &self.arguments.kubernetes.namespace;
            self.arguments
                .controller
                .model(namespace)
                .map_err(|why| NotConnected(format!("{why:#}")))
        });
        connection.as_mut().map_err(|why| why.clone().into())
    }

    fn controller(&mut self) -> Result<&mut Connection, JujuError> {
        let controller = self.controller.get_or_insert_with(|| {
            self.arguments.controller.connect().map_err(|why| NotConnected(format!("{why:#}")))
        });
        controller.as_mut().map_err(|why| why.clone().into())
    }
}
