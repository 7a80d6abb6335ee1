//! `site.toml`: what belongs to a site and not to a recipe. Optional, and not in git.

pub mod key;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::checkout::Checkout;
use crate::failure::{Diagnostic, Failure, Kind, Result};
use crate::recipe::check::{Check, form};
use crate::recipe::document::Node;
use crate::recipe::load::{load_plain, names};
use crate::recipe::path::Path;
use crate::recipe::schema::{Console, Recipe, Segment};
use crate::source::mirror;
use crate::text::{listing, nearest, quoted};
use key::Key;

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
    /// Values of the `[settings]` of recipes, in place of their own: `[settings.RECIPE]`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, BTreeMap<String, String>>,
    /// What this site puts on top of the images of recipes, for every machine: `[segment.RECIPE]`. It is an archive of its own, `site`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub segment: BTreeMap<String, Segment>,
    /// The private keys that are here, by the names that recipes use: `[key.NAME]`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub key: BTreeMap<String, Key>,
}

/// The name of the segment that a site adds.
const SEGMENT: &str = "site";

impl Default for Site {
    fn default() -> Self {
        Self {
            mirrors: Mirrors::default(),
            cache: None,
            follow_after: 24,
            ntp: Ntp::default(),
            console: None,
            settings: BTreeMap::new(),
            segment: BTreeMap::new(),
            key: BTreeMap::new(),
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
    /// [`Kind::Recipe`] with all diagnostics; [`Kind::Host`] when it cannot be read.
    pub fn load(checkout: &Checkout) -> Result<Self> {
        let check = |site: &Self, root: &Node, broken| check(checkout, site, root, broken);
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

    /// Makes a recipe what is built at this site: the site's time servers, console and settings win.
    ///
    /// # Errors
    /// [`Kind::Recipe`] with a diagnostic for each of the site's settings that the recipe does not have.
    pub fn apply(&self, checkout: &Checkout, name: &str, recipe: &mut Recipe) -> Result<()> {
        if !self.ntp.servers.is_empty() {
            recipe.image.ntp.clone_from(&self.ntp.servers);
        }
        if let Some(console) = &self.console {
            recipe.image.console.clone_from(console);
        }
        if let Some(segment) = self.segment.get(name) {
            recipe.segment.insert(SEGMENT.to_owned(), segment.clone());
            let everywhere = &mut recipe.bundle.segments;
            if !everywhere.iter().any(|there| there == SEGMENT) {
                everywhere.push(SEGMENT.to_owned());
            }
        }
        let Some(values) = self.settings.get(name) else {
            return Ok(());
        };
        let known = &recipe.settings;
        if values.keys().any(|key| !known.contains_key(key)) {
            // Read again for the places, which nobody needs as long as all is well.
            load_plain(checkout, &checkout.site(), |_: &Self, root, _| {
                strange(values.keys(), known, root, &Path::of(&["settings", name]))
            })?;
            let what = format!("site.toml has settings that the recipe {name} does not have");
            return Err(Failure::new(Kind::Recipe, what));
        }
        recipe.settings.extend(values.clone());
        Ok(())
    }
}

/// Complains about the settings that a recipe does not have.
fn strange<'a>(
    names: impl Iterator<Item = &'a String>,
    known: &BTreeMap<String, String>,
    root: &Node,
    table: &Path,
) -> Vec<Diagnostic> {
    let wrong = |name: &String| {
        let message = format!(
            "the recipe {} has no setting {}",
            table.leaf(),
            quoted(name)
        );
        let words = known.keys().map(String::as_str);
        let has = listing(known.keys(), "and");
        let help = match nearest(name, words) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if has.is_empty() => "it has no settings at all".to_owned(),
            None => format!("it has {has}"),
        };
        let place = root.key_place_of(&table.key(name));
        place.wrong(message, "", Some(help))
    };
    names
        .filter(|name| !known.contains_key(*name))
        .map(wrong)
        .collect()
}

/// The JSON schema of `site.toml`, for editors.
#[must_use]
pub fn site_schema() -> serde_json::Value {
    schemars::schema_for!(Site).to_value()
}

fn check(checkout: &Checkout, site: &Site, root: &Node, broken: Vec<Path>) -> Vec<Diagnostic> {
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
    for (recipe, settings) in &site.settings {
        let path = Path::of(&["settings", recipe]);
        known(checkout, &mut check, recipe, &path);
        check.settings(settings, &path);
    }
    for (recipe, segment) in &site.segment {
        let path = Path::of(&["segment", recipe]);
        known(checkout, &mut check, recipe, &path);
        check.overlay_names(&segment.overlays, &path.key("overlays"), checkout);
    }
    for (name, key) in &site.key {
        check.signing_key(key, &Path::of(&["key", name]));
    }
    check.problems
}

/// Complains about a table for a recipe that is not there.
fn known(checkout: &Checkout, check: &mut Check<'_>, recipe: &String, path: &Path) {
    let recipes = names(checkout);
    if recipes.contains(recipe) {
        return;
    }
    let help = match nearest(recipe, recipes.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("there are {}", listing(&recipes, "and")),
    };
    check.wrong_key(path, format!("there is no recipe {}", quoted(recipe)), help);
}
