//! Bundles, each built once, and the lab in which they are booted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use libtest_mimic::Failed;
use xtask::arch::Arch;
use xtask::boot::happening::Network;
use xtask::boot::scenario::Scenario;
use xtask::boot::{Job, Outcome, run};
use xtask::event::Deaf;
use xtask::workshop::Workshop;

use crate::copy::copy;
use crate::project::root;

/// The project's workshop.
pub(crate) fn workshop() -> Workshop {
    Workshop::open(Some(root()), None).unwrap()
}

/// The folders of bundles by their recipes, or why there is none.
static BUNDLES: Mutex<BTreeMap<String, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());

/// A recipe's bundle: built when the first test asks for it, which takes no time where it was built before.
pub(crate) fn bundle(recipe: &str) -> Result<PathBuf, Failed> {
    let mut bundles = BUNDLES.lock().unwrap();
    let built = bundles.entry(recipe.to_owned()).or_insert_with(|| {
        let built = workshop().build(recipe, &Deaf);
        built
            .map(|built| built.folder)
            .map_err(|failure| format!("{failure:#?}"))
    });
    Ok(built.clone()?)
}

/// A folder that is removed with the test, with a copy of the demo's bundle in it.
pub(crate) struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    pub(crate) fn new() -> Result<Self, Failed> {
        Self::of(&bundle("demo")?)
    }

    /// The same of another bundle.
    pub(crate) fn of(bundle: &Path) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let it = Self { folder };
        copy(bundle, &it.bundle());
        Ok(it)
    }

    pub(crate) fn bundle(&self) -> PathBuf {
        self.folder.path().join("bundle")
    }

    /// The file whose name begins like this.
    pub(crate) fn file(&self, prefix: &str) -> PathBuf {
        let files = fs_err::read_dir(self.bundle()).unwrap();
        let mut paths = files.map(|entry| entry.unwrap().path());
        let begins = |path: &PathBuf| {
            let name = path.file_name().unwrap();
            name.to_string_lossy().starts_with(prefix)
        };
        paths.find(begins).unwrap()
    }

    /// Adds kernel arguments to what every machine boots.
    pub(crate) fn append(&self, arguments: &str) {
        let path = self.bundle().join("pxelinux.cfg/default");
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(text.contains("  APPEND "), "{text}");
        let text = text.replace("  APPEND ", &format!("  APPEND {arguments} "));
        fs_err::write(path, text).unwrap();
    }

    /// Holds a copy of another bundle from now on.
    pub(crate) fn take(&self, bundle: &Path) {
        fs_err::remove_dir_all(self.bundle()).unwrap();
        copy(bundle, &self.bundle());
    }

    /// Gives a configuration another name.
    pub(crate) fn rename(&self, name: &str, other: &str) {
        let folder = self.bundle().join("pxelinux.cfg");
        fs_err::rename(folder.join(name), folder.join(other)).unwrap();
    }

    /// Makes the initramfs longer than this, by an archive with a file that nothing can compress.
    pub(crate) fn pad(&self, bytes: usize) {
        let path = self.file("initramfs-");
        let mut image = fs_err::read(&path).unwrap();
        let mut noise = 0_u64;
        let random = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            noise.to_be_bytes()[0]
        });
        let mut header = format!("07070100000001{:08x}", 0o100_644);
        for number in [0, 0, 1, 0, bytes, 0, 0, 0, 0, "padding".len() + 1, 0] {
            header += &format!("{number:08x}");
        }
        let end = "07070100000002".to_owned()
            + &"0".repeat(32)
            + "00000001"
            + &"0".repeat(40)
            + "0000000b00000000TRAILER!!!\0";
        image.resize(image.len().next_multiple_of(4), 0);
        image.extend(format!("{header}padding\0\0\0").into_bytes());
        image.extend(random.take(bytes));
        image.resize(image.len().next_multiple_of(4), 0);
        image.extend(end.into_bytes());
        image.resize(image.len().next_multiple_of(4), 0);
        fs_err::write(path, image).unwrap();
    }

    /// Boots it.
    pub(crate) fn boot(&self, scenario: Scenario) -> Outcome {
        let record = self.folder.path().join("record");
        boot(&self.bundle(), Arch::Amd64, scenario, &record, None)
    }
}

/// Boots a bundle.
pub(crate) fn boot(
    bundle: &Path,
    arch: Arch,
    scenario: Scenario,
    record: &Path,
    network: Option<Network>,
) -> Outcome {
    let job = Job {
        bundle: bundle.to_owned(),
        arch,
        loader: scenario.route(arch).file(arch).to_owned(),
        scenario,
        record: record.to_owned(),
        xtask: env!("CARGO_BIN_EXE_xtask").into(),
        cache: workshop().cache,
        network,
        installed: None,
    };
    run(&job, &Deaf).unwrap()
}

/// Boots a bundle, which must pass.
pub(crate) fn passes(
    bundle: &Path,
    arch: Arch,
    scenario: Scenario,
    network: Option<Network>,
) -> Result<(), Failed> {
    let record = tempfile::tempdir()?;
    let record = record.path().join("record");
    let outcome = boot(bundle, arch, scenario, &record, network);
    if outcome.verdict.passed() {
        return Ok(());
    }
    Err(told(&outcome))
}

/// All there is to say of a boot.
pub(crate) fn told(outcome: &Outcome) -> Failed {
    let console = fs_err::read_to_string(outcome.record.join("console.log")).unwrap_or_default();
    let (sentence, bars) = (outcome.verdict.sentence(), outcome.timeline.bars());
    format!("{sentence}\n{bars}\n{console}").into()
}

/// When the demo's prompt is there.
pub(crate) const PROMPT: &str = "^demo:~#$";

/// The commonest scenario: when a line matches, this is typed, and then lines come that match these.
pub(crate) fn typed(when: &str, keys: &str, expect: &[&str]) -> Scenario {
    let answer = serde_json::json!({ "when": when, "type": format!("{keys}\r") });
    let scenario = serde_json::json!({ "name": "typed", "answer": [answer], "expect": expect, "end": "expected" });
    serde_json::from_value(scenario).unwrap()
}
