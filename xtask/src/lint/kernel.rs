//! The kernel beside the image: options that the image and its command line need, and modules that are for this kernel.

use std::collections::BTreeMap;

use super::Finding;
use super::facts::Facts;
use super::rules::{KERNEL_OPTION, MODULE_VERSION};
use crate::image::compress::{Compression, Filter};
use crate::image::kernel_support::{self, Needs};
use crate::kconfig::config::{Config, Tristate};

/// Kernel arguments, by how they begin, and the option that makes the kernel heed them.
const ARGUMENTS: [(&str, &str); 7] = [
    ("console=ttyS", "SERIAL_8250_CONSOLE"),
    ("console=ttyAMA", "SERIAL_AMBA_PL011_CONSOLE"),
    ("console=hvc", "HVC_DRIVER"),
    ("ip=", "IP_PNP"),
    ("nfsroot=", "ROOT_NFS"),
    ("rdinit=", "BLK_DEV_INITRD"),
    ("netconsole=", "NETCONSOLE"),
];

/// The release that a kernel for PCs says it is (Documentation/arch/x86/boot.rst, `kernel_version`).
#[must_use]
pub fn release(kernel: &[u8]) -> Option<String> {
    let magic = kernel.get(0x202..0x206)?;
    let at: [u8; 2] = kernel.get(0x20e..0x210)?.try_into().ok()?;
    let at = usize::from(u16::from_le_bytes(at)) + 0x200;
    let text = kernel
        .get(at..)?
        .split(|&byte| !byte.is_ascii_graphic())
        .next()?;
    (magic == b"HdrS" && at > 0x200 && !text.is_empty())
        .then(|| String::from_utf8_lossy(&text[..text.len().min(128)]).into_owned())
}

pub(super) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if let Some(text) = facts.subject.config {
        // Every file was read already. How the image is compressed is known by its symbols.
        if let Ok(needs) = Needs::of(facts.subject.tree, Compression::None, Filter::None) {
            let problems = kernel_support::problems(text, &needs);
            findings.extend(
                problems
                    .iter()
                    .map(|problem| lacking(problem.symbol, &problem.why)),
            );
        }
        let config = Config::parse(text);
        findings.extend(
            wanted(facts)
                .into_iter()
                .filter(|(symbol, _)| config.tristate(symbol) != Tristate::Yes)
                .map(|(symbol, why)| lacking(symbol, &why)),
        );
        unsigned(facts, &config, findings);
    }
    modules(facts, findings);
}

fn lacking(symbol: &str, why: &str) -> Finding {
    KERNEL_OPTION.everywhere(format!("CONFIG_{symbol} is not built in, but {why}"))
}

/// Options that are needed for what is in the image, each with what it is needed for.
fn wanted(facts: &Facts<'_>) -> BTreeMap<&'static str, String> {
    let symbols = facts.subject.symbols.iter();
    let why = "the image cannot be unpacked without it";
    let mut wanted: BTreeMap<&str, String> =
        symbols.map(|&symbol| (symbol, why.to_owned())).collect();
    for (path, _) in facts.subject.tree.iter() {
        let text = path.as_str();
        let name = path.name();
        let is_module = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"]
            .iter()
            .any(|end| name.ends_with(end));
        let symbol = if is_module {
            "MODULES"
        } else if text.starts_with("kernel/x86/microcode/") {
            "MICROCODE"
        } else if text.starts_with("lib/firmware/") || text.starts_with("usr/lib/firmware/") {
            "FW_LOADER"
        } else {
            continue;
        };
        let why = || format!("{path} is of no use without it");
        wanted.entry(symbol).or_insert_with(why);
    }
    for (prefix, symbol) in ARGUMENTS {
        for (name, configuration) in &facts.configurations {
            if let Some((line, rest)) = configuration.words(prefix).first() {
                let why = || format!("line {line} of {name} tells the kernel {prefix}{rest}");
                wanted.entry(symbol).or_insert_with(why);
            }
        }
    }
    wanted
}

/// Modules that a kernel which insists on signatures would not load.
fn unsigned(facts: &Facts<'_>, config: &Config, findings: &mut Vec<Finding>) {
    if config.tristate("MODULE_SIG_FORCE") != Tristate::Yes {
        return;
    }
    let unsigned = facts.modules.iter().filter(|(_, module)| !module.is_signed);
    findings.extend(unsigned.map(|(&path, _)| {
        let what = format!(
            "{path} has no signature, and the kernel (CONFIG_MODULE_SIG_FORCE) loads none without"
        );
        KERNEL_OPTION.at(path, what)
    }));
}

fn modules(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    // One finding for a folder: all that is in it goes the same way.
    let mut folders = BTreeMap::new();
    for (path, _) in facts.subject.tree.iter() {
        let parts: Vec<&str> = path.as_str().splitn(5, '/').collect();
        let release = match parts[..] {
            ["lib", "modules", release, _, ..] | ["usr", "lib", "modules", release, _] => release,
            _ => continue,
        };
        folders.entry(release.to_owned()).or_insert(path);
    }
    let Some(running) = facts.subject.release else {
        return between(facts, findings);
    };
    for (release, path) in folders {
        if release != running {
            let what = format!("the image has modules for {release}, and its kernel is {running}");
            findings.push(MODULE_VERSION.at(path, what));
        }
    }
    for (&path, module) in &facts.modules {
        if let Some(release) = module
            .release
            .as_ref()
            .filter(|release| *release != running)
        {
            let what = format!("{path} was built for {release}, and the kernel is {running}");
            findings.push(MODULE_VERSION.at(path, what));
        }
    }
}

/// Where the kernel is not known: modules that are not for the kernel that their folder is for.
fn between(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for (&path, module) in &facts.modules {
        let Some(release) = &module.release else {
            continue;
        };
        let folder = path
            .as_str()
            .split_once("lib/modules/")
            .map(|(_, rest)| rest);
        if let Some((folder, _)) = folder.and_then(|rest| rest.split_once('/'))
            && folder != release
        {
            let what =
                format!("{path} was built for {release}, and lies with the modules for {folder}");
            findings.push(MODULE_VERSION.at(path, what));
        }
    }
}
