//! The application's options: `config-get`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::tool::{self, Reading, ToolError};

/// The options, as the operator set them or by their defaults. They are read
/// once: Juju does not show a change within a hook.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Options(Map<String, Value>);

/// Reads all options.
pub fn all() -> Result<Options, ToolError> {
    tool::json("config-get", &[])
}

/// Starts [`all`], to read other things meanwhile; [`Reading::finish`] has the answer.
pub fn start() -> Reading<Options> {
    Reading::start("config-get")
}

impl Options {
    /// Options from a map, for tests.
    pub fn new(map: Map<String, Value>) -> Self {
        Self(map)
    }

    /// All of them, as Juju reports them.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// An option of type string; an empty one is absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// An option of type int.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    /// An option of type float.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64()
    }

    /// An option of type boolean.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    /// An option of type secret: the secret's URI.
    pub fn secret(&self, name: &str) -> Option<&str> {
        self.text(name)
    }
}
