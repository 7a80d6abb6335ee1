//! A repository on another machine.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use xtask::event::Deaf;
use xtask::failure::Failure;
use xtask::repository::place::ssh::Ssh;
use xtask::repository::place::{Bytes, Nature, Place, Put};

use crate::executable::executable;
use crate::support::proxy::Proxy;
use crate::support::sshd::{HOST, Sshd};
use crate::support::{Ears, changing, immutable};

/// The folder `name` at a server, which is reached at a port.
fn place(sshd: &Sshd, port: u16, name: &str) -> Ssh {
    let path = sshd.path(name).display().to_string();
    Ssh::new(HOST, &path, &[], &sshd.options(port)).unwrap()
}

fn text(place: &Ssh, name: &str) -> Option<String> {
    let bytes = place.read(name, 1 << 20).unwrap()?;
    Some(String::from_utf8(bytes).unwrap())
}

fn names(place: &Ssh, folder: &str) -> Vec<String> {
    let list = place.list(folder).unwrap();
    list.into_iter().map(|there| there.name).collect()
}

#[test]
fn what_is_written_is_read_listed_and_removed() {
    let sshd = Sshd::start();
    let odd = "it's $(touch hacked); \"here\" & -there";
    let place = place(&sshd, sshd.port, odd);
    assert_eq!(text(&place, "dists/stable/InRelease"), None);
    assert_eq!(place.list("dists").unwrap(), []);
    let lock = place.lock(&Deaf).unwrap();
    let deb = sshd.path("deb");
    fs_err::write(&deb, "a package").unwrap();
    let name = "pool/main/a/-a_1%3a1.0~rc1+b $(id)_all.deb".to_owned();
    let package = Put {
        name: name.clone(),
        bytes: Bytes::Of(deb),
        nature: Nature::Immutable,
    };
    let release = changing("dists/stable/InRelease", "one");
    place.write(&[package, release]).unwrap();
    assert_eq!(text(&place, "dists/stable/InRelease").unwrap(), "one");
    assert_eq!(place.size(&name).unwrap(), Some(9));
    assert_eq!(
        place.digest(&name).unwrap().unwrap(),
        xtask::digest::Digest::of("a package")
    );
    assert_eq!(place.size("pool/none").unwrap(), None);
    assert!(
        place
            .read(&name, 8)
            .unwrap_err()
            .to_string()
            .contains("more than 8")
    );
    assert_eq!(names(&place, "pool"), [name.as_str()]);
    lock.check().unwrap();
    place.remove(&[name, "pool/none".to_owned()]).unwrap();
    assert_eq!(place.list("pool").unwrap(), []);
    assert!(!sshd.path(odd).join("pool").exists());
    assert!(!sshd.path("home/hacked").exists());
    let mode = |name: &str| sshd.path(odd).join(name).metadata().unwrap().mode() & 0o777;
    assert_eq!(
        (mode("dists/stable"), mode("dists/stable/InRelease")),
        (0o755, 0o644)
    );
}

#[test]
fn what_must_not_change_does_not_and_what_changes_gets_newer() {
    let sshd = Sshd::start();
    let place = place(&sshd, sshd.port, "repository");
    let _lock = place.lock(&Deaf).unwrap();
    place
        .write(&[
            immutable("pool/a", "one"),
            changing("dists/s/InRelease", "1"),
        ])
        .unwrap();
    let release = sshd.path("repository/dists/s/InRelease");
    let first = release.metadata().unwrap().mtime();
    place
        .write(&[
            immutable("pool/a", "one"),
            changing("dists/s/InRelease", "2"),
        ])
        .unwrap();
    assert!(release.metadata().unwrap().mtime() > first);
    assert_eq!(text(&place, "dists/s/InRelease").unwrap(), "2");
    let failure = place.write(&[
        immutable("pool/a", "two"),
        changing("dists/s/InRelease", "3"),
    ]);
    assert!(
        failure
            .unwrap_err()
            .to_string()
            .contains("pool/a is there already")
    );
    assert_eq!(text(&place, "pool/a").unwrap(), "one");
    assert_eq!(text(&place, "dists/s/InRelease").unwrap(), "2");
}

