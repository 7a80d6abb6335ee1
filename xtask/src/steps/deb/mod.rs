//! The Debian packages of a bundle: one with the files of this version, which can be installed beside others; one that depends on it and sets a boot server up; and the
//! helper that brings the files to where the server serves them. What they say stands in templates of the checkout; writing them is `debian::deb`'s.

mod built_using;
mod description;
mod folder;
mod image;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde::Serialize;

use self::folder::{Changelog, Documents, Folder};
use super::{Work, bundle};
use crate::arch::Arch;
use crate::archive;
use crate::debian::deb822;
use crate::failure::{Failure, Kind, Result};
use crate::image::tree::FileTree;
use crate::loader::c32::Flavour;
use crate::loader::program;
use crate::loader::reader::Reader;
use crate::plan::Packages;
use crate::plan::packages::{COPYRIGHT, FOLDERS};

/// Where the versions of images are, on a machine that has their packages.
const PLACE: &str = "usr/lib/netboot-images";

/// Where a TFTP server has them, below its root: the helper sees to that.
const SERVED: &str = "netboot-images";
/// The package that serves images.
const HELPER: &str = "netboot-images";

/// What templates may use.
#[derive(Clone, Debug, Default, Serialize)]
struct Variables {
    /// The package that the template is of.
    package: String,
    /// The recipe's name.
    name: String,
    /// The package's whole version.
    version: String,
    /// The image's version as it stands in the names of files and folders: without an epoch.
    file_version: String,
    /// The source package.
    source: String,
    /// The package with the files of this version.
    image: String,
    /// What all versions of that provide.
    provides: String,
    /// The package that sets a boot server up.
    server: String,
    /// `Name <address>`.
    maintainer: String,
    homepage: Option<String>,
    /// The machines that boot the image.
    arch: &'static str,
    /// What the packages say of themselves: paragraphs.
    description: Vec<String>,
    /// What the server's package depends on in addition, joined by commas; empty for nothing.
    depends: String,
    /// What goes well with it, likewise.
    recommends: String,
    /// Whether a boot loader with modules comes with the image: for BIOS.
    loader: bool,
    /// And for EFI.
    efi_loader: bool,
    /// Whether its machines read menus as pxelinux does.
    menus: bool,
    /// Whether they are machines with Open Firmware.
    open_firmware: bool,
    /// Whether its kernel is an ELF file.
    elf_kernel: bool,
    /// Whether it shows a message.
    message: bool,
    /// Whether the changelog has no entry but this version's.
    first: bool,
    /// Source packages that went in, with their versions, likewise.
    built_using: String,
}

pub(super) fn run(work: &Work<'_>, packages: &Packages) -> Result<()> {
    let [of_image, of_server, _] = FOLDERS;
    let stamps = &packages.bundle.stamps;
    let changelog = Changelog::read(&work.input(&packages.changelog))?;
    let text = |input: &Option<String>| input.as_ref().map(|input| work.text(input)).transpose();
    let copyright = packages.package.copyright.as_deref().unwrap_or(COPYRIGHT);
    let documents = Documents {
        changelog: &changelog,
        copyright: work.text(copyright)?,
        readme: None,
    };
    let variables = variables(work, packages, &changelog)?;
    let folder = work.output("packages");
    let write = |name: &str, from: &'static str, documents: &Documents<'_>, files: FileTree| {
        let variables = Variables {
            package: name.to_owned(),
            first: documents.changelog.is_first,
            version: documents.changelog.newest.version.to_string(),
            ..variables.clone()
        };
        let templates = Folder::at(from, work.input(from));
        let deb = templates.package(&variables, documents, files)?;
        deb.write(&folder.join(deb.file_name()?))
    };

    let files = image::files(
        &work.input("bundle"),
        &bundle::text(&packages.bundle)?,
        stamps,
    )?;
    write(&variables.image, of_image, &documents, files)?;
    let for_server = Documents {
        readme: text(&packages.package.readme)?,
        ..documents.clone()
    };
    write(
        &variables.server,
        of_server,
        &for_server,
        FileTree::default(),
    )?;
    helper(work, &folder)
}

