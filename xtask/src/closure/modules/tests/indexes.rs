//! The oracle is depmod itself, run over the same modules.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Elf, RELEASE, Root, sample};
use crate::closure::modules::{index, trie::Trie};
use crate::failure::Kind;
use crate::tool::Tool;

/// Our indexes of what is chosen, by name.
fn ours(root: &Root, take: &[&str]) -> BTreeMap<&'static str, Vec<u8>> {
    let (kernel, chosen) = root.choose(take, &[]).unwrap();
    let bytes = |content: &crate::image::content::Content| {
        let mut bytes = Vec::new();
        content.copy_to(&mut bytes).unwrap();
        bytes
    };
    index(&kernel, &chosen)
        .unwrap()
        .iter()
        .map(|(name, content)| (*name, bytes(content)))
        .collect()
}

fn text(bytes: &[u8]) -> BTreeSet<String> {
    String::from_utf8(bytes.to_vec())
        .unwrap()
        .lines()
        .map(ToOwned::to_owned)
        .collect()
}

/// What depmod makes of all modules of a root.
fn depmod(root: &Root) {
    Tool::new("depmod")
        .arg("-b")
        .arg(root.path().join("usr"))
        .arg(RELEASE)
        .run()
        .unwrap();
}

/// Modules with what each depends on: depmod's own order among equals follows symbol tables.
fn dependencies(bytes: &[u8]) -> BTreeMap<String, BTreeSet<String>> {
    let lines = text(bytes);
    let parts = lines.iter().map(|line| line.split_once(':').unwrap());
    parts
        .map(|(path, needed)| {
            (
                path.to_owned(),
                needed.split(' ').map(ToOwned::to_owned).collect(),
            )
        })
        .collect()
}

#[test]
fn the_indexes_are_those_of_depmod() {
    let root = sample();
    let ours = ours(&root, &["**"]);
    depmod(&root);
    let theirs = |name: &str| fs_err::read(root.modules.join(name)).unwrap();
    for name in [
        "modules.alias.bin",
        "modules.symbols.bin",
        "modules.builtin.bin",
        "modules.builtin.alias.bin",
        "modules.dep.bin",
    ] {
        assert!(ours[name] == theirs(name), "{name}");
    }
    for name in [
        "modules.alias",
        "modules.symbols",
        "modules.softdep",
        "modules.devname",
    ] {
        assert_eq!(text(&ours[name]), text(&theirs(name)), "{name}");
    }
    assert_eq!(
        dependencies(&ours["modules.dep"]),
        dependencies(&theirs("modules.dep"))
    );
    for name in [
        "modules.builtin",
        "modules.builtin.modinfo",
        "modules.order",
    ] {
        assert!(ours[name] == theirs(name), "{name}");
    }
    assert!(text(&ours["modules.weakdep"]).contains("weakdep libphy realtek absent"));
}

#[test]
fn an_index_of_some_modules_holds_no_others() {
    let ours = ours(&sample(), &["libphy"]);
    let dep = String::from_utf8(ours["modules.dep"].clone()).unwrap();
    assert_eq!(
        dep.lines().collect::<Vec<_>>(),
        [
            "kernel/drivers/net/phy/mdio-bus.ko:",
            "kernel/drivers/net/phy/libphy.ko: kernel/drivers/net/phy/mdio-bus.ko",
            "kernel/drivers/net/phy/realtek.ko: kernel/drivers/net/phy/libphy.ko kernel/drivers/net/phy/mdio-bus.ko",
        ]
    );
    assert_eq!(ours["modules.order"], b"kernel/drivers/net/phy/mdio-bus.ko\nkernel/drivers/net/phy/libphy.ko\nkernel/drivers/net/phy/realtek.ko\n");
}

