//! The other tools of `bench repo`: reprepro, which keeps a database, and apt-ftparchive with its own.

use std::path::{Path, PathBuf};

use super::ours::ARCHITECTURES;
use super::{Contender, put_aside};
use crate::failure::Result;

pub(super) const FTPARCHIVE: &str = "apt-ftparchive";
pub(super) const REPREPRO: &str = "reprepro";

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn argv<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

/// apt-ftparchive: indexes of a folder of packages. Copying them there is not its work, and is not measured.
pub(super) struct Ftparchive(PathBuf);

impl Ftparchive {
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.join("ftparchive"))
    }
}

impl Contender for Ftparchive {
    fn name(&self) -> &'static str {
        FTPARCHIVE
    }

    fn publish(&self, debs: &[PathBuf]) -> Result<Vec<Vec<String>>> {
        for deb in debs {
            let name = deb.file_name().unwrap_or_default();
            fs_err::hard_link(deb, self.0.join("pool").join(name))
                .or_else(|_| fs_err::copy(deb, self.0.join("pool").join(name)).map(drop))?;
        }
        let (generate, release) = (self.0.join("generate.conf"), self.0.join("dists/stable"));
        let only = ["MD5", "SHA1", "SHA512"].map(|digest| format!("APT::FTPArchive::{digest}=0"));
        let mut of_release = argv([FTPARCHIVE, "-q"]);
        of_release.extend(only.iter().flat_map(|only| ["-o".to_owned(), only.clone()]));
        let mut of_indexes = of_release.clone();
        of_indexes.extend(["generate".to_owned(), text(&generate)]);
        of_release.extend(["release".to_owned(), text(&release)]);
        Ok(vec![of_indexes, of_release])
    }

    fn begin(&self) -> Result<()> {
        put_aside(&self.0)?;
        for folder in ["pool", "cache"] {
            fs_err::create_dir_all(self.0.join(folder))?;
        }
        for architecture in ARCHITECTURES {
            let folder = format!("dists/stable/main/binary-{architecture}");
            fs_err::create_dir_all(self.0.join(folder))?;
        }
        let root = text(&self.0);
        let architectures = ARCHITECTURES.join(" ");
        let settings = format!(
            "Dir {{ ArchiveDir \"{root}\"; CacheDir \"{root}/cache\"; }};\nDefault {{ Packages::Compress \". gzip\"; Packages::Extensions \".deb\"; Contents::Compress \"\"; }};\nTreeDefault {{ Directory \"pool\"; BinCacheDB \"packages.db\"; Contents \" \"; }};\nTree \"dists/stable\" {{ Sections \"main\"; Architectures \"{architectures}\"; }};\n"
        );
        Ok(fs_err::write(self.0.join("generate.conf"), settings)?)
    }
}

/// reprepro: copies packages into its pool, as we do.
pub(super) struct Reprepro(PathBuf);

impl Reprepro {
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.join("reprepro"))
    }
}

impl Contender for Reprepro {
    fn name(&self) -> &'static str {
        REPREPRO
    }

    fn publish(&self, debs: &[PathBuf]) -> Result<Vec<Vec<String>>> {
        let mut words = argv([
            REPREPRO,
            "--silent",
            "--basedir",
            &text(&self.0),
            "includedeb",
            "stable",
        ]);
        words.extend(debs.iter().map(|deb| text(deb)));
        Ok(vec![words])
    }

    fn begin(&self) -> Result<()> {
        put_aside(&self.0)?;
        fs_err::create_dir_all(self.0.join("conf"))?;
        let architectures = ARCHITECTURES.join(" ");
        let settings = format!(
            "Origin: Cordwainer\nLabel: Cordwainer\nSuite: stable\nCodename: stable\nArchitectures: {architectures}\nComponents: main\nDescription: What is measured\n"
        );
        Ok(fs_err::write(self.0.join("conf/distributions"), settings)?)
    }
}
