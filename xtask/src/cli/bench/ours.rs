//! Our own side of `bench initramfs`: the step that makes the segment of ready-made things, run as a build runs it, in a process of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::content::{Kernel, PROGRAMS, TAKE, owned};
use super::meter::{self, Begun};
use crate::arch::Arch;
use crate::closure::Root;
use crate::digest::{Digest, Seen};
use crate::engine;
use crate::event::Deaf;
use crate::failure::{Failure, Kind, Result};
use crate::image::compress::Compression;
use crate::plan::{Action, Definition, OfHost, Packing, Step, System, copies};
use crate::recipe::schema::HOST;
use crate::recipe::schema::{Copy, MissingFirmware, Modules};
use crate::steps::{self, Fetch, Sign, Work};
use crate::store::{Claim, Slot, Store};

/// What a kernel's configuration has to say for such an image. (The host's own may lie anywhere, and is not what is measured.)
const CONFIG: &str = "CONFIG_BLK_DEV_INITRD=y\nCONFIG_DEVTMPFS=y\nCONFIG_RD_ZSTD=y\nCONFIG_BINFMT_ELF=y\nCONFIG_BINFMT_SCRIPT=y\n";

/// An image to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Assembly {
    pub(super) kernel: Kernel,
    pub(super) compression: Compression,
    pub(super) level: Option<u32>,
    /// A folder for the step.
    pub(super) folder: PathBuf,
    /// Where the archive goes.
    pub(super) output: PathBuf,
    /// Where is written what went before it.
    pub(super) apart: PathBuf,
}

/// What planning says of the host.
fn planned(system: &System, seen: &Seen) -> Result<BTreeMap<String, OfHost>> {
    let mut all = BTreeMap::new();
    for group in copies::groups(&system.copy, false) {
        let root = Root::new(vec![copies::host()])?;
        let settings =
            copies::settings(system.packing.arch, &system.closure, None, BTreeSet::new())?;
        let of_host = copies::planned(&root, &group, &settings, seen)?;
        all.insert(group.name(), of_host);
    }
    Ok(all)
}

/// The step has all that it needs.
struct Nothing;

impl Sign for Nothing {
    fn sign(&self, _: &str, _: &[u8]) -> Result<Vec<u8>> {
        Err(Failure::bug("nothing is signed when one step is measured"))
    }
}

impl Fetch for Nothing {
    fn fetch(&self, _: &str, _: &Digest, _: &Path) -> Result<()> {
        Err(Failure::bug("this step fetches nothing"))
    }
}

impl Assembly {
    /// Makes it. What a build does before the step is done before, and written down apart: planning finds what is taken from the host, digests it and looks up its
    /// packages, and the engine digests the kernel's modules.
    ///
    /// # Errors
    /// Whatever the step fails with.
    pub(super) fn run(&self) -> Result<()> {
        let begun = Begun::now()?;
        let store = Store::at(&self.folder);
        let mut system = self.system()?;
        system.host = planned(&system, store.seen())?;
        let definition = Definition::new(
            Action::System(Box::new(system)),
            &["archive", "early", "listing", "packages"],
        );
        let step = Step::new("system", "measure", definition, BTreeMap::new());
        let Claim::Miss(slot) = store.claim(&step.key, |_| ())? else {
            return Err(Failure::bug("what is measured is there already"));
        };
        self.kernel.read(slot.seen())?;
        meter::write(&self.apart, &begun.spent()?)?;
        self.make(&step, &slot)
    }

    fn make(&self, step: &Step, slot: &Slot) -> Result<()> {
        let inputs = slot.inputs();
        for folder in ["kernel", "busybox"] {
            fs_err::create_dir_all(inputs.join(folder))?;
        }
        symlink(&self.kernel.root, inputs.join("kernel/modules"))?;
        fs_err::write(inputs.join("kernel/release"), &self.kernel.release)?;
        fs_err::write(inputs.join("kernel/config"), CONFIG)?;
        fs_err::write(inputs.join("busybox/links"), "")?;
        steps::run(&Work {
            step,
            slot,
            jobs: &engine::job_budget(None)?,
            fetch: &Nothing,
            sign: &Nothing,
            ccache: None,
            listen: &Deaf,
        })?;
        Ok(fs_err::rename(
            slot.outputs().join("archive"),
            &self.output,
        )?)
    }

    fn system(&self) -> Result<System> {
        let arch = Arch::host()
            .ok_or_else(|| Failure::new(Kind::Host, "images for this machine cannot be built"))?;
        let programs = Copy {
            from: owned(&[HOST]),
            files: PROGRAMS
                .iter()
                .map(|(path, _)| (*path).to_owned())
                .collect(),
            ..Copy::default()
        };
        Ok(System {
            packing: Packing {
                arch,
                compression: self.compression,
                level: self.level,
                mtime: 0,
            },
            copy: BTreeMap::from([("programs".to_owned(), programs)]),
            closure: crate::recipe::schema::Closure::default(),
            modules: Modules {
                take: owned(TAKE),
                exclude: Vec::new(),
                firmware: MissingFirmware::Ignore,
            },
            all_modules: false,
            microcode: Vec::new(),
            nsswitch: None,
            host: BTreeMap::new(),
        })
    }
}
