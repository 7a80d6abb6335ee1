//! What a recipe must be beyond its types: names that lead somewhere, files that are there, texts that nothing
//! downstream can stumble over. Everything that is wrong is collected, addressed by path; where the path stands in which file
//! is `document`'s knowledge.

mod board;
mod boot;
mod files;
pub(crate) mod form;
mod image;
mod lint;
mod loader;
mod package;
pub mod ready;
mod routes;
mod sources;
mod sysroot;
mod uki;

use crate::checkout::Checkout;
use crate::failure::Diagnostic;
use crate::recipe::document::{Node, Value};
use crate::recipe::path::Path;
use crate::recipe::schema::Recipe;
use crate::text::quoted;
use form::Form;

/// Checks a recipe as a whole. `root` is what it was decoded from; what is in `broken` has been complained about and is
/// looked at no more.
#[must_use]
pub fn check(
    checkout: &Checkout,
    name: &str,
    recipe: &Recipe,
    root: &Node,
    broken: Vec<Path>,
) -> Vec<Diagnostic> {
    let mut check = Check::new(root, broken);
    check.no_control_characters(root, &Path::root());
    check.text(&form::PACKAGE, name, &Path::root());
    let reader = "one line for people who choose between recipes";
    check.one_line("description", &recipe.description, reader);
    check.sources(recipe, checkout);
    check.sysroot(recipe);
    check.configs(recipe, checkout);
    check.image(&recipe.image);
    check.settings(&recipe.settings, &Path::of(&["settings"]));
    check.overlays(&recipe.image, checkout);
    check.ready(recipe, checkout);
    check.bundle(recipe);
    check.nodes(recipe);
    check.routes(recipe, checkout);
    check.loader(recipe);
    check.uki(recipe, checkout);
    check.lint(&recipe.lint);
    check.package(name, &recipe.package, checkout);
    check.scenarios(recipe.arch, &recipe.boot);
    check.board(recipe);
    check.problems
}

/// What is being checked, and what was found so far.
pub(crate) struct Check<'r> {
    root: &'r Node,
    broken: Vec<Path>,
    pub(crate) problems: Vec<Diagnostic>,
}

impl<'r> Check<'r> {
    pub(crate) const fn new(root: &'r Node, broken: Vec<Path>) -> Self {
        Self {
            root,
            broken,
            problems: Vec::new(),
        }
    }

    /// Whether something here has been complained about already.
    fn is_broken(&self, path: &Path) -> bool {
        self.broken.iter().any(|broken| path.is_within(broken))
    }

    /// Complains about the value at a path, or about what it should stand in.
    pub(crate) fn wrong(
        &mut self,
        path: &Path,
        message: String,
        label: String,
        help: impl Into<String>,
    ) {
        if !self.is_broken(path) {
            let help = Some(help.into()).filter(|help| !help.is_empty());
            self.problems
                .push(self.root.place_of(path).wrong(message, label, help));
        }
    }

    /// Complains about the key at the end of a path.
    pub(crate) fn wrong_key(&mut self, path: &Path, message: String, help: impl Into<String>) {
        if !self.is_broken(path) {
            let place = self.root.key_place_of(path);
            self.problems
                .push(place.wrong(message, "", Some(help.into())));
        }
    }

    /// Whether a value has its form; complains if not.
    pub(crate) fn text(&mut self, form: &Form, text: &str, path: &Path) -> bool {
        let fits = (form.fits)(text);
        if !fits {
            self.wrong(path, no(form, text), String::new(), form.help);
        }
        fits
    }

    /// Whether a key has its form; complains if not.
    fn key(&mut self, form: &Form, path: &Path, key: &str) -> bool {
        let fits = (form.fits)(key);
        if !fits {
            self.wrong_key(path, no(form, key), form.help);
        }
        fits
    }

    /// Checks each of a list, and that none is there twice.
    pub(crate) fn texts(&mut self, form: &Form, texts: &[String], path: &Path) {
        for (index, text) in texts.iter().enumerate() {
            let path = path.index(index);
            if self.text(form, text, &path) && texts[..index].contains(text) {
                self.wrong(
                    &path,
                    format!("{} is in this list twice", quoted(text)),
                    String::new(),
                    "",
                );
            }
        }
    }

    pub(crate) fn one_line(&mut self, key: &str, text: &str, help: &str) {
        if text.trim().is_empty() {
            self.wrong(
                &Path::of(&[key]),
                format!("`{key}` says nothing"),
                String::new(),
                help,
            );
        }
    }

    /// No text of a recipe takes control characters: they end up in configuration files, command lines and on consoles. But
    /// the message and the packages' description have lines, and scenarios may type whatever they like.
    pub(crate) fn no_control_characters(&mut self, node: &Node, path: &Path) {
        let control = |text: &str| text.chars().find(|c| c.is_control());
        match &node.value {
            Value::String(text) => {
                let lines = [["bundle", "message"], ["package", "description"]];
                let allowed = lines.iter().any(|of| *path == Path::of(of));
                let found = text
                    .chars()
                    .find(|&c| c.is_control() && !(allowed && matches!(c, '\n' | '\t')));
                if let Some(found) = found {
                    let message =
                        format!("`{}` holds the control character {:?}", path.leaf(), found);
                    self.wrong(path, message, String::new(), "leave it out");
                    self.broken.push(path.clone());
                }
            }
            Value::Array(nodes) => {
                for (index, node) in nodes.iter().enumerate() {
                    self.no_control_characters(node, &path.index(index));
                }
            }
            Value::Table(entries) => {
                for (key, entry) in entries {
                    let path = path.key(key);
                    if path == Path::of(&["boot"]) {
                        continue;
                    }
                    if let Some(found) = control(key) {
                        self.wrong_key(
                            &path,
                            format!("this key holds the control character {found:?}"),
                            "leave it out",
                        );
                        self.broken.push(path.clone());
                    }
                    self.no_control_characters(&entry.node, &path);
                }
            }
            _ => {}
        }
    }
}

fn no(form: &Form, text: &str) -> String {
    format!("{} is no {}", quoted(text), form.what)
}
