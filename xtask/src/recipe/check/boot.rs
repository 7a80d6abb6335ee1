//! The bundle, machines with a configuration of their own, and boots that prove it.

use std::collections::BTreeMap;

use super::Check;
use super::form::{self, ARGUMENT, IPV4, MAC, NAME};
use crate::arch::Arch;
use crate::boot::scenario::Scenario;
use crate::loader::check::check_argument;
use crate::loader::reader::Reader;
use crate::recipe::path::Path;
use crate::recipe::schema::{Menu, Recipe};
use crate::text::quoted;

/// Who reads the bundle's configurations.
fn readers(recipe: &Recipe) -> Vec<Reader> {
    Reader::of_all(&recipe.bundle.routes(recipe.arch))
}

impl Check<'_> {
    pub(super) fn bundle(&mut self, recipe: &Recipe) {
        let path = Path::of(&["bundle", "append"]);
        self.arguments(&readers(recipe), &recipe.bundle.append, &path);
    }

    fn arguments(&mut self, readers: &[Reader], arguments: &[String], path: &Path) {
        for (index, argument) in arguments.iter().enumerate() {
            let path = path.index(index);
            if argument.split_whitespace().count() > 1 && !argument.contains(['"', '\'']) {
                let parts: Vec<String> = argument
                    .split_whitespace()
                    .map(|part| format!("{part:?}"))
                    .collect();
                let help = format!("write one argument each: {}", parts.join(", "));
                self.wrong(
                    &path,
                    "these are several kernel arguments".to_owned(),
                    String::new(),
                    help,
                );
            } else if self.text(&ARGUMENT, argument, &path) {
                let message = if argument.starts_with("initrd=") {
                    Err("`initrd=` is set by the bundle itself".to_owned())
                } else {
                    check_argument(readers, argument)
                };
                if let Err(message) = message {
                    self.wrong(&path, message, String::new(), "leave it out");
                }
            }
        }
    }

    pub(super) fn nodes(&mut self, recipe: &Recipe) {
        let nodes = &recipe.node;
        let list = Path::of(&["node"]);
        let names = nodes.iter().map(|node| node.name.clone());
        self.unique("node", &list, "name", names);
        for (index, node) in nodes.iter().enumerate() {
            let path = list.index(index);
            self.text(&NAME, &node.name, &path.key("name"));
            match (&node.mac, &node.ip) {
                (None, None) => {
                    let message =
                        format!("the node {} has neither `mac` nor `ip`", quoted(&node.name));
                    self.wrong(
                        &path,
                        message,
                        String::new(),
                        "one of them tells which machine it is",
                    );
                }
                (Some(_), Some(_)) => {
                    let message =
                        format!("the node {} has both `mac` and `ip`", quoted(&node.name));
                    self.wrong_key(
                        &path.key("ip"),
                        message,
                        "pxelinux looks for the MAC address first: leave out one of them",
                    );
                }
                _ => {}
            }
            if let Some(mac) = &node.mac {
                self.text(&MAC, mac, &path.key("mac"));
            }
            if let Some(ip) = &node.ip {
                self.text(&IPV4, ip, &path.key("ip"));
            }
            self.arguments(&readers(recipe), &node.append, &path.key("append"));
            let never = node.menu != Menu::Image && recipe.bundle.menu.is_none();
            if never && !node.append.is_empty() {
                let message = "kernel arguments for a machine that boots its local disk".to_owned();
                self.wrong_key(
                    &path.key("append"),
                    message,
                    "leave them out, or let the machine boot the image: menu = \"image\"",
                );
            }
        }
        let address = |mac: &Option<String>| {
            mac.as_deref()
                .and_then(form::mac)
                .map(|mac| format!("{mac:x?}"))
        };
        self.unique(
            "node",
            &list,
            "mac",
            nodes
                .iter()
                .map(|node| address(&node.mac).unwrap_or_default()),
        );
        self.unique(
            "node",
            &list,
            "ip",
            nodes.iter().map(|node| node.ip.clone().unwrap_or_default()),
        );
    }

    /// Scenarios are `boot`'s, and so are the rules that they keep; patterns are looked at here, each at its place.
    pub(super) fn scenarios(&mut self, arch: Arch, scenarios: &[Scenario]) {
        let list = Path::of(&["boot"]);
        self.unique(
            "boot",
            &list,
            "name",
            scenarios.iter().map(|scenario| scenario.name.clone()),
        );
        for (index, scenario) in scenarios.iter().enumerate() {
            let path = list.index(index);
            for (index, pattern) in scenario.expect.iter().enumerate() {
                self.regex(pattern, &path.key("expect").index(index));
            }
            for (index, answer) in scenario.answer.iter().enumerate() {
                self.regex(&answer.when, &path.key("answer").index(index).key("when"));
            }
            let others = scenario.problems().into_iter();
            let others = others.chain(scenario.misfits(arch));
            for problem in others.filter(|problem| !matches!(problem.field, "expect" | "answer")) {
                let path = problem
                    .field
                    .split('.')
                    .fold(path.clone(), |path, key| path.key(key));
                let message = format!("`{}`: {}", problem.field, problem.message);
                self.wrong(&path, message, String::new(), "");
            }
        }
    }

    fn regex(&mut self, pattern: &str, path: &Path) {
        if let Err(error) = regex::Regex::new(pattern) {
            // The last line says what is wrong; those before it draw the pattern, as we do.
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default();
            let why = why.trim_start_matches("error: ").to_owned();
            self.wrong(
                path,
                "this is no regular expression".to_owned(),
                why,
                "backslashes survive in single quotes: '\\d+'",
            );
        }
    }

    /// Complains about the later of two equal values; empty ones are not there.
    fn unique(&mut self, what: &str, list: &Path, key: &str, values: impl Iterator<Item = String>) {
        let mut seen = BTreeMap::new();
        for (index, value) in values.enumerate() {
            let path = list.index(index).key(key);
            if value.is_empty() || self.is_broken(&path) {
                continue;
            }
            if let Some(first) = seen.insert(value, index) {
                let other = self.root.place_of(&list.index(first).key(key));
                let message = format!("two of [[{what}]] have this `{key}`");
                let help = format!("the other one is at {}", other.line());
                self.wrong(&path, message, String::new(), help);
            }
        }
    }
}