#[test]
fn a_second_publisher_waits_until_the_first_is_gone() {
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port);
    let first = place(&sshd, proxy.port, "repository");
    let held = first.lock(&Deaf).unwrap();
    let second = place(&sshd, sshd.port, "repository");
    // It dies while the other waits.
    let ears = Ears::new(|_| proxy.cut());
    let other = second.lock(&ears).unwrap();
    let heard = ears.heard.lock().unwrap().join("\n");
    assert!(heard.contains("waiting for another publisher"), "{heard}");
    assert!(
        heard.contains(&format!("process {}", std::process::id())),
        "{heard}"
    );
    other.check().unwrap();
    assert!(held.check().unwrap_err().to_string().contains("was lost"));
    assert!(first.write(&[changing("dists/a", "late")]).is_err());
    assert_eq!(text(&second, "dists/a"), None);
    drop((other, held));
    proxy.mend();
    first.lock(&Deaf).unwrap().check().unwrap();
}

#[test]
fn the_user_s_own_configuration_counts() {
    let sshd = Sshd::start();
    let path = |name: &str| sshd.path(name).display().to_string();
    let config = format!(
        "Host far\n HostName 127.0.0.1\n User publisher\n Port {}\n IdentityFile {}\n UserKnownHostsFile {}\n \
         ControlMaster auto\n ControlPersist 10m\n ControlPath {}\n RemoteCommand false\n RequestTTY force\n",
        sshd.port,
        path("user"),
        path("known"),
        path("shared"),
    );
    fs_err::write(path("ours"), config).unwrap();
    let options = ["-F".to_owned(), path("ours")];
    let place = Ssh::new("far", &path("repository"), &[], &options).unwrap();
    let _lock = place.lock(&Deaf).unwrap();
    place.write(&[changing("dists/a", "one")]).unwrap();
    assert_eq!(text(&place, "dists/a").unwrap(), "one");
    assert!(!sshd.path("shared").exists());
}

#[test]
fn what_is_under_way_when_another_has_the_lock_comes_to_nothing() {
    let sshd = Sshd::start();
    let place = place(&sshd, sshd.port, "repository");
    let _lock = place.lock(&Deaf).unwrap();
    place.write(&[changing("dists/a", "one")]).unwrap();
    // As the next one's lock does.
    fs_err::remove_dir_all(sshd.path("repository/.new-files")).unwrap();
    fs_err::create_dir(sshd.path("repository/.new-files")).unwrap();
    assert!(place.write(&[changing("dists/a", "two")]).is_err());
    assert_eq!(text(&place, "dists/a").unwrap(), "one");
}

#[test]
fn a_lock_of_the_machine_itself_counts_as_well() {
    let sshd = Sshd::start();
    let folder = sshd.path("repository");
    let guard = xtask::files::Guard::exclusive(&folder).unwrap();
    let guard = std::sync::Mutex::new(Some(guard));
    let place = place(&sshd, sshd.port, "repository");
    let ears = Ears::new(|_| drop(guard.lock().unwrap().take()));
    place.lock(&ears).unwrap().check().unwrap();
    assert_eq!(ears.heard.lock().unwrap().len(), 1);
}

#[test]
fn one_handshake_is_enough() {
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port);
    let place = place(&sshd, proxy.port, "repository");
    let _lock = place.lock(&Deaf).unwrap();
    for number in 0..3 {
        place
            .write(&[changing("dists/a", &number.to_string())])
            .unwrap();
    }
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn the_command_afterwards_gets_its_words_and_its_failure_is_told() {
    let sshd = Sshd::start();
    let path = sshd.path("repository").display().to_string();
    let after = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let place = Ssh::new(HOST, &path, &words, &sshd.options(sshd.port)).unwrap();
        let _lock = place.lock(&Deaf).unwrap();
        place.finish(&Deaf)
    };
    after(&["touch", "--", "-a; $(id) 'b'"]).unwrap();
    assert!(sshd.path("repository/-a; $(id) 'b'").exists());
    fs_err::remove_file(sshd.path("repository/-a; $(id) 'b'")).unwrap();
    let failure = after(&["ls", "/nowhere at all"]).unwrap_err();
    assert!(failure.to_string().contains("nowhere at all"), "{failure}");
    assert!(failure.hint.as_ref().unwrap().contains("is published"));
}

fn refusal(place: &Ssh) -> Failure {
    let Err(failure) = place.lock(&Deaf) else {
        panic!("it was locked");
    };
    failure
}

