//! The demo's bundle, built once, and its scenarios booted.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libtest_mimic::{Failed, Trial};
use xtask::arch::Arch;
use xtask::boot::happening::Network;
use xtask::boot::scenario::Scenario;
use xtask::boot::{Job, Outcome, run};
use xtask::checkout::Checkout;
use xtask::event::Deaf;
use xtask::recipe;
use xtask::workshop::Workshop;

/// The project itself.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The demo's bundle: built when the first test asks for it, which takes no time where the demo was built before.
static BUNDLE: LazyLock<PathBuf> = LazyLock::new(|| {
    let workshop = Workshop::open(Some(root()), None).unwrap();
    workshop.build("demo", &Deaf).unwrap().folder
});

/// A folder that is removed with the test, with a copy of the demo's bundle in it.
pub(crate) struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copy = Self { folder };
        for entry in walkdir::WalkDir::new(&*BUNDLE) {
            let entry = entry.unwrap();
            let place = copy
                .bundle()
                .join(entry.path().strip_prefix(&*BUNDLE).unwrap());
            if entry.file_type().is_dir() {
                fs_err::create_dir_all(place).unwrap();
            } else {
                fs_err::copy(entry.path(), place).unwrap();
            }
        }
        copy
    }

    pub(crate) fn bundle(&self) -> PathBuf {
        self.folder.path().join("bundle")
    }

    /// Adds kernel arguments to what every machine boots.
    pub(crate) fn append(&self, arguments: &str) {
        let path = self.bundle().join("pxelinux.cfg/default");
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(text.contains("  APPEND "), "{text}");
        fs_err::write(
            path,
            text.replace("  APPEND ", &format!("  APPEND {arguments} ")),
        )
        .unwrap();
    }

    /// Boots it.
    pub(crate) fn boot(&self, scenario: Scenario) -> Outcome {
        boot(
            &self.bundle(),
            scenario,
            &self.folder.path().join("record"),
            None,
        )
    }
}

/// Boots a bundle.
pub(crate) fn boot(
    bundle: &Path,
    scenario: Scenario,
    record: &Path,
    network: Option<Network>,
) -> Outcome {
    let job = Job {
        bundle: bundle.to_owned(),
        arch: Arch::Amd64,
        loader: "pxelinux.0".to_owned(),
        scenario,
        record: record.to_owned(),
        xtask: env!("CARGO_BIN_EXE_xtask").into(),
        cache: Workshop::open(Some(root()), None).unwrap().cache,
        network,
    };
    run(&job, &Deaf).unwrap()
}

/// One trial for each of the demo's scenarios, and one in the network of hosts that allow no namespaces.
pub(crate) fn scenarios() -> Vec<Trial> {
    let checkout = Checkout::find(Some(root())).unwrap();
    let demo = recipe::load(&checkout, "demo").unwrap().recipe;
    let of_recipe = |scenario: Scenario| {
        Trial::test(format!("demo::{}", scenario.name), move || {
            passes(scenario, None)
        })
    };
    let plain = demo.boot[0].clone();
    let without_lab = Trial::test("demo::without_namespaces", move || {
        passes(plain, Some(Network::User))
    });
    demo.boot
        .into_iter()
        .map(of_recipe)
        .chain([without_lab])
        .collect()
}

fn passes(scenario: Scenario, network: Option<Network>) -> Result<(), Failed> {
    let record = tempfile::tempdir().unwrap();
    let outcome = boot(&BUNDLE, scenario, &record.path().join("record"), network);
    if outcome.verdict.passed() {
        return Ok(());
    }
    let console = fs_err::read_to_string(outcome.record.join("console.log")).unwrap_or_default();
    Err(format!(
        "{}\n{}\n{console}",
        outcome.verdict.sentence(),
        outcome.timeline.bars()
    )
    .into())
}
