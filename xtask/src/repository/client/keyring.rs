//! The package by which a machine comes to trust a repository, from the templates in `debian/keyring/`.
//!
//! Its `.sources` file is that of [`super::sources`], to the letter: on a machine where somebody put that file by hand, dpkg then has nothing to ask
//! when the package takes it over, and a package with the next key replaces it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use flate2::GzBuilder;
use serde::Serialize;

use super::sources;
use crate::checkout::Checkout;
use crate::date;
use crate::debian::deb::{Compression, Deb};
use crate::debian::deb822;
use crate::failure::{Failure, Result};
use crate::image::content::Content;
use crate::image::tree::{Entry, FileTree, Origin};
use crate::repository::spec::Repository;
use crate::template;

/// What a keyring package is made of.
#[derive(Clone, Copy, Debug)]
pub struct Keyring<'a> {
    /// The repository's name: that of its file in `debian/repositories/`.
    pub name: &'a str,
    /// The repository.
    pub repository: &'a Repository,
    /// Fingerprint of the key that will sign after the present one, when clients get it already.
    pub next_key: Option<&'a str>,
    /// Its public key, and the next one with it, armoured.
    pub public_key: &'a str,
    /// The same as bytes.
    pub public_keyring: &'a [u8],
    /// Where clients find it.
    pub address: &'a str,
    /// Who answers for the package: `Name <address>`.
    pub maintainer: &'a str,
    /// When it is made, seconds since 1970; its version comes from it. A later one replaces an earlier one.
    pub epoch: u32,
}

/// What the templates are rendered with.
#[derive(Serialize)]
struct Data<'a> {
    name: &'a str,
    package: &'a str,
    version: String,
    maintainer: &'a str,
    origin: &'a str,
    suite: &'a str,
    key: &'a str,
    next: Option<&'a str>,
    date: String,
    year: String,
}

/// The package `NAME-archive-keyring`, ready to be written.
///
/// # Errors
/// [`crate::failure::Kind::Recipe`] for mistakes in the templates; [`crate::failure::Kind::Host`] when one cannot be read.
pub fn package(checkout: &Checkout, keyring: &Keyring<'_>) -> Result<Deb> {
    let Keyring {
        name, repository, ..
    } = *keyring;
    let package = format!("{name}-archive-keyring");
    let epoch = i64::from(keyring.epoch);
    let iso = date::iso8601(epoch);
    let digits: String = iso.chars().filter(char::is_ascii_digit).collect();
    let (day, time) = digits.split_at_checked(8).unwrap_or((&digits, "0"));
    let data = Data {
        name,
        package: &package,
        version: format!("{day}.{time}"),
        maintainer: keyring.maintainer,
        origin: &repository.origin,
        suite: &repository.suite,
        key: &repository.key,
        next: keyring.next_key,
        date: date::rfc2822(epoch),
        year: iso.chars().take(4).collect(),
    };
    let template = |file: &str| render(checkout, file, &data);
    let control = template("control.hbs")?;
    let stanzas = deb822::parse(&control).unwrap_or_default();
    let [control] = &stanzas[..] else {
        return Err(wrong("debian/keyring/control.hbs"));
    };
    let list = format!("etc/apt/sources.list.d/{name}.sources");
    let documents = format!("usr/share/doc/{package}");
    let contents: [(String, Content); 5] = [
        (
            format!("usr/share/keyrings/{package}.pgp"),
            keyring.public_keyring.to_vec().into(),
        ),
        (
            list.clone(),
            sources(repository, keyring.public_key, keyring.address)
                .as_str()
                .into(),
        ),
        (
            format!("{documents}/changelog.gz"),
            gzip(&template("changelog.hbs")?)?.into(),
        ),
        (
            format!("{documents}/copyright"),
            template("copyright.hbs")?.as_str().into(),
        ),
        (
            format!("usr/share/lintian/overrides/{package}"),
            template("lintian-overrides.hbs")?.as_str().into(),
        ),
    ];
    let mut files = FileTree::default();
    for (path, content) in contents {
        let origin = Origin::Generated {
            what: "keyring package".to_owned(),
        };
        files.add(path.parse()?, Entry::file(content, false, origin))?;
    }
    Ok(Deb {
        control: control.clone(),
        scripts: BTreeMap::from([("conffiles".to_owned(), format!("/{list}\n"))]),
        files,
        mtime: keyring.epoch,
        compression: Compression::default(),
    })
}

