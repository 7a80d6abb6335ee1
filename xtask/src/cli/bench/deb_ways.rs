//! The ways of `bench deb` to make one and the same package, each from a folder that has its files.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::meter::{self, Job};
use crate::cli::boot;
use crate::debian::deb::{Compression, Deb, Format};
use crate::debian::deb822::{self, Stanza};
use crate::failure::{Failure, Result};
use crate::image::content::Content;
use crate::image::tree::{Entry, FileTree, Origin};
use crate::needs;
use crate::tool::Tool;

pub(super) const OURS: &str = "cordwainer";
pub(super) const DPKG_DEB: &str = "dpkg-deb";
pub(super) const BUILDPACKAGE: &str = "dpkg-buildpackage";

/// `dpkg-deb`'s own level of xz, for all.
const LEVEL: u32 = 6;

/// Where `dpkg-deb --raw-extract` puts control files.
const DEBIAN: &str = "DEBIAN";

/// The time of everything in it, whoever writes it.
const MTIME: u32 = 1_700_000_000;

/// One way to make the package.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) name: &'static str,
    /// The program and its arguments.
    pub(super) argv: Vec<String>,
    /// Where it runs.
    pub(super) folder: PathBuf,
    /// The package.
    pub(super) output: PathBuf,
}

/// Our own way, in a process of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pack {
    /// The files, and the control files in `DEBIAN/`.
    root: PathBuf,
    output: PathBuf,
}

/// All ways that are there, and why others are not.
pub(super) fn all(package: &Path, folder: &Path) -> Result<(Vec<Way>, Vec<String>)> {
    let root = folder.join("root");
    let mut skipped = Vec::new();
    let mut missing = |name: &str, program: &str, package: &str| {
        let absent = needs::find(program).is_none();
        if absent {
            skipped.push(format!(
                "{name} is not measured: {program} is not installed (`apt-get install {package}` brings it)"
            ));
        }
        absent
    };
    Tool::new(DPKG_DEB)
        .arg("--raw-extract")
        .args([package, &root])
        .run()?;
    let debhelper = !missing(BUILDPACKAGE, "dpkg-buildpackage", "dpkg-dev")
        && !missing(BUILDPACKAGE, "dh", "debhelper");
    let mut ways = vec![ours(&root, folder)?, dpkg_deb(&root, folder)];
    if debhelper {
        ways.push(buildpackage(&root, folder)?);
    }
    Ok((ways, skipped))
}

fn ours(root: &Path, folder: &Path) -> Result<Way> {
    let output = folder.join("ours.deb");
    let job = folder.join("ours.json");
    let pack = Pack {
        root: root.to_owned(),
        output: output.clone(),
    };
    meter::write(&job, &Job::Pack(pack))?;
    let mut argv = vec![boot::ourselves()?.to_string_lossy().into_owned()];
    argv.extend(meter::command(&job));
    Ok(Way {
        name: OURS,
        argv,
        folder: folder.to_owned(),
        output,
    })
}

fn dpkg_deb(root: &Path, folder: &Path) -> Way {
    let output = folder.join("dpkg.deb");
    let level = format!("-z{LEVEL}");
    let options = [DPKG_DEB, "--root-owner-group", "-Zxz", &level, "--build"];
    let paths = [root, &output].map(|path| path.to_string_lossy().into_owned());
    Way {
        name: DPKG_DEB,
        argv: options
            .map(str::to_owned)
            .into_iter()
            .chain(paths)
            .collect(),
        folder: folder.to_owned(),
        output,
    }
}

