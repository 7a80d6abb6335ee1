//! What is read once and asked often: the ELF files, scripts and tables of an image, the boot loader's configurations of its bundle.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::inittab::Line;
use super::pxelinux::{self, Configuration};
use super::resolve::{Found, resolve};
use super::{Finding, Subject, bundle, contents, inittab, rules};
use crate::closure::elf::{self, Elf, Read};
use crate::failure::Result;
use crate::image::content::Content;
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, Node};

/// Scripts and tables are looked into up to this length.
const TEXT: usize = 256 << 10;

/// A script.
pub(super) struct Script {
    /// What stands behind `#!`.
    pub(super) interpreter: String,
    /// All of it.
    pub(super) text: String,
}

/// The subject with what was read of it.
pub(super) struct Facts<'a> {
    pub(super) subject: &'a Subject<'a>,
    /// Every program and library.
    pub(super) programs: BTreeMap<&'a ImagePath, Rc<Elf>>,
    /// Every file that begins with `#!`.
    pub(super) scripts: BTreeMap<&'a ImagePath, Script>,
    /// Kernel modules that are not compressed, with the release they are for; and whether they are signed.
    pub(super) modules: BTreeMap<&'a ImagePath, contents::Module>,
    /// `/etc/inittab`, and where it really is.
    pub(super) inittab: Option<(ImagePath, Vec<Line>)>,
    /// The boot loader's configurations, by path in the bundle.
    pub(super) configurations: BTreeMap<String, Configuration>,
}

impl<'a> Facts<'a> {
    /// Reads every file once; what can be said of a file's bytes alone is said right away.
    pub(super) fn gather(subject: &'a Subject<'a>, findings: &mut Vec<Finding>) -> Result<Self> {
        let mut facts = Self {
            subject,
            programs: BTreeMap::new(),
            scripts: BTreeMap::new(),
            modules: BTreeMap::new(),
            inittab: None,
            configurations: BTreeMap::new(),
        };
        let search = contents::Search::new(&subject.settings.places);
        for (path, entry) in subject.tree.iter() {
            if let Node::File(content) = &entry.node {
                let bytes = bytes(content)?;
                facts.look(path, entry, &bytes, findings);
                search.look(path, &bytes, findings);
            }
        }
        facts.inittab = facts
            .text("/etc/inittab")
            .map(|(path, text)| (path, inittab::parse(&text)));
        if let Some(files) = subject.bundle {
            facts.configurations = pxelinux::configurations(files)?;
            bundle::sums(files, findings)?;
        }
        Ok(facts)
    }

    fn look(
        &mut self,
        path: &'a ImagePath,
        entry: &Entry,
        bytes: &[u8],
        findings: &mut Vec<Finding>,
    ) {
        match elf::read_bytes(bytes) {
            Read::Elf(elf) => {
                self.programs.insert(path, elf);
            }
            // An object file, as modules are.
            Read::Other(head) if head.starts_with(elf::MAGIC) => {
                let module = contents::module(path, bytes);
                self.modules.extend(module.map(|module| (path, module)));
            }
            Read::Damaged(why) if entry.mode & 0o111 != 0 => {
                let what = format!("{path} is an ELF file that cannot be read: {why}");
                findings.push(rules::DAMAGED_PROGRAM.at(path, what));
            }
            _ => {}
        }
        if let Some(rest) = bytes.strip_prefix(b"#!") {
            let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
            let script = Script {
                interpreter: String::from_utf8_lossy(&line[..line.len().min(256)]).into_owned(),
                text: text(bytes),
            };
            self.scripts.insert(path, script);
        }
    }

    /// The text at the end of a path, and where that is.
    pub(super) fn text(&self, path: &str) -> Option<(ImagePath, String)> {
        let (path, entry) = resolve(self.subject.tree, path).file()?;
        let Node::File(content) = &entry.node else {
            return None;
        };
        // Every file was read already: what fails now is not there.
        let head = content.head(TEXT).ok()?;
        Some((path, text(&head)))
    }

    /// Follows a path in the image.
    pub(super) fn find(&self, path: &str) -> Found<'a> {
        resolve(self.subject.tree, path)
    }

    /// Whether a path leads to something that can be started, now or at run time.
    pub(super) fn is_program(&self, path: &str) -> bool {
        match self.find(path) {
            Found::RunTime => true,
            found => found
                .file()
                .is_some_and(|(_, entry)| entry.mode & 0o111 != 0),
        }
    }

    /// Where a program of this name is found by a shell; none where it has no place in `PATH`.
    pub(super) fn program(&self, name: &str) -> Option<ImagePath> {
        let absolute = name.starts_with('/').then(|| name.to_owned());
        let named = PATH.iter().map(|folder| format!("{folder}/{name}"));
        absolute.into_iter().chain(named).find_map(|path| {
            let (path, entry) = self.find(&path).file()?;
            (entry.mode & 0o111 != 0).then_some(path)
        })
    }

    /// Whether this leads to busybox.
    pub(super) fn is_busybox(&self, path: &str) -> bool {
        self.find(path)
            .file()
            .is_some_and(|(path, _)| path.name().starts_with("busybox"))
    }
}

/// Where shells look (busybox's `BB_PATH_ROOT_PATH`), and what is usual beside it.
pub(super) const PATH: [&str; 6] = [
    "/sbin",
    "/usr/sbin",
    "/bin",
    "/usr/bin",
    "/usr/local/sbin",
    "/usr/local/bin",
];

/// All bytes of a file; those in memory stay where they are.
pub(super) fn bytes(content: &Content) -> Result<Cow<'_, [u8]>> {
    if let Content::Bytes(bytes) = content {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut bytes = Vec::new();
    content.copy_to(&mut bytes)?;
    Ok(Cow::Owned(bytes))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT)]).into_owned()
}
