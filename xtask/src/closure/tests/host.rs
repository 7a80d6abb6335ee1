//! Every ELF program of this machine: its closure is what `ldd` finds.

use crate::closure::{Root, Settings};

use super::oracle::{Loader, agrees};

/// `ldd` is a script around this; it alone is quicker by a shell per program.
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

#[test]
fn the_closure_of_every_program_of_the_host_is_what_its_loader_lists() {
    let root = Root::of("host", "/").unwrap();
    let loader = Loader::new(&[LOADER, "--list"]);
    let settings = Settings::default();
    agrees(&root, &loader, &settings);
}
