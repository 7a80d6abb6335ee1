//! Descriptions of repositories as text in, everything that is said about them out.

use super::*;
use crate::recipe::tests::{checkout, said};
use proptest::prelude::{ProptestConfig, proptest};

const KEY: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

const GOOD: &str = r#"
description = "netboot images"
key = "0123 4567 89ab cdef 0123  4567 89ab cdef 0123 4567"
[where]
kind = "directory"
path = "out/repository"
"#;

const SSH: &str = r#"
description = "netboot images"
key = "0123456789ABCDEF0123456789ABCDEF01234567"
[where]
kind = "ssh"
host = "publisher@apt.example.org"
path = "/srv/repository"
options = ["-p", "2222"]
after = ["sudo", "rebuild", "a b", "a b"]
"#;

const S3: &str = r#"
description = "netboot images"
key = "0123456789ABCDEF0123456789ABCDEF01234567"
[where]
kind = "s3"
endpoint = "http://127.0.0.1:5000"
bucket = "example-apt"
prefix = "a/b"
"#;

fn read(text: &str) -> Result<Repository> {
    let (_folder, checkout) = checkout(&[("debian/repositories/lab.toml", text)]);
    load(&checkout, "lab")
}

/// What is said about a description with this replacement.
fn about(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    read(&text.replace(from, to)).map_or_else(|failure| said(&failure), |_| "good".to_owned())
}

#[test]
fn good_descriptions_are_taken() {
    for text in [GOOD, SSH, S3] {
        let repository = read(text).unwrap_or_else(|failure| panic!("{}", said(&failure)));
        assert_eq!(repository.key, KEY);
        assert_eq!(repository.grace_hours, 24);
    }
    let (_folder, checkout) = checkout(&[("debian/repositories/lab.toml", GOOD)]);
    let Where::Directory { path } = load(&checkout, "lab").unwrap().place else {
        panic!();
    };
    assert_eq!(path, checkout.root().join("out/repository"));
}

#[test]
fn each_mistake_has_its_place_and_its_help() {
    for (text, from, to, words) in [
        (SSH, KEY, "01234567", "short id of a key"),
        (SSH, KEY, "0x89ABCDEF01234567", "short id of a key"),
        (SSH, KEY, "Archive <a@example.org>", "no full fingerprint"),
        (SSH, KEY, "'; id", "--with-fingerprint 'NAME'"),
        (
            SSH,
            "publisher@apt.example.org",
            "-oProxyCommand=id",
            "no machine",
        ),
        (SSH, "publisher@apt.example.org", "a@b@c", "no machine"),
        (SSH, "publisher@apt.example.org", "host:22", "~/.ssh/config"),
        (
            SSH,
            "/srv/repository",
            "srv",
            "no folder of another machine",
        ),
        (SSH, "/srv/repository", "/", "no folder of another machine"),
        (
            SSH,
            "/srv/repository",
            "/srv/../etc",
            "no folder of another",
        ),
        (SSH, "/srv/repository", "/srv/$(id)", "no folder of another"),
        (SSH, "\"-p\"", "\"host\"", "no option of ssh"),
        (SSH, "\"sudo\"", "\"\"", "no word of a command"),
        (SSH, "\"sudo\"", "\"a\\n\"", "control character"),
        (S3, "example-apt", "Example", "no name of a bucket"),
        (S3, "example-apt", "192.0.2.1", "no name of a bucket"),
        (S3, "a/b", "/a", "no prefix"),
        (S3, "a/b", "a/../b", "no prefix"),
        (S3, ":5000", ":5000/bucket", "no address of an object store"),
        (
            S3,
            "http://",
            "http://u:p@",
            "no address of an object store",
        ),
        (S3, "\"s3\"", "\"s4\"", "`s3`"),
        (GOOD, "out/repository", "../repository", "no folder for a"),
        (GOOD, "out/repository", "~/repository", "good"),
        (GOOD, "out/repository", "/", "no folder for a repository"),
        (GOOD, "out/repository", ".", "no folder for a repository"),
        (
            GOOD,
            "out/repository",
            "debian/x",
            "a folder of the sources",
        ),
        (
            GOOD,
            "[where]",
            "suite = \"Stable\"\n[where]",
            "no name of a suite",
        ),
        (
            GOOD,
            "[where]",
            "suite = \"a/\"\n[where]",
            "no name of a suite",
        ),
        (
            GOOD,
            "[where]",
            "component = \"a b\"\n[where]",
            "no name of a component",
        ),
        (GOOD, "[where]", "origin = \" x\"\n[where]", "no origin"),
        (GOOD, "[where]", "architectures = []\n[where]", "no clients"),
        (
            GOOD,
            "[where]",
            "architectures = [\"all\"]\n[where]",
            "for `all` are in",
        ),
        (
            GOOD,
            "[where]",
            "architectures = [\"arm64\", \"arm64\"]\n[where]",
            "twice",
        ),
        (
            GOOD,
            "[where]",
            "url = \"ftp://a/b\"\n[where]",
            "no address of a repository",
        ),
        (
            GOOD,
            "[where]",
            "url = \"http://u:p@a/b\"\n[where]",
            "no address of a",
        ),
        (
            GOOD,
            "[where]",
            "former-keys = [\"01234567\"]\n[where]",
            "short id of a key",
        ),
        (
            GOOD,
            "[where]",
            "former-keys = [\"0123456789abcdef0123456789abcdef 01234567\"]\n[where]",
            "named already",
        ),
        (GOOD, "[where]", "retain = 0\n[where]", "at least 1"),
        (GOOD, "[where]", "retain = -1\n[where]", "retain"),
        (GOOD, "[where]", "grace-hours = 23\n[where]", "at least 24"),
        (GOOD, "[where]", "valid-days = 0\n[where]", "at least 1"),
        (
            GOOD,
            "[where]",
            "valid-days = 99999\n[where]",
            "at most 3650",
        ),
        (
            GOOD,
            "[where]",
            "grace-hour = 24\n[where]",
            "did you mean `grace-hours`",
        ),
        (GOOD, "netboot images", " ", "says nothing"),
    ] {
        let said = about(text, from, to);
        assert!(said.contains(words), "{to}: {said}");
    }
}

