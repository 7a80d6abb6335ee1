//! `publish`, `repo` and what belongs to them, as somebody types them who has a key and the stand-in.

use std::path::{Path, PathBuf};

use xtask::tool::Tool;

use crate::deb::tiny;
use crate::support::{Ran, Tiny, copy, project};

/// The stand-in with a folder of GnuPG's.
struct Lab {
    tiny: Tiny,
    home: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let tiny = tiny();
        copy(
            &project().join("debian/keyring"),
            &tiny.path("debian/keyring"),
        );
        let home = tempfile::tempdir().unwrap();
        Self { tiny, home }
    }

    fn gpg(&self, program: &str) -> Tool {
        Tool::new(program).env("GNUPGHOME", self.home.path())
    }

    fn key(&self, name: &str) -> String {
        let make = self.gpg("gpg").args(["--batch", "--status-fd", "1"]);
        let make = make.args(["--passphrase", "", "--quick-generate-key", name]);
        let said = make.args(["ed25519", "sign", "never"]).read().unwrap();
        said.split_whitespace().last().unwrap().to_owned()
    }

    fn run(&self, words: &str) -> Ran {
        let mut command = self.tiny.command(words.split(' '));
        self.tiny.finish(command.env("GNUPGHOME", self.home.path()))
    }

    fn ok(&self, words: &str) -> String {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(0), "{words}: {ran:#?}");
        ran.stdout
    }

    /// It fails with this code and says these words.
    fn fails(&self, code: i32, words: &str, says: &str) {
        let ran = self.run(words);
        assert_eq!(ran.code, Some(code), "{words}: {ran:#?}");
        assert!(ran.stderr.contains(says), "{words}: {ran:#?}");
    }

    /// Lets a repository `lab` be described, with this key.
    fn describe(&self, key: &str) {
        self.ok(&format!("repo new lab --key {key} --directory out/apt"));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.gpg("gpgconf")
            .args(["--kill", "gpg-agent"])
            .run()
            .unwrap();
    }
}

#[test]
fn what_is_published_is_what_apt_finds() {
    let lab = Lab::new();
    lab.describe(&lab.key("lab"));
    let shown = lab.ok("publish tiny --repo lab --dry-run");
    let built = "would be built, then published to [ROOT]";
    assert!(shown.contains(built), "{shown}");
    assert!(!lab.tiny.path("out").exists());
    let said = lab.ok("publish tiny --repo lab --snapshot first");
    assert!(
        said.contains("added     netboot-image-tiny-2.0-1 1:2.0-1 (all)"),
        "{said}"
    );
    let shown = lab.ok("publish tiny --repo lab --dry-run --format json");
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["repository"], "lab");
    assert_eq!(shown["packages"][0]["state"], "present");
    let again = lab.ok("publish tiny --repo lab");
    assert!(again.contains("lab: nothing to do, published"), "{again}");
    let checked = lab.ok("repo check lab --deep --apt");
    for arch in ["amd64", "arm64"] {
        assert!(
            checked.contains(&format!("apt for {arch} at file:[ROOT]")),
            "{checked}"
        );
    }
    lab.fails(2, "repo back lab frist", "did you mean first?");
    lab.ok("repo back lab first");
    assert!(lab.ok("repo back --help").contains("--allow-downgrades"));
    lab.tiny.replace("debian/changelog", "2.0-1", "2.0-2");
    lab.fails(
        2,
        "publish tiny --repo lab --snapshot first",
        "a snapshot first already",
    );
}

#[test]
fn a_change_of_keys_reaches_clients_that_install_from_the_repository() {
    let lab = Lab::new();
    let [old, new] = ["old", "new"].map(|name| lab.key(name));
    lab.describe(&old);
    let client = format!(
        "repo client lab --url file:{} --to out",
        lab.tiny.path("out/apt").display()
    );
    lab.ok(&format!("{client} --next-key {new}"));
    let keyring = keyrings(&lab.tiny.path("out")).remove(0);
    lab.ok(&format!("repo add lab {}", keyring.display()));
    let machine = Machine::new(&lab.tiny.path("out/lab.sources"));
    machine.apt(&["update"]);
    machine.apt(&["install", "lab-archive-keyring"]);
    let list = machine.0.path().join("etc/apt/sources.list.d/lab.sources");
    let published = lab.tiny.read("out/lab.sources");
    assert_eq!(fs_err::read_to_string(list).unwrap(), published);

    lab.tiny.replace("debian/repositories/lab.toml", &old, &new);
    lab.fails(
        5,
        "repo refresh lab",
        &format!("add `former-keys = [\"{old}\"]`"),
    );
    let mine = format!("former-keys = [\"{old}\"]\n[where]");
    lab.tiny
        .replace("debian/repositories/lab.toml", "[where]", &mine);
    lab.fails(11, "repo check lab", "signed by a former key");
    lab.ok("repo refresh lab");
    lab.ok("repo check lab --apt");
    machine.apt(&["update"]);
    lab.ok(&client);
    let latest = keyrings(&lab.tiny.path("out")).pop().unwrap();
    lab.ok(&format!("repo add lab {}", latest.display()));
    machine.apt(&["update"]);
    machine.apt(&["upgrade"]);
    assert!(
        lab.ok("doctor")
            .contains(&format!("its key {new} is here and can sign"))
    );
}