/// A source package that installs the same files, as debhelper's own templates would have it.
fn buildpackage(root: &Path, folder: &Path) -> Result<Way> {
    let control = control(root)?;
    let field = |name: &str| control.get(name).unwrap_or_default();
    let place = folder.join("peer/source");
    let debian = place.join("debian");
    fs_err::create_dir_all(debian.join("source"))?;
    let (name, version, maintainer) = (field("Package"), field("Version"), field("Maintainer"));
    let source = format!(
        "Source: bench\nSection: net\nPriority: optional\nMaintainer: {maintainer}\nBuild-Depends: debhelper-compat (= 13)\nRules-Requires-Root: no\n"
    );
    let binary = Stanza::default()
        .with("Package", name)
        .with("Architecture", "all")
        .with("Description", field("Description"));
    let changelog = format!(
        "bench ({version}) unstable; urgency=low\n\n  * Measured.\n\n -- {maintainer}  Tue, 14 Nov 2023 22:13:20 +0000\n"
    );
    // What a Makefile's `install` would do.
    let rules = format!(
        "#!/usr/bin/make -f\n%:\n\tdh $@\noverride_dh_auto_install:\n\tmkdir -p debian/{name}\n\tcp -a {}/usr debian/{name}/\noverride_dh_builddeb:\n\tdh_builddeb -- -Zxz -z{LEVEL}\n",
        root.display()
    );
    let files = [
        ("control", format!("{source}\n{binary}")),
        ("changelog", changelog),
        ("source/format", "3.0 (native)\n".to_owned()),
        ("rules", rules),
    ];
    for (file, text) in files {
        fs_err::write(debian.join(file), text)?;
    }
    let executable = std::fs::Permissions::from_mode(0o755);
    fs_err::set_permissions(debian.join("rules"), executable)?;
    let argv = [
        BUILDPACKAGE,
        "--build=binary",
        "--no-sign",
        "--no-check-builddeps",
    ];
    // Its own name for the package, which has no epoch.
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    Ok(Way {
        name: BUILDPACKAGE,
        argv: argv.map(str::to_owned).to_vec(),
        output: place.with_file_name(format!("{name}_{version}_all.deb")),
        folder: place,
    })
}

fn control(root: &Path) -> Result<Stanza> {
    let text = fs_err::read_to_string(root.join(DEBIAN).join("control"))?;
    let stanza = deb822::parse(&text).unwrap_or_default().into_iter().next();
    stanza.ok_or_else(|| Failure::bug("a package of ours has no control fields"))
}

impl Pack {
    /// Writes the package.
    ///
    /// # Errors
    /// What reading and writing fail with.
    pub(super) fn run(&self) -> Result<()> {
        let mut files = FileTree::default();
        let mut scripts = BTreeMap::new();
        for entry in WalkDir::new(&self.root).min_depth(1) {
            let entry = entry.map_err(std::io::Error::from)?;
            let path = entry
                .path()
                .strip_prefix(&self.root)
                .unwrap_or(entry.path());
            let about = fs_err::metadata(entry.path())?;
            if entry.file_type().is_dir() {
                continue;
            } else if let Ok(name) = path.strip_prefix(DEBIAN) {
                let name = name.to_string_lossy().into_owned();
                if !["control", "md5sums"].contains(&&*name) {
                    scripts.insert(name, fs_err::read_to_string(entry.path())?);
                }
            } else {
                let content = Content::unread(entry.path().to_owned(), about.len());
                let from = "a package".to_owned();
                let executable = about.permissions().mode() & 0o100 != 0;
                let entry = Entry::file(content, executable, Origin::Built { from });
                files.add(path.to_string_lossy().parse()?, entry)?;
            }
        }
        let deb = Deb {
            control: control(&self.root)?,
            scripts,
            files,
            mtime: MTIME,
            compression: Compression {
                format: Format::Xz,
                level: Some(LEVEL),
            },
        };
        deb.write(&self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_makes_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = FileTree::default();
        let from = "a test".to_owned();
        let entry = Entry::file("text\n", false, Origin::Built { from });
        files
            .add("usr/lib/example/file".parse().unwrap(), entry)
            .unwrap();
        let deb = Deb {
            control: Stanza::default()
                .with("Package", "example")
                .with("Version", "1:1.0")
                .with("Architecture", "all")
                .with("Maintainer", "Jane Doe <jane@example.org>")
                .with("Description", "an example\nof a package"),
            scripts: BTreeMap::new(),
            files,
            mtime: MTIME,
            compression: Compression::default(),
        };
        let package = folder.path().join("example.deb");
        deb.write(&package).unwrap();
        let (ways, skipped) = all(&package, folder.path()).unwrap();
        assert_eq!(ways.len() + skipped.len(), 3, "{skipped:?}");
        for way in &ways {
            match way.name {
                OURS => {
                    let job = fs_err::read(&way.argv[2]).unwrap();
                    let Job::Pack(pack) = serde_json::from_slice(&job).unwrap() else {
                        panic!("{way:?}");
                    };
                    pack.run().unwrap();
                }
                _ => {
                    let tool = Tool::new(way.argv[0].clone()).args(&way.argv[1..]);
                    tool.folder(&way.folder).run().unwrap();
                }
            }
            let tool = Tool::new(DPKG_DEB).arg("--contents").arg(&way.output);
            let contents = tool.read().unwrap();
            assert!(
                contents.contains("./usr/lib/example/file\n"),
                "{way:?}: {contents}"
            );
        }
    }
}
