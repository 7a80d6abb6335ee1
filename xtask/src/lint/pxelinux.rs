//! Configurations as pxelinux reads them (Syslinux' doc/syslinux.cfg.txt, doc/menu.txt), and U-Boot's `pxe` likewise (its doc/README.pxe): lines of a
//! keyword and its value. What is said where is kept; nothing is judged.

use std::collections::{BTreeMap, BTreeSet};

use super::Bundle;
use crate::failure::Result;
use crate::image::content::Content;

/// The folder that both loaders look into.
const FOLDER: &str = "pxelinux.cfg/";
/// Longer files are no configurations.
const LONGEST: u64 = 1 << 20;
/// As many are read: configurations may include each other.
const MOST: usize = 4096;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    /// Counted from 1.
    pub(super) line: usize,
    /// In capital letters; `MENU BACKGROUND` and the like are one.
    pub(super) key: String,
    /// What follows, trimmed.
    pub(super) value: String,
}

/// One configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Configuration {
    /// Its lines.
    pub(super) directives: Vec<Directive>,
    /// The folder that its paths start from, with a slash at its end, or nothing for the bundle's own.
    pub(super) base: String,
}

impl Configuration {
    /// Every kernel argument that begins like this: its line, and what follows.
    pub(super) fn words(&self, prefix: &str) -> Vec<(usize, String)> {
        let lines = self
            .directives
            .iter()
            .filter(|directive| directive.key == "APPEND");
        lines
            .flat_map(|directive| {
                let words = directive.value.split_whitespace();
                let fitting = words.filter_map(|word| word.strip_prefix(prefix));
                fitting.map(|rest| (directive.line, rest.to_owned()))
            })
            .collect()
    }

    /// The values of a directive, each with its line.
    pub(super) fn values(&self, key: &str) -> impl Iterator<Item = (usize, &str)> {
        self.directives
            .iter()
            .filter(move |directive| directive.key == key)
            .map(|directive| (directive.line, directive.value.as_str()))
    }
}

/// What an entry of a menu boots.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Boot {
    /// The initramfs' files, in the order in which they are joined; paths in the bundle.
    pub initramfs: Vec<String>,
    /// The kernel; a path in the bundle.
    pub kernel: Option<String>,
}

/// Everything that the configurations of a bundle boot with an initramfs, each once.
///
/// # Errors
/// What reading the configurations fails with.
pub fn boots(files: &Bundle) -> Result<BTreeSet<Boot>> {
    let configurations = configurations(files)?;
    Ok(configurations
        .values()
        .flat_map(Configuration::boots)
        .collect())
}

impl Configuration {
    fn boots(&self) -> Vec<Boot> {
        let mut boots = vec![Boot::default()];
        for directive in &self.directives {
            let first = directive
                .value
                .split_whitespace()
                .next()
                .unwrap_or_default();
            let here = |named: &str| path(&self.base, named).filter(|path| !path.is_empty());
            let list = |list: &str| list.split(',').filter_map(here).collect();
            match (directive.key.as_str(), boots.last_mut()) {
                ("LABEL", _) => boots.push(Boot::default()),
                ("LINUX" | "KERNEL", Some(boot)) => boot.kernel = here(first),
                ("INITRD", Some(boot)) => boot.initramfs = list(first),
                // The first one counts (kernel.c).
                ("APPEND", Some(boot)) if boot.initramfs.is_empty() => {
                    let mut words = directive.value.split_whitespace();
                    let named = words.find_map(|word| word.strip_prefix("initrd="));
                    boot.initramfs = named.map(list).unwrap_or_default();
                }
                _ => {}
            }
        }
        boots.retain(|boot| !boot.initramfs.is_empty());
        boots
    }
}

