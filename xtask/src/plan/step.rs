//! A step: an action, its inputs, and the key that names its result.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::arch::Arch;
use crate::debian::installed;
use crate::digest::Digest;
use crate::image::compress::Compression;
use crate::image::microcode::Maker;
use crate::recipe::schema;

/// Version of the encoding below. Raised when the meaning of a definition changes, so that
/// results of the former meaning are no longer found.
const FORMAT: u32 = 1;

/// Everything that decides what a step's result is, and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Definition {
    format: u32,
    /// What is done.
    pub action: Action,
    /// What it is done with: name in the step's folder → what it is.
    pub inputs: BTreeMap<String, Input>,
    /// Tools, ours included: name → version.
    pub tools: BTreeMap<String, String>,
    /// What the tools see of the environment beyond what every tool sees.
    pub environment: BTreeMap<String, String>,
    /// What it leaves in its folder.
    pub outputs: Vec<String>,
}

impl Definition {
    /// A definition with an action and the names of its outputs; the rest is filled in by hand.
    #[must_use]
    pub fn new(action: Action, outputs: &[&str]) -> Self {
        Self {
            format: FORMAT,
            action,
            inputs: BTreeMap::new(),
            tools: BTreeMap::new(),
            environment: BTreeMap::new(),
            outputs: outputs.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    /// As a JSON value: what the store keeps and `explain` compares.
    ///
    /// # Panics
    /// Never: its maps have string keys.
    #[must_use]
    pub fn value(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a definition has string keys")
    }
}

/// Something a step works on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Input {
    /// A file of the checkout, by its bytes.
    File {
        /// Digest of the bytes.
        digest: Digest,
    },
    /// A folder of the checkout, by the digest of the listing of what counts in it.
    Folder {
        /// Digest of the canonical encoding of the listing.
        digest: Digest,
    },
    /// What another step leaves.
    Output {
        /// That step's key.
        step: Digest,
        /// The output's name.
        output: String,
    },
}

/// Where an input is found; no part of the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A path in the checkout.
    Checkout(PathBuf),
    /// The step of this name in the same plan.
    Step(String),
}

/// What a step does: data alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Action {
    /// Fetches one file; any place that has these bytes will do.
    Fetch {
        /// Digest of the bytes.
        sha256: Digest,
    },
    /// Unpacks sources into a tree.
    Unpack {
        /// What is packed how.
        layout: Layout,
    },
    /// Configures and builds a Linux kernel.
    Kernel {
        /// Debian's name of the machine's architecture.
        arch: Arch,
        /// One of Kbuild's targets, or the name of the input that is a whole configuration.
        base: String,
        /// Names of the inputs that are fragments, in order.
        fragments: Vec<String>,
        /// Appended to the kernel's release.
        localversion: String,
    },
    /// Unpacks Debian packages side by side.
    Sysroot {
        /// The packages by name; each has an input of the name that [`SysrootPackage::input`] gives it.
        packages: BTreeMap<String, SysrootPackage>,
    },
    /// Takes the kernel and its modules from the inputs `tree` and `index` of a sysroot.
    PackagedKernel {
        /// The package that the recipe asks for: the kernel's own, or one that depends on it.
        package: String,
    },
    /// Configures and builds a static busybox.
    Busybox {
        /// The machine's architecture.
        arch: Arch,
        /// The C library.
        libc: schema::Libc,
        /// Names of the inputs that are fragments, in order.
        fragments: Vec<String>,
    },
    /// Builds U-Boot.
    UBoot {
        /// The machine's architecture.
        arch: Arch,
        /// The board, by the name of its configuration.
        board: String,
    },
    /// Collects what is ready-made into a segment of the initramfs.
    System(Box<System>),
    /// Assembles the initramfs.
    Initramfs(Box<Initramfs>),
    /// Makes a segment that some machines get on top of the initramfs.
    Segment(Box<Segment>),
    /// Makes a unified kernel image.
    Uki(Box<Uki>),
    /// Signs the input `image` for Secure Boot, with a private key that is known where the step runs.
    Sign {
        /// The key's name.
        key: String,
        /// Name of the input that is its certificate.
        certificate: String,
    },
    /// Lays out what a server serves.
    Bundle(Box<Bundle>),
    /// Packs that as Debian packages.
    Deb(Box<Packages>),
}

/// How an archive is written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Packing {
    /// What most of the code in it is for.
    pub arch: Arch,
    /// How it is compressed.
    pub compression: Compression,
    /// How hard.
    pub level: Option<u32>,
    /// Modification time of everything in it, seconds since 1970.
    pub mtime: u32,
}

/// What the segment of ready-made things is collected from, beside the step's inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct System {
    /// How it is written.
    pub packing: Packing,
    /// The recipe's `[copy]`.
    pub copy: BTreeMap<String, schema::Copy>,
    /// The recipe's `[closure]`.
    pub closure: schema::Closure,
    /// The recipe's `[modules]`.
    pub modules: schema::Modules,
    /// Whether all modules of the kernel are taken.
    pub all_modules: bool,
    /// Processors whose microcode comes first.
    pub microcode: Vec<Maker>,
    /// The image's own nsswitch.conf(5), where an overlay has one.
    pub nsswitch: Option<String>,
    /// What tables take from the host, by their roots.
    pub host: BTreeMap<String, OfHost>,
}

/// What is taken from the host, as planning found it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfHost {
    /// Digest of all of it: it has to be there still when the step runs.
    pub digest: Digest,
    /// The package of each path (without a leading slash), where dpkg knows one.
    pub owners: BTreeMap<String, String>,
    /// These packages, as dpkg's database has them.
    pub packages: installed::Packages,
}