/// The helper has versions, a maintainer and a copyright of its own: it is the same, to the byte, whichever image brings it.
fn helper(work: &Work<'_>, to: &Path) -> Result<()> {
    let folder = work.input(FOLDERS[2]);
    let changelog = Changelog::read(&folder.join("changelog"))?;
    let variables = Variables {
        package: HELPER.to_owned(),
        first: changelog.is_first,
        version: changelog.newest.version.to_string(),
        maintainer: changelog.newest.maintainer.clone(),
        ..Variables::default()
    };
    let documents = Documents {
        copyright: fs_err::read_to_string(folder.join("copyright"))?,
        changelog: &changelog,
        readme: None,
    };
    let templates = Folder::at(FOLDERS[2], folder);
    let deb = templates.package(&variables, &documents, FileTree::default())?;
    deb.write(&to.join(deb.file_name()?))
}

fn variables(work: &Work<'_>, packages: &Packages, changelog: &Changelog) -> Result<Variables> {
    let (stamps, package) = (&packages.bundle.stamps, &packages.package);
    let provides = package.image.clone();
    let provides = provides.unwrap_or_else(|| format!("netboot-image-{}", stamps.name));
    let server = package.server.clone();
    let newest = &changelog.newest;
    let routes = packages.bundle.bundle.routes(packages.bundle.arch);
    let flavours: Vec<Flavour> = (routes.iter())
        .filter_map(|&route| program::modules(route))
        .collect();
    let readers = Reader::of_all(&routes);
    Ok(Variables {
        name: stamps.name.clone(),
        file_version: stamps.version.clone(),
        source: newest.source.clone(),
        image: format!("{provides}-{}", in_name(&stamps.version)),
        provides,
        server: server.unwrap_or_else(|| format!("{}-pxe-server", stamps.name)),
        maintainer: (package.maintainer.clone()).unwrap_or_else(|| newest.maintainer.clone()),
        homepage: package.homepage.clone(),
        arch: packages.bundle.arch.debian(),
        loader: flavours.contains(&Flavour::Bios),
        efi_loader: flavours.contains(&Flavour::Efi64),
        menus: readers.contains(&Reader::Pxelinux) || readers.contains(&Reader::UBoot),
        open_firmware: readers.contains(&Reader::OpenFirmware),
        elf_kernel: packages.bundle.arch == Arch::Ppc64el,
        message: !packages.bundle.bundle.message.is_empty(),
        description: description::paragraphs(&[&packages.description, &package.description]),
        depends: package.depends.join(", "),
        recommends: package.recommends.join(", "),
        built_using: went_in(work, packages)?,
        ..Variables::default()
    })
}

/// A version as part of a package's name, which knows neither `~` nor capital letters (Debian Policy 5.6.7).
fn in_name(version: &str) -> String {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".+-".contains(c);
    let plain = |c: char| if fits(c) { c } else { '-' };
    version.to_lowercase().chars().map(plain).collect()
}

/// The source packages that went into the bundle.
fn went_in(work: &Work<'_>, packages: &Packages) -> Result<String> {
    let mut sources = built_using::Sources::default();
    for (name, version) in &packages.sources {
        sources.add(name, version);
    }
    for input in &packages.debs {
        sources.add_deb(&control(&work.input(input))?);
    }
    let manifest = work.input("bundle").join(super::manifest::MANIFEST);
    sources.add_manifest(&fs_err::read(manifest)?)?;
    Ok(sources.to_string())
}

fn control(deb: &Path) -> Result<deb822::Stanza> {
    let stanzas = deb822::parse(&archive::control(deb)?).unwrap_or_default();
    let wrong = || {
        let what = format!("the control file of {} cannot be read", deb.display());
        Failure::new(Kind::Source, what)
    };
    stanzas.into_iter().next().ok_or_else(wrong)
}
