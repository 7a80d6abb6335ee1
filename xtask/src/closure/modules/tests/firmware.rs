use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use super::{RELEASE, sample};
use crate::closure::modules::{Below, Firmware, Named, Place, Seen, find, microcode, named, tree};
use crate::image::tree::{Node, Taken};

fn root(files: &[&str], links: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    let place = |path: &str| {
        let path = root.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    for file in files {
        fs_err::write(place(file), file).unwrap();
    }
    for (link, target) in links {
        symlink(target, place(link)).unwrap();
    }
    root
}

fn look(root: &Path, firmware: &str) -> Firmware {
    let named = Named {
        module: "m".to_owned(),
        firmware: firmware.to_owned(),
    };
    find(&Below(root), RELEASE, &[named]).unwrap()
}

fn found(root: &TempDir, firmware: &str) -> Vec<String> {
    look(root.path(), firmware).found.into_keys().collect()
}

#[test]
fn folders_are_searched_as_the_kernel_does() {
    let places = [
        format!("lib/firmware/updates/{RELEASE}/a"),
        "lib/firmware/updates/a".to_owned(),
        format!("lib/firmware/{RELEASE}/a"),
        "lib/firmware/a".to_owned(),
        "lib/firmware/a.zst".to_owned(),
        "lib/firmware/a.xz".to_owned(),
    ];
    for first in 0..places.len() {
        let there: Vec<&str> = places[first..].iter().map(String::as_str).collect();
        assert_eq!(found(&root(&there, &[]), "a"), [places[first].clone()]);
    }
}

#[test]
fn links_on_the_way_come_along_as_they_are() {
    let root = root(
        &["usr/lib/firmware/qcom/v2/real.mbn"],
        &[
            ("lib", "usr/lib"),
            ("usr/lib/firmware/board", "qcom"),
            ("usr/lib/firmware/qcom/fw.mbn", "../board/v2/real.mbn"),
        ],
    );
    assert_eq!(
        found(&root, "board/fw.mbn"),
        [
            "lib",
            "usr/lib/firmware/board",
            "usr/lib/firmware/qcom/fw.mbn",
            "usr/lib/firmware/qcom/v2/real.mbn"
        ]
    );
    let absolute = super::firmware::root(
        &["lib/firmware/b"],
        &[("lib/firmware/a", "/lib/firmware/b")],
    );
    assert_eq!(found(&absolute, "a"), ["lib/firmware/a", "lib/firmware/b"]);
}

#[test]
fn links_never_lead_out_of_the_root_or_in_circles() {
    let outside = root(&["secret"], &[]);
    let target = outside.path().join("secret");
    let up = format!("../../../../../../..{}", target.display());
    let root = root(
        &["lib/firmware/ok"],
        &[
            ("lib/firmware/absolute", target.to_str().unwrap()),
            ("lib/firmware/up", &up),
            ("lib/firmware/circle", "circle"),
            ("lib/firmware/one", "two"),
            ("lib/firmware/two", "one"),
            ("lib/firmware/deep", "deep/deep"),
        ],
    );
    for name in [
        "absolute",
        "up",
        "circle",
        "one",
        "deep",
        "../../../etc/passwd",
        "/etc/passwd",
        "",
        "ok/below",
        ".",
    ] {
        let firmware = look(root.path(), name);
        assert!(
            firmware.found.is_empty() && firmware.missing.len() == 1,
            "{name}: {firmware:?}"
        );
    }
}

#[test]
fn a_pattern_takes_all_that_fit() {
    let root = root(
        &[
            "lib/firmware/b/f-1-pcie.bin",
            "lib/firmware/b/f-2-pcie.bin",
            "lib/firmware/b/f-2-sdio.bin",
            "lib/firmware/b/c/f-3-pcie.bin",
        ],
        &[],
    );
    assert_eq!(
        found(&root, "b/f*-pcie.*"),
        ["lib/firmware/b/f-1-pcie.bin", "lib/firmware/b/f-2-pcie.bin"]
    );
    assert_eq!(
        found(&root, "*/c/f-[0-9]-pcie.bin"),
        ["lib/firmware/b/c/f-3-pcie.bin"]
    );
    assert_eq!(look(root.path(), "b/g*").missing.len(), 1);
}

#[test]
fn what_is_missing_names_the_module() {
    let (kernel, chosen) = sample().choose(&["nic", "virtio_pci"], &[]).unwrap();
    let named = named(&kernel, &chosen).unwrap();
    let missing = find(&Below(root(&[], &[]).path()), RELEASE, &named)
        .unwrap()
        .missing;
    let missing: Vec<(&str, &str)> = missing
        .iter()
        .map(|one| (one.module.as_str(), one.firmware.as_str()))
        .collect();
    assert_eq!(
        missing,
        [("nic", "nic/a.bin"), ("virtio_pci", "virtio/fw.bin")]
    );
}

#[test]
fn microcode_is_listed_by_name() {
    let root = root(
        &[
            "usr/lib/firmware/intel-ucode/06-9e-0a",
            "usr/lib/firmware/intel-ucode/06-03-02",
            "usr/lib/firmware/amd-ucode/README",
        ],
        &[("lib", "usr/lib")],
    );
    let files = microcode(&Below(root.path()), "intel-ucode", "*").unwrap();
    let paths: Vec<&str> = files.iter().map(|(path, ..)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "usr/lib/firmware/intel-ucode/06-03-02",
            "usr/lib/firmware/intel-ucode/06-9e-0a"
        ]
    );
    assert!(
        microcode(&Below(root.path()), "amd-ucode", "microcode_amd*.bin")
            .unwrap()
            .is_empty()
    );
}

