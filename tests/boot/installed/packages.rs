//! The packages that are installed: those of the demo in two versions, which differ in their kernels and images as those of a real release do; and the
//! indexes by which apt finds them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use libtest_mimic::Failed;
use xtask::debian::changelog;
use xtask::digest::Digest;
use xtask::event::Deaf;
use xtask::tool::Tool;
use xtask::workshop::Workshop;

use super::system::done;
use crate::lab::workshop;
use crate::project::{Project, root};

const CHANGELOG: &str = "debian/changelog";

/// The newest entry of a changelog that is newer than ours.
const NEWER: &str = "cordwainer-demo (99.0-1) unstable; urgency=medium

  * A newer one.

 -- Cordwainer maintainers <maintainers@cordwainer.example>  Thu, 01 Jan 2099 00:00:00 +0000

";

/// The versions, older first: that of the checkout, and one of the tests' own.
pub(crate) static VERSIONS: LazyLock<[&'static str; 2]> = LazyLock::new(|| {
    let path = root().join(CHANGELOG);
    let text = fs_err::read_to_string(&path).unwrap();
    let version = changelog::latest(&path, &text).unwrap().version.to_string();
    [Box::leak(version.into_boxed_str()), "99.0-1"]
});

/// Packages by their versions, or why there are none.
static PACKAGES: Mutex<BTreeMap<String, Result<Packages, String>>> = Mutex::new(BTreeMap::new());

/// Packages by their file names.
pub(crate) type Packages = Arc<BTreeMap<String, Vec<u8>>>;

/// The packages of a version: made when the first test asks for them.
pub(crate) fn packages(version: &str) -> Result<Packages, Failed> {
    let mut packages = PACKAGES.lock().unwrap();
    let made = packages.entry(version.to_owned());
    let made = made.or_insert_with(|| {
        if version == VERSIONS[0] {
            return make(&workshop());
        }
        let project = Project::new();
        let ours = fs_err::read_to_string(project.path(CHANGELOG)).unwrap();
        project.write(CHANGELOG, NEWER.to_owned() + &ours);
        make(&Workshop::open(Some(&project.path("")), None).unwrap())
    });
    Ok(made.clone()?)
}

fn make(workshop: &Workshop) -> Result<Packages, String> {
    let made = workshop.debs("demo", &Deaf);
    let debs = made.map_err(|failure| format!("{failure:#?}"))?;
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs_err::read(path).unwrap())
    };
    Ok(Arc::new(debs.files.into_iter().map(read).collect()))
}

/// Writes the index of all packages in a folder. It is not signed: apt is told to trust it.
pub(crate) fn index(folder: &Path) -> Result<(), Failed> {
    let mut text = String::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".deb") {
            continue;
        }
        let control = done(Tool::new("dpkg-deb").arg("--field").arg(&path).read())?;
        let (digest, size) = Digest::of_file(&path)?;
        writeln!(
            text,
            "{control}Filename: ./{name}\nSize: {size}\nSHA256: {digest}\n"
        )?;
    }
    Ok(fs_err::write(folder.join("Packages"), text)?)
}
