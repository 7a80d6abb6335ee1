//! A folder with what a package is made from: `control`, maintainer scripts and what else dpkg knows by name, documents, and in `files/` the package's own files.
//! What ends in `.hbs` is a template.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression as Level, GzBuilder};

use super::{Variables, description};
use crate::debian::changelog::{self, Entry as Release};
use crate::debian::deb::{self, Compression, Deb};
use crate::debian::deb822::{self, Stanza};
use crate::failure::{Failure, Kind, Result};
use crate::image::overlay::{self, TEMPLATE};
use crate::image::path::ImagePath;
use crate::image::tree::{Entry, FileTree, Node, Origin};
use crate::template;
use crate::text;

/// A changelog: all of it, and its newest entry.
pub(super) struct Changelog {
    pub(super) text: String,
    pub(super) newest: Release,
    /// Whether there is no other.
    pub(super) is_first: bool,
}

impl Changelog {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs_err::read_to_string(path)?;
        Ok(Self {
            newest: changelog::latest(path, &text)?,
            // What is wrong with former entries is no reason to pack nothing.
            is_first: changelog::entries(path, &text).is_ok_and(|all| all.len() == 1),
            text,
        })
    }

    /// Its name in a package (Debian Policy 12.7): what has no revision was made for Debian alone, and has no other changelog.
    fn file_name(&self) -> &'static str {
        match self.newest.version.revision() {
            Some(_) => "changelog.Debian.gz",
            None => "changelog.gz",
        }
    }
}

/// What a package says of itself in /usr/share/doc.
#[derive(Clone)]
pub(super) struct Documents<'a> {
    pub(super) changelog: &'a Changelog,
    pub(super) copyright: String,
    /// README.Debian in place of the folder's own.
    pub(super) readme: Option<String>,
}

/// A folder of the checkout, copied into the step's.
pub(super) struct Folder {
    /// What failures call it.
    name: &'static str,
    path: PathBuf,
}

/// The files of a package that are in a folder below its own name.
const FILES: &str = "files";

/// Where a document of this name goes in the package; `PACKAGE` stands for its name.
const DOCUMENTS: [(&str, &str); 3] = [
    ("README.Debian", "usr/share/doc/PACKAGE/README.Debian"),
    ("copyright", "usr/share/doc/PACKAGE/copyright"),
    ("lintian-overrides", "usr/share/lintian/overrides/PACKAGE"),
];

/// What is read otherwise, or is for people who change the folder.
const OTHERS: [&str; 2] = ["README.md", "changelog"];

/// Where manual pages are; packages have them compressed (Debian Policy 12.1).
const MANUALS: &str = "usr/share/man/";

impl Folder {
    pub(super) fn at(name: &'static str, path: PathBuf) -> Self {
        Self { name, path }
    }

    /// The package that is made of this folder, with these files in it.
    ///
    /// # Errors
    /// [`Kind::Recipe`] for templates that are wrong, for a folder without `control`, and for what nobody knows.
    pub(super) fn package(
        &self,
        variables: &Variables,
        documents: &Documents<'_>,
        mut files: FileTree,
    ) -> Result<Deb> {
        let render = |name: &str, text: &str| template::render(Path::new(name), text, variables);
        self.own_files(&render, &mut files)?;
        let mut texts = self.texts(&render)?;
        let copyright = || documents.copyright.clone();
        texts
            .entry("copyright".to_owned())
            .or_insert_with(copyright);
        if let Some(readme) = &documents.readme {
            texts.insert("README.Debian".to_owned(), readme.clone());
        }
        let control = texts.remove("control").unwrap_or_default();
        let mut scripts = BTreeMap::new();
        for (name, text) in texts {
            let place = DOCUMENTS.iter().find(|(document, _)| *document == name);
            let is_member = deb::MEMBERS.contains(&&*name);
            if !is_member && place.is_none() && !OTHERS.contains(&&*name) {
                return Err(self.stranger(&name));
            }
            // Of a template, conditions may have left nothing.
            if text.trim().is_empty() {
                continue;
            }
            if let Some((_, place)) = place {
                let place = place.replace("PACKAGE", &variables.package);
                let entry = Entry::file(&*text, false, self.origin(&name));
                files.add(place.parse()?, entry)?;
            } else if is_member {
                scripts.insert(name, text);
            }
        }
        let changelog = documents.changelog;
        let place = format!(
            "usr/share/doc/{}/{}",
            variables.package,
            changelog.file_name()
        );
        let log = gzip(changelog.text.as_bytes())?;
        files.add(
            place.parse()?,
            Entry::file(log, false, self.origin("changelog")),
        )?;
        Ok(Deb {
            control: self.control(&control)?,
            scripts,
            files,
            mtime: mtime(&changelog.newest)?,
            compression: Compression::default(),
        })
    }