#[test]
fn modprobe_reads_the_indexes() {
    let root = sample();
    for (name, bytes) in ours(&root, &["nic", "tun"]) {
        root.write(name, bytes);
    }
    let modprobe = |args: &[&str]| {
        let tool = Tool::new("modprobe")
            .args(["-C", "/dev/null", "-S", RELEASE, "-d"])
            .arg(root.path().join("usr"));
        tool.args(args).read().unwrap()
    };
    let loads = |text: &str| -> Vec<String> {
        let file = |line: &str| {
            Path::new(line.split(' ').nth(1)?)
                .file_name()?
                .to_str()
                .map(ToOwned::to_owned)
        };
        text.lines().filter_map(file).collect()
    };
    let said = loads(&modprobe(&["--show-depends", "nic"]));
    let place = |name: &str| said.iter().position(|file| file == name).unwrap();
    let order = ["mdio-bus.ko", "libphy.ko", "nic.ko", "later.ko"];
    assert!(order.map(place).is_sorted(), "{said:?}");
    assert_eq!(
        modprobe(&["-R", "pci:v00008086d0000100Esv00sd00bc02sc00i00"]),
        "nic\n"
    );
    assert_eq!(modprobe(&["-R", "symbol:phy_stop"]), "libphy\n");
    assert_eq!(modprobe(&["-R", "char-major-10-200"]), "tun\n");
    assert_eq!(modprobe(&["-R", "mdio:0000_00511"]), "libphy\n");
    assert_eq!(
        modprobe(&["--show-depends", "virtio_pci"]),
        "builtin virtio_pci\n"
    );
}

#[test]
fn modules_in_a_circle_can_never_be_loaded() {
    let root = Root::new()
        .module("kernel/a.ko", &["depends=b"])
        .module("kernel/b.ko", &["depends=c"])
        .module("kernel/c.ko", &["depends=a,c"]);
    let (kernel, chosen) = root.choose(&["a"], &[]).unwrap();
    let failure = index(&kernel, &chosen).unwrap_err();
    assert_eq!(
        (failure.kind, failure.notes.as_slice()),
        (Kind::Source, &["a, b, c".to_owned()][..])
    );
}

#[test]
fn soft_dependencies_may_go_in_circles() {
    let root = Root::new()
        .module("kernel/a.ko", &["softdep=pre: b"])
        .module("kernel/b.ko", &["softdep=post: a b"]);
    assert!(
        ours(&root, &["a"])["modules.softdep"]
            .ends_with(b"softdep a pre: b\nsoftdep b post: a b\n")
    );
}

#[test]
fn what_no_index_can_hold_is_refused() {
    for alias in [
        "alias=caf\u{e9}",
        &format!("alias={}", "x".repeat(1024)),
        "alias=two\nlines",
    ] {
        let root = Root::new().module("kernel/a.ko", &[alias]);
        let (kernel, chosen) = root.choose(&["a"], &[]).unwrap();
        let failure = index(&kernel, &chosen).unwrap_err();
        assert!(failure.what.contains("an alias"), "{failure}");
    }
    let unmatched = Root::new().module("kernel/a.ko", &["alias=open[bracket", "alias=close]d"]);
    assert!(
        ours(&unmatched, &["a"])["modules.alias"]
            .ends_with(b"alias open[bracket a\nalias close]d a\n")
    );
}

#[test]
fn a_trie_may_be_as_deep_as_keys_are_long() {
    let mut trie = Trie::default();
    for length in 0..=1023 {
        assert!(trie.add("k".repeat(length), "v", 0));
    }
    assert!(!trie.add("k".repeat(1024), "v", 0));
    assert!(trie.write().unwrap().len() > 1023 * 12);
}

/// With many keys of few letters, nodes split in every way there is.
#[test]
fn every_way_of_splitting_a_node_is_depmods() {
    let mut root = Root::new();
    let mut seed = 7_u32;
    for module in ["a", "b", "c"] {
        let mut info = Vec::new();
        for _ in 0..200 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let letters = (0..seed >> 28)
                .map(|at| ["x", "y", "-", "[a-c]"][(seed >> (at % 12 * 2) & 3) as usize]);
            info.push(format!("alias=z{}", letters.collect::<String>()));
        }
        let info: Vec<&str> = info.iter().map(String::as_str).collect();
        root = root.module(&format!("kernel/{module}.ko"), &info);
    }
    let root = root.list("modules.order", "kernel/c.ko\nkernel/a.ko\nkernel/b.ko\n");
    let ours = ours(&root, &["**"]);
    depmod(&root);
    assert!(
        ours["modules.alias.bin"] == fs_err::read(root.modules.join("modules.alias.bin")).unwrap()
    );
}

#[test]
fn exports_without_marks_are_indexed_too() {
    let root = Root::new();
    root.write(
        "kernel/a.ko",
        Elf {
            mark: None,
            ..Elf::new(&[]).exports(&["one"])
        }
        .write(),
    );
    let ours = ours(&root, &["a"]);
    depmod(&root);
    assert!(
        ours["modules.symbols.bin"]
            == fs_err::read(root.modules.join("modules.symbols.bin")).unwrap()
    );
}