#[test]
fn mistakes_have_words() {
    let lab = Lab::new();
    lab.fails(
        2,
        "publish tiny --repo lab",
        "repo new NAME --key FINGERPRINT",
    );
    lab.fails(
        2,
        "repo new lab --key me@example.org --directory out/apt",
        "`me@example.org` is no full fingerprint",
    );
    let absent = "0123456789ABCDEF0123456789ABCDEF01234567";
    let ran = lab.run(&format!("repo new lab --key {absent} --directory out/apt"));
    assert!(
        ran.code == Some(0) && ran.stderr.contains("gpg does not know it"),
        "{ran:#?}"
    );
    lab.fails(10, "publish tiny --repo lab", "gpg does not know it");
    lab.tiny
        .replace("debian/repositories/lab.toml", absent, &lab.key("lab"));
    lab.fails(2, "publish tiny --repo lba", "did you mean `lab`?");
    lab.fails(
        2,
        "publish tiny --repo lab --snapshot a/b",
        "cannot be the name of a snapshot",
    );
    lab.fails(2, "repo client lab", "nothing says where clients find");
    lab.fails(
        2,
        "repo client lab --url apt.lab.example/images",
        "`apt.lab.example/images` is no address of a repository",
    );
    lab.fails(2, "repo refresh lab", "cargo xtask publish");
    lab.fails(2, "schema --site --repository", "cannot be used with");
    let schema: serde_json::Value = serde_json::from_str(&lab.ok("schema --repository")).unwrap();
    assert!(schema["properties"]["former-keys"].is_object());
    let empty = tempfile::tempdir().unwrap();
    let mut command = lab.tiny.command(["publish", "tiny", "--repo", "lab"]);
    let ran = lab
        .tiny
        .finish(command.env("CORDWAINER_PATH", empty.path()));
    assert!(
        ran.code == Some(4) && ran.stderr.contains("recommends gpg gpg-agent gpgconf"),
        "{ran:#?}"
    );
    assert!(!lab.tiny.path("out").join("tiny").exists());
}

/// The keyring packages in a folder, the oldest first.
fn keyrings(folder: &Path) -> Vec<PathBuf> {
    let files = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|end| end == "deb"))
        .collect();
    files.sort();
    files
}

/// A machine that has nothing but apt, and one file of sources.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new(sources: &Path) -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for folder in [
            "var/lib/dpkg/updates",
            "var/lib/dpkg/info",
            "state/lists/partial",
            "cache/archives/partial",
            "etc/apt/sources.list.d",
            "etc/apt/apt.conf.d",
            "etc/apt/preferences.d",
            "etc/apt/trusted.gpg.d",
            "log",
        ] {
            fs_err::create_dir_all(machine.0.path().join(folder)).unwrap();
        }
        let apt = "Package: apt\nStatus: install ok installed\nVersion: 2.6.1\nArchitecture: amd64\nMaintainer: A <a@example.org>\nDescription: apt\n";
        fs_err::write(machine.0.path().join("var/lib/dpkg/status"), apt).unwrap();
        let list = machine.0.path().join("etc/apt/sources.list.d/lab.sources");
        fs_err::copy(sources, list).unwrap();
        let root = machine.0.path().display();
        let settings = format!(
            "Dir \"{root}\";\nDir::Etc \"{root}/etc/apt\";\nDir::State \"{root}/state\";\nDir::State::status \"{root}/var/lib/dpkg/status\";\nDir::Cache \"{root}/cache\";\nDir::Log \"{root}/log\";\nAPT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; }};\nAPT::Sandbox::User \"root\";\nAPT::Update::Error-Mode \"any\";\nAcquire::Languages \"none\";\nAcquire::Check-Date \"true\";\nDPkg::Options {{ \"--root={root}\"; \"--force-not-root\"; \"--log={root}/log/dpkg\"; }};\nDPkg::Use-Pty \"false\";\n"
        );
        fs_err::write(machine.0.path().join("apt.conf"), settings).unwrap();
        machine
    }

    /// It works, and warns of nothing.
    fn apt(&self, words: &[&str]) {
        let log = self.0.path().join("log/apt-get");
        let tool = Tool::new("apt-get").env("APT_CONFIG", self.0.path().join("apt.conf"));
        let ran = tool.log(&log).arg("--yes").args(words).run();
        let said = fs_err::read_to_string(&log).unwrap();
        ran.unwrap_or_else(|failure| panic!("{failure}: {said}"));
        let warned = said
            .lines()
            .any(|line| line.starts_with("W:") || line.starts_with("E:"));
        assert!(!warned, "{said}");
        fs_err::remove_file(&log).unwrap();
    }
}
