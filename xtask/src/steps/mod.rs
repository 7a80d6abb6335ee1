//! What each kind of step does, a file a kind. A step sees its own folder: inputs in `in/`, outputs in
//! `out/`, and whatever else it writes beside them. Which steps run, and where results go, is `engine`'s.

mod bundle;
mod busybox;
mod deb;
mod initramfs;
pub mod kbuild;
mod kernel;
pub mod manifest;
mod packaged_kernel;
mod segment;
pub mod sysroot;
mod system;
mod uboot;
mod uki;
mod unpack;

use std::path::{Path, PathBuf};

use crate::arch::Arch;
use crate::digest::Digest;
use crate::event::Listen;
use crate::failure::{Failure, Kind, Result};
use crate::needs::Purpose;
use crate::plan::{Action, Step, tools};
use crate::store::Slot;
use crate::tool::{Tool, version};

/// Gets bytes from outside. The engine's owner knows where they may come from.
pub trait Fetch: Sync {
    /// Puts the bytes with this digest into `to`, whole or not at all.
    ///
    /// # Errors
    /// When nobody has them.
    fn fetch(&self, step: &str, sha256: &Digest, to: &Path) -> Result<()>;
}

/// Makes signatures. The engine's owner knows where the private keys are.
pub trait Sign: Sync {
    /// What the private key of this name makes of these bytes: RSA, PKCS #1 v1.5, SHA-256. Equal bytes have equal signatures.
    ///
    /// # Errors
    /// When the key is not here, or cannot be used.
    fn sign(&self, key: &str, bytes: &[u8]) -> Result<Vec<u8>>;
}

/// A step at work.
pub struct Work<'a> {
    /// The step.
    pub step: &'a Step,
    /// Its folder in the store.
    pub slot: &'a Slot,
    /// The job budget that its tools share with others.
    pub jobs: &'a jobserver::Client,
    /// Where bytes come from.
    pub fetch: &'a dyn Fetch,
    /// Who signs.
    pub sign: &'a dyn Sign,
    /// Where compiler results are cached, if there is a compiler cache.
    pub ccache: Option<&'a Path>,
    /// Who hears what happens.
    pub listen: &'a dyn Listen,
}

impl Work<'_> {
    /// Where an input is.
    #[must_use]
    pub fn input(&self, name: &str) -> PathBuf {
        self.slot.inputs().join(name)
    }

    /// Where an output goes.
    #[must_use]
    pub fn output(&self, name: &str) -> PathBuf {
        self.slot.outputs().join(name)
    }

    /// Reads an input that is text.
    ///
    /// # Errors
    /// When it cannot be read or is not UTF-8.
    pub fn text(&self, input: &str) -> Result<String> {
        Ok(fs_err::read_to_string(self.input(input))?)
    }

    /// A tool as steps run it: in the step's folder, with the step's environment, without network, in the
    /// job budget, all it says in the step's log.
    #[must_use]
    pub fn tool(&self, program: &str) -> Tool {
        let mut tool = Tool::new(program)
            .folder(self.slot.folder())
            .log(self.slot.log())
            .jobs(self.jobs)
            .confined();
        for (name, value) in &self.step.definition.environment {
            tool = tool.env(name, value);
        }
        tool
    }
}

/// Finds the mistakes of a step that can be found before anything is built, from the files of the checkout.
///
/// # Errors
/// Those mistakes.
pub fn rehearse(step: &Step, checkout: &Path) -> Result<()> {
    match &step.definition.action {
        Action::Initramfs(initramfs) => initramfs::rehearse(initramfs, checkout),
        _ => Ok(()),
    }
}

/// Runs a step: leaves every output that its definition names.
///
/// # Errors
/// Whatever the step fails with.
pub fn run(work: &Work<'_>) -> Result<()> {
    let tools = &work.step.definition.tools;
    if let Some((name, _)) = tools.iter().find(|(_, version)| *version == tools::BROKEN) {
        version::require(Purpose::Build, &Arch::ALL, |need| need.name() == name)?;
        return Err(
            Failure::new(Kind::Missing, format!("{name} did not run")).hint(format!(
                "see what `{name} --version` says, then run the same command again"
            )),
        );
    }
    match &work.step.definition.action {
        Action::Fetch { sha256 } => work
            .fetch
            .fetch(&work.step.name, sha256, &work.output("file")),
        Action::Unpack { layout } => unpack::run(work, layout),
        Action::Kernel {
            arch,
            base,
            fragments,
            localversion,
        } => kernel::run(
            work,
            &kernel::Settings {
                arch: *arch,
                base,
                fragments,
                localversion,
            },
        ),
        Action::System(system) => system::run(work, system),
        Action::Sysroot { packages } => sysroot::run(work, packages),
        Action::PackagedKernel { package } => packaged_kernel::run(work, package),
        Action::Busybox {
            arch,
            libc,
            fragments,
        } => busybox::run(work, *arch, *libc, fragments),
        Action::UBoot { arch, board } => uboot::run(work, *arch, board),
        Action::Initramfs(initramfs) => initramfs::run(work, initramfs),
        Action::Segment(segment) => segment::run(work, segment),
        Action::Uki(parts) => uki::run(work, parts),
        Action::Sign { key, certificate } => uki::sign(work, key, certificate),
        Action::Bundle(bundle) => bundle::run(work, bundle),
        Action::Deb(packages) => deb::run(work, packages),
    }
}
