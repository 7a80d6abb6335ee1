//! What modules say of themselves: `key=value` strings, NUL-terminated, in `.modinfo` (include/linux/module.h of the kernel).

/// What a module says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// Modules without which it cannot be loaded, by name.
    pub depends: Vec<String>,
    /// Modules, or aliases of modules, that are to be loaded before or after it (`softdep`).
    pub soft: Vec<String>,
    /// The values of `softdep` as they are: `pre: a b post: c`.
    pub softdeps: Vec<String>,
    /// Modules that it loads itself when it finds that it needs them (`weakdep`, kmod 33).
    pub weak: Vec<String>,
    /// Patterns of what it drives, and other names of it.
    pub aliases: Vec<String>,
    /// Files below `lib/firmware` that it may ask for; may be patterns.
    pub firmware: Vec<String>,
    /// The kernel it was built for: its release, then words of its configuration.
    pub vermagic: Option<String>,
}

impl Info {
    /// Takes one `key=value`; keys that are not ours are left out.
    pub(super) fn take(&mut self, key: &str, value: &str) {
        let names = |text: &str| -> Vec<String> {
            let names = text.split([',', ' ', '\t']).filter(|name| !name.is_empty());
            names.map(ToOwned::to_owned).collect()
        };
        match key {
            "depends" => {
                let names = names(value);
                self.depends
                    .extend(names.iter().map(|name| canonical(name)));
            }
            "softdep" => {
                let soft = names(value).into_iter();
                self.soft
                    .extend(soft.filter(|name| !matches!(name.as_str(), "pre:" | "post:")));
                self.softdeps.push(value.to_owned());
            }
            "weakdep" => self.weak.extend(names(value)),
            "alias" => self.aliases.push(value.to_owned()),
            "firmware" => self.firmware.push(value.to_owned()),
            "vermagic" => self.vermagic = Some(value.to_owned()),
            _ => {}
        }
    }

    /// Reads the contents of `.modinfo`.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut info = Self::default();
        for (key, value) in pairs(&String::from_utf8_lossy(bytes)) {
            info.take(key, value);
        }
        info
    }
}

/// The pairs in a sequence of NUL-terminated `key=value`.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('\0').filter_map(|line| line.split_once('='))
}

/// The name of a module as the kernel has it: with underscores.
pub(super) fn canonical(name: &str) -> String {
    underscored(name)
}

/// A text with underscores for dashes. Of thousands of names few have any.
fn underscored(text: &str) -> String {
    match memchr::memchr(b'-', text.as_bytes()) {
        Some(_) => text.replace('-', "_"),
        None => text.to_owned(),
    }
}

/// The name of the module in a file of this path; none for what is no module.
pub(super) fn name_of(path: &str) -> Option<String> {
    let from = memchr::memrchr(b'/', path.as_bytes()).map_or(0, |slash| slash + 1);
    stem(&path[from..]).map(canonical)
}

/// The name of a module's file without its suffixes; none for what is no module.
pub(super) fn stem(file: &str) -> Option<&str> {
    let suffixes = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"];
    let mut stems = suffixes.iter().map(|suffix| file.strip_suffix(suffix));
    stems.find_map(|stem| stem).filter(|stem| !stem.is_empty())
}

/// An alias as indexes have it: with underscores, but for what is in brackets. None where brackets do not match; no index has those.
pub(super) fn normalized(alias: &str) -> Option<String> {
    if memchr::memchr2(b'[', b']', alias.as_bytes()).is_none() {
        return Some(underscored(alias));
    }
    let mut out = String::with_capacity(alias.len());
    let mut rest = alias;
    while let Some(at) = rest.find(['[', ']']) {
        if rest[at..].starts_with(']') {
            return None;
        }
        let end = at + rest[at..].find(']')? + 1;
        out.push_str(&rest[..at].replace('-', "_"));
        out.push_str(&rest[at..end]);
        rest = &rest[end..];
    }
    out.push_str(&rest.replace('-', "_"));
    Some(out)
}
