//! The other tools of `bench initramfs`: how each is asked for the same content, and what it needs to be there.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::content::{Kernel, PROGRAMS};
use crate::cli::Context;
use crate::failure::{Failure, Result};
use crate::image::path::ImagePath;
use crate::image::tree::{DeviceKind, Entry, FileTree, Node};
use crate::inspect::{self, extract};
use crate::needs;
use crate::recipe;
use crate::tool::Tool;

/// The level of zstd that all are measured with.
pub(super) const ZSTD: u32 = 9;

/// One way to make the image.
#[derive(Clone, Debug)]
pub(super) struct Contender {
    /// Who makes it.
    pub(super) name: &'static str,
    /// How it is compressed.
    pub(super) compression: &'static str,
    /// The program and its arguments.
    pub(super) argv: Vec<String>,
    /// The image.
    pub(super) output: PathBuf,
    /// Whether the image is the program's standard output.
    pub(super) is_stdout: bool,
    /// Where it writes what it spent on what is not to be counted.
    pub(super) apart: Option<PathBuf>,
}

/// Somebody who is not measured, and why not.
#[derive(Debug, serde::Serialize)]
pub(super) struct Skipped {
    pub(super) name: &'static str,
    pub(super) why: String,
}

/// What others are asked for.
pub(super) struct Wish<'a> {
    pub(super) kernel: &'a Kernel,
    /// Names of the modules.
    pub(super) modules: &'a [String],
    /// Where their settings and images go.
    pub(super) folder: &'a Path,
}

