//! Whether a kernel can take an image: what the image needs, held against the kernel's final `.config`. Pure, but for looking into
//! the image's files.

use std::collections::{BTreeMap, BTreeSet};

use crate::failure::{Failure, Kind, Result};

use super::compress::{Compression, Filter};
use super::content::Content;
use super::path::ImagePath;
use super::tree::{Entry, FileTree, Node};

/// Scripts are looked into up to this length.
const SCRIPT: usize = 256 << 10;

/// What an image needs from a kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// How it is compressed.
    pub compression: Compression,
    /// The filter that xz was used with.
    pub filter: Filter,
    /// Whether it brings device nodes of its own.
    pub device_nodes: bool,
    /// An ELF program that is in it.
    pub program: Option<ImagePath>,
    /// A script that is in it.
    pub script: Option<ImagePath>,
    /// Types of file systems that are mounted, each with a script or table that does so.
    pub mounts: BTreeMap<String, ImagePath>,
}

impl Needs {
    /// Looks through an image.
    ///
    /// # Errors
    /// What reading its files fails with.
    pub fn of(tree: &FileTree, compression: Compression, filter: Filter) -> Result<Self> {
        let mut needs = Self {
            compression,
            filter,
            ..Self::default()
        };
        for (path, entry) in tree.iter() {
            needs.look(path, entry)?;
        }
        Ok(needs)
    }

    fn look(&mut self, path: &ImagePath, entry: &Entry) -> Result<()> {
        let Node::File(content) = &entry.node else {
            self.device_nodes |= matches!(entry.node, Node::Device { .. });
            return Ok(());
        };
        // In a segment below, and looked at when that was made.
        if matches!(content, Content::Elsewhere { .. }) {
            return Ok(());
        }
        let is_fstab = path.as_str() == "etc/fstab";
        let is_executable = entry.mode & 0o111 != 0;
        let magic = content.head(4)?;
        if is_executable && magic == b"\x7fELF" {
            self.program.get_or_insert_with(|| path.clone());
        }
        if !is_fstab && !magic.starts_with(b"#!") {
            return Ok(());
        }
        if is_executable && !is_fstab {
            self.script.get_or_insert_with(|| path.clone());
        }
        let text = content.head(SCRIPT)?;
        let text = String::from_utf8_lossy(&text);
        let types = if is_fstab {
            fstab(&text)
        } else {
            mounted(&text)
        };
        for name in types {
            self.mounts
                .entry(name.to_owned())
                .or_insert_with(|| path.clone());
        }
        Ok(())
    }
}

/// The third fields of fstab(5).
fn fstab(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect()
}

/// What follows `mount … -t` on a line of a script. Not a shell's understanding of it: what stands in variables is not seen,
/// and a line with `||` is taken to know what to do when mounting fails.
fn mounted(text: &str) -> BTreeSet<&str> {
    let mut types = BTreeSet::new();
    let lines = text.lines().map(str::trim_start);
    for line in lines.filter(|line| !line.starts_with('#') && !line.contains("||")) {
        let mut words = line.split_whitespace().skip_while(|word| *word != "mount");
        while let Some(word) = words.next() {
            if word == "-t" {
                types.extend(words.next());
            }
        }
    }
    types
}

/// Types of file systems, the symbol that brings each, and whether a module will do (it could come with the image).
const FILE_SYSTEMS: &[(&str, &str, bool)] = &[
    ("proc", "PROC_FS", false),
    ("sysfs", "SYSFS", false),
    ("devtmpfs", "DEVTMPFS", false),
    ("devpts", "UNIX98_PTYS", false),
    ("tmpfs", "TMPFS", false),
    ("debugfs", "DEBUG_FS", false),
    ("securityfs", "SECURITYFS", false),
    ("cgroup2", "CGROUPS", false),
    ("configfs", "CONFIGFS_FS", true),
    ("ext4", "EXT4_FS", true),
    ("vfat", "VFAT_FS", true),
    ("iso9660", "ISO9660_FS", true),
    ("squashfs", "SQUASHFS", true),
    ("overlay", "OVERLAY_FS", true),
    ("nfs", "NFS_FS", true),
    ("9p", "9P_FS", true),
];

/// A symbol that the kernel's configuration lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its name, without `CONFIG_`.
    pub symbol: &'static str,
    /// What it is needed for: the end of a sentence.
    pub why: String,
}

impl Problem {
    /// The whole sentence, and what to do.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!(
            "CONFIG_{} is not built in, but {}: add CONFIG_{}=y to a fragment under kernel-configs/",
            self.symbol, self.why, self.symbol
        )
    }
}

/// Everything that a kernel with this final `.config` lacks for an image.
#[must_use]
pub fn problems(config: &str, needs: &Needs) -> Vec<Problem> {
    let value = |symbol: &str| {
        let line = format!("CONFIG_{symbol}=");
        config.lines().find_map(|text| text.strip_prefix(&line))
    };
    wanted(needs)
        .into_iter()
        .filter(|(symbol, module_will_do, _)| {
            let value = value(symbol);
            value != Some("y") && !(*module_will_do && value == Some("m"))
        })
        .map(|(symbol, _, why)| Problem { symbol, why })
        .collect()
}

