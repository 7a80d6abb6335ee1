//! Files that nobody wrote with good intentions: whatever is in them, there is an answer or a failure, soon and in little memory.

use proptest::prelude::{ProptestConfig, any, prop};
use proptest::{prop_assert, proptest};

use super::{Elf, Root};
use crate::closure::modules::{Wanted, choose, index};
use crate::failure::Kind;

/// Reads all there is to read of a kernel with this module and these lists.
fn read(module: &[u8], order: &[u8], builtin: &[u8], modinfo: &[u8]) {
    let root = Root::new().module("kernel/other.ko", &["depends=a"]);
    root.write("kernel/a.ko", module);
    root.write("modules.order", order);
    root.write("modules.builtin", builtin);
    root.write("modules.builtin.modinfo", modinfo);
    let kernel = root.kernel();
    let take = &["a".to_owned(), "other".to_owned()];
    if let Ok(chosen) = choose(&kernel, Wanted { take, exclude: &[] }) {
        let _ = index(&kernel, &chosen);
    }
}

fn module() -> Elf {
    Elf::new(&[
        "alias=pci:v1d2[a-c]",
        "depends=other",
        "softdep=pre: other post: a",
        "firmware=f/*.bin",
        "weakdep=other",
    ])
    .exports(&["one", "two"])
}

#[test]
fn a_module_cut_anywhere_is_a_failure() {
    let whole = module().write();
    let root = Root::new();
    for length in (0..whole.len()).step_by(7) {
        root.write("kernel/a.ko", &whole[..length]);
        assert_eq!(
            root.kernel().info(0).unwrap_err().kind,
            Kind::Source,
            "{length}"
        );
    }
}

#[test]
fn what_is_no_module_is_named() {
    let root = Root::new();
    for bytes in [
        &b""[..],
        b"#!/bin/sh\n",
        &[0x7f; 4096],
        &fs_err::read("/proc/self/exe").unwrap(),
    ] {
        root.write("kernel/a.ko", bytes);
        let failure = root.choose(&["a"], &[]).unwrap_err();
        assert!(
            failure.what.contains("a.ko is no kernel module"),
            "{failure}"
        );
    }
}

#[test]
fn a_hole_of_a_terabyte_is_not_read() {
    let root = Root::new();
    root.write("kernel/a.ko", module().write());
    let file = fs_err::OpenOptions::new()
        .write(true)
        .open(root.modules.join("kernel/a.ko"))
        .unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(
        root.kernel()
            .info(0)
            .unwrap_err()
            .what
            .contains("larger than 1 GiB")
    );
    root.write("kernel/a.ko", "");
    let list = fs_err::File::create(root.modules.join("modules.order")).unwrap();
    list.set_len(1 << 40).unwrap();
    assert!(
        crate::closure::modules::scan(root.path(), None)
            .unwrap_err()
            .what
            .contains("larger than 64 MiB")
    );
}

#[test]
fn a_module_that_unpacks_without_end_is_refused() {
    let root = Root::new();
    let zeros = zstd::encode_all(std::io::Read::take(std::io::repeat(0), 300 << 20), 1).unwrap();
    root.write("kernel/a.ko.zst", zeros);
    assert!(
        root.kernel()
            .info(0)
            .unwrap_err()
            .what
            .contains("unpacks to more than")
    );
}

#[test]
fn folders_without_end_are_refused() {
    let root = Root::new();
    root.write(&format!("kernel/{}a.ko", "d/".repeat(60)), "");
    assert!(
        crate::closure::modules::scan(root.path(), None)
            .unwrap_err()
            .what
            .contains("deeper")
    );
}

#[test]
fn sections_may_claim_any_size() {
    let whole = module().write();
    let root = Root::new();
    // Every byte of the headers at the end, and of the one at the beginning.
    let headers = whole.len() - 6 * 64;
    for at in (0..64).chain(headers..whole.len()) {
        for value in [0x7f, 0xff] {
            let mut module = whole.clone();
            module[at] = value;
            root.write("kernel/a.ko", &module);
            let kernel = root.kernel();
            let known = kernel.info(0).is_ok();
            assert!(known || kernel.symbols(0).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_change_of_a_module_is_answered(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), wide: bool, little: bool) {
        let mut bytes = Elf { wide, little, ..module() }.write();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        read(&bytes, b"kernel/a.ko\n", b"kernel/b.ko\n", b"b.alias=x\0");
    }

    #[test]
    fn any_modinfo_and_lists_are_answered(info in prop::collection::vec("(depends|softdep|weakdep|alias|firmware|vermagic)?=?\\PC{0,20}", 0..8), order: Vec<u8>, builtin in "(kernel/[a-z/.-]{0,9}(.ko)?\n?|\\PC{0,9}){0,4}", modinfo: Vec<u8>) {
        let info: Vec<&str> = info.iter().map(String::as_str).collect();
        read(&Elf::new(&info).write(), &order, builtin.as_bytes(), &modinfo);
    }

    #[test]
    fn any_pattern_is_answered(pattern in "\\PC{0,30}") {
        let root = Root::new().module("kernel/a.ko", &[]);
        if let Ok((_, chosen)) = root.choose(&[&pattern], &[]) {
            prop_assert!(chosen.modules.len() <= 1);
        }
    }
}