#[test]
fn the_tree_has_modules_indexes_and_firmware_with_their_reasons() {
    let source = sample();
    let (kernel, chosen) = source.choose(&["nic"], &[]).unwrap();
    let fw = root(
        &["usr/lib/firmware/nic/real"],
        &[("lib", "usr/lib"), ("usr/lib/firmware/nic/a.bin", "real")],
    );
    let firmware = find(
        &Below(fw.path()),
        RELEASE,
        &named(&kernel, &chosen).unwrap(),
    )
    .unwrap();
    let taken = |root: &'static str| {
        move |path: &str| {
            Some(Taken {
                root: root.to_owned(),
                path: path.to_owned(),
                package: None,
            })
        }
    };
    for lib in ["lib", "usr/lib"] {
        let place = Place {
            lib,
            kernel: &taken("kernel"),
            firmware: &taken("sysroot"),
        };
        let tree = tree(&kernel, &chosen, &firmware, &place).unwrap();
        let at = |path: &str| {
            tree.get(&format!("{lib}/{path}").parse().unwrap())
                .unwrap_or_else(|| panic!("{path}"))
        };
        let nic = format!("modules/{RELEASE}/kernel/drivers/net/ethernet/nic.ko");
        assert_eq!(
            at(&nic).origin.to_string(),
            "the recipe's [modules] names nic"
        );
        assert_eq!(
            at(&nic).taken.as_ref().unwrap().path,
            format!("usr/lib/{nic}")
        );
        let mii = at(&format!("modules/{RELEASE}/kernel/drivers/net/mii.ko"));
        assert_eq!(
            mii.origin.to_string(),
            format!("needed by /{lib}/{nic} (module dependency)")
        );
        assert_eq!(
            at("firmware/nic/real").origin.to_string(),
            format!("needed by /{lib}/{nic} (firmware)")
        );
        assert_eq!(
            at("firmware/nic/a.bin").node,
            Node::Symlink {
                target: "real".to_owned()
            }
        );
        assert_eq!(
            at("firmware/nic/real").taken.as_ref().unwrap().path,
            "usr/lib/firmware/nic/real"
        );
        at(&format!("modules/{RELEASE}/modules.dep.bin"));
        assert_eq!(tree.len(), 7 + 14 + 2);
    }
    assert!(matches!(&firmware.found["lib"].seen, Seen::Link(_)));
}