    /// Every text directly in the folder, templates rendered, by name without the ending of one.
    fn texts(
        &self,
        render: &dyn Fn(&str, &str) -> Result<String>,
    ) -> Result<BTreeMap<String, String>> {
        let mut texts = BTreeMap::new();
        for item in overlay::listing(&self.path)? {
            if item.path == FILES || item.path.starts_with(&format!("{FILES}/")) {
                continue;
            }
            let path = self.path.join(&item.path);
            if path.is_dir() {
                return Err(self.stranger(&item.path));
            }
            let text = fs_err::read_to_string(path)?;
            match item.path.strip_suffix(TEMPLATE) {
                Some(name) => {
                    let text = render(&format!("{}/{}", self.name, item.path), &text)?;
                    texts.insert(name.to_owned(), text);
                }
                None => drop(texts.insert(item.path, text)),
            }
        }
        Ok(texts)
    }

    /// Adds what is in `files/`.
    fn own_files(&self, render: overlay::Render<'_>, files: &mut FileTree) -> Result<()> {
        let folder = self.path.join(FILES);
        if !folder.is_dir() {
            return Ok(());
        }
        let mut own = FileTree::default();
        overlay::lay(&mut own, &format!("{}/{FILES}", self.name), &folder, render)?;
        for (path, entry) in own.iter() {
            match &entry.node {
                Node::File(content) if is_manual(path) => {
                    let mut page = Vec::new();
                    content.copy_to(&mut page)?;
                    let packed = Entry::file(gzip(&page)?, false, entry.origin.clone());
                    files.add(format!("{path}.gz").parse()?, packed)?;
                }
                _ => files.add(path.clone(), entry.clone())?,
            }
        }
        Ok(())
    }

    fn control(&self, text: &str) -> Result<Stanza> {
        let stanzas = deb822::parse(text);
        let reason = match stanzas.as_deref() {
            Ok([stanza]) => return Ok(description::wrapped(stanza)),
            Ok(_) => "it is not one stanza of fields".to_owned(),
            Err(line) => format!("line {line} of what it says is no field"),
        };
        let what = format!("{}/control is wrong: {reason}", self.name);
        Err(Failure::new(Kind::Recipe, what).hint("deb-control(5) describes control files"))
    }

    fn stranger(&self, name: &str) -> Failure {
        let what = format!("nothing is known of {}/{name}", self.name);
        Failure::new(Kind::Recipe, what).hint(format!(
            "beside control and {FILES}/ there can be {}",
            text::listing(
                DOCUMENTS
                    .map(|(name, _)| name)
                    .into_iter()
                    .chain(deb::MEMBERS),
                "and"
            )
        ))
    }

    fn origin(&self, name: &str) -> Origin {
        Origin::Built {
            from: format!("{}/{name}", self.name),
        }
    }
}

fn is_manual(path: &ImagePath) -> bool {
    path.as_str().starts_with(MANUALS) && !path.as_str().ends_with(".gz")
}

/// As `gzip -9n` compresses: neither name nor time.
fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Level::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// The time that everything in a package has.
fn mtime(release: &Release) -> Result<u32> {
    u32::try_from(release.epoch).map_err(|_| {
        let what = format!(
            "the changelog's date {:?} does not fit into a package",
            release.date
        );
        Failure::new(Kind::Recipe, what).hint("a date must be from 1970 to 2106")
    })
}
