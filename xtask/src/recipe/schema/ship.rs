//! What a recipe says of its Debian packages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The Debian packages of a recipe's image: one with the files of one version, which can be installed beside others, and one without a version in
/// its name that depends on the newest and sets a boot server up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Package {
    /// What the names of the packages with the files begin with, before the version; `netboot-image-RECIPE` otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The name of the package that sets a boot server up; `RECIPE-pxe-server` otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What the packages say of themselves below the recipe's `description`: paragraphs, with empty lines between them.
    pub description: String,
    /// `Name <address>`; whoever signed the changelog's newest entry otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintainer: Option<String>,
    /// A page about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// What the server's package depends on beside the image and servers for DHCP, TFTP and HTTP, as in a control file.
    pub depends: Vec<String>,
    /// What goes well with it.
    pub recommends: Vec<String>,
    /// A file for administrators, relative to the checkout, that becomes README.Debian of the server's package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readme: Option<String>,
    /// The copyright file, relative to the checkout; `debian/copyright` otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copyright: Option<String>,
}
