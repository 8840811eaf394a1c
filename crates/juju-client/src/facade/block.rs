//! Block: what an operator has forbidden in the model that is logged in to.

use serde::{Deserialize, Serialize};

use super::wire::{Facade, Wrapped, or_default};
use crate::Error;
use crate::connection::Connection;
use crate::error::FailureWire;

const FACADE: Facade = Facade { name: "Block", versions: &[2] };

/// A set of commands that is disabled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Block {
    /// `BlockDestroy`, `BlockRemove` or `BlockChange`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The operator's words.
    pub message: String,
}

#[derive(Serialize)]
struct Switch<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
}

/// An error that is in the answer.
#[derive(Deserialize)]
struct Switched {
    #[serde(default)]
    error: Option<FailureWire>,
}

impl Connection {
    /// Disables a set of commands in the model, with words for who tries them; needs `write`. If it is
    /// disabled already, its words stay.
    pub fn disable_commands(&mut self, kind: &str, message: &str) -> Result<(), Error> {
        self.switch("SwitchBlockOn", &Switch { kind, message })
    }

    /// Enables a set of commands again; needs `write`.
    pub fn enable_commands(&mut self, kind: &str) -> Result<(), Error> {
        self.switch("SwitchBlockOff", &Switch { kind, message: "" })
    }

    fn switch(&mut self, method: &str, switch: &Switch<'_>) -> Result<(), Error> {
        let switched: Switched = self.call(&FACADE, method, switch)?;
        match switched.error {
            None => Ok(()),
            Some(error) => {
                let call = format!("{}.{method}", FACADE.name);
                Err(Error::Call { call, failure: error.into() })
            }
        }
    }

    /// Sets of commands that are disabled in the model; needs `read`.
    pub fn blocks(&mut self) -> Result<Vec<Block>, Error> {
        #[derive(Deserialize)]
        struct Blocks {
            #[serde(default, deserialize_with = "or_default")]
            results: Vec<Wrapped<Block>>,
        }
        let blocks: Blocks = self.call(&FACADE, "List", serde_json::json!({}))?;
        Ok(blocks.results.into_iter().map(|block| block.result).collect())
    }
}
