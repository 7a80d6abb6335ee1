//! A real folder: modes, times, locks, and what is refused.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::Mutex;

use super::*;
use crate::event::Deaf;

fn put(name: &str, text: &str, nature: Nature) -> Put {
    Put {
        name: name.to_owned(),
        bytes: Bytes::Here(text.as_bytes().to_owned()),
        nature,
    }
}

fn place() -> (tempfile::TempDir, Directory) {
    let folder = tempfile::tempdir().unwrap();
    let place = Directory::new(folder.path().join("repository"));
    drop(place.lock(&Deaf).unwrap());
    (folder, place)
}

#[test]
fn files_are_for_everybody_to_read_and_never_half_there() {
    let (_folder, place) = place();
    for many in [1, MANY + 1] {
        let puts: Vec<Put> = (0..many)
            .map(|at| put(&format!("pool/{many}/{at}/x"), "x", Nature::Immutable))
            .collect();
        place.write(&puts).unwrap();
        place.write(&puts).unwrap();
        assert_eq!(place.list(&format!("pool/{many}")).unwrap().len(), many);
    }
    let mode = |name: &str| fs_err::metadata(place.root.join(name)).unwrap().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("pool/1/0"), mode("pool/1/0/x")),
        (0o755, 0o755, 0o644)
    );
    assert_eq!(fs_err::read_dir(place.staging()).unwrap().count(), 0);
    assert_eq!(place.read("pool/1/0/x", 1).unwrap().unwrap(), b"x");
    assert_eq!(place.size("pool/1/0/x").unwrap(), Some(1));
    assert_eq!(place.digest("pool/1/0/x").unwrap(), Some(Digest::of("x")));
    assert_eq!(
        (place.read("y", 9).unwrap(), place.size("y").unwrap()),
        (None, None)
    );
    assert_eq!(place.list("dists").unwrap(), []);
}

#[test]
fn a_package_is_copied_and_its_name_is_taken_for_ever() {
    let (folder, place) = place();
    let from = folder.path().join("x.deb");
    fs_err::write(&from, "one").unwrap();
    fs_err::set_permissions(&from, Permissions::from_mode(0o400)).unwrap();
    let package = || Put {
        bytes: Bytes::Of(from.clone()),
        ..put("pool/x", "", Nature::Immutable)
    };
    place.write(&[package()]).unwrap();
    place
        .write(&[package(), put("pool/x", "one", Nature::Immutable)])
        .unwrap();
    for other in ["two", "three"] {
        let failure = place
            .write(&[put("pool/x", other, Nature::Immutable)])
            .unwrap_err();
        assert!(
            failure.to_string().contains("with other bytes"),
            "{failure}"
        );
    }
    assert_eq!(place.read("pool/x", 9).unwrap().unwrap(), b"one");
    assert!(place.read("pool/x", 2).is_err());
    fs_err::remove_file(&from).unwrap();
    assert!(
        place
            .write(&[Put {
                name: "pool/y".to_owned(),
                ..package()
            }])
            .is_err()
    );
}

#[test]
fn what_is_replaced_gets_a_later_second() {
    let (_folder, place) = place();
    let path = place.root.join("dists/a/InRelease");
    let mut last = 0;
    for text in ["1", "2", "3"] {
        place
            .write(&[put("dists/a/InRelease", text, Nature::Changing)])
            .unwrap();
        let seconds = fs_err::metadata(&path).unwrap().mtime();
        assert!(seconds > last);
        last = seconds;
    }
}

#[test]
fn empty_folders_go_with_their_last_file() {
    let (_folder, place) = place();
    place
        .write(&[
            put("pool/a/b/x", "", Nature::Immutable),
            put("pool/c", "", Nature::Immutable),
        ])
        .unwrap();
    place
        .remove(&["pool/a/b/x".to_owned(), "pool/nothing".to_owned()])
        .unwrap();
    assert!(!place.root.join("pool/a").exists() && place.root.join("pool").exists());
}