fn render(checkout: &Checkout, file: &str, data: &Data<'_>) -> Result<String> {
    let path = Path::new("debian/keyring").join(file);
    let text = fs_err::read_to_string(checkout.root().join(&path))?;
    template::render(&path, &text, data)
}

fn wrong(file: &str) -> Failure {
    let what = format!("{file} makes no single stanza of a control file");
    Failure::new(crate::failure::Kind::Recipe, what)
}

/// As `gzip -9n` (Debian Policy 12.7).
fn gzip(text: &str) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().write(Vec::new(), flate2::Compression::best());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::client::tests::repository;
    use crate::tool::Tool;
    use std::path::PathBuf;

    const ADDRESS: &str = "https://apt.example.org/lab";
    const NOW: u32 = 1_795_000_000;
    const KEY: &str =
        "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";

    /// The package with this key, made at this time.
    fn write(folder: &Path, public_key: &str, epoch: u32) -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let checkout = Checkout::find(Some(root)).unwrap();
        let repository = repository();
        let keyring = Keyring {
            name: "lab",
            repository: &repository,
            next_key: None,
            public_key,
            public_keyring: b"key",
            address: ADDRESS,
            maintainer: "A Person <a@example.org>",
            epoch,
        };
        let deb = package(&checkout, &keyring).unwrap();
        let to = folder.join(deb.file_name().unwrap());
        deb.write(&to).unwrap();
        to
    }

    #[test]
    fn it_holds_the_key_and_the_same_sources_that_are_given_away() {
        let folder = tempfile::tempdir().unwrap();
        let deb = write(folder.path(), KEY, NOW);
        let unpacked = folder.path().join("unpacked");
        let unpack = Tool::new("dpkg-deb").arg("-R").arg(&deb).arg(&unpacked);
        unpack.run().unwrap();
        let read = |path: &str| fs_err::read_to_string(unpacked.join(path)).unwrap();
        assert_eq!(
            read("etc/apt/sources.list.d/lab.sources"),
            sources(&repository(), KEY, ADDRESS)
        );
        assert_eq!(read("usr/share/keyrings/lab-archive-keyring.pgp"), "key");
        assert_eq!(
            read("DEBIAN/conffiles"),
            "/etc/apt/sources.list.d/lab.sources\n"
        );
        let control = read("DEBIAN/control");
        assert!(control.contains("Version: 20261118.110640\n"), "{control}");
    }

    #[test]
    fn lintian_has_nothing_to_say_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let lintian = Tool::new("lintian").args(["--allow-root", "--pedantic", "--fail-on"]);
        let lintian =
            lintian
                .arg("error,warning,info,pedantic")
                .arg(write(folder.path(), KEY, NOW));
        assert_eq!(lintian.env("HOME", folder.path()).read().unwrap(), "");
    }

    #[test]
    fn dpkg_has_nothing_to_ask_when_the_sources_are_there_already_or_the_key_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let machine = folder.path().join("machine");
        let list = machine.join("etc/apt/sources.list.d/lab.sources");
        for inner in ["updates", "info"] {
            fs_err::create_dir_all(machine.join("var/lib/dpkg").join(inner)).unwrap();
        }
        fs_err::write(machine.join("var/lib/dpkg/status"), "").unwrap();
        fs_err::create_dir_all(list.parent().unwrap()).unwrap();
        fs_err::write(&list, sources(&repository(), KEY, ADDRESS)).unwrap();
        let other = KEY.replace("abcd", "efgh");
        for (key, epoch) in [(KEY, NOW), (&other, NOW + 1)] {
            let root = format!("--root={}", machine.display());
            let log = format!("--log={}", folder.path().join("log").display());
            let dpkg = Tool::new("dpkg").args([&root, &log]);
            let dpkg = dpkg.args(["--force-not-root", "--force-depends", "--install"]);
            dpkg.arg(write(folder.path(), key, epoch)).run().unwrap();
            let text = fs_err::read_to_string(&list).unwrap();
            assert_eq!(text, sources(&repository(), key, ADDRESS));
        }
    }
}