/// What keeps a tool from being measured, if something does.
fn obstacle(wish: &Wish<'_>, program: &str, package: &str) -> Option<String> {
    if needs::find(program).is_none() {
        return Some(format!(
            "it is not installed: `apt-get install {package}` brings it"
        ));
    }
    (!wish.kernel.is_installed()).then(|| {
        format!(
            "it takes modules from /lib/modules/{0} alone, and there are none: install linux-image-{0}",
            wish.kernel.release
        )
    })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// mkinitramfs of initramfs-tools: a folder of settings, with a hook that copies the programs.
///
/// # Errors
/// Why it is not measured, or what writing its settings fails with.
pub(super) fn mkinitramfs(wish: &Wish<'_>) -> Result<Result<Contender, Skipped>> {
    let name = "mkinitramfs";
    let skipped = |why| Ok(Err(Skipped { name, why }));
    if let Some(why) = obstacle(wish, name, "initramfs-tools-core") {
        return skipped(why);
    }
    let config = format!("/boot/config-{}", wish.kernel.release);
    if !Path::new(&config).is_file() {
        return skipped(format!(
            "it reads {config}, which is not there: install linux-image-{}",
            wish.kernel.release
        ));
    }
    let folder = wish.folder.join(name);
    for below in ["conf.d", "hooks", "scripts"] {
        fs_err::create_dir_all(folder.join(below))?;
    }
    let settings = format!("MODULES=list\nBUSYBOX=y\nCOMPRESS=zstd\nCOMPRESSLEVEL={ZSTD}\n");
    fs_err::write(folder.join("initramfs.conf"), settings)?;
    fs_err::write(folder.join("modules"), wish.modules.join("\n") + "\n")?;
    let mut hook =
        "#!/bin/sh\n[ \"$1\" = prereqs ] && exit 0\n. /usr/share/initramfs-tools/hook-functions\n"
            .to_owned();
    for (program, _) in PROGRAMS {
        hook += &format!("copy_exec {program}\n");
    }
    let place = folder.join("hooks/programs");
    fs_err::write(&place, hook)?;
    fs_err::set_permissions(&place, std::fs::Permissions::from_mode(0o755))?;
    let output = wish.folder.join("mkinitramfs.img");
    let argv = ["mkinitramfs", "-d", &text(&folder), "-o", &text(&output)];
    let argv = argv.into_iter().chain([wish.kernel.release.as_str()]);
    Ok(Ok(Contender {
        name,
        compression: "zstd -9",
        argv: argv.map(str::to_owned).collect(),
        output,
        is_stdout: false,
        apart: None,
    }))
}

/// dracut with one module of its own, busybox, and settings of nobody; `zstd` or not compressed.
///
/// # Errors
/// Why it is not measured, or what writing its settings fails with.
pub(super) fn dracut(wish: &Wish<'_>, zstd: bool) -> Result<Result<Contender, Skipped>> {
    let name = "dracut";
    if let Some(why) = obstacle(wish, name, "dracut-core") {
        return Ok(Err(Skipped { name, why }));
    }
    let empty = wish.folder.join("dracut");
    fs_err::create_dir_all(&empty)?;
    let programs: Vec<&str> = PROGRAMS.iter().map(|(path, _)| *path).collect();
    let output = wish.folder.join(format!("dracut-{zstd}.img"));
    let options: [&[&str]; 8] = [
        &[
            "dracut",
            "--quiet",
            "--force",
            "--no-hostonly",
            "--no-early-microcode",
        ],
        &["--conf", "/dev/null", "--confdir", &text(&empty)],
        &["--fwdir", &text(&empty), "--tmpdir", &text(wish.folder)],
        // None of its own: what it needs to boot by itself is not asked for.
        &["--modules", " "],
        &["--add-drivers", &wish.modules.join(" ")],
        &["--install", &programs.join(" ")],
        if zstd {
            &["--compress", "zstd -9 -q -T2"]
        } else {
            &["--no-compress"]
        },
        &["--kver", &wish.kernel.release, &text(&output)],
    ];
    Ok(Ok(Contender {
        name,
        compression: if zstd { "zstd -9" } else { "none" },
        argv: options.concat().into_iter().map(str::to_owned).collect(),
        output,
        is_stdout: false,
        apart: None,
    }))
}

/// The kernel's own writer of such archives: it is given the files of one of our images, and finds nothing by itself.
///
/// # Errors
/// Why it is not measured; what extracting and compiling fail with.
pub(super) fn gen_init_cpio(
    context: &Context<'_>,
    folder: &Path,
    image: &Path,
) -> Result<Result<Contender, Skipped>> {
    let name = "gen_init_cpio";
    let skipped = |why: &str| {
        let why = why.to_owned();
        Ok(Err(Skipped { name, why }))
    };
    let Some(source) = source(context) else {
        return skipped(
            "its source is in none of the kernel sources in the store: `cargo xtask build demo` brings one",
        );
    };
    if needs::find("gcc").is_none() {
        return skipped("it has to be compiled: `apt-get install gcc libc6-dev` brings what does");
    }
    let program = folder.join("gen_init_cpio");
    Tool::new("gcc")
        .args(["-O2", "-o"])
        .args([&program, &source])
        .run()?;
    let image = inspect::Image::of_file("ours", image)?;
    let files = folder.join("files");
    let options = extract::Options {
        force: false,
        preserve: false,
    };
    extract::extract(image.tree(), &files, &|_| true, options)?;
    let list = folder.join("list");
    fs_err::write(&list, listing(image.tree(), &files)?)?;
    Ok(Ok(Contender {
        name,
        compression: "none",
        argv: vec![text(&program), text(&list)],
        output: folder.join("gen_init_cpio.img"),
        is_stdout: true,
        apart: None,
    }))
}

/// Its source, in the first unpacked kernel of a recipe that has it. A recipe that cannot be planned has none.
fn source(context: &Context<'_>) -> Option<PathBuf> {
    let workshop = &context.workshop;
    for name in recipe::names(&workshop.checkout) {
        let Ok(planned) = workshop.plan(&name) else {
            continue;
        };
        for step in planned.plan.steps() {
            let Ok(Some(artifact)) = workshop.store.lookup(&step.key) else {
                continue;
            };
            let place = artifact.path("tree").ok();
            let place = place.map(|tree| tree.join("usr/gen_init_cpio.c"));
            if let Some(place) = place.filter(|place| place.is_file()) {
                return Some(place);
            }
        }
    }
    None
}

/// A tree as the list that `gen_init_cpio` reads, with contents from `files`.
fn listing(tree: &FileTree, files: &Path) -> Result<String> {
    let mut list = String::new();
    for (path, entry) in tree.iter() {
        line(&mut list, path, entry, files)
            .map_err(|error| Failure::bug(format!("a list cannot be written: {error}")))?;
    }
    Ok(list)
}

fn line(list: &mut String, path: &ImagePath, entry: &Entry, files: &Path) -> std::fmt::Result {
    let Entry { mode, uid, gid, .. } = entry;
    let rights = format!("{mode:o} {uid} {gid}");
    match &entry.node {
        Node::File(_) => {
            let place = files.join(path.as_str());
            writeln!(list, "file /{path} {} {rights}", place.display())
        }
        Node::Directory => writeln!(list, "dir /{path} {rights}"),
        Node::Symlink { target } => writeln!(list, "slink /{path} {target} {rights}"),
        Node::Device {
            device,
            major,
            minor,
        } => {
            let kind = match device {
                DeviceKind::Character => 'c',
                DeviceKind::Block => 'b',
            };
            writeln!(list, "nod /{path} {rights} {kind} {major} {minor}")
        }
        Node::Fifo => writeln!(list, "pipe /{path} {rights}"),
        Node::Socket => writeln!(list, "sock /{path} {rights}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::tree::Origin;

    #[test]
    fn a_tree_becomes_a_list() {
        let origin = || Origin::Generated {
            what: "test".to_owned(),
        };
        let mut tree = FileTree::default();
        let file = Entry::file("x", true, origin());
        tree.add("bin/sh".parse().unwrap(), file).unwrap();
        let link = Entry::symlink("bin/sh", origin());
        tree.add("init".parse().unwrap(), link).unwrap();
        tree.fill_parents(0o755);
        assert_eq!(
            listing(&tree, Path::new("/f")).unwrap(),
            "dir //bin 755 0 0\nfile //bin/sh /f/bin/sh 755 0 0\nslink //init bin/sh 777 0 0\n"
        );
    }
}