#[test]
fn what_keeps_us_out_is_said_with_what_to_do() {
    let sshd = Sshd::start();
    let path = sshd.path("repository").display().to_string();
    let with = |options: Vec<String>| refusal(&Ssh::new(HOST, &path, &[], &options).unwrap());
    let hint = |failure: Failure| failure.hint.clone().unwrap();
    let mut options = sshd.options(sshd.port);
    options.insert(0, "-oUserKnownHostsFile=/dev/null".to_owned());
    assert!(hint(with(options)).contains("fingerprint"));
    let mut options = sshd.options(sshd.port);
    options[4] = sshd.path("host").display().to_string();
    assert!(hint(with(options)).contains("authorized_keys"));
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    assert!(hint(with(sshd.options(closed))).contains("port"));
}

#[test]
fn a_machine_that_is_not_prepared_is_told_so() {
    let noisy = tempfile::tempdir().unwrap();
    let shell = script(
        noisy.path(),
        "shell",
        "#!/bin/sh\necho Welcome.\nexec /bin/sh \"$@\"\n",
    );
    let sshd = Sshd::with(&shell.display().to_string(), "");
    let failure = refusal(&place(&sshd, sshd.port, "repository"));
    assert!(failure.to_string().contains("Welcome."), "{failure}");
    assert!(failure.hint.as_ref().unwrap().contains("bashrc"));

    let bare = tempfile::tempdir().unwrap();
    for name in [
        "flock",
        "timeout",
        "head",
        "find",
        "stat",
        "sha256sum",
        "xargs",
        "sync",
        "cat",
        "sh",
    ] {
        let real = xtask::needs::find(name).unwrap();
        fs_err::os::unix::fs::symlink(real, bare.path().join(name)).unwrap();
    }
    let shell = format!(
        "#!/bin/sh\nPATH={} exec /bin/sh \"$@\"\n",
        bare.path().display()
    );
    let shell = script(bare.path(), "shell", &shell);
    let sshd = Sshd::with(&shell.display().to_string(), "");
    let failure = refusal(&place(&sshd, sshd.port, "repository"));
    assert!(
        failure.hint.as_ref().unwrap().contains("install rsync"),
        "{failure}"
    );
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let sshd = Sshd::start();
    let letter = sshd.path("repository/letter");
    fs_err::create_dir(sshd.path("repository")).unwrap();
    fs_err::write(&letter, "Dear …").unwrap();
    let failure = refusal(&place(&sshd, sshd.port, "repository"));
    assert!(failure.to_string().contains("letter"), "{failure}");
    assert_eq!(
        fs_err::read_dir(sshd.path("repository")).unwrap().count(),
        1
    );
}

fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    executable(&path, text);
    path
}

/// What a publisher does, in short.
fn publish(place: &Ssh, version: &str) -> xtask::failure::Result<()> {
    let lock = place.lock(&Deaf)?;
    place.write(&[immutable(
        &format!("pool/{version}"),
        &version.repeat(40_000),
    )])?;
    lock.check()?;
    place.write(&[changing("dists/s/InRelease", &version.repeat(9000))])?;
    place.remove(&["pool/old".to_owned()])?;
    place.finish(&Deaf)
}

/// Wherever the connection is cut, each file is there whole or not at all, and the next publisher needs nobody.
#[test]
fn a_cut_at_any_byte_leaves_whole_files() {
    let sshd = Sshd::start();
    let proxy = Proxy::to(sshd.port);
    publish(&place(&sshd, proxy.port, "repository"), "0").unwrap();
    let whole = proxy.passed();
    let folder = sshd.path("repository");
    let (mut failed, mut version) = (0, "0".to_owned());
    for step in 1..=12 {
        let next = format!("{}", step % 10);
        fs_err::remove_file(folder.join("pool").join(&next)).ok();
        proxy.cut_after(whole * step / 13);
        failed += u32::from(publish(&place(&sshd, proxy.port, "repository"), &next).is_err());
        let release = fs_err::read_to_string(folder.join("dists/s/InRelease")).unwrap();
        let new = next.repeat(9000);
        assert!(release == version.repeat(9000) || release == new);
        for file in fs_err::read_dir(folder.join("pool")).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            assert_eq!(
                fs_err::read_to_string(file.path()).unwrap(),
                name.repeat(40_000)
            );
        }
        proxy.mend();
        publish(&place(&sshd, proxy.port, "repository"), &next).unwrap();
        version = next;
        let there = names(&place(&sshd, sshd.port, "repository"), "dists");
        assert_eq!(there, ["dists/s/InRelease"]);
    }
    assert!(failed >= 9, "only {failed} of 12 were cut");
}
