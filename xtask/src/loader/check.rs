//! What pxelinux could not do of what a bundle describes. Whoever reads descriptions can ask for each part alone, so
//! that a mistake is underlined where it was written; [`super::pxelinux::files`] asks for all.

use std::collections::BTreeMap;

use super::pxelinux::{BundleText, Console, arguments};

/// The longest command line that the kernel takes on x86.
const COMMAND_LINE: usize = 2047;
/// What pxelinux itself adds to it: ` BOOTIF=01-52-54-00-12-34-56`.
const BOOTIF: usize = 28;
/// The longest path that pxelinux asks for.
const PATH: usize = 127;
/// The rate that all others divide.
const BAUD: u32 = 115_200;

/// Everything in a description that pxelinux could not do, a sentence each.
#[must_use]
pub fn mistakes(bundle: &BundleText) -> Vec<String> {
    let mut mistakes = Vec::new();
    mistakes.extend(check_path(&bundle.kernel).err());
    mistakes.extend(check_path(&bundle.initramfs).err());
    mistakes.extend(check_console(&bundle.console).err());
    mistakes.extend(check_message(&bundle.message).err());
    let of_nodes = bundle.nodes.iter().flat_map(|node| &node.append);
    let all = bundle.append.iter().chain(of_nodes);
    mistakes.extend(all.filter_map(|argument| check_argument(argument).err()));
    let names = bundle
        .nodes
        .iter()
        .map(|node| &node.name)
        .chain([&bundle.name]);
    mistakes.extend(names.filter_map(|name| check_name(name).err()));
    let mut known = BTreeMap::new();
    for node in &bundle.nodes {
        if let Some(other) = known.insert(node.address, &node.name) {
            mistakes.push(format!(
                "{other} and {} have the same address {}",
                node.name, node.address
            ));
        }
    }
    let nodes = bundle
        .nodes
        .iter()
        .map(|node| (&node.name, &node.append[..]));
    for (name, append) in nodes.chain([(&bundle.name, &[][..])]) {
        let line = format!(
            "BOOT_IMAGE={} initrd={} {}",
            bundle.kernel,
            bundle.initramfs,
            arguments(bundle, append).join(" ")
        );
        let length = line.len() + BOOTIF;
        if length > COMMAND_LINE {
            mistakes.push(format!("the kernel's command line of {name} has {length} bytes, and the kernel takes {COMMAND_LINE}"));
        }
    }
    mistakes
}

/// Whether pxelinux can ask a server for this path.
///
/// # Errors
/// Why not.
pub fn check_path(path: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+~/-".contains(&byte);
    match path {
        _ if path.is_empty() || path.starts_with(['.', '/']) || !path.bytes().all(plain) => {
            Err(format!(
                "pxelinux cannot load `{path}`: paths are relative and of letters, digits and ._+~-/"
            ))
        }
        _ if path.len() > PATH => Err(format!(
            "pxelinux cannot load `{path}`: paths have at most {PATH} bytes"
        )),
        _ => Ok(()),
    }
}

/// Whether this can be the name of a machine or image in all the files that it is written into.
///
/// # Errors
/// Why not.
pub fn check_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let bounded =
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.ends_with(['-', '.']);
    if bounded && name.len() <= 63 && name.bytes().all(plain) {
        return Ok(());
    }
    Err(format!(
        "`{name}` is no host name: up to 63 letters, digits, `-` and `.`"
    ))
}

/// Whether pxelinux can use this console at this rate.
///
/// # Errors
/// Why not.
pub fn check_console(console: &Console) -> Result<(), String> {
    let Console { device, baud } = console;
    if device.is_empty() || !device.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!(
            "`{device}` is no console: they are called ttyS0 or tty0"
        ));
    }
    if console.serial().is_some() && (*baud < 75 || !BAUD.is_multiple_of(*baud)) {
        return Err(format!(
            "pxelinux cannot drive a serial port at {baud} baud: the rate has to divide {BAUD}"
        ));
    }
    Ok(())
}

/// Whether pxelinux hands this kernel argument on as it is.
///
/// # Errors
/// Why not.
pub fn check_argument(argument: &str) -> Result<(), String> {
    let quotes = argument.matches('"').count();
    let spaces = argument.contains(' ');
    match argument {
        "" | "-" => Err(format!("`{argument}` is no kernel argument")),
        _ if !argument.bytes().all(|byte| (b' '..=b'~').contains(&byte)) => Err(format!(
            "the kernel argument {argument:?} contains something else than printable ASCII"
        )),
        _ if !quotes.is_multiple_of(2) || (spaces && quotes == 0) => Err(format!(
            "`{argument}` is not one kernel argument: list them one by one, or put spaces between double quotes"
        )),
        _ if argument.starts_with("initrd=") || argument.starts_with("BOOTIF=") => Err(format!(
            "the kernel argument `{argument}` would contradict the one that pxelinux gives"
        )),
        _ => Ok(()),
    }
}

/// Whether pxelinux shows this text as it is. It knows no UTF-8, and control characters switch colours and modes.
///
/// # Errors
/// Why not.
pub fn check_message(message: &str) -> Result<(), String> {
    let shown = |c: &char| (' '..='~').contains(c) || *c == '\n';
    match message.chars().find(|c| !shown(c)) {
        Some(c) => Err(format!(
            "pxelinux cannot show {c:?} in a message: it knows printable ASCII and line feeds"
        )),
        None => Ok(()),
    }
}
