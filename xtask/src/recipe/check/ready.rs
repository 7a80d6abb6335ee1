//! What a recipe says of ready-made things: groups of files to copy, how they are completed, segments. `[sysroot]` itself
//! is `sources`' neighbour; what the names lead to is seen when the packages are there.

use super::Check;
use super::form::{Form, IMAGE_PATH, NAME};
use crate::arch::Arch;
use crate::checkout::Checkout;
use crate::image::pattern::{Pattern, is_pattern};
use crate::recipe::path::Path;
use crate::recipe::schema::{Copy, HOST, Image, Recipe, SYSROOT};
use crate::text::{listing, nearest, quoted};

const WANTED: Form = Form {
    what: "name of something to copy",
    help: "a path or pattern that begins with `/`, the name of a program, or the soname of a library",
    fits: |text| {
        !text.is_empty()
            && !text.starts_with('-')
            && (text.starts_with('/') || !text.contains('/'))
            && !text.split('/').any(|part| part == "..")
    },
};

const PATTERN: Form = Form {
    what: "pattern of paths in the image",
    help: "it begins with `/`, or with `**/` to mean any folder; a plain bracket or brace is written `[[]` or `[{]`",
    fits: |text| (text.starts_with('/') || text.starts_with("**/")) && Pattern::new(text).is_ok(),
};

const HWCAPS: Form = Form {
    what: "folder of glibc-hwcaps",
    help: "such as `x86-64-v3`: lower-case letters, digits and dashes",
    fits: |text| {
        !text.is_empty()
            && text
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-')
    },
};

impl Check<'_> {
    pub(super) fn ready(&mut self, recipe: &Recipe, checkout: &Checkout) {
        for (name, copy) in &recipe.copy {
            let path = Path::of(&["copy", name]);
            self.key(&NAME, &path, name);
            self.copy(recipe, copy, &path);
        }
        let closure = Path::of(&["closure"]);
        self.texts(&HWCAPS, &recipe.closure.hwcaps, &closure.key("hwcaps"));
        self.texts(&PATTERN, &recipe.closure.provided, &closure.key("provided"));
        for (name, segment) in &recipe.segment {
            let path = Path::of(&["segment", name]);
            self.key(&NAME, &path, name);
            self.overlay_names(&segment.overlays, &path.key("overlays"), checkout);
        }
        for name in recipe.settings.keys() {
            self.key(&NAME, &Path::of(&["settings", name]), name);
        }
        self.packing(&recipe.image);
        self.microcode(recipe);
    }

    fn copy(&mut self, recipe: &Recipe, copy: &Copy, path: &Path) {
        if copy.files.is_empty() {
            let help = "name programs, libraries, paths or patterns";
            self.wrong(
                &path.key("files"),
                format!("[{path}] copies nothing"),
                String::new(),
                help,
            );
        }
        self.texts(&WANTED, &copy.files, &path.key("files"));
        self.texts(&PATTERN, &copy.exclude, &path.key("exclude"));
        for (index, name) in copy.from.iter().enumerate() {
            self.root(recipe, name, &path.key("from").index(index));
        }
        let Some(to) = &copy.to else { return };
        let path = path.key("to");
        let one = copy.files.len() == 1 && !is_pattern(&copy.files[0]);
        if self.text(&IMAGE_PATH, to.trim_end_matches('/'), &path) && !one && !to.ends_with('/') {
            let message = format!("several files cannot all go to {}", quoted(to));
            self.wrong(
                &path,
                message,
                String::new(),
                "a folder ends in `/`; or make a group for this one file",
            );
        }
    }

    /// One of the roots that files are taken from.
    fn root(&mut self, recipe: &Recipe, name: &str, path: &Path) {
        let sources = recipe.sources.keys().map(String::as_str);
        let there = match name {
            HOST => true,
            SYSROOT => recipe.sysroot.is_some(),
            name => recipe.sources.contains_key(name),
        };
        if there {
            return;
        }
        let known = [HOST, SYSROOT].into_iter().chain(sources);
        let label = nearest(name, known.clone().filter(|known| *known != name))
            .map_or_else(String::new, |meant| format!("did you mean `{meant}`?"));
        let help = if name == SYSROOT {
            "describe it in [sysroot]: its packages and suite".to_owned()
        } else {
            format!(
                "it has to be {}; or describe it in [sources]",
                listing(known, "or")
            )
        };
        self.wrong(
            path,
            format!("there is nothing called {} to copy from", quoted(name)),
            label,
            help,
        );
    }

    fn packing(&mut self, image: &Image) {
        let Some(level) = image.compression_level else {
            return;
        };
        let name = image.compression.name();
        let help = match image.compression.levels() {
            Some(levels) if levels.contains(&level) => return,
            Some(levels) => format!("it has {} to {}", levels.start(), levels.end()),
            None => "leave it out".to_owned(),
        };
        self.wrong(
            &Path::of(&["image", "compression-level"]),
            format!("{name} has no level {level}"),
            String::new(),
            help,
        );
    }

    fn microcode(&mut self, recipe: &Recipe) {
        let path = Path::of(&["image", "microcode"]);
        let wrong = match (
            recipe.image.microcode.is_empty(),
            recipe.arch,
            &recipe.sysroot,
        ) {
            (true, ..) | (false, Arch::Amd64, Some(_)) => return,
            (false, Arch::Amd64, None) => (
                "there are no packages to take microcode from",
                "describe them in [sysroot]: intel-microcode and amd64-microcode are in non-free-firmware",
            ),
            _ => (
                "only PCs take microcode from an initramfs",
                "leave it out of a recipe for another architecture",
            ),
        };
        self.wrong(&path, wrong.0.to_owned(), String::new(), wrong.1);
    }
}