/// The symbols that an image needs, whether a module will do, and why.
fn wanted(needs: &Needs) -> Vec<(&'static str, bool, String)> {
    let mut wanted = vec![(
        "BLK_DEV_INITRD",
        false,
        "the kernel is to start from an initramfs".to_owned(),
    )];
    let mut want = |symbol, why: String| wanted.push((symbol, false, why));
    if let Some(symbol) = needs.compression.kernel_symbol() {
        let name = needs.compression.name();
        want(symbol, format!("the initramfs is compressed with {name}"));
    }
    if needs.compression == Compression::Xz && needs.filter == Filter::X86 {
        want(
            "XZ_DEC_X86",
            "the initramfs is compressed with xz and its filter for x86 code".to_owned(),
        );
    }
    if let Some(program) = &needs.program {
        want("BINFMT_ELF", format!("{program} is an ELF program"));
    }
    if let Some(script) = &needs.script {
        // A module could not be loaded before the first script runs.
        want("BINFMT_SCRIPT", format!("{script} is a script"));
    }
    // The kernel's built-in archive (usr/default_cpio_list) has /dev/console, and nothing else.
    if !needs.device_nodes {
        want(
            "DEVTMPFS",
            "the image brings no device nodes, so that nothing else would make them".to_owned(),
        );
    }
    for (name, path) in &needs.mounts {
        let known = FILE_SYSTEMS.iter().find(|(known, ..)| known == name);
        if let Some(&(_, symbol, module_will_do)) = known
            && wanted.iter().all(|(there, ..)| *there != symbol)
        {
            wanted.push((symbol, module_will_do, format!("{path} mounts {name}")));
        }
    }
    wanted
}

/// Fails when a kernel with this final `.config` cannot take an image.
///
/// # Errors
/// [`Kind::Recipe`], with a note for every symbol that is lacking.
pub fn check(config: &str, needs: &Needs) -> Result<()> {
    let problems = problems(config, needs);
    if problems.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(Kind::Recipe, "the kernel cannot take the image");
    Err(problems
        .iter()
        .fold(failure, |failure, problem| failure.note(problem.sentence()))
        .hint("add what is missing to a fragment, or do without it in the image's recipe"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tree::{DeviceKind, Origin};

    const FULL: &str = "CONFIG_BLK_DEV_INITRD=y\nCONFIG_RD_XZ=y\nCONFIG_XZ_DEC_X86=y\nCONFIG_BINFMT_ELF=y\n\
        CONFIG_BINFMT_SCRIPT=y\nCONFIG_DEVTMPFS=y\nCONFIG_PROC_FS=y\nCONFIG_TMPFS=y\nCONFIG_EXT4_FS=m\n";

    fn tree(nodes: bool) -> FileTree {
        let origin = || Origin::Generated {
            what: "test".to_owned(),
        };
        let script = "#!/bin/sh\nmount -t proc proc /proc && mount -o x -t ext4 a b\n\
            # mount -t sysfs\nmount -t nfs x y || true\n";
        let null = Node::Device {
            device: DeviceKind::Character,
            major: 1,
            minor: 3,
        };
        let mut tree = FileTree::default();
        for (path, entry) in [
            ("/bin/busybox", Entry::file("\u{7f}ELF...", true, origin())),
            ("/init", Entry::file(script, true, origin())),
            (
                "/etc/fstab",
                Entry::file("# x y z\ntmpfs /tmp tmpfs size=1m 0 0\n", false, origin()),
            ),
            ("/etc/readme", Entry::file("mount -t nfs", false, origin())),
        ] {
            tree.add(path.parse().unwrap(), entry).unwrap();
        }
        if nodes {
            let null = Entry::new(null, 0o666, origin());
            tree.add("/dev/null".parse().unwrap(), null).unwrap();
        }
        tree
    }

    fn needs() -> Needs {
        Needs::of(&tree(false), Compression::Xz, Filter::X86).unwrap()
    }

    #[test]
    fn a_full_configuration_has_no_problem() {
        assert_eq!(problems(FULL, &needs()), []);
        check(FULL, &needs()).unwrap();
    }

    #[test]
    fn every_symbol_that_is_missing_is_named() {
        for line in FULL.lines() {
            let symbol = line.strip_prefix("CONFIG_").unwrap();
            let symbol = symbol.split('=').next().unwrap();
            let off = format!("# CONFIG_{symbol} is not set");
            let failure = check(&FULL.replace(line, &off), &needs()).unwrap_err();
            assert_eq!(failure.notes.len(), 1, "{failure}");
            assert!(failure.to_string().contains(symbol), "{failure}");
        }
        assert_eq!(problems("", &needs()).len(), FULL.lines().count());
    }

    #[test]
    fn a_module_will_do_for_file_systems_only() {
        let modules = FULL.replace("BINFMT_SCRIPT=y", "BINFMT_SCRIPT=m");
        let symbols: Vec<_> = problems(&modules, &needs())
            .iter()
            .map(|p| p.symbol)
            .collect();
        assert_eq!(symbols, ["BINFMT_SCRIPT"]);
    }

    #[test]
    fn what_is_not_used_is_not_asked_for() {
        let needs = Needs::of(&tree(true), Compression::None, Filter::X86).unwrap();
        let config = FULL
            .replace("CONFIG_DEVTMPFS=y\n", "")
            .replace("CONFIG_RD_XZ=y\n", "");
        let config = config.replace("CONFIG_XZ_DEC_X86=y\n", "");
        assert_eq!(problems(&config, &needs), []);
    }

    #[test]
    fn scripts_and_tables_say_what_is_mounted() {
        let needs = needs();
        let names: Vec<&str> = needs.mounts.keys().map(String::as_str).collect();
        assert_eq!(names, ["ext4", "proc", "tmpfs"]);
        assert_eq!(needs.script.unwrap().to_string(), "/init");
    }
}
