use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;
use crate::digest::{Identity, later, write_anew};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    (folder, store)
}

/// The definition of a step that leaves one output, `it`.
fn definition(name: &str) -> serde_json::Value {
    json!({ "of": name, "outputs": ["it"] })
}

fn key(name: &str) -> Digest {
    Digest::of_value(&definition(name))
}

fn slot(store: &Store, name: &str) -> Slot {
    match store.claim(&key(name), |_| {}).unwrap() {
        Claim::Miss(slot) => slot,
        Claim::Hit(_) => panic!("{name} is there already"),
    }
}

fn make(store: &Store, name: &str, bytes: &str) -> Artifact {
    let slot = slot(store, name);
    fs_err::write(slot.outputs().join("it"), bytes).unwrap();
    slot.commit(&["it".to_owned()], &definition(name)).unwrap()
}

#[test]
fn what_is_committed_is_found() {
    let (_folder, store) = store();
    let made = make(&store, "a", "bytes");
    let found = store.lookup(&key("a")).unwrap().unwrap();
    assert_eq!(found.read("it").unwrap(), b"bytes");
    assert_eq!(found.outputs(), made.outputs());
    assert_eq!(found.definition(), &definition("a"));
}

#[test]
fn a_dropped_slot_leaves_nothing() {
    let (_folder, store) = store();
    let slot = slot(&store, "a");
    let work = slot.folder().to_owned();
    fs_err::write(slot.outputs().join("it"), "half").unwrap();
    drop(slot);
    assert!(!work.exists());
    assert!(store.lookup(&key("a")).unwrap().is_none());
}

#[test]
fn a_killed_builds_folder_is_not_taken_over() {
    let (_folder, store) = store();
    let work = store.path("work", &key("a"), "");
    fs_err::create_dir_all(work.join("out")).unwrap();
    fs_err::write(work.join("out/it"), "half").unwrap();
    assert!(!slot(&store, "a").outputs().join("it").exists());
}

#[test]
fn a_missing_output_is_no_result() {
    let (_folder, store) = store();
    let failure = slot(&store, "a")
        .commit(&["it".to_owned()], &json!({}))
        .unwrap_err();
    assert!(failure.what.contains("no output"), "{failure}");
    assert!(store.lookup(&key("a")).unwrap().is_none());
}

#[test]
fn two_at_once_do_the_work_once() {
    let (_folder, store) = store();
    let made = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                if let Claim::Miss(slot) = store.claim(&key("a"), |_| {}).unwrap() {
                    made.fetch_add(1, Ordering::SeqCst);
                    fs_err::write(slot.outputs().join("it"), "bytes").unwrap();
                    slot.commit(&["it".to_owned()], &definition("a")).unwrap();
                }
            });
        }
    });
    assert_eq!(made.load(Ordering::SeqCst), 1);
}

#[test]
fn a_tree_is_named_by_its_listing() {
    let (_folder, store) = store();
    let digest = |name: &str, mode: u32| {
        let slot = slot(&store, name);
        let tree = slot.outputs().join("it");
        fs_err::create_dir_all(tree.join("empty")).unwrap();
        fs_err::write(tree.join("run"), "#!").unwrap();
        fs_err::set_permissions(tree.join("run"), std::fs::Permissions::from_mode(mode)).unwrap();
        std::os::unix::fs::symlink("run", tree.join("link")).unwrap();
        let made = slot.commit(&["it".to_owned()], &definition(name)).unwrap();
        made.verify().unwrap();
        made.outputs()["it"].digest
    };
    let plain = digest("a", 0o644);
    assert_eq!(plain, digest("b", 0o600), "only the executable bit counts");
    assert_ne!(plain, digest("c", 0o755));
}

fn alter(store: &Store, artifact: &Artifact, bytes: &str) {
    let path = store.object_path(&artifact.outputs()["it"].digest);
    fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    fs_err::write(path, bytes).unwrap();
}

#[test]
fn damage_is_found_and_forgotten() {
    let (_folder, store) = store();
    let made = make(&store, "a", "bytes");
    make(&store, "b", "other");
    alter(&store, &made, "bytez");
    assert_eq!(
        made.read("it").unwrap_err().kind,
        crate::failure::Kind::Store
    );
    let (looked_at, damages) = store.verify(|_| {}).unwrap();
    assert_eq!((looked_at, damages.len(), damages[0].key), (2, 1, key("a")));
    assert!(store.lookup(&key("a")).unwrap().is_none());
    assert_eq!(store.verify(|_| {}).unwrap(), (1, Vec::new()));
}