/// What a segment on top of the image is made from, beside the step's inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// How it is written.
    pub packing: Packing,
    /// Names of the inputs that are overlays, in order.
    pub overlays: Vec<String>,
    /// The recipe's `[image]`, which templates see some of.
    pub image: schema::Image,
    /// The recipe's `[settings]`, which templates see.
    pub settings: BTreeMap<String, String>,
    /// The version stamps.
    pub stamps: Stamps,
}

/// A package of a sysroot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SysrootPackage {
    /// Its version.
    pub version: String,
    /// Debian's name of the architecture it is for, or `all`.
    pub architecture: String,
    /// The source package it was built from.
    pub source: String,
    /// That source package's version.
    pub source_version: String,
    /// Digest of the `.deb`.
    pub sha256: Digest,
}

impl SysrootPackage {
    /// The name of the input that is the `.deb` of the package of this name.
    #[must_use]
    pub fn input(package: &str) -> String {
        format!("{package}.deb")
    }
}

/// What the initramfs is assembled from, beside the step's inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Initramfs {
    /// How its segments are written.
    pub packing: Packing,
    /// The recipe's `[image]`.
    pub image: schema::Image,
    /// Names of the inputs that are overlays, in order.
    pub overlays: Vec<String>,
    /// The recipe's `[settings]`, which templates see.
    pub settings: BTreeMap<String, String>,
    /// The version stamps.
    pub stamps: Stamps,
}

/// What a unified kernel image is made from, beside the step's inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Uki {
    /// The machines it is for.
    pub arch: Arch,
    /// The kernel's arguments.
    pub arguments: String,
    /// Names of the inputs in `segment/` that are on top of the initramfs, in order.
    pub segments: Vec<String>,
    /// The version stamps.
    pub stamps: Stamps,
}

/// What a bundle is laid out from, beside the step's inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bundle {
    /// The machines it is for.
    pub arch: Arch,
    /// The recipe's `[bundle]`.
    pub bundle: schema::Bundle,
    /// The recipe's `[u-boot]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub u_boot: Option<schema::UBoot>,
    /// Names of the recipe's segments.
    pub segments: Vec<String>,
    /// The recipe's `[[node]]`.
    pub nodes: Vec<schema::Node>,
    /// The serial console.
    pub console: schema::Console,
    /// The version stamps.
    pub stamps: Stamps,
    /// Where everything came from: copied into the manifest as it is.
    pub provenance: serde_json::Value,
}

/// What the Debian packages of a bundle are made from, beside the step's inputs. Of these, `image`, `server` and `helper` are the folders with templates.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Packages {
    /// The bundle, from which the packages' own menus are written; without its provenance, which is in its manifest.
    pub bundle: Bundle,
    /// The recipe's `description`.
    pub description: String,
    /// Name of the input that is the changelog.
    pub changelog: String,
    /// The recipe's `[package]`.
    pub package: schema::Package,
    /// Names of the inputs that are `.deb`s which sources of the recipe are in: their control fields say what they were built from.
    pub debs: Vec<String>,
    /// Source packages that are known to have gone in: name → version.
    pub sources: BTreeMap<String, String>,
}

/// How sources are packed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "as", rename_all = "kebab-case")]
pub enum Layout {
    /// A Debian source package; the input `dsc` names the others.
    DebianSource {
        /// Name of the input that is the `.dsc`.
        dsc: String,
    },
    /// A Debian binary package.
    DebianBinary {
        /// Name of the input that is the `.deb`.
        deb: String,
    },
    /// A tarball inside a Debian binary package; its single top folder is taken away.
    Member {
        /// Name of the input that is the `.deb`.
        deb: String,
        /// Path of the tarball in the package.
        member: String,
    },
    /// A tarball; its single top folder is taken away.
    Tarball {
        /// Name of the input.
        file: String,
    },
    /// A folder of the checkout, as it is.
    Folder {
        /// Name of the input.
        folder: String,
    },
}

/// The version stamps that go into image and bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stamps {
    /// The recipe's name.
    pub name: String,
    /// The changelog's version.
    pub version: String,
    /// The first digits of a digest of everything that went in.
    pub build_id: String,
    /// The changelog entry's date: ISO 8601, UTC.
    pub date: String,
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name in the plan.
    pub name: String,
    /// What it does, for people.
    pub title: String,
    /// Everything that decides its result.
    pub definition: Definition,
    /// The digest of the definition.
    pub key: Digest,
    /// Where its inputs are found.
    pub locations: BTreeMap<String, Location>,
    /// What is in the inputs that are folders, by path: no part of the key (their digests are), but what `explain` tells.
    pub folders: Folders,
}

/// Name of an input that is a folder → path in it → what is there, in words that differ when it differs.
pub type Folders = BTreeMap<String, BTreeMap<String, String>>;

impl Step {
    /// A step; its key is computed here, so the definition must be complete.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        title: impl Into<String>,
        definition: Definition,
        locations: BTreeMap<String, Location>,
    ) -> Self {
        let key = Digest::of_value(&definition);
        Self {
            name: name.into(),
            title: title.into(),
            definition,
            key,
            locations,
            folders: Folders::new(),
        }
    }

    /// Names of the steps it takes something from.
    pub fn upstream(&self) -> impl Iterator<Item = &str> {
        self.locations
            .values()
            .filter_map(|location| match location {
                Location::Step(name) => Some(name.as_str()),
                Location::Checkout(_) => None,
            })
    }
}
