//! The bundle: boot loaders, their modules, kernel, initramfs, configurations, DHCP snippets and the manifest, as a server serves them.
//! Machines whose firmware reads `pxelinux.cfg/` itself get no boot loader.

mod archives;
mod firmware;
mod programs;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{Work, manifest};
use crate::failure::{Failure, Result};
use crate::image;
use crate::loader::address::Address;
use crate::loader::bundle::{self, Boot, BundleText};
use crate::loader::route::{UKI, UKI_CERTIFICATE};
use crate::loader::{dhcp, openfirmware, pxelinux};
use crate::plan::Bundle;
use crate::recipe::schema::Node;

pub(super) fn run(work: &Work<'_>, bundle: &Bundle) -> Result<()> {
    let folder = work.output("bundle");
    fs_err::create_dir_all(&folder)?;
    let text = text(bundle)?;
    copy(&work.input("kernel"), &folder.join(&text.kernel))?;
    open_firmware(work, &text, &folder)?;
    archives::write(work, bundle, &folder)?;
    firmware::write(work, bundle, &folder)?;
    programs::copy(work, &text, &folder)?;
    if bundle.bundle.has_uki(bundle.arch) {
        copy(&work.input("uki"), &folder.join(UKI))?;
        if let Some((_, certificate)) = bundle.bundle.uki.signer() {
            copy(&work.input(&certificate), &folder.join(UKI_CERTIFICATE))?;
        }
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

/// What Open Firmware loads, where machines with it are asked for.
fn open_firmware(work: &Work<'_>, text: &BundleText, folder: &Path) -> Result<()> {
    if let Some(path) = openfirmware::kernel(text) {
        let kernel = image::openfirmware::kernel(&fs_err::read(work.input("kernel"))?)?;
        fs_err::write(folder.join(path), kernel)?;
    }
    if let Some(link) = openfirmware::link(text) {
        fs_err::os::unix::fs::symlink(link.to, folder.join(link.path))?;
    }
    Ok(())
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

/// Copies the bytes alone: what the store holds is read-only.
fn copy(from: &Path, to: &Path) -> Result<()> {
    Ok(fs_err::write(to, fs_err::read(from)?)?)
}