#[test]
fn what_killed_writers_left_is_neither_listed_nor_kept() {
    let (_folder, place) = place();
    fs_err::create_dir_all(place.staging()).unwrap();
    fs_err::write(place.staging().join(".new-0"), "half").unwrap();
    drop(place.lock(&Deaf).unwrap());
    assert!(!place.staging().exists());
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("letters"), "x").unwrap();
    let place = Directory::new(folder.path());
    let failure = place.lock(&Deaf).err().unwrap();
    assert!(
        failure
            .what
            .ends_with("neither empty nor a repository: it has `letters`"),
        "{failure}"
    );
    fs_err::create_dir_all(folder.path().join("dists/stable")).unwrap();
    assert!(place.lock(&Deaf).is_err());
    fs_err::write(folder.path().join("dists/stable/InRelease"), "x").unwrap();
    assert!(place.lock(&Deaf).is_ok());
}

#[test]
fn what_is_no_folder_is_told() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let place = Directory::new(file.path());
    let failure = place.lock(&Deaf).err().unwrap();
    assert!(failure.what.starts_with("cannot publish to /"), "{failure}");
    assert!(place.read("dists/x", 9).is_err());
}

#[test]
fn a_folder_that_vanishes_is_not_made_again() {
    let (folder, place) = place();
    let held = place.lock(&Deaf).unwrap();
    held.check().unwrap();
    fs_err::rename(&place.root, folder.path().join("elsewhere")).unwrap();
    assert!(
        held.check()
            .unwrap_err()
            .what
            .contains("removed or replaced")
    );
    let failure = place
        .write(&[put("pool/x", "x", Nature::Immutable)])
        .unwrap_err();
    assert!(failure.what.starts_with("cannot write into /"), "{failure}");
    assert!(!place.root.exists());
    fs_err::create_dir(&place.root).unwrap();
    assert!(held.check().is_err());
}

#[test]
fn names_never_lead_outside() {
    let (_folder, place) = place();
    for name in ["../x", "/tmp/x", "pool/../../x", ".new-files/x", ""] {
        assert!(place.write(&[put(name, "", Nature::Changing)]).is_err());
        assert!(place.read(name, 9).is_err() && place.size(name).is_err());
        assert!(place.remove(&[name.to_owned()]).is_err() && place.list(name).is_err());
    }
}

#[test]
fn a_link_to_the_folder_will_do() {
    let (folder, place) = place();
    symlink(&place.root, folder.path().join("link")).unwrap();
    let linked = Directory::new(folder.path().join("link"));
    let held = linked.lock(&Deaf).unwrap();
    linked
        .write(&[put("pool/x", "x", Nature::Immutable)])
        .unwrap();
    held.check().unwrap();
    assert_eq!(place.size("pool/x").unwrap(), Some(1));
}

/// Remembers what it heard.
struct Ear(Mutex<usize>);

impl Listen for Ear {
    fn hear(&self, event: Event) {
        assert!(matches!(event, Event::Note(_)));
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn one_publisher_at_a_time_and_the_others_are_told() {
    let (_folder, place) = place();
    let ear = Ear(Mutex::new(0));
    let busy = Mutex::new(());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let held = place.lock(&ear).unwrap();
                let alone = busy.try_lock().unwrap();
                place
                    .write(&[put("dists/x", "x", Nature::Changing)])
                    .unwrap();
                drop(alone);
                drop(held);
            });
        }
    });
    assert!(*ear.0.lock().unwrap() <= 3);
}

#[test]
fn what_was_copied_in_vain_does_not_stay() {
    let (folder, place) = place();
    let missing = Put {
        bytes: Bytes::Of(folder.path().join("missing.deb")),
        ..put("pool/b", "", Nature::Immutable)
    };
    let puts = [put("pool/a", "a", Nature::Immutable), missing];
    place.write(&puts).unwrap_err();
    assert!(!place.staging().exists());
    place.write(&puts[..1]).unwrap();
}
