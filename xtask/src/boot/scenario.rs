//! Scenario: what machine boots and what has to happen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One boot that proves something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// Its name.
    pub name: String,
}
