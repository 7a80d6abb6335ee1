//! Every ELF program of this machine: its closure is what `ldd` finds.

use crate::closure::{Root, Settings};

use super::oracle::{Explained, Loader, differences};

/// `ldd` is a script around this; it alone is quicker by a shell per program.
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// What is ours and not in the loader's list. The other way round, there is nothing to explain.
const EXPLAINED: &[Explained] = &[Explained {
    path: |path| path.ends_with("/libgcc_s.so.1"),
    why: "glibc loads it for pthread_cancel, pthread_exit and backtrace while the program runs; the loader lists what is loaded at the beginning",
}];

#[test]
fn the_closure_of_every_program_of_the_host_is_what_its_loader_lists() {
    let root = Root::of("host", "/").unwrap();
    let loader = Loader::new(&[LOADER, "--list"]);
    let settings = Settings::default();
    let folders = ["usr/bin", "usr/sbin"];
    let (differences, compared) = differences(&root, &folders, &loader, &settings, EXPLAINED);
    assert!(
        differences.is_empty(),
        "{} of {compared}:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(compared > 100, "{compared}");
}
