//! The kernel's modules that a recipe takes, with their indexes and firmware.

use crate::closure::modules::{self, Below, Chosen, Firmware, Kernel, Missing, Place, Wanted};
use crate::event::Event;
use crate::failure::{Failure, Kind, Result};
use crate::image::tree::{FileTree, Node, Origin, Taken};
use crate::plan::System;
use crate::recipe::schema::MissingFirmware;
use crate::recipe::schema::SYSROOT;
use crate::steps::Work;
use crate::steps::sysroot::Index;

/// As many modules without firmware are named.
const NAMED: usize = 8;

/// What to do about modules without firmware.
const MEND: &str =
    "add the packages that have it to [sysroot], leave these modules out with `exclude`";

/// Adds what `[modules]` takes; all of a kernel that is built where it names nothing.
pub(super) fn add(
    work: &Work<'_>,
    system: &System,
    sysroot: Option<&Index>,
    tree: &mut FileTree,
) -> Result<()> {
    let folder = work.input("kernel/modules");
    let all = ["**".to_owned()];
    let take = if system.all_modules {
        &all[..]
    } else {
        &system.modules.take
    };
    let none = modules::releases(&folder)?.is_empty();
    if take.is_empty() || system.all_modules && none {
        return Ok(());
    }
    let kernel = modules::scan(&folder, Some(work.text("kernel/release")?.trim()))?;
    let wanted = Wanted {
        take,
        exclude: &system.modules.exclude,
    };
    let chosen = modules::choose(&kernel, wanted)?;
    for note in &chosen.notes {
        work.listen.hear(Event::Note(note.clone()));
    }
    let firmware = firmware(work, system, &kernel, &chosen)?;
    let lib = |path: &str| format!("usr/{path}");
    let merged = tree
        .get(&"lib".parse()?)
        .is_some_and(|lib| matches!(lib.node, Node::Symlink { .. }));
    let place = Place {
        lib: if merged { "usr/lib" } else { "lib" },
        kernel: &|path| taken(sysroot?, &lib(path)),
        firmware: &|path| taken(sysroot?, path),
    };
    for (path, entry) in modules::tree(&kernel, &chosen, &firmware, &place)?.iter() {
        let mut entry = entry.clone();
        // No line of the recipe asks for them: they come with the kernel.
        if system.all_modules && matches!(entry.origin, Origin::Copied { .. }) {
            entry.origin = Origin::Built {
                from: "kernel".to_owned(),
            };
        }
        tree.add(path.clone(), entry)?;
    }
    Ok(())
}

/// Where a file of the sysroot is taken from.
pub(super) fn taken(sysroot: &Index, path: &str) -> Option<Taken> {
    let package = sysroot.files.get(path)?.package.clone();
    Some(Taken {
        root: SYSROOT.to_owned(),
        path: path.to_owned(),
        package: Some(package),
    })
}

/// The firmware that the modules name, from the packages of the sysroot.
fn firmware(
    work: &Work<'_>,
    system: &System,
    kernel: &Kernel,
    chosen: &Chosen,
) -> Result<Firmware> {
    let choice = system.modules.firmware;
    if choice == MissingFirmware::Ignore {
        return Ok(Firmware::default());
    }
    let named = modules::named(kernel, chosen)?;
    let folder = work.input("sysroot/tree");
    let firmware = if folder.is_dir() {
        modules::find(&Below(&folder), &kernel.release, &named)?
    } else {
        Firmware {
            missing: named,
            ..Firmware::default()
        }
    };
    match missing(&firmware.missing) {
        Some(what) if choice == MissingFirmware::Error => {
            let mut failure = Failure::new(Kind::Recipe, what).hint(format!(
                "{MEND}, or let it pass: firmware = \"warn\" in [modules]"
            ));
            for named in &firmware.missing {
                failure = failure.note(format!("{}: {}", named.module, named.firmware));
            }
            return Err(failure);
        }
        Some(what) => work.listen.hear(Event::Warning(format!("{what}; {MEND}"))),
        None => {}
    }
    Ok(firmware)
}

/// What is said of firmware that no package has.
fn missing(missing: &[Missing]) -> Option<String> {
    let mut modules: Vec<&str> = missing.iter().map(|one| one.module.as_str()).collect();
    modules.sort_unstable();
    modules.dedup();
    let first = modules.iter().take(NAMED).copied().collect::<Vec<_>>();
    let more = match modules.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!modules.is_empty()).then(|| {
        format!(
            "no package of [sysroot] has the firmware that these modules name: {}{more}",
            first.join(", ")
        )
    })
}
