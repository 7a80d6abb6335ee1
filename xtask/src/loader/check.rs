//! What the reader of a bundle's configuration could not do of what the bundle describes. Whoever reads descriptions can ask for each
//! part alone, so that a mistake is underlined where it was written; [`super::bundle::files`] asks for all.

use std::collections::{BTreeMap, BTreeSet};

use super::bundle::{Boot, BundleText, Console, Menu, Reader};
use super::pxelinux::serial;

/// The longest command line that the kernel takes on x86.
const COMMAND_LINE: usize = 2047;
/// The longest that U-Boot makes on every machine (`CONFIG_SYS_CBSIZE`, at least 512).
const UBOOT_LINE: usize = 511;
/// What the boot loader itself adds to it: ` BOOTIF=01-52-54-00-12-34-56`.
const BOOTIF: usize = 28;
/// The longest path that pxelinux asks for.
const PATH: usize = 127;
/// The rate that all others divide.
const BAUD: u32 = 115_200;
/// The longest title that `menu.c32` shows (80 columns without margins and frame).
const TITLE: usize = 56;
/// The longest time that pxelinux waits, in seconds: just under an hour (syslinux.cfg.txt).
const LONGEST_TIMEOUT: u32 = 3599;

/// Everything in a description that its reader could not do, a sentence each.
#[must_use]
pub fn mistakes(bundle: &BundleText) -> Vec<String> {
    let reader = bundle.reader();
    let mut mistakes = Vec::new();
    let of_nodes = bundle.nodes.iter().flat_map(|node| &node.initramfs);
    let archives = bundle.initramfs.iter().chain(of_nodes);
    let paths: BTreeSet<&String> = archives.chain([&bundle.kernel]).collect();
    mistakes.extend(paths.into_iter().filter_map(|path| check_path(path).err()));
    mistakes.extend(check_console(reader, &bundle.console).err());
    mistakes.extend(check_message(reader, &bundle.message).err());
    let of_nodes = bundle.nodes.iter().flat_map(|node| &node.append);
    let all = bundle.append.iter().chain(of_nodes);
    mistakes.extend(all.filter_map(|argument| check_argument(reader, argument).err()));
    let names = bundle
        .nodes
        .iter()
        .map(|node| &node.name)
        .chain([&bundle.name]);
    mistakes.extend(names.filter_map(|name| check_name(name).err()));
    if let Some(menu) = &bundle.menu {
        mistakes.extend(check_menu(reader, menu));
    }
    let of_nodes = bundle.nodes.iter().map(|node| node.boot);
    let boots = of_nodes.chain([bundle.default]);
    mistakes.extend(boots.filter_map(|boot| check_boot(reader, boot).err()));
    mistakes.extend(addresses(bundle));
    mistakes.extend(lines(bundle));
    mistakes
}

/// Addresses that two machines have.
fn addresses(bundle: &BundleText) -> Vec<String> {
    let mut known = BTreeMap::new();
    let same = |node: &super::bundle::Node| {
        let other = known.insert(node.address, node.name.clone())?;
        Some(format!(
            "{other} and {} have the same address {}",
            node.name, node.address
        ))
    };
    bundle.nodes.iter().filter_map(same).collect()
}

/// What cannot be said in the lines that name archives and arguments.
fn lines(bundle: &BundleText) -> Vec<String> {
    let mut mistakes = Vec::new();
    let nodes = bundle
        .nodes
        .iter()
        .map(|node| (&node.name, &node.append[..], &node.initramfs));
    for (name, append, initramfs) in nodes.chain([(&bundle.name, &[][..], &bundle.initramfs)]) {
        let arguments = bundle.arguments(append).join(" ");
        let (line, most, who) = match bundle.reader() {
            Reader::Pxelinux => {
                let (kernel, initramfs) = (&bundle.kernel, initramfs.join(","));
                let line = format!("BOOT_IMAGE={kernel} initrd={initramfs} {arguments}");
                (line, COMMAND_LINE, "the kernel")
            }
            Reader::UBoot => (arguments, UBOOT_LINE, "U-Boot"),
        };
        let length = line.len() + BOOTIF;
        if length > most {
            mistakes.push(format!(
                "the kernel's command line of {name} has {length} bytes, and {who} takes {most}"
            ));
        }
        if bundle.reader() == Reader::UBoot && initramfs.len() != 1 {
            let count = initramfs.len();
            mistakes.push(format!(
                "{name} has {count} archives for its initramfs, and U-Boot loads one"
            ));
        }
    }
    mistakes
}