#[test]
fn all_mistakes_are_said_at_once() {
    let text = GOOD.replace("0123 ", "").replace("out/repository", "/");
    let text = text.replace("[where]", "retain = 0\nsuite = \"A\"\n[where]");
    let failure = read(&text).unwrap_err();
    assert_eq!(failure.diagnostics.len(), 4, "{}", said(&failure));
    assert_eq!(failure.kind, Kind::Recipe);
}

#[test]
fn an_unknown_repository_has_the_known_ones_beside_it() {
    let (_folder, checkout) = checkout(&[
        ("debian/repositories/lab.toml", GOOD),
        ("debian/repositories/site.toml", "x"),
        ("debian/repositories/README.md", ""),
    ]);
    assert_eq!(names(&checkout), ["lab", "site"]);
    let failure = load(&checkout, "labb").unwrap_err();
    assert_eq!(failure.hint.as_deref(), Some("did you mean `lab`?"));
    assert!(failure.to_string().contains("there are `lab` and `site`"));
    for name in ["../lab", "lab.toml", "", "/etc/passwd"] {
        assert_eq!(load(&checkout, name).unwrap_err().kind, Kind::Usage);
    }
    let listed = list(&checkout);
    assert!(listed[0].problem.is_none() && listed[1].problem.is_some());
}

#[test]
fn a_new_description_is_good_as_it_is_and_stays_what_it_is() {
    let (_folder, checkout) = checkout(&[]);
    let path = create(&checkout, "lab", KEY, FilePath::new("/srv/a \"b\"")).unwrap();
    let repository = load(&checkout, "lab").unwrap();
    assert_eq!(
        (repository.key.as_str(), repository.origin.as_str()),
        (KEY, "lab")
    );
    let text = fs_err::read_to_string(&path).unwrap();
    assert!(text.contains(&format!("\nkey = \"{KEY}\"\n")) && text.contains("\npath = '"));
    assert!(text.contains("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
    let again = create(&checkout, "lab", KEY, FilePath::new("/srv/b")).unwrap_err();
    assert_eq!(again.kind, Kind::Usage);
    assert_eq!(fs_err::read_to_string(&path).unwrap(), text);
    for (name, key, folder) in [
        ("Lab", KEY, "/srv/a"),
        ("../lab", KEY, "/srv/a"),
        ("two", "01234567", "/srv/a"),
        ("two", KEY, "../a"),
    ] {
        create(&checkout, name, key, FilePath::new(folder)).unwrap_err();
    }
    assert_eq!(names(&checkout), ["lab"]);
}

/// What the comments of a new description show works when the comment signs are taken away.
#[test]
fn what_a_new_description_teaches_is_true() {
    let new = include_str!("new.toml")
        .replace("NAME", "lab")
        .replace("= KEY\n", &format!("= {KEY:?}\n"));
    let (above, _) = new.split_once("[where]").unwrap();
    for (key, value) in [
        ("url", "https:"),
        ("former-keys", "[\""),
        ("retain", "3"),
        ("valid-days", "14"),
    ] {
        assert!(
            above
                .lines()
                .any(|line| line.starts_with(&format!("# {key} = ")) && line.contains(value))
        );
    }
    let above: String = above
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") && !rest.contains('`') => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let others: Vec<String> = new
        .split("#   [where]")
        .skip(1)
        .map(|part| {
            let lines = part
                .lines()
                .skip(1)
                .map_while(|line| line.strip_prefix("#   "));
            lines.map(|line| format!("{line}\n")).collect()
        })
        .collect();
    assert_eq!(others.len(), 2);
    for other in others {
        let text = format!("{above}[where]\n{other}");
        read(&text).unwrap_or_else(|failure| panic!("{text}{}", said(&failure)));
    }
}

#[test]
fn an_address_on_a_command_line_has_the_form_of_one_in_the_file() {
    for fine in [
        "http://apt.lab.example/images",
        "https://apt.lab.example:8443/",
        "file:///srv/apt",
        "file:/srv/apt",
    ] {
        check_address(fine).unwrap();
    }
    for wrong in [
        "apt.lab.example/images",
        "/srv/apt",
        "file:srv/apt",
        "file://host/apt",
        "file:////srv/apt",
        "ftp://apt.lab.example/",
        "http://a b/",
        "",
    ] {
        let failure = check_address(wrong).unwrap_err();
        assert!(
            failure.what.ends_with("is no address of a repository"),
            "{failure}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn hostile_texts_never_panic(text in "\\PC{0,40}", key in "[0-9a-fx é'\\\\`]{0,70}") {
        for from in ["publisher@apt.example.org", "/srv/repository", KEY, "sudo"] {
            let quoted = toml::Value::String(format!("{text}{key}")).to_string();
            drop(read(&SSH.replace(&format!("\"{from}\""), &quoted)));
        }
    }
}
