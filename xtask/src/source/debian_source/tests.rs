use super::*;
use tempfile::TempDir;

const CHANGE: &str = "--- a/hello\n+++ b/hello\n@@ -1 +1 @@\n-hello\n+hallo\n";

/// Source packages, made member by member.
struct Package {
    folder: TempDir,
    names: Vec<String>,
}

impl Package {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            names: Vec::new(),
        }
    }

    fn tar(mut self, name: &str, members: &[(&str, &str)]) -> Self {
        let mut tar = tar::Builder::new(Vec::new());
        for (path, text) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
        self.write(name, &tar.into_inner().unwrap());
        self
    }

    fn write(&mut self, name: &str, bytes: &[u8]) {
        fs_err::write(self.folder.path().join(name), bytes).unwrap();
        self.names.push(name.to_owned());
    }

    fn quilt(members: &[(&str, &str)]) -> Self {
        let orig = [("p-1/hello", "hello\n"), ("p-1/debian/old", "")];
        Self::new()
            .tar("p_1.orig.tar.gz", &orig)
            .tar("p_1-1.debian.tar.xz", members)
    }

    /// Lays it out; the tree is beside it.
    fn unpack(&self, format: &str) -> Result<()> {
        let mut dsc =
            format!("-----BEGIN PGP SIGNED MESSAGE-----\n\nFormat: {format}\nChecksums-Sha256:\n");
        for name in &self.names {
            let (sha256, size) = Digest::of_file(&self.folder.path().join(name)).unwrap();
            dsc.push_str(&format!(" {sha256} {size} {name}\n"));
        }
        dsc.push_str("-----BEGIN PGP SIGNATURE-----\n");
        let path = self.folder.path();
        fs_err::write(path.join("p.dsc"), dsc).unwrap();
        unpack(path, "p.dsc", &path.join("tree"), &path.join("log"))
    }

    fn fails(&self, format: &str, words: &str) {
        let failure = self.unpack(format).unwrap_err();
        assert_eq!(failure.kind, Kind::Source);
        assert!(failure.to_string().contains(words), "{failure}");
    }

    fn read(&self, path: &str) -> String {
        fs_err::read_to_string(self.folder.path().join("tree").join(path)).unwrap()
    }

    fn has(&self, path: &str) -> bool {
        self.folder.path().join("tree").join(path).exists()
    }
}

#[test]
fn patches_of_the_series_are_applied_in_order() {
    let second = CHANGE.replace("hallo", "hej").replace("-hello", "-hallo");
    let package = Package::quilt(&[
        (
            "debian/patches/series",
            "# none.patch\none.patch -p1\nsub/two.patch # why\n",
        ),
        ("debian/patches/one.patch", CHANGE),
        ("debian/patches/sub/two.patch", &second),
    ]);
    package.unpack("3.0 (quilt)").unwrap();
    assert_eq!(package.read("hello"), "hej\n");
    assert!(
        !package.has("debian/old"),
        "Debian's folder takes the place of upstream's"
    );
    assert!(!package.has(".debian-aside") && !package.has("hello.orig"));
}

#[test]
fn further_tarballs_go_to_folders_of_their_own() {
    let package = Package::quilt(&[("debian/control", "")])
        .tar("p_1.orig-extra.tar.xz", &[("e-2/file", "x")]);
    package.unpack("3.0 (quilt)").unwrap();
    assert_eq!(package.read("extra/file"), "x");
}

#[test]
fn native_packages_are_one_tarball() {
    for format in ["1.0", "3.0 (native)"] {
        let package = Package::new().tar("p_1.tar.xz", &[("p/hello", "hello\n")]);
        package.unpack(format).unwrap();
        assert_eq!(package.read("hello"), "hello\n");
    }
}

#[test]
fn the_old_format_has_one_patch() {
    let mut package = Package::new().tar("p_1.orig.tar.gz", &[("p-1/hello", "hello\n")]);
    package.write("p_1-1.diff.gz", CHANGE.as_bytes());
    package.unpack("1.0").unwrap();
    assert_eq!(package.read("hello"), "hallo\n");
}

#[test]
fn a_patch_that_does_not_apply_is_named() {
    let far = CHANGE.replace("-hello", "-bonjour");
    let package = Package::quilt(&[
        ("debian/patches/series", "far.patch\n"),
        ("debian/patches/far.patch", &far),
    ]);
    package.fails("3.0 (quilt)", "far.patch");
}

#[test]
fn nothing_leaves_the_tree() {
    let outside = CHANGE
        .replace("a/hello", "a/../outside")
        .replace("b/hello", "b/../outside");
    let package = Package::quilt(&[
        ("debian/patches/series", "o.patch\n"),
        ("debian/patches/o.patch", &outside),
    ]);
    fs_err::write(package.folder.path().join("outside"), "hello\n").unwrap();
    package.fails("3.0 (quilt)", "o.patch");
    assert_eq!(
        fs_err::read_to_string(package.folder.path().join("outside")).unwrap(),
        "hello\n"
    );

    let package = Package::quilt(&[("debian/patches/series", "../../../o.patch\n")]);
    package.fails("3.0 (quilt)", "outside");
    Package::quilt(&[("debian/x", ""), ("hello", "")])
        .fails("3.0 (quilt)", "more than the folder debian");
}

#[test]
fn a_patch_cannot_run_programs() {
    let script = "1i\nx\n.\n!touch ran\n";
    let ed = format!("--- a/hello\n+++ b/hello\n{script}");
    let package = Package::quilt(&[
        ("debian/patches/series", "ed.patch\n"),
        ("debian/patches/ed.patch", &ed),
    ]);
    package.fails("3.0 (quilt)", "ed.patch");
    assert!(!package.has("ran"));
    assert_eq!(package.read("hello"), "hello\n");
}

#[test]
fn what_does_not_belong_together_is_refused() {
    Package::new()
        .tar("p_1.tar.xz", &[])
        .fails("3.0 (git)", "unknown");
    Package::new()
        .tar("p_1.orig.tar.xz", &[])
        .fails("3.0 (quilt)", "not those of a package");
    Package::new()
        .tar("a_1.tar.xz", &[])
        .tar("b_1.tar.xz", &[])
        .fails("1.0", "not those of a package");
    Package::new().fails("1.0", "not those of a package");
    let package = Package::quilt(&[]);
    package.unpack("3.0 (quilt)").unwrap_err();
    fs_err::write(package.folder.path().join("p_1.orig.tar.gz"), "changed").unwrap();
    let path = package.folder.path();
    let failure = unpack(path, "p.dsc", &path.join("tree"), &path.join("log")).unwrap_err();
    assert!(
        failure.to_string().contains("not the file that it lists"),
        "{failure}"
    );
}

#[test]
fn hostile_descriptions_are_refused() {
    let sum = Digest::of("");
    for text in [
        "",
        "Format: 1.0\n",
        "<html>",
        &format!("Checksums-Sha256:\n {sum} 0 ../x\n"),
        "Checksums-Sha256:\n x 0 y\n",
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("p.dsc"), text).unwrap();
        let tree = folder.path().join("tree");
        let failure =
            unpack(folder.path(), "p.dsc", &tree, &folder.path().join("log")).unwrap_err();
        assert_eq!(failure.kind, Kind::Source, "{text}");
    }
}
