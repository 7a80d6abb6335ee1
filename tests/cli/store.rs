//! `store verify`, `gc`, `stat`.

use crate::support::Tiny;

#[test]
fn damage_is_found_removed_and_made_again() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    assert!(tiny.ok("store verify").contains("all whole"));
    let kernel = tiny.everything().into_iter().find(|(path, bytes)| {
        path.components().any(|part| part.as_os_str() == "objects")
            && bytes.starts_with(b"kernel -tiny")
    });
    let (path, mut bytes) = kernel.unwrap();
    bytes[0] = b'K';
    fs_err::remove_file(&path).unwrap();
    fs_err::write(&path, bytes).unwrap();
    let said = tiny.fails(8, "store verify");
    assert!(said.contains("damaged"), "{said}");
    tiny.ok("build tiny");
    assert!(tiny.ok("store verify").contains("all whole"));
}

#[test]
fn a_damaged_input_is_noticed_and_made_again() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    let busybox = tiny.everything().into_iter().find(|(path, bytes)| {
        path.components().any(|part| part.as_os_str() == "objects")
            && bytes.starts_with(b"busybox\n")
    });
    let (path, mut bytes) = busybox.unwrap();
    bytes[0] = b'B';
    fs_err::remove_file(&path).unwrap();
    fs_err::write(&path, bytes).unwrap();
    // The image is made again, and reads busybox.
    tiny.write("overlays/base/etc/motd", "hello\n");
    let ran = tiny.run("build tiny");
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.stderr.contains("damaged"), "{}", ran.stderr);
    assert!(tiny.ok("store verify").contains("all whole"));
}

#[test]
fn gc_keeps_what_was_last_built() {
    let tiny = Tiny::new();
    tiny.ok("build tiny");
    assert_eq!(tiny.json("store gc")["results"], 0);
    tiny.write("overlays/base/etc/motd", "hello\n");
    tiny.ok("build tiny");
    assert_eq!(tiny.json("store gc --dry-run")["results"], 2);
    assert_eq!(tiny.json("store gc")["results"], 2);
    assert_eq!(tiny.json("plan tiny")["to_run"], 0);
    assert_eq!(tiny.json("store stat")["results"], 9);
}
