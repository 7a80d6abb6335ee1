//! The indexes that modprobe reads (modules.dep(5)), over the chosen modules: the texts for busybox, the binary ones for kmod. The same as depmod writes, without depmod.

use std::collections::BTreeSet;

use crate::failure::{Failure, Kind, Result};
use crate::image::content::Content;

use super::choose::Chosen;
use super::info::{Info, normalized};
use super::kernel::{Kernel, plain};
use super::order::Order;
use super::trie::Trie;

/// Makes all indexes: names of files in the folder of the release, with their contents. `modules.order` has only what is chosen; what the kernel has built in stays whole.
///
/// # Errors
/// [`Kind::Source`] when modules depend on each other in a circle, or say of themselves what no index can hold; what reading fails with.
pub fn index(kernel: &Kernel, chosen: &Chosen) -> Result<Vec<(&'static str, Content)>> {
    let order = Order::new(kernel, chosen)?;
    let mut files = Vec::new();
    let (text, binary) = dependencies(kernel, &order)?;
    files.push(("modules.dep", text.into_bytes().into()));
    files.push(("modules.dep.bin", binary.into()));
    let (text, binary) = aliases(kernel, &order)?;
    files.push(("modules.alias", text.into_bytes().into()));
    files.push(("modules.alias.bin", binary.into()));
    let (text, binary) = symbols(kernel, &order)?;
    files.push(("modules.symbols", text.into_bytes().into()));
    files.push(("modules.symbols.bin", binary.into()));
    for (name, make) in TEXTS {
        files.push((name, make(kernel, &order)?.into_bytes().into()));
    }
    for name in ["modules.builtin", "modules.builtin.modinfo"] {
        if let Some(list) = kernel.list(name)? {
            files.push((name, list.into()));
        }
    }
    let (names, aliases) = builtin(kernel)?;
    files.push(("modules.builtin.bin", names.into()));
    files.push(("modules.builtin.alias.bin", aliases.into()));
    Ok(files)
}

type Text = fn(&Kernel, &Order) -> Result<String>;

/// Indexes that have no binary form.
const TEXTS: [(&str, Text); 4] = [
    ("modules.softdep", softdeps),
    ("modules.weakdep", weakdeps),
    ("modules.devname", devnames),
    ("modules.order", |kernel, order| Ok(ordered(kernel, order))),
];

fn unfit(kernel: &Kernel, module: usize, what: &str, text: &str) -> Failure {
    let path = kernel.file(module);
    Failure::new(
        Kind::Source,
        format!(
            "{} has {what} that no index of modprobe can hold: {text:.80?}",
            path.display()
        ),
    )
    .hint("an index holds plain ASCII only, at most 1023 letters a name: is the module damaged?")
}

fn written(trie: Trie) -> Result<Vec<u8>> {
    let too_large = || {
        Failure::new(
            Kind::Source,
            "an index of these modules would be larger than the 256 MiB that modprobe reads",
        )
    };
    trie.write().ok_or_else(too_large)
}

fn dependencies(kernel: &Kernel, order: &Order) -> Result<(String, Vec<u8>)> {
    let (mut text, mut trie) = (String::new(), Trie::default());
    for (at, &module) in order.modules.iter().enumerate() {
        let module_path = |module: usize| kernel.modules[module].path.as_str();
        let from = text.len();
        text.push_str(module_path(module));
        text.push(':');
        for needed in order.needed(at) {
            text.push(' ');
            text.push_str(module_path(order.modules[needed]));
        }
        let name = kernel.modules[module].name.as_str();
        if !trie.add(name, &text[from..], at) {
            return Err(unfit(kernel, module, "a name", &text[from..]));
        }
        text.push('\n');
    }
    Ok((text, written(trie)?))
}

/// All modules in order, with what they say of themselves.
fn infos<'a>(
    kernel: &'a Kernel,
    order: &'a Order,
) -> impl Iterator<Item = Result<(usize, usize, &'a Info)>> {
    let modules = order.modules.iter().enumerate();
    modules.map(|(at, &module)| Ok((at, module, kernel.info(module)?)))
}

fn aliases(kernel: &Kernel, order: &Order) -> Result<(String, Vec<u8>)> {
    let mut text = "# Aliases extracted from modules themselves.\n".to_owned();
    let mut trie = Trie::default();
    for entry in infos(kernel, order) {
        let (at, module, info) = entry?;
        let name = kernel.modules[module].name.as_str();
        for alias in &info.aliases {
            if alias.contains('\n') {
                return Err(unfit(kernel, module, "an alias", alias));
            }
            for part in ["alias ", alias, " ", name, "\n"] {
                text.push_str(part);
            }
            // Brackets that do not match are left out by depmod too.
            if let Some(key) = normalized(alias)
                && !trie.add(key, name, at)
            {
                return Err(unfit(kernel, module, "an alias", alias));
            }
        }
    }
    Ok((text, written(trie)?))
}

