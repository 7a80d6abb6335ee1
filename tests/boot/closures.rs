//! Programs for another architecture: what the closure finds for each of them is what their own loader lists, run by QEMU.

use libtest_mimic::{Failed, Trial};
use xtask::closure::{Root, Settings};
use xtask::event::Deaf;
use xtask::plan::assemble::SYSROOT;

use crate::lab::workshop;
use crate::oracle::{self, Loader};

/// A recipe with a sysroot of its architecture, and the loader in it.
struct Foreign {
    recipe: &'static str,
    emulator: &'static str,
    loader: &'static str,
}

const FOREIGN: &[Foreign] = &[Foreign {
    recipe: "lava-master-arm64",
    emulator: "qemu-aarch64",
    loader: "lib/ld-linux-aarch64.so.1",
}];

pub(crate) fn all() -> Vec<Trial> {
    let trials = FOREIGN.iter().map(|foreign| {
        let name = format!("closures::{}", foreign.recipe);
        Trial::test(name, || agrees(foreign))
    });
    trials.collect()
}

fn agrees(foreign: &Foreign) -> Result<(), Failed> {
    let (planned, built) = workshop().make(foreign.recipe, SYSROOT, &Deaf)?;
    let tree = built.artifact.path("tree")?;
    let folder = tree.to_str().unwrap();
    let loader = tree.join(foreign.loader);
    let loader = loader.to_str().unwrap();
    let loader = Loader::new(&[foreign.emulator, "-L", folder, loader, "--list"]);
    let root = Root::of("sysroot", &tree)?;
    let settings = Settings {
        arch: planned.loaded.recipe.arch,
        ..Settings::default()
    };
    oracle::agrees(&root, &loader, &settings);
    Ok(())
}