/// A path as the loader asks for it, seen from the bundle's folder; nothing where it is on another server.
pub(super) fn path(base: &str, named: &str) -> Option<String> {
    // `::a` is on the server that is asked anyway.
    let own = named.strip_prefix("::");
    if named.contains("://") || own.unwrap_or(named).contains("::") {
        return None;
    }
    let joined = match own.or_else(|| named.strip_prefix('/')) {
        Some(absolute) => absolute.to_owned(),
        None => format!("{base}{named}"),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Every configuration of a bundle: those in `pxelinux.cfg/`, and what they include.
///
/// # Errors
/// What reading them fails with.
pub(super) fn configurations(files: &Bundle) -> Result<BTreeMap<String, Configuration>> {
    let mut todo: Vec<(String, String)> = files
        .keys()
        .filter_map(|path| {
            let (base, rest) = path.split_once(FOLDER)?;
            let is_whole = base.is_empty() || base.ends_with('/');
            (is_whole && !rest.contains('/')).then(|| (path.clone(), base.to_owned()))
        })
        .collect();
    // A folder that is reached by links as well (Debian's installer) is meant as it is seen from the top.
    let depth = |base: &str| base.matches('/').count();
    let highest = todo.iter().map(|(_, base)| depth(base)).min();
    todo.retain(|(_, base)| Some(depth(base)) == highest);
    let mut seen: BTreeSet<String> = todo.iter().map(|(path, _)| path.clone()).collect();
    let mut found = BTreeMap::new();
    while let Some((file, base)) = todo.pop() {
        let Some(content) = files.get(&file).filter(|content| content.size() < LONGEST) else {
            continue;
        };
        let configuration = Configuration {
            directives: parse(&text(content)?),
            base,
        };
        for key in ["CONFIG", "INCLUDE", "MENU INCLUDE"] {
            for (_, value) in configuration.values(key) {
                let named = value.split_whitespace().next().unwrap_or_default();
                let Some(next) = path(&configuration.base, named) else {
                    continue;
                };
                if seen.len() < MOST && seen.insert(next.clone()) {
                    todo.push((next, configuration.base.clone()));
                }
            }
        }
        found.insert(file, configuration);
    }
    Ok(found)
}

fn text(content: &Content) -> Result<String> {
    let bytes = super::facts::bytes(content)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn parse(text: &str) -> Vec<Directive> {
    let mut is_help = false;
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(index, line)| {
            let line = line.trim();
            let (key, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            let mut directive = Directive {
                line: index + 1,
                key: key.to_uppercase(),
                value: value.trim().to_owned(),
            };
            if directive.key == "MENU" {
                let value = std::mem::take(&mut directive.value);
                let (key, value) = value.split_once([' ', '\t']).unwrap_or((&value, ""));
                directive.key = format!("MENU {}", key.to_uppercase());
                directive.value = value.trim().to_owned();
            }
            // What is shown to people stands between these, as it is.
            let was_help = is_help;
            match directive.key.as_str() {
                "TEXT" => is_help = true,
                "ENDTEXT" => is_help = false,
                _ => {}
            }
            let is_said = !line.is_empty() && !line.starts_with('#') && !was_help;
            is_said.then_some(directive)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(files: &[(&str, &str)]) -> Bundle {
        let files = files.iter();
        files
            .map(|&(path, text)| (path.to_owned(), text.into()))
            .collect()
    }

    #[test]
    fn lines_are_keywords_and_values() {
        let lines = parse(
            "# x\nserial 0 115200\nLabel  a\n menu background b.png\nTEXT HELP\nBOOT it\nENDTEXT\n\nPROMPT\n",
        );
        let shown: Vec<String> = lines
            .iter()
            .map(|d| format!("{} {}={}", d.line, d.key, d.value))
            .collect();
        assert_eq!(
            shown,
            [
                "2 SERIAL=0 115200",
                "3 LABEL=a",
                "4 MENU BACKGROUND=b.png",
                "5 TEXT=HELP",
                "9 PROMPT="
            ]
        );
    }

    #[test]
    fn configurations_that_others_include_are_read_once() {
        let files = bundle(&[
            (
                "a/pxelinux.cfg/default",
                "INCLUDE more.cfg\nMENU INCLUDE gone.cfg",
            ),
            ("a/more.cfg", "CONFIG pxelinux.cfg/default\nCONFIG /top.cfg"),
            ("top.cfg", "APPEND x=1 initrd=b x=2"),
            ("xpxelinux.cfg/default", ""),
            ("a/b/pxelinux.cfg/default", ""),
        ]);
        let found = configurations(&files).unwrap();
        let names: Vec<&String> = found.keys().collect();
        assert_eq!(names, ["a/more.cfg", "a/pxelinux.cfg/default", "top.cfg"]);
        assert_eq!(
            found["top.cfg"].words("x="),
            [(1, "1".to_owned()), (1, "2".to_owned())]
        );
    }

    #[test]
    fn entries_say_what_they_boot() {
        let text = "LABEL a\nLINUX k\nAPPEND quiet initrd=i,j x\nLABEL b\nKERNEL /k2\nINITRD i\nLABEL c\nLOCALBOOT 0\n";
        let found = boots(&bundle(&[("t/pxelinux.cfg/default", text)])).unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|boot| format!("{:?} {:?}", boot.kernel.as_deref(), boot.initramfs))
            .collect();
        assert_eq!(
            shown,
            [r#"Some("k2") ["t/i"]"#, r#"Some("t/k") ["t/i", "t/j"]"#]
        );
    }

    #[test]
    fn paths_start_from_the_loaders_folder() {
        assert_eq!(path("a/", "b/../c").as_deref(), Some("a/c"));
        assert_eq!(path("a/", "/c").as_deref(), Some("c"));
        assert_eq!(path("", "../../c").as_deref(), Some("c"));
        assert_eq!(path("", "http://x/y"), None);
        assert_eq!(path("", "10.0.0.1::y"), None);
    }
}
