//! What the readers of a bundle's configurations could not do of what the bundle describes. Whoever reads descriptions can ask for each
//! part alone, so that a mistake is underlined where it was written; [`super::bundle::files`] asks for all.
//!
//! Every reader has to be able to boot what is booted by default, as nobody knows which of them a machine has. A text or a menu may be
//! shown by some alone. What a single machine boots has to be known to one of them: who knows the machine knows which.

use std::collections::{BTreeMap, BTreeSet};

use super::bundle::{Boot, BundleText, Console, Menu};
use super::pxelinux::serial;
use super::reader::Reader;

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

/// Everything in a description that its readers could not do, a sentence each.
#[must_use]
pub fn mistakes(bundle: &BundleText) -> Vec<String> {
    let readers = bundle.readers();
    let mut mistakes = Vec::new();
    let of_nodes = bundle.nodes.iter().flat_map(|node| &node.initramfs);
    let archives = bundle.initramfs.iter().chain(of_nodes);
    let paths: BTreeSet<&String> = archives.chain([&bundle.kernel]).collect();
    mistakes.extend(paths.into_iter().filter_map(|path| check_path(path).err()));
    mistakes.extend(check_console(&readers, &bundle.console).err());
    mistakes.extend(check_message(&readers, &bundle.message).err());
    let of_nodes = bundle.nodes.iter().flat_map(|node| &node.append);
    let all = bundle.append.iter().chain(of_nodes);
    mistakes.extend(all.filter_map(|argument| check_argument(&readers, argument).err()));
    let names = bundle
        .nodes
        .iter()
        .map(|node| &node.name)
        .chain([&bundle.name]);
    mistakes.extend(names.filter_map(|name| check_name(name).err()));
    if let Some(menu) = &bundle.menu {
        mistakes.extend(check_menu(&readers, menu));
    }
    let of_nodes = bundle.nodes.iter().map(|node| node.boot);
    mistakes.extend(of_nodes.filter_map(|boot| check_own_boot(&readers, boot).err()));
    mistakes.extend(check_boot(&readers, bundle.default).err());
    mistakes.extend(addresses(bundle));
    for reader in readers {
        mistakes.extend(lines(bundle, reader));
    }
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
fn lines(bundle: &BundleText, reader: Reader) -> Vec<String> {
    let mut mistakes = Vec::new();
    let nodes = bundle
        .nodes
        .iter()
        .map(|node| (&node.name, &node.append[..], &node.initramfs));
    for (name, append, initramfs) in nodes.chain([(&bundle.name, &[][..], &bundle.initramfs)]) {
        let arguments = bundle.arguments(append).join(" ");
        let (line, most, who) = if reader == Reader::UBoot {
            (arguments, UBOOT_LINE, "U-Boot")
        } else {
            let (kernel, initramfs) = (&bundle.kernel, initramfs.join(","));
            let line = format!("BOOT_IMAGE={kernel} initrd={initramfs} {arguments}");
            (line, COMMAND_LINE, "the kernel")
        };
        let length = line.len() + BOOTIF;
        if length > most {
            mistakes.push(format!(
                "the kernel's command line of {name} has {length} bytes, and {who} takes {most}"
            ));
        }
        if !reader.joins_archives() && initramfs.len() != 1 {
            let count = initramfs.len();
            let reader = reader.name();
            mistakes.push(format!(
                "{name} has {count} archives for its initramfs, and {reader} loads one"
            ));
        }
    }
    mistakes
}

/// Whether all readers can boot this, for machines that have nothing of their own. The module of pxelinux's may stand for the local disk.
///
/// # Errors
/// Why not.
pub fn check_boot(readers: &[Reader], boot: Boot) -> Result<(), String> {
    let known = |reader: &&Reader| reader.boots().contains(&boot);
    let chains = boot == Boot::Chain && readers.iter().any(|reader| known(&reader));
    let can = |reader: &&Reader| known(reader) || (chains && reader.boots_disks());
    match readers.iter().find(|reader| !can(reader)) {
        Some(reader) => Err(cannot(*reader, boot)),
        None => Ok(()),
    }
}

/// Whether some reader can boot this, for a machine of its own.
///
/// # Errors
/// Why not.
pub fn check_own_boot(readers: &[Reader], boot: Boot) -> Result<(), String> {
    let can = |reader: &Reader| reader.boots().contains(&boot);
    match readers.first() {
        Some(first) if !readers.iter().any(can) => Err(cannot(*first, boot)),
        _ => Ok(()),
    }
}

/// Why a reader cannot boot what it does not know.
fn cannot(reader: Reader, boot: Boot) -> String {
    let why = match boot {
        Boot::Chain if reader.boots_disks() => "that is a module of pxelinux's, for PCs",
        _ => "it cannot boot disks",
    };
    format!("{} cannot do `{}`: {why}", reader.name(), boot.name())
}

/// What is wrong with a menu.
fn check_menu(readers: &[Reader], menu: &Menu) -> Vec<String> {
    let ontimeout = menu.ontimeout.map(|boot| check_boot(readers, boot));
    [
        check_title(&menu.title),
        check_timeout(menu.timeout),
        check_menus(readers),
        ontimeout.unwrap_or(Ok(())),
    ]
    .into_iter()
    .filter_map(Result::err)
    .collect()
}

/// Whether some reader shows menus.
///
/// # Errors
/// Why not.
pub fn check_menus(readers: &[Reader]) -> Result<(), String> {
    match readers.first() {
        Some(first) if !readers.iter().any(|reader| reader.has_menus()) => {
            Err(format!("{} shows no menu", first.name()))
        }
        _ => Ok(()),
    }
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

/// Whether the boot loaders can use this console at this rate: some do not touch it.
///
/// # Errors
/// Why not.
pub fn check_console(readers: &[Reader], console: &Console) -> Result<(), String> {
    let Console { device, baud } = console;
    if device.is_empty() || !device.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!(
            "`{device}` is no console: they are called ttyS0 or tty0"
        ));
    }
    let driver = readers.iter().find(|reader| reader.drives_serial());
    if let Some(driver) = driver.filter(|_| serial(console).is_some())
        && (*baud < 75 || !BAUD.is_multiple_of(*baud))
    {
        return Err(format!(
            "{} cannot drive a serial port at {baud} baud: the rate has to divide {BAUD}",
            driver.name()
        ));
    }
    Ok(())
}

