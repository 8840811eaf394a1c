//! Block: what an operator has forbidden in the model that is logged in to.

use serde::Deserialize;

use super::wire::{Facade, Wrapped, or_default};
use crate::Error;
use crate::connection::Connection;

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

impl Connection {
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
