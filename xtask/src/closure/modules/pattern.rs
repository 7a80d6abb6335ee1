//! Patterns of module names and of paths below `lib/modules/RELEASE`.

use crate::failure::Result;
use crate::image::pattern::{self, Part, Pattern};

use super::info::{canonical, normalized};

/// What a module's file may be compressed as.
const COMPRESSED: [&str; 3] = [".xz", ".zst", ".gz"];

/// Whether a text is a pattern: of paths when it has a slash, of names otherwise.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains('/') || pattern::is_pattern(text)
}

/// A pattern of modules.
pub(super) struct ModulePattern {
    pattern: Pattern,
    /// Whether it is held against the path; the name otherwise.
    of_path: bool,
    /// How paths that fit begin, whichever words of its braces are meant: most are told apart by that.
    starts: Vec<String>,
}

impl ModulePattern {
    /// Reads a pattern. One with a slash is of paths, with or without the `kernel/` at their beginning and the suffix at their end.
    ///
    /// # Errors
    /// As [`Pattern::new`].
    pub(super) fn new(text: &str) -> Result<Self> {
        let of_path = text.contains('/');
        let pattern = if of_path {
            Pattern::new(text)
        } else {
            // In brackets, a dash is a range.
            Pattern::new(&normalized(text).unwrap_or_else(|| canonical(text)))
        };
        let pattern = pattern?;
        let starts = pattern.ways().iter().map(|way| start(way));
        Ok(Self {
            starts: starts.collect(),
            pattern,
            of_path,
        })
    }

    /// Whether a module is meant: its name with underscores, its path below the release's folder.
    pub(super) fn fits(&self, name: &str, path: &str) -> bool {
        if !self.of_path {
            return self.pattern.matches(name);
        }
        let below = path.as_bytes();
        let below = below.strip_prefix(b"kernel/").unwrap_or(below);
        let begins = |start: &String| {
            below.starts_with(start.as_bytes()) || path.as_bytes().starts_with(start.as_bytes())
        };
        if !self.starts.iter().any(begins) {
            return false;
        }
        let mut names: Vec<&str> = path.split('/').collect();
        let Some(file) = names.pop() else {
            return false;
        };
        let module = COMPRESSED
            .iter()
            .find_map(|suffix| file.strip_suffix(suffix))
            .unwrap_or(file);
        let name = module.strip_suffix(".ko").unwrap_or(module);
        let from = usize::from(names.first() == Some(&"kernel"));
        [name, module, file].into_iter().any(|last| {
            names.push(last);
            let fits = [from, 0]
                .into_iter()
                .any(|from| self.pattern.matches_names(&names[from..]));
            names.pop();
            fits
        })
    }
}

/// The folders that a pattern names before anything else. Its last part may mean a file without its suffix.
fn start(way: &[Part]) -> String {
    let folders = way.split_last().map_or(way, |(_, folders)| folders);
    let names = folders.iter().map_while(|part| match part {
        Part::Name(name) => Some(name.as_str()),
        Part::AnyDepth | Part::Like(_) => None,
    });
    names.fold(String::new(), |start, name| start + name + "/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        let name = path
            .rsplit('/')
            .next()
            .unwrap()
            .split(".ko")
            .next()
            .unwrap();
        ModulePattern::new(pattern)
            .unwrap()
            .fits(&name.replace('-', "_"), path)
    }

    #[test]
    fn a_star_stays_in_its_folder_and_two_do_not() {
        let path = "kernel/drivers/net/ethernet/intel/e1000/e1000.ko.xz";
        for pattern in [
            "drivers/net/**",
            "drivers/net/**/e1000",
            "**/e1000.ko",
            "kernel/drivers/net/ethernet/*/*/e1000.ko.xz",
            "e100?",
            "e1000",
            "**",
            "drivers/{net,block}/**",
            "{kernel/drivers,drivers}/net/**",
            "drivers/net/ethernet/intel/e1000/e1000",
            "/drivers/net/**",
        ] {
            assert!(fits(pattern, path), "{pattern}");
        }
        for pattern in [
            "drivers/net/*",
            "net/**",
            "e100",
            "drivers/net",
            "E1000",
            "drivers/net/ether/**",
        ] {
            assert!(!fits(pattern, path), "{pattern}");
        }
    }

    #[test]
    fn names_are_the_same_with_dashes_and_underscores() {
        assert!(fits("virtio-*", "kernel/drivers/virtio/virtio_pci.ko"));
        assert!(fits("virtio_*", "kernel/drivers/virtio/virtio-pci.ko"));
    }

    #[test]
    fn sets_of_letters_are_taken_as_they_are() {
        assert!(fits("e[0-9]*", "updates/e1000.ko"));
        assert!(!fits("e[!0-9]*", "updates/e1000.ko"));
        assert!(fits("updates/[de]1000", "updates/e1000.ko"));
    }
}