/// Whether the boot loaders hand this kernel argument on as it is.
///
/// # Errors
/// Why not.
pub fn check_argument(readers: &[Reader], argument: &str) -> Result<(), String> {
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
            "the kernel argument `{argument}` would contradict the one that the boot loader gives"
        )),
        _ => {
            let mut readers = readers.iter();
            readers
                .find_map(|&reader| alters(reader, argument))
                .map_or(Ok(()), Err)
        }
    }
}

/// Why a reader would not hand an argument on as it is.
fn alters(reader: Reader, argument: &str) -> Option<String> {
    let why = match reader {
        Reader::UBoot if argument.contains(['$', '\\', '\'']) => "it takes $, \\ and ' for its own",
        Reader::Grub if argument.contains(['\\', '\'']) => "it puts a backslash before \\ and '",
        Reader::Ipxe if is_script(argument) => {
            "its scripts take ${ for a setting, and ||, && and # at the beginning of a word for their own"
        }
        Reader::Ipxe if argument.contains("  ") => "it makes one space of several",
        _ => return None,
    };
    let reader = reader.name();
    Some(format!(
        "{reader} would alter the kernel argument `{argument}`: {why}"
    ))
}

/// Whether a text has something in it that iPXE takes for more than text.
fn is_script(text: &str) -> bool {
    let words = ["||", "&&", "#"];
    let begins = |word: &str| words.iter().any(|mark| word.starts_with(mark));
    text.contains("${") || text.split_whitespace().any(begins)
}

/// Whether those boot loaders that show texts show this one as it is. pxelinux knows no UTF-8, and control characters switch colours and modes.
///
/// # Errors
/// Why not.
pub fn check_message(readers: &[Reader], message: &str) -> Result<(), String> {
    let Some(first) = readers.first().filter(|_| !message.is_empty()) else {
        return Ok(());
    };
    if !readers.iter().any(|reader| reader.shows_messages()) {
        return Err(format!("{} shows no message before booting", first.name()));
    }
    if readers.contains(&Reader::Ipxe) && is_script(message) {
        return Err(
            "iPXE cannot show this message: its scripts take ${ for a setting, and ||, && and # at the beginning of a word for their own"
                .to_owned(),
        );
    }
    let shown = |c: &char| (' '..='~').contains(c) || *c == '\n';
    match message.chars().find(|c| !shown(c)) {
        Some(c) => Err(format!(
            "boot loaders cannot show {c:?} in a message: they know printable ASCII and line feeds"
        )),
        None => Ok(()),
    }
}
