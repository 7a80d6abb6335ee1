//! What the machines' boot loader has to be able to do: menus, local disks, archives on top of the image. What it can do is
//! known by `loader`.

use super::Check;
use super::form::NAME;
use crate::loader::bundle::Boot;
use crate::loader::check::{
    check_boot, check_menus, check_message, check_own_boot, check_timeout, check_title,
};
use crate::loader::reader::Reader;
use crate::recipe::path::Path;
use crate::recipe::schema::{Menu, Recipe};
use crate::text::{listing, nearest, quoted};

impl From<Menu> for Boot {
    fn from(menu: Menu) -> Self {
        match menu {
            Menu::Image => Self::Image,
            Menu::Localboot => Self::Localboot,
            Menu::Chain => Self::Chain,
        }
    }
}

impl Check<'_> {
    pub(super) fn loader(&mut self, recipe: &Recipe) {
        let readers = Reader::of_all(&recipe.bundle.routes(recipe.arch));
        let bundle = Path::of(&["bundle"]);
        let message = check_message(&readers, &recipe.bundle.message);
        self.loads(message, &bundle.key("message"), "leave it out");
        self.boots(
            check_boot(&readers, recipe.bundle.default.into()),
            &bundle.key("default"),
        );
        if let Some(menu) = &recipe.bundle.menu {
            let path = bundle.key("menu");
            self.loads(check_menus(&readers), &path, "leave it out");
            self.loads(check_title(&menu.title), &path.key("title"), "");
            self.loads(check_timeout(menu.timeout), &path.key("timeout"), "");
            if let Some(ontimeout) = menu.ontimeout {
                let checked = check_boot(&readers, ontimeout.into());
                self.boots(checked, &path.key("ontimeout"));
            }
        }
        for (index, node) in recipe.node.iter().enumerate() {
            let path = Path::of(&["node"]).index(index).key("menu");
            self.boots(check_own_boot(&readers, node.menu.into()), &path);
        }
        self.segments(recipe);
    }

    fn boots(&mut self, checked: Result<(), String>, path: &Path) {
        let help = match &checked {
            Err(message) if message.contains("module") => "take `localboot`",
            _ => "take `image`, or leave out the route",
        };
        self.loads(checked, path, help);
    }

    fn loads(&mut self, checked: Result<(), String>, path: &Path, help: &str) {
        if let Err(message) = checked {
            self.wrong(path, message, String::new(), help);
        }
    }

    fn segments(&mut self, recipe: &Recipe) {
        for name in recipe.segment.keys() {
            self.key(&NAME, &Path::of(&["segment", name]), name);
        }
        let everyones = &recipe.bundle.segments;
        let path = Path::of(&["bundle", "segments"]);
        self.segment_names(recipe, everyones, &[], &path);
        for (index, node) in recipe.node.iter().enumerate() {
            let path = Path::of(&["node"]).index(index).key("segments");
            self.segment_names(recipe, &node.segments, everyones, &path);
            // In a menu, the image can be chosen.
            let never = node.menu != Menu::Image && recipe.bundle.menu.is_none();
            if never && !node.segments.is_empty() {
                let message = "archives for a machine that boots its local disk".to_owned();
                let help = "leave them out, or let the machine boot the image: menu = \"image\"";
                self.wrong_key(&path, message, help);
            }
        }
    }

    /// Names in `[segment]`, none twice; `before` are those that the machine gets anyway.
    fn segment_names(&mut self, recipe: &Recipe, names: &[String], before: &[String], path: &Path) {
        if self.is_broken(&Path::of(&["segment"])) {
            return;
        }
        for (index, name) in names.iter().enumerate() {
            let path = path.index(index);
            let shown = quoted(name);
            if !recipe.segment.contains_key(name) {
                let known = || recipe.segment.keys().map(String::as_str);
                let label = nearest(name, known())
                    .map_or_else(String::new, |meant| format!("did you mean `{meant}`?"));
                let help = match listing(known(), "and") {
                    none if none.is_empty() => format!("describe it in [segment.{name}]"),
                    known => format!("describe it in [segment.{name}]; there are {known}"),
                };
                self.wrong(&path, format!("there is no segment {shown}"), label, help);
            } else if names[..index].contains(name) {
                let message = format!("{shown} is in this list twice");
                self.wrong(&path, message, String::new(), "");
            } else if before.contains(name) {
                let message = format!("{shown} is on top of every machine's image already");
                self.wrong(&path, message, String::new(), "leave it out here");
            }
        }
    }
}
