use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use proptest::prelude::{any, prop, proptest};

use super::*;
use crate::archive::samples::{self, Tar};
use crate::digest::Digest;

/// A package: its name, a field more of its `control` file, its files.
type Sample = (&'static str, &'static str, Tar);

fn tar() -> Tar {
    Tar::default()
}

/// Unpacks packages side by side; whatever happens, nothing may come to lie outside the tree.
fn sysroot(packages: &[Sample]) -> (tempfile::TempDir, Result<Index>) {
    let around = tempfile::tempdir().unwrap();
    let debs = around.path().join("debs");
    fs_err::create_dir(&debs).unwrap();
    let about = packages.iter().map(|(name, fields, files)| {
        let control = format!("Package: {name}\nVersion: 2\n{fields}");
        let deb = samples::deb(&control, files.clone());
        fs_err::write(debs.join(SysrootPackage::input(name)), &deb).unwrap();
        let about = SysrootPackage {
            version: "2".to_owned(),
            architecture: "arm64".to_owned(),
            source: "source".to_owned(),
            source_version: "1".to_owned(),
            sha256: Digest::of(deb),
        };
        ((*name).to_owned(), about)
    });
    let about: BTreeMap<String, SysrootPackage> = about.collect();
    let (scratch, tree) = (around.path().join("scratch"), around.path().join("tree"));
    let index = unpack(&about, &|name| debs.join(name), &scratch, &tree);
    let mut there: Vec<PathBuf> = fs_err::read_dir(around.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    there.retain(|path| ![&debs, &scratch, &tree].contains(&path));
    assert!(there.is_empty(), "{there:?}");
    assert_eq!(fs_err::read_dir(&debs).unwrap().count(), packages.len());
    (around, index)
}

fn refused(packages: &[Sample]) -> Failure {
    let failure = sysroot(packages).1.unwrap_err();
    assert_eq!(failure.kind, Kind::Source, "{failure}");
    failure
}

#[test]
fn packages_lie_side_by_side_below_a_merged_usr() {
    let (around, index) = sysroot(&[
        (
            "aa",
            "",
            tar()
                .directory("./")
                .directory("./bin/")
                .file("./bin/a", "a"),
        ),
        (
            "bb",
            "",
            tar()
                .file("./usr/bin/b", "b")
                .file("./lib64/ld.so", "l")
                .symlink("./sbin/s", "../bin/a"),
        ),
        // As newer base-files has them.
        (
            "cc",
            "",
            tar()
                .symlink("./bin", "usr/bin")
                .symlink("./lib64", "/usr/lib64")
                .file("./etc/c", "c"),
        ),
    ]);
    let (index, tree) = (index.unwrap(), around.path().join("tree"));
    for (link, target) in [
        ("bin", "usr/bin"),
        ("sbin", "usr/sbin"),
        ("lib", "usr/lib"),
        ("lib64", "usr/lib64"),
    ] {
        assert_eq!(
            fs_err::read_link(tree.join(link)).unwrap(),
            Path::new(target)
        );
    }
    assert!(!tree.join("lib32").is_symlink());
    assert_eq!(fs_err::read_to_string(tree.join("bin/a")).unwrap(), "a");
    assert_eq!(fs_err::read_to_string(tree.join("sbin/s")).unwrap(), "a");
    let owners: Vec<(&str, &str)> = index
        .files
        .iter()
        .filter(|(path, _)| tree.join(path).is_file())
        .map(|(path, member)| (path.as_str(), member.package.as_str()))
        .collect();
    let expected = [
        ("etc/c", "cc"),
        ("usr/bin/a", "aa"),
        ("usr/bin/b", "bb"),
        ("usr/lib64/ld.so", "bb"),
        ("usr/sbin/s", "bb"),
    ];
    assert_eq!(owners, expected);
    assert_eq!(index.packages["bb"].source, "source");
    assert_eq!(
        Index::parse(&String::from_utf8(index.text().unwrap()).unwrap()).unwrap(),
        index
    );
}

#[test]
fn what_a_tree_does_not_keep_of_modes_is_in_the_index() {
    let (around, index) = sysroot(&[("aa", "", tar().directory("./tmp/").file("./bin/su", "x"))]);
    let index = index.unwrap();
    // Every member of these samples has the mode 04755.
    for path in ["usr/bin/su", "tmp"] {
        assert_eq!(index.files[path].attributes.mode, 0o4755, "{path}");
        let mode = fs_err::metadata(around.path().join("tree").join(path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o755);
    }
    assert!(
        !index.files.contains_key("usr/bin"),
        "a directory like most is not told of"
    );
}

#[test]
fn the_same_file_twice_is_fine_and_two_that_differ_are_an_error_that_names_both() {
    let files = |text: &str| tar().file("./usr/share/x", text);
    let (_around, index) = sysroot(&[("aa", "", files("same")), ("bb", "", files("same"))]);
    assert_eq!(index.unwrap().files["usr/share/x"].package, "aa");
    let failure = refused(&[("aa", "", files("one")), ("bb", "", files("other"))]);
    assert_eq!(
        failure.what,
        "the packages aa and bb have different files /usr/share/x"
    );
}

#[test]
fn replaces_decides_whichever_comes_first() {
    let files = |text: &str| tar().file("./usr/share/x", text);
    for (first, second, wins) in [
        ("Replaces: bb (<< 3)\n", "", "aa"),
        ("", "Replaces: zz, aa\n", "bb"),
    ] {
        let (around, index) = sysroot(&[("aa", first, files("aa")), ("bb", second, files("bb"))]);
        assert_eq!(index.unwrap().files["usr/share/x"].package, wins);
        let text = fs_err::read_to_string(around.path().join("tree/usr/share/x")).unwrap();
        assert_eq!(text, wins);
    }
    let old = "Replaces: bb (<< 2)\n";
    refused(&[("aa", old, files("aa")), ("bb", "", files("bb"))]);
}

#[test]
fn what_is_one_path_only_in_a_merged_usr_clashes_too() {
    let failure = refused(&[(
        "aa",
        "",
        tar().file("./bin/x", "1").file("./usr/bin/x", "2"),
    )]);
    assert_eq!(
        failure.what,
        "the package aa has two different files /usr/bin/x"
    );
    // A link for those who look at the other place becomes needless.
    let (around, index) = sysroot(&[(
        "aa",
        "",
        tar().file("./bin/x", "1").symlink("./usr/bin/x", "/bin/x"),
    )]);
    index.unwrap();
    assert_eq!(
        fs_err::read_to_string(around.path().join("tree/usr/bin/x")).unwrap(),
        "1"
    );
}

#[test]
fn nothing_is_written_through_a_link_of_another_package() {
    for (link, file) in [
        (
            tar().symlink("./usr/d", "/tmp"),
            tar().file("./usr/d/f", "x"),
        ),
        (
            tar().symlink("./usr/d", "share"),
            tar().directory("./usr/d/"),
        ),
        (tar().symlink("./usr", "/tmp"), tar().file("./lib/f", "x")),
        (tar().file("./usr/lib", "x"), tar().file("./lib/f", "x")),
    ] {
        for packages in [
            [("aa", "", link.clone()), ("bb", "", file.clone())],
            [("aa", "", file.clone()), ("bb", "", link.clone())],
        ] {
            let failure = refused(&packages);
            assert!(failure.what.contains("aa and bb"), "{failure}");
        }
    }
}

#[test]
fn packages_that_are_not_what_they_should_be_are_refused() {
    for (files, reason) in [
        (
            tar().symlink("./bin", "/etc"),
            "neither a directory nor a link to /usr/bin",
        ),
        (
            tar().symlink("./lib64", "lib"),
            "neither a directory nor a link to /usr/lib64",
        ),
        (
            tar().file("./sbin", "x"),
            "neither a directory nor a link to /usr/sbin",
        ),
        (tar().raw(b"./dev/null", b'3', b"", b""), "is a device node"),
        (tar().raw(b"./run/x", b'6', b"", b""), "is a named pipe"),
        (tar().file("../x", "x"), "`..`"),
        (tar().symlink("./a", "../x"), "leaves"),
        (tar().raw(b"./\xff", b'0', b"", b""), "not UTF-8"),
    ] {
        let failure = refused(&[("aa", "", files)]);
        assert!(failure.what.contains(reason), "{failure}");
    }
    let (around, _) = sysroot(&[]);
    let deb = around.path().join("debs/aa.deb");
    fs_err::write(&deb, samples::deb("Package: other\n", tar())).unwrap();
    let package = SysrootPackage {
        version: "2".to_owned(),
        architecture: "all".to_owned(),
        source: "aa".to_owned(),
        source_version: "2".to_owned(),
        sha256: Digest::of(""),
    };
    let failure = apart("aa", &package, &deb, &around.path().join("s"))
        .err()
        .unwrap();
    assert!(failure.what.contains("not the package aa"), "{failure}");
}

proptest! {
    #[test]
    fn random_packages_stay_inside(members in prop::collection::vec(
        ("(bin|lib|usr|a|[.]{1,2})(/(bin|lib|a|b|[.]{1,2})){0,3}", prop::sample::select(b"0125".to_vec()), "[./ab]{0,6}|/bin/a|usr/bin", any::<bool>()), 1..10
    )) {
        let of = |which: bool| members.iter().filter(|member| member.3 == which).fold(tar(), |tar, (name, kind, link, _)| {
            tar.raw(name.as_bytes(), *kind, link.as_bytes(), b"")
        });
        let (around, index) = sysroot(&[("aa", "", of(true)), ("bb", "Replaces: aa\n", of(false))]);
        if let Ok(index) = index {
            let tree = around.path().join("tree");
            for path in index.files.keys() {
                // Where it lies there is no link on the way.
                let parent = tree.join(path).parent().unwrap().to_owned();
                assert_eq!(parent.canonicalize().unwrap(), tree.canonicalize().unwrap().join(Path::new(path).parent().unwrap()));
                assert!(tree.join(path).symlink_metadata().is_ok());
            }
        }
    }
}
