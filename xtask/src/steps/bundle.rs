//! The bundle: boot loader, its modules, kernel, initramfs, configurations, DHCP snippets and the manifest, as a server serves them.
//! Machines whose firmware reads `pxelinux.cfg/` itself get no boot loader.

mod archives;
mod firmware;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use walkdir::WalkDir;

use super::{Work, manifest};
use crate::failure::{Failure, Kind, Result};
use crate::loader::address::Address;
use crate::loader::bundle::{self, Boot, BundleText, Reader};
use crate::loader::{c32, dhcp, pxelinux};
use crate::plan::Bundle;
use crate::recipe::schema::Node;

/// Where Debian's packages have them; other packages of the same files are searched.
const PXELINUX_FOLDER: &str = "usr/lib/PXELINUX";
const MODULES_FOLDER: &str = "usr/lib/syslinux/modules/bios";

pub(super) fn run(work: &Work<'_>, bundle: &Bundle) -> Result<()> {
    let folder = work.output("bundle");
    fs_err::create_dir_all(&folder)?;
    let text = text(bundle)?;
    copy(&work.input("kernel"), &folder.join(&text.kernel))?;
    archives::write(work, bundle, &folder)?;
    firmware::write(work, bundle, &folder)?;
    if text.reader() == Reader::Pxelinux {
        loader(work, &text, &folder)?;
    }
    for file in bundle::files(&text)?.into_iter().chain(dhcp::files(&text)?) {
        let path = folder.join(&file.path);
        fs_err::create_dir_all(path.parent().unwrap_or(&folder))?;
        fs_err::write(path, file.content)?;
    }
    let mut segments = BTreeMap::new();
    for name in &bundle.segments {
        segments.insert(
            name.clone(),
            json(work, &format!("segment-listing/{name}"))?,
        );
    }
    let contents = manifest::Contents {
        default: manifest::Boots {
            initramfs: &text.initramfs,
            segments: &bundle.bundle.segments,
        },
        initramfs: json(work, "listing")?,
        segments,
        packages: json(work, "packages")?,
    };
    let versions = (work.text("release")?, work.text("busybox-version")?);
    manifest::write(
        &folder,
        bundle.arch,
        &bundle.stamps,
        (&versions.0, &versions.1),
        contents,
        &bundle.provenance,
    )
}

/// What a step before this one left as JSON.
fn json(work: &Work<'_>, input: &str) -> Result<Value> {
    serde_json::from_str(&work.text(input)?)
        .map_err(|error| Failure::bug(format!("the input {input} cannot be read: {error}")))
}

/// What the configurations and snippets say.
///
/// # Errors
/// A bug: addresses of nodes were checked with the recipe.
pub(super) fn text(bundle: &Bundle) -> Result<BundleText> {
    let stamps = &bundle.stamps;
    let menu = bundle.bundle.menu.as_ref().map(|menu| bundle::Menu {
        title: menu.title.clone(),
        timeout: menu.timeout,
        ontimeout: menu.ontimeout.map(Boot::from),
    });
    Ok(BundleText {
        arch: bundle.arch,
        routes: bundle.bundle.routes(bundle.arch),
        name: stamps.name.clone(),
        version: stamps.version.clone(),
        kernel: format!("vmlinuz-{}-{}", stamps.name, stamps.version),
        initramfs: archives::names(bundle, &[]),
        console: bundle::Console {
            device: bundle.console.device.clone(),
            baud: bundle.console.baud,
        },
        append: bundle.bundle.append.clone(),
        message: bundle.bundle.message.clone(),
        message_file: pxelinux::MESSAGE.to_owned(),
        default: bundle.bundle.default.into(),
        menu,
        nodes: (bundle.nodes.iter())
            .map(|machine| node(bundle, machine))
            .collect::<Result<_>>()?,
    })
}

fn node(bundle: &Bundle, node: &Node) -> Result<bundle::Node> {
    let address = match (&node.mac, &node.ip) {
        (Some(mac), _) => Address::Mac(mac.parse()?),
        (None, Some(ip)) => {
            let ip = ip
                .parse()
                .map_err(|_| Failure::bug(format!("the checked recipe has the address {ip:?}")))?;
            Address::Ip(ip)
        }
        (None, None) => {
            return Err(Failure::bug(format!(
                "the checked node {:?} has no address",
                node.name
            )));
        }
    };
    Ok(bundle::Node {
        name: node.name.clone(),
        address,
        boot: node.menu.into(),
        append: node.append.clone(),
        initramfs: archives::names(bundle, &node.segments),
    })
}

/// pxelinux.0 and the modules that it and the configurations need, from the packages they come in.
fn loader(work: &Work<'_>, text: &BundleText, folder: &Path) -> Result<()> {
    let program = find(&work.input("pxelinux"), PXELINUX_FOLDER, c32::PXELINUX)?
        .ok_or_else(|| absent(c32::PXELINUX, "pxelinux"))?;
    c32::version(&fs_err::read(&program)?)?;
    copy(&program, &folder.join(c32::PXELINUX))?;
    let modules = work.input("modules");
    let needed = c32::needed(&pxelinux::modules(text), |name| {
        find(&modules, MODULES_FOLDER, name)?
            .map(fs_err::read)
            .transpose()
            .map_err(Failure::from)
    })?;
    for module in needed {
        let path = find(&modules, MODULES_FOLDER, &module.name)?
            .ok_or_else(|| absent(&module.name, "modules"))?;
        copy(&path, &folder.join(&module.name))?;
    }
    Ok(())
}

/// A file in an unpacked package: in the folder where Debian has it, or the only one of its name. A link that leads out of the
/// package is refused: what it leads to is no part of the source, and of no key.
fn find(tree: &Path, folder: &str, name: &str) -> Result<Option<PathBuf>> {
    let tree = fs_err::canonicalize(tree)?;
    let usual = tree.join(folder).join(name);
    let found = if usual.symlink_metadata().is_ok() {
        vec![usual]
    } else {
        named(&tree, name)?
    };
    let path = match found.as_slice() {
        [] => return Ok(None),
        [only] => fs_err::canonicalize(only)?,
        [first, second, ..] => {
            let places = format!("{} and {}", first.display(), second.display());
            return Err(Failure::new(
                Kind::Source,
                format!("the source has more than one {name}: {places}"),
            ));
        }
    };
    if path.starts_with(&tree) {
        return Ok(Some(path));
    }
    Err(Failure::new(
        Kind::Source,
        format!("the source's {name} is a link that leads out of it"),
    )
    .note(format!("it leads to {}", path.display())))
}

/// Every file or link of this name below a folder.
fn named(tree: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in WalkDir::new(tree).sort_by_file_name() {
        let entry = entry.map_err(std::io::Error::from)?;
        if !entry.file_type().is_dir() && entry.file_name() == name {
            found.push(entry.into_path());
        }
    }
    Ok(found)
}

fn absent(name: &str, key: &str) -> Failure {
    Failure::new(Kind::Source, format!("the source has no {name}")).hint(format!(
        "`{key}` in the recipe's [bundle] must name a source that has it"
    ))
}

/// Copies the bytes alone: what the store holds is read-only.
fn copy(from: &Path, to: &Path) -> Result<()> {
    Ok(fs_err::write(to, fs_err::read(from)?)?)
}
