//! What a recipe says of a board's own firmware.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// U-Boot, built for a board. It is in the bundle as `firmware/BOARD/u-boot.bin`, to be written to such boards; the lab's machine of that
/// kind starts with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UBoot {
    /// Name in `[sources]` of U-Boot's source.
    #[serde(default = "default_source")]
    pub source: String,
    /// The board, by the name of its configuration without `_defconfig`, such as `highbank`.
    pub board: String,
    /// Whether the kernel's package has the board's device tree (`BOARD.dtb`), which then goes along as `firmware/BOARD/BOARD.dtb`.
    #[serde(default)]
    pub device_tree: bool,
}

fn default_source() -> String {
    "u-boot".to_owned()
}
