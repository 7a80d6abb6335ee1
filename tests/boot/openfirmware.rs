//! POWER machines with Open Firmware: what its scripts do, with a kernel of a few bytes that says what a guest says. A whole image is booted by
//! the recipe's own scenarios.

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use xtask::arch::Arch;
use xtask::boot::openfirmware::program;
use xtask::boot::scenario::{Disk, End, Scenario};
use xtask::boot::verdict::Verdict;
use xtask::loader::bundle::{self, Boot, BundleText, Console};
use xtask::loader::openfirmware;
use xtask::loader::route::{BOOTME, Route};

use crate::lab;

/// A machine and what becomes of the bundle.
struct Case {
    name: &'static str,
    scenario: fn() -> Scenario,
    change: fn(&Path) -> std::io::Result<()>,
    expect: fn(&Verdict) -> bool,
}

const CASES: &[Case] = &[
    Case {
        name: "the_image",
        scenario: plain,
        change: |_| Ok(()),
        expect: passed,
    },
    Case {
        name: "the_card_that_it_was_booted_from_is_told_to_the_kernel",
        scenario: || {
            let mut scenario = Scenario {
                nics: 2,
                expect: vec![format!(
                    "{LAST} BOOTIF=01-52-54-00-12-34-57 from: .*ethernet@1:,"
                )],
                end: End::Expected.into(),
                ..plain()
            };
            scenario.network.boot_nic = 1;
            scenario
        },
        change: |_| Ok(()),
        expect: passed,
    },
    Case {
        name: "another_system_by_another_link",
        scenario: to_the_disk,
        change: |bundle| {
            fs_err::remove_file(bundle.join(BOOTME))?;
            fs_err::os::unix::fs::symlink("openfirmware/localboot", bundle.join(BOOTME))
        },
        expect: passed,
    },
    Case {
        name: "no_kernel",
        scenario: to_the_disk,
        change: |bundle| fs_err::remove_file(bundle.join("vmlinux.chrp")),
        expect: passed,
    },
    Case {
        name: "no_initramfs",
        scenario: to_the_disk,
        change: |bundle| fs_err::remove_file(bundle.join("site.img")),
        expect: passed,
    },
    Case {
        name: "neither_kernel_nor_disk",
        scenario: plain,
        change: |bundle| fs_err::remove_file(bundle.join("vmlinux.chrp")),
        expect: |verdict| matches!(verdict, Verdict::LoadFailed { missing, .. } if missing == &["vmlinux.chrp"]),
    },
];

/// The last argument of the bundle's.
const LAST: &str = "last=1";

pub(crate) fn all() -> Vec<Trial> {
    let trial =
        |case: &'static Case| Trial::test(format!("openfirmware::{}", case.name), || run(case));
    CASES.iter().map(trial).collect()
}

fn plain() -> Scenario {
    Scenario {
        route: Some(Route::OpenFirmware),
        timeout: 60,
        ..Scenario::named("open-firmware")
    }
}

fn to_the_disk() -> Scenario {
    Scenario {
        disk: Disk::Bootable,
        end: End::LocalBoot.into(),
        ..plain()
    }
}

fn passed(verdict: &Verdict) -> bool {
    *verdict == Verdict::Passed
}

fn run(case: &Case) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let bundle = folder.path().join("bundle");
    lay_out(&bundle)?;
    (case.change)(&bundle)?;
    let record = folder.path().join("record");
    let outcome = lab::boot(&bundle, Arch::Ppc64el, (case.scenario)(), &record, None);
    if (case.expect)(&outcome.verdict) {
        return Ok(());
    }
    Err(lab::told(&outcome))
}

/// Two archives, and arguments that take more than a text of Forth has room for.
fn lay_out(folder: &Path) -> Result<(), Failed> {
    let mut append: Vec<String> = (0..20)
        .map(|n| format!("argument{n}=\"some thing\""))
        .collect();
    append.push(LAST.to_owned());
    let bundle = BundleText {
        arch: Arch::Ppc64el,
        routes: vec![Route::OpenFirmware],
        name: "test".to_owned(),
        version: "1".to_owned(),
        kernel: "vmlinux".to_owned(),
        initramfs: vec!["initramfs.img".to_owned(), "site.img".to_owned()],
        console: Console {
            device: "hvc0".to_owned(),
            baud: 115_200,
        },
        append,
        message: String::new(),
        message_file: String::new(),
        default: Boot::Image,
        menu: None,
        nodes: Vec::new(),
    };
    for file in bundle::files(&bundle)? {
        let path = folder.join(file.path);
        fs_err::create_dir_all(path.parent().unwrap())?;
        fs_err::write(path, file.content)?;
    }
    let link = openfirmware::link(&bundle).unwrap();
    fs_err::os::unix::fs::symlink(link.to, folder.join(link.path))?;
    for archive in &bundle.initramfs {
        fs_err::write(folder.join(archive), [0; 4096])?;
    }
    let kernel = program("\r\ncordwainer: verdict ready\r\n");
    let path = openfirmware::kernel(&bundle).unwrap();
    Ok(fs_err::write(folder.join(path), kernel)?)
}
