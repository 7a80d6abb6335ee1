//! The unified kernel image: put together, and signed. What the stub looks for is `image`'s knowledge; private keys are the engine's owner's.

use std::path::{Path, PathBuf};

use super::Work;
use crate::failure::{Failure, Kind, Result};
use crate::image::pe::authenticode::Unsigned;
use crate::image::pe::certificate::Certificate;
use crate::image::uki;
use crate::plan::{Stamps, Uki};

/// Where Debian's package `systemd-boot-efi` has the stubs.
const FOLDER: &str = "usr/lib/systemd/boot/efi";

pub(super) fn run(work: &Work<'_>, parts: &Uki) -> Result<()> {
    let mut initramfs = fs_err::read(work.input("initramfs"))?;
    for segment in &parts.segments {
        initramfs.extend(fs_err::read(work.input(&format!("segment/{segment}")))?);
    }
    let image = uki::Uki {
        arch: parts.arch,
        stub: &fs_err::read(stub(&work.input("stub"), parts)?)?,
        os_release: &os_release(&parts.stamps),
        arguments: &parts.arguments,
        release: &work.text("release")?,
        kernel: &fs_err::read(work.input("kernel"))?,
        initramfs: &initramfs,
    };
    Ok(fs_err::write(work.output("image"), image.build()?)?)
}

/// The stub in an unpacked package, or in a folder of its own.
fn stub(tree: &Path, parts: &Uki) -> Result<PathBuf> {
    let name = uki::stub(parts.arch).ok_or_else(|| {
        let what = format!("there are no unified kernel images for {}", parts.arch);
        Failure::new(Kind::Recipe, what)
    })?;
    let places = [tree.join(FOLDER).join(name), tree.join(name)];
    // A link could lead out of the source, to what is in no key.
    let real = |path: &PathBuf| path.symlink_metadata().is_ok_and(|about| about.is_file());
    places.into_iter().find(real).ok_or_else(|| {
        let what = format!("the source has no {FOLDER}/{name}");
        let hint =
            "`stub` in the recipe's [bundle.uki] must name a source with the package systemd-boot-efi";
        Failure::new(Kind::Source, what).hint(hint)
    })
}

/// What the image says of itself (os-release(5)): boot menus and `bootctl` show it.
fn os_release(stamps: &Stamps) -> String {
    let Stamps {
        name,
        version,
        build_id,
        ..
    } = stamps;
    format!(
        "ID=cordwainer\nNAME=\"{name}\"\nPRETTY_NAME=\"{name} {version}\"\nVERSION_ID=\"{version}\"\nIMAGE_ID=\"{name}\"\nIMAGE_VERSION=\"{version}\"\nBUILD_ID={build_id}\n"
    )
}

/// Signs the input `image`; the certificate is the input of this name.
pub(super) fn sign(work: &Work<'_>, key: &str, certificate: &str) -> Result<()> {
    let chain = Certificate::chain(&fs_err::read(work.input(certificate))?)
        .map_err(|wrong| Failure::new(Kind::Recipe, format!("{certificate} {wrong}")))?;
    let unsigned = Unsigned::new(&fs_err::read(work.input("image"))?, chain)
        .map_err(|wrong| Failure::bug(format!("the unified kernel image {wrong}")))?;
    let signature = work.sign.sign(key, unsigned.to_be_signed())?;
    let image = unsigned.sign(&signature).map_err(|wrong| {
        let what = format!("the image cannot be signed: it {wrong}");
        Failure::new(Kind::Host, what).hint(format!(
            "[key.{key}] in site.toml must lead to the key that {certificate} was made with"
        ))
    })?;
    Ok(fs_err::write(work.output("image"), image)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Arch;

    fn parts(arch: Arch) -> Uki {
        Uki {
            arch,
            arguments: String::new(),
            segments: Vec::new(),
            stamps: Stamps {
                name: "demo".to_owned(),
                version: "1.2-3".to_owned(),
                build_id: "0123456789ab".to_owned(),
                date: "1970-01-01T00:00:00Z".to_owned(),
            },
        }
    }

    #[test]
    fn the_stub_is_found_in_debians_package_and_in_a_folder() {
        for place in [FOLDER, "."] {
            let tree = tempfile::tempdir().unwrap();
            let folder = tree.path().join(place);
            fs_err::create_dir_all(&folder).unwrap();
            fs_err::write(folder.join("linuxaa64.efi.stub"), "x").unwrap();
            std::os::unix::fs::symlink("/etc/hostname", folder.join("linuxx64.efi.stub")).unwrap();
            let found = stub(tree.path(), &parts(Arch::Arm64)).unwrap();
            assert!(found.ends_with("linuxaa64.efi.stub"));
            let link = stub(tree.path(), &parts(Arch::Amd64)).unwrap_err();
            assert!(
                link.to_string().contains("has no usr/lib/systemd"),
                "{link}"
            );
            assert!(stub(tree.path(), &parts(Arch::Armhf)).is_err());
        }
    }

    #[test]
    fn the_image_says_what_it_is() {
        let said = os_release(&parts(Arch::Amd64).stamps);
        insta::assert_snapshot!(said, @r#"
    ID=cordwainer
    NAME="demo"
    PRETTY_NAME="demo 1.2-3"
    VERSION_ID="1.2-3"
    IMAGE_ID="demo"
    IMAGE_VERSION="1.2-3"
    BUILD_ID=0123456789ab
    "#);
    }
}