fn symbols(kernel: &Kernel, order: &Order) -> Result<(String, Vec<u8>)> {
    let mut text = "# Aliases for symbols, used by symbol_request().\n".to_owned();
    let mut trie = Trie::default();
    for (at, &module) in order.modules.iter().enumerate() {
        let name = kernel.modules[module].name.as_str();
        for symbol in kernel
            .symbols(module)?
            .into_iter()
            .collect::<BTreeSet<String>>()
        {
            let key = format!("symbol:{symbol}");
            for part in ["alias ", &key, " ", name, "\n"] {
                text.push_str(part);
            }
            if symbol.contains('\n') || !trie.add(key, name, at) {
                return Err(unfit(kernel, module, "a symbol", &symbol));
            }
        }
    }
    Ok((text, written(trie)?))
}

/// A text with a line for each value.
fn lines(
    kernel: &Kernel,
    order: &Order,
    (head, keyword): (&str, &str),
    values: fn(&Info) -> Vec<String>,
) -> Result<String> {
    let mut text = format!("# {head} extracted from modules themselves.\n");
    for entry in infos(kernel, order) {
        let (_, module, info) = entry?;
        for value in values(info) {
            if value.contains('\n') {
                return Err(unfit(kernel, module, &format!("a {keyword}"), &value));
            }
            for part in [
                keyword,
                " ",
                &kernel.modules[module].name,
                " ",
                &value,
                "\n",
            ] {
                text.push_str(part);
            }
        }
    }
    Ok(text)
}

fn softdeps(kernel: &Kernel, order: &Order) -> Result<String> {
    lines(kernel, order, ("Soft dependencies", "softdep"), |info| {
        info.softdeps.clone()
    })
}

fn weakdeps(kernel: &Kernel, order: &Order) -> Result<String> {
    let value = |info: &Info| {
        if info.weak.is_empty() {
            Vec::new()
        } else {
            vec![info.weak.join(" ")]
        }
    };
    lines(kernel, order, ("Weak dependencies", "weakdep"), value)
}

/// Device nodes that load their module when they are opened: of modules with an alias `devname:` and one with the number (`static-nodes` of kmod).
fn devnames(kernel: &Kernel, order: &Order) -> Result<String> {
    let mut text = "# Device nodes to trigger on-demand module loading.\n".to_owned();
    for entry in infos(kernel, order) {
        let (_, module, info) = entry?;
        let (mut node, mut number) = (None, None);
        for alias in &info.aliases {
            match alias.strip_prefix("devname:") {
                Some(name) => node = Some(name),
                None => number = device(alias).or(number),
            }
            if let (Some(node), Some((kind, major, minor))) = (node, number) {
                let name = &kernel.modules[module].name;
                text.push_str(&format!("{name} {node} {kind}{major}:{minor}\n"));
                break;
            }
        }
    }
    Ok(text)
}

/// The device number in `char-major-10-200`.
fn device(alias: &str) -> Option<(char, u32, u32)> {
    let (kind, number) = match alias.strip_prefix("char-major-") {
        Some(number) => ('c', number),
        None => ('b', alias.strip_prefix("block-major-")?),
    };
    let (major, minor) = number.split_once('-')?;
    Some((kind, major.parse().ok()?, minor.parse().ok()?))
}

fn ordered(kernel: &Kernel, order: &Order) -> String {
    let listed = order.modules[..order.listed].iter();
    listed
        .map(|&module| format!("{}\n", plain(&kernel.modules[module].path)))
        .collect()
}

fn builtin(kernel: &Kernel) -> Result<(Vec<u8>, Vec<u8>)> {
    let (mut names, mut aliases) = (Trie::default(), Trie::default());
    for (name, builtin) in &kernel.builtin {
        let keys = builtin
            .info
            .aliases
            .iter()
            .filter_map(|alias| normalized(alias));
        let mut fits = builtin.path.is_empty() || names.add(name.as_str(), "", 0);
        for key in keys {
            fits &= aliases.add(key, name.as_str(), 0);
        }
        if !fits {
            return Err(Failure::new(
                Kind::Source,
                format!(
                    "{name}, which the kernel {} has built in, says of itself what no index of modprobe can hold",
                    kernel.release
                ),
            ));
        }
    }
    Ok((written(names)?, written(aliases)?))
}
