//! `site.toml`: what belongs to a site and not to a recipe. Optional, and not in git.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::checkout::Checkout;
use crate::failure::{Diagnostic, Result};
use crate::recipe::check::{Check, form};
use crate::recipe::document::Node;
use crate::recipe::load::load_plain;
use crate::recipe::path::Path;
use crate::recipe::schema::{Console, Recipe};
use crate::source::mirror;

/// A site's settings. What is not set is as the host has it, or as the recipe says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Site {
    /// Where Debian's archives are; the host's own apt settings otherwise.
    pub mirrors: Mirrors,
    /// Absolute path of the folder for the store and downloads, in place of `~/.cache/cordwainer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<PathBuf>,
    /// Hours after which sources that `follow` a suite look at it again; 0 looks each time.
    pub follow_after: u32,
    /// Time servers.
    pub ntp: Ntp,
    /// The serial console of this site's machines, in place of the recipe's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console: Option<Console>,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            mirrors: Mirrors::default(),
            cache: None,
            follow_after: 24,
            ntp: Ntp::default(),
            console: None,
        }
    }
}

/// Addresses of Debian's archives, tried in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Mirrors {
    /// The archive of releases and their updates, such as `https://deb.example.org/debian`.
    pub debian: Vec<String>,
    /// The archive of security updates.
    pub debian_security: Vec<String>,
}

/// Time servers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Ntp {
    /// Names or addresses, in place of the recipe's.
    pub servers: Vec<String>,
}

impl Site {
    /// The settings in the checkout's `site.toml`; the defaults where there is none.
    ///
    /// # Errors
    /// [`crate::failure::Kind::Recipe`] with all diagnostics; [`crate::failure::Kind::Host`] when it cannot be read.
    pub fn load(checkout: &Checkout) -> Result<Self> {
        load_plain(checkout, &checkout.site(), check)
    }

    /// The mirrors by archive, as `source` asks for them; archives without any are left out.
    #[must_use]
    pub fn mirrors(&self) -> mirror::Mirrors {
        let archives = [
            (mirror::DEBIAN, &self.mirrors.debian),
            (mirror::SECURITY, &self.mirrors.debian_security),
        ];
        let known = archives
            .into_iter()
            .filter(|(_, mirrors)| !mirrors.is_empty());
        mirror::Mirrors(
            known
                .map(|(name, mirrors)| (name.to_owned(), mirrors.clone()))
                .collect(),
        )
    }

    /// Makes a recipe what is built at this site: the site's time servers and console win.
    pub fn apply(&self, recipe: &mut Recipe) {
        if !self.ntp.servers.is_empty() {
            recipe.image.ntp.clone_from(&self.ntp.servers);
        }
        if let Some(console) = &self.console {
            recipe.image.console.clone_from(console);
        }
    }
}

/// The JSON schema of `site.toml`, for editors.
#[must_use]
pub fn site_schema() -> serde_json::Value {
    schemars::schema_for!(Site).to_value()
}

fn check(site: &Site, root: &Node, broken: Vec<Path>) -> Vec<Diagnostic> {
    let mut check = Check::new(root, broken);
    check.no_control_characters(root, &Path::root());
    let mirrors = Path::of(&["mirrors"]);
    check.texts(&form::MIRROR, &site.mirrors.debian, &mirrors.key("debian"));
    let security = mirrors.key("debian-security");
    check.texts(&form::MIRROR, &site.mirrors.debian_security, &security);
    check.texts(
        &form::HOST,
        &site.ntp.servers,
        &Path::of(&["ntp", "servers"]),
    );
    if let Some(cache) = &site.cache {
        let cache = cache.to_string_lossy();
        check.text(&form::ABSOLUTE, &cache, &Path::of(&["cache"]));
    }
    if let Some(console) = &site.console {
        check.console(console, &Path::of(&["console"]));
    }
    check.problems
}