/// Whether the reader can boot this.
///
/// # Errors
/// Why not.
pub fn check_boot(reader: Reader, boot: Boot) -> Result<(), String> {
    if reader.boots().contains(&boot) {
        return Ok(());
    }
    Err(format!(
        "{} cannot do `{}`: that is a module of pxelinux's, for PCs",
        reader.name(),
        boot.name()
    ))
}

/// What is wrong with a menu.
fn check_menu(reader: Reader, menu: &Menu) -> Vec<String> {
    let ontimeout = menu.ontimeout.map(|boot| check_boot(reader, boot));
    [
        check_title(&menu.title),
        check_timeout(menu.timeout),
        ontimeout.unwrap_or(Ok(())),
    ]
    .into_iter()
    .filter_map(Result::err)
    .collect()
}

/// Whether this can be a menu's title: menus cut it to the width of their frame, and take `#` at its beginning for a comment.
///
/// # Errors
/// Why not.
pub fn check_title(title: &str) -> Result<(), String> {
    let shown = title.chars().all(|c| (' '..='~').contains(&c));
    let bounded = !title.is_empty() && title.trim() == title && title.len() <= TITLE;
    if shown && bounded && !title.starts_with('#') {
        return Ok(());
    }
    Err(format!(
        "{title:?} is no title of a menu: up to {TITLE} printable ASCII characters, without spaces around, the first not `#`"
    ))
}

/// Whether a menu can wait for so many seconds.
///
/// # Errors
/// Why not.
pub fn check_timeout(seconds: u32) -> Result<(), String> {
    if seconds <= LONGEST_TIMEOUT {
        return Ok(());
    }
    Err(format!(
        "a menu cannot wait {seconds} seconds: at most {LONGEST_TIMEOUT}, or 0 for ever"
    ))
}

/// Whether the boot loader can ask a server for this path.
///
/// # Errors
/// Why not.
fn check_path(path: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+~/-".contains(&byte);
    match path {
        _ if path.is_empty() || path.starts_with(['.', '/']) || !path.bytes().all(plain) => {
            Err(format!(
                "the boot loader cannot load `{path}`: paths are relative and of letters, digits and ._+~-/"
            ))
        }
        _ if path.len() > PATH => Err(format!(
            "the boot loader cannot load `{path}`: paths have at most {PATH} bytes"
        )),
        _ => Ok(()),
    }
}

/// Whether this can be the name of a machine or image in all the files that it is written into.
///
/// # Errors
/// Why not.
fn check_name(name: &str) -> Result<(), String> {
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

/// Whether the boot loader can use this console at this rate: U-Boot does not touch it.
///
/// # Errors
/// Why not.
pub fn check_console(reader: Reader, console: &Console) -> Result<(), String> {
    let Console { device, baud } = console;
    if device.is_empty() || !device.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!(
            "`{device}` is no console: they are called ttyS0 or tty0"
        ));
    }
    let driven = reader == Reader::Pxelinux && serial(console).is_some();
    if driven && (*baud < 75 || !BAUD.is_multiple_of(*baud)) {
        return Err(format!(
            "pxelinux cannot drive a serial port at {baud} baud: the rate has to divide {BAUD}"
        ));
    }
    Ok(())
}

/// Whether the boot loader hands this kernel argument on as it is.
///
/// # Errors
/// Why not.
pub fn check_argument(reader: Reader, argument: &str) -> Result<(), String> {
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
        _ if reader == Reader::UBoot && argument.contains(['$', '\\', '\'']) => Err(format!(
            "U-Boot would alter the kernel argument `{argument}`: it takes $, \\ and ' for its own"
        )),
        _ if argument.starts_with("initrd=") || argument.starts_with("BOOTIF=") => Err(format!(
            "the kernel argument `{argument}` would contradict the one that the boot loader gives"
        )),
        _ => Ok(()),
    }
}

/// Whether the boot loader shows this text as it is. pxelinux knows no UTF-8, and control characters switch colours and modes;
/// U-Boot shows nothing.
///
/// # Errors
/// Why not.
pub fn check_message(reader: Reader, message: &str) -> Result<(), String> {
    if reader == Reader::UBoot && !message.is_empty() {
        return Err("U-Boot shows no message before booting".to_owned());
    }
    let shown = |c: &char| (' '..='~').contains(c) || *c == '\n';
    match message.chars().find(|c| !shown(c)) {
        Some(c) => Err(format!(
            "pxelinux cannot show {c:?} in a message: it knows printable ASCII and line feeds"
        )),
        None => Ok(()),
    }
}