#[test]
fn a_truncated_object_or_record_counts_as_absent() {
    let (_folder, store) = store();
    let made = make(&store, "a", "bytes");
    alter(&store, &made, "byte");
    assert!(store.lookup(&key("a")).unwrap().is_none());
    make(&store, "b", "bytes");
    let record = store.result_path(&key("b"));
    let bytes = fs_err::read(&record).unwrap();
    fs_err::write(&record, &bytes[..bytes.len() / 2]).unwrap();
    assert!(store.lookup(&key("b")).unwrap().is_none());
    make(&store, "b", "bytes").read("it").unwrap();
}

#[test]
fn a_record_of_something_else_counts_as_absent() {
    let (_folder, store) = store();
    make(&store, "a", "bytes");
    let path = store.result_path(&key("a"));
    let record = fs_err::read_to_string(&path).unwrap();
    for (old, new) in [
        ("\"it\"", "\"is\""),
        ("\"it\": {", "\"is\": {"),
        ("\"a\"", "\"b\""),
    ] {
        fs_err::write(&path, record.replacen(old, new, 1)).unwrap();
        assert!(store.lookup(&key("a")).unwrap().is_none(), "{old}");
    }
}

#[test]
fn the_same_tree_from_two_steps_is_there_at_every_moment() {
    let (_folder, store) = store();
    let tree = |name: &str| {
        let slot = slot(&store, name);
        fs_err::create_dir_all(slot.outputs().join("it/folder")).unwrap();
        let names = ["it".to_owned()];
        slot.commit(&names, &definition(name)).unwrap()
    };
    let there = tree("first").path("it").unwrap();
    std::thread::scope(|scope| {
        let names = ["a", "b", "c", "d"];
        let made: Vec<_> = names
            .map(|name| scope.spawn(move || tree(name)))
            .into_iter()
            .collect();
        while !made.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            assert!(there.is_dir());
        }
    });
}

#[test]
fn gc_keeps_what_roots_name_and_nothing_else() {
    let (folder, store) = store();
    make(&store, "kept", "kept");
    make(&store, "stray", "stray bytes");
    let checkout = folder.path().join("checkout");
    fs_err::create_dir_all(checkout.join("recipes")).unwrap();
    fs_err::write(checkout.join("recipes/demo.toml"), "").unwrap();
    let step = RootStep {
        key: key("kept"),
        definition: json!({}),
        folders: std::collections::BTreeMap::new(),
    };
    let root = Root {
        checkout: checkout.clone(),
        recipe: "demo".to_owned(),
        steps: [("step".to_owned(), step)].into(),
    };
    store.set_root(&root).unwrap();
    let would = store.collect(true, |_| {}).unwrap();
    assert!(
        store.lookup(&key("stray")).unwrap().is_some(),
        "a dry run removes nothing"
    );
    let did = store.collect(false, |_| {}).unwrap();
    assert_eq!(would.results, did.results);
    assert_eq!((did.results, did.objects), (1, 1));
    assert!(store.lookup(&key("kept")).unwrap().is_some());
    assert!(store.lookup(&key("stray")).unwrap().is_none());

    fs_err::remove_dir_all(&checkout).unwrap();
    assert_eq!(store.collect(false, |_| {}).unwrap().results, 1);
    assert_eq!(store.stat().unwrap(), Stat::default());
}

#[test]
fn gc_waits_for_a_build() {
    let (_folder, store) = store();
    let building = store.share(|_| {}).unwrap();
    let (said, hears) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let collecting = scope.spawn(|| store.collect(false, |_| said.send(()).unwrap()));
        hears.recv().unwrap();
        assert!(!collecting.is_finished());
        drop(building);
        collecting.join().unwrap().unwrap();
    });
}

#[test]
fn what_was_verified_needs_not_be_digested_again() {
    let (_folder, store) = store();
    let slot = slot(&store, "a");
    fs_err::create_dir(slot.outputs().join("it")).unwrap();
    fs_err::write(slot.outputs().join("it/file"), "same").unwrap();
    let made = slot.commit(&["it".to_owned()], &definition("a")).unwrap();
    let file = made.path("it").unwrap().join("file");
    let identity = || Identity::of(&fs_err::metadata(&file).unwrap());
    assert_eq!(
        store.seen().digest(&identity()),
        None,
        "it was just written"
    );
    // As when it has been there for long.
    store.seen().read_at(&file, later()).unwrap();
    assert_eq!(store.seen().digest(&identity()), Some(Digest::of("same")));
    made.verify().unwrap();
    // Verifying reads all the same, whatever is known.
    write_anew(&file, "sama");
    assert!(made.verify().is_err());
    assert_eq!(store.seen().digest(&identity()), None);
}
