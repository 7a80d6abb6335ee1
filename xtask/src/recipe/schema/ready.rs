//! What a recipe says of things that are ready-made: packages, programs, modules, and of looking at the result.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Policy;
use crate::closure::strip::Strip;
use crate::lint::Allow;

pub use crate::closure::Dlopen;

/// What the machine that builds is called in `from`.
pub const HOST: &str = "host";
/// What `[sysroot]` is called in `from`.
pub const SYSROOT: &str = "sysroot";

/// Debian packages and all that they depend on, unpacked side by side; no maintainer script is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sysroot {
    /// The suite they are taken from, with its updates and security suites.
    #[serde(default = "default_suite")]
    pub suite: String,
    /// Parts of the suite, such as `main` and `non-free-firmware`.
    #[serde(default = "default_components")]
    pub components: Vec<String>,
    /// Which bytes will do.
    #[serde(default)]
    pub policy: Policy,
    /// Names of the packages; what they depend on comes by itself.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Packages that are taken for installed, so that neither they nor what they depend on comes along.
    #[serde(default)]
    pub without: Vec<String>,
    /// Whether packages that are only recommended come along.
    #[serde(default)]
    pub recommends: bool,
}

fn default_suite() -> String {
    "bookworm".to_owned()
}

fn default_components() -> Vec<String> {
    vec!["main".to_owned()]
}

/// A group of programs, libraries and files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Copy {
    /// Where from: `sysroot`, `host`, or names in `[sources]`. Of several, the first that has a path has it. `sysroot`
    /// where there is a `[sysroot]`, `host` otherwise.
    pub from: Vec<String>,
    /// Paths (`/usr/sbin/parted`), patterns (`/usr/share/zoneinfo/Europe/*`, `/usr/lib/agent/**`), programs by name
    /// (`parted`), libraries by soname (`libnss_dns.so.2`). In patterns, `*` and `?` stand for letters of one part, `[a-z]` for one
    /// letter, `{one,two}` for words, `**` as a part for any number of folders; `[*]` is a plain asterisk.
    pub files: Vec<String>,
    /// Patterns of paths that stay out, even where something needs them.
    pub exclude: Vec<String>,
    /// Another place in the image: a path for a single file, or a folder when it ends in `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// How what is copied is completed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Closure {
    /// What goes out of programs, libraries and modules.
    pub strip: Strip,
    /// glibc-hwcaps folders whose variants of libraries come along beside the plain ones, such as `x86-64-v3`.
    pub hwcaps: Vec<String>,
    /// Which of the libraries come along that programs load while they run, and tell of in `.note.dlopen`.
    pub dlopen: Dlopen,
    /// Patterns of paths that something else provides when the image runs: nothing has to be found for them.
    pub provided: Vec<String>,
}

/// Which modules go into the image. Where nothing is named: all of a kernel that is built, none of one from a package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Modules {
    /// Modules by name (`virtio_net`), by pattern of their path below `kernel/` (`drivers/net/ethernet/**`), or by class (`@pci-network`).
    pub take: Vec<String>,
    /// The same for those that stay out, unless another module depends on them.
    pub exclude: Vec<String>,
    /// What to do about firmware that a module names and no package has.
    pub firmware: MissingFirmware,
}

/// What to do about missing firmware.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MissingFirmware {
    /// Say so, and go on.
    #[default]
    Warn,
    /// Fail.
    Error,
    /// Take no firmware at all.
    Ignore,
}

/// An archive on top of the image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Segment {
    /// Folders under `overlays/`; a later one wins over an earlier one, and all of them over the image.
    pub overlays: Vec<String>,
}

/// What `lint` is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Lint {
    /// The most bytes that the compressed image may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Findings that are all right.
    pub allow: Vec<Allow>,
}
