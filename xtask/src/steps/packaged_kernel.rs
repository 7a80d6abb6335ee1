//! A kernel that a Debian package brings: the same outputs as of one that is built, so that later steps need not know.

use std::path::Path;

use walkdir::WalkDir;

use super::Work;
use super::sysroot::Index;
use crate::failure::{Failure, Kind, Result};
use crate::tool;

/// What kernels are called below `boot/`: ppc64el's is an ELF file, the others are compressed or have a stub for EFI.
const IMAGES: [&str; 2] = ["vmlinuz-", "vmlinux-"];

/// A kernel in the sysroot.
#[derive(Debug, PartialEq, Eq)]
struct Found<'a> {
    path: &'a str,
    release: &'a str,
    package: &'a str,
}

pub(super) fn run(work: &Work<'_>, package: &str) -> Result<()> {
    let index = Index::parse(&work.text("index")?)?;
    let kernel = choose(kernels(&index), package)?;
    let tree = work.input("tree");
    fs_err::copy(tree.join(kernel.path), work.output("kernel"))?;
    let config = format!("boot/config-{}", kernel.release);
    if !index.files.contains_key(&config) {
        let what = format!("the package {} has no /{config}", kernel.package);
        return Err(Failure::new(Kind::Source, what).hint(
            "without its configuration nobody can tell what the kernel can do: take another one",
        ));
    }
    fs_err::copy(tree.join(config), work.output("config"))?;
    fs_err::write(work.output("release"), kernel.release)?;
    modules(work, &tree, kernel.release)
}

/// The kernels in a sysroot.
fn kernels(index: &Index) -> Vec<Found<'_>> {
    let found = index.files.iter().filter_map(|(path, member)| {
        let name = path.strip_prefix("boot/")?;
        let mut images = IMAGES.iter();
        let release = images.find_map(|image| name.strip_prefix(image))?;
        (!release.contains('/')).then_some(Found {
            path,
            release,
            package: &member.package,
        })
    });
    found.collect()
}

/// The only one, or that of the package which was named.
fn choose<'a>(mut kernels: Vec<Found<'a>>, package: &str) -> Result<Found<'a>> {
    let named = |kernel: &Found<'_>| kernel.package == package;
    let wrong = |what: String| Failure::new(Kind::Source, what);
    if kernels.iter().filter(|kernel| named(kernel)).count() == 1 {
        kernels.retain(named);
    }
    match kernels.len() {
        1 => Ok(kernels.remove(0)),
        0 => Err(wrong(format!("neither {package} nor what it depends on has a kernel in /boot"))
            .hint("name another package in [kernel], such as linux-image-amd64 or linux-image-cloud-arm64")),
        _ => {
            let all: Vec<String> = kernels
                .iter()
                .map(|kernel| format!("/{} of {}", kernel.path, kernel.package))
                .collect();
            Err(wrong(format!("{package} leaves open which kernel is meant: there are {}", all.join(" and ")))
                .hint("name the kernel's own package in [kernel], or leave the other one out by `without` in [sysroot]"))
        }
    }
}

/// The modules as they lie in the package; their indexes are made of those that go into the image.
fn modules(work: &Work<'_>, tree: &Path, release: &str) -> Result<()> {
    let output = work.output("modules");
    fs_err::create_dir_all(&output)?;
    let from = fs_err::canonicalize(tree)?
        .join("usr/lib/modules")
        .join(release);
    if !from.is_dir() {
        return Ok(());
    }
    let to = output.join("lib/modules").join(release);
    for entry in WalkDir::new(&from).sort_by_file_name() {
        tool::check_interrupt()?;
        let entry = entry.map_err(std::io::Error::from)?;
        let inside = entry.path().strip_prefix(&from).unwrap_or(entry.path());
        let place = to.join(inside);
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(place)?;
        } else if entry.file_type().is_file() {
            link(entry.path(), &place)?;
        }
        // What is left are links to the headers it was built with: they mean nothing in an image.
    }
    Ok(())
}

/// Another name for a file of the store, which nobody writes to; a copy where the file system takes no more names.
fn link(from: &Path, to: &Path) -> Result<()> {
    if fs_err::hard_link(from, to).is_err() {
        fs_err::copy(from, to)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Attributes;
    use crate::steps::sysroot::Member;

    fn index(files: &[(&str, &str)]) -> Index {
        let member = |package: &str| Member {
            package: package.to_owned(),
            attributes: Attributes::default(),
        };
        let files = files
            .iter()
            .map(|(path, package)| ((*path).to_owned(), member(package)));
        Index {
            files: files.collect(),
            ..Index::default()
        }
    }

    #[test]
    fn the_only_kernel_is_taken_whichever_package_asked_for_it() {
        let index = index(&[
            ("boot/System.map-6.1-x", "linux-image-6.1-x"),
            ("boot/vmlinux-6.1-x", "linux-image-6.1-x"),
            ("boot/grub/vmlinuz-y/z", "other"),
        ]);
        let found = choose(kernels(&index), "linux-image-x").unwrap();
        assert_eq!((found.release, found.path), ("6.1-x", "boot/vmlinux-6.1-x"));
    }

    #[test]
    fn of_several_the_named_one_is_taken_and_none_by_chance() {
        let index = index(&[("boot/vmlinuz-1", "one"), ("boot/vmlinuz-2", "two")]);
        assert_eq!(choose(kernels(&index), "two").unwrap().release, "2");
        let failure = choose(kernels(&index), "meta").unwrap_err();
        assert!(
            failure.what.contains("/boot/vmlinuz-1 of one and"),
            "{failure}"
        );
        assert!(
            choose(Vec::new(), "meta")
                .unwrap_err()
                .what
                .contains("meta")
        );
    }
}
