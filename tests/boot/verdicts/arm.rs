//! Boots of bundles for 64-bit ARM: U-Boot, told where to look by DHCP, reads the configurations that bundles have. The
//! kernel is a few instructions that say on the console whatever a test wants to be said.

use std::path::Path;

use xtask::arch::Arch;
use xtask::boot::happening::Network;
use xtask::boot::scenario::Scenario;
use xtask::boot::verdict::Verdict;
use xtask::boot::{Job, Outcome, run};
use xtask::event::Deaf;
use xtask::loader::address::Address;
use xtask::loader::bundle::{Boot, BundleText, Console, Menu, Node, files};
use xtask::loader::route::Route;

use crate::support::{XTASK, scenario};

/// From 0x40 on, behind the header (Documentation/arm64/booting.rst): writes the text behind it to the serial port of QEMU's `virt`,
/// then waits for ever.
const CODE: [u32; 8] = [
    0x1000_0101, //       adr x1, text
    0xd2a1_2000, //       mov x0, #0x09000000
    0x3840_1422, // next: ldrb w2, [x1], #1
    0x3400_0062, //       cbz w2, halt
    0x3900_0002, //       strb w2, [x0]
    0x17ff_fffd, //       b next
    0xd503_207f, // halt: wfi
    0x17ff_ffff, //       b halt
];

/// A kernel that says this.
fn kernel(says: &str) -> Vec<u8> {
    let mut kernel = 0x1400_0010_u32.to_le_bytes().to_vec(); // b CODE
    kernel.resize(16, 0);
    kernel.extend(0x1_0000_u64.to_le_bytes()); // the size of all of it in memory
    kernel.extend(0xa_u64.to_le_bytes()); // little-endian, pages of 4 KiB, anywhere in memory
    kernel.resize(0x38, 0);
    kernel.extend(b"ARM\x64\0\0\0\0");
    kernel.extend(CODE.map(u32::to_le_bytes).concat());
    kernel.extend(says.replace('\n', "\r\n").bytes());
    kernel.extend(b"\r\n\0");
    kernel
}

const READY: &str = "cordwainer: step dhcp ok 10.77.0.10/24\ncordwainer: verdict ready";

fn text() -> BundleText {
    BundleText {
        arch: Arch::Arm64,
        routes: vec![Route::UBoot],
        name: "speaking".to_owned(),
        version: "1".to_owned(),
        kernel: "vmlinuz".to_owned(),
        initramfs: vec!["initramfs.img".to_owned()],
        console: Console {
            device: "ttyAMA0".to_owned(),
            baud: 115_200,
        },
        append: vec!["quiet".to_owned()],
        message: String::new(),
        message_file: "message.txt".to_owned(),
        default: Boot::Image,
        menu: None,
        nodes: Vec::new(),
    }
}

/// Lays out the bundle below `folder` of the place, and boots it.
fn boot_in(
    folder: &str,
    bundle: &BundleText,
    says: &str,
    scenario: Scenario,
    network: Option<Network>,
) -> Outcome {
    let place = tempfile::tempdir().unwrap();
    let served = place.path().join("bundle");
    let write = |path: &str, bytes: &[u8]| {
        let path = served.join(folder).join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    };
    write("vmlinuz", &kernel(says));
    write("initramfs.img", b"070701");
    for file in files(bundle).unwrap() {
        write(&file.path, file.content.as_bytes());
    }
    let job = Job {
        bundle: served.clone(),
        arch: Arch::Arm64,
        loader: Path::new(folder).join("").to_str().unwrap().to_owned(),
        scenario,
        record: place.path().join("records/test"),
        xtask: XTASK.into(),
        cache: place.path().join("cache"),
        network,
        installed: None,
    };
    run(&job, &Deaf).unwrap()
}

fn verdict(bundle: &BundleText, says: &str, fields: &str) -> Verdict {
    boot_in("", bundle, says, scenario(fields), None).verdict
}

#[test]
fn u_boot_looks_in_its_order_and_boots_again_after_a_reset() {
    let fields = "lease = true\nconfig-search = 'standard'\nreboots = 1\nexpect = ['append: .* quiet BOOTIF=01-52-54-00-12-34-56']";
    assert_eq!(verdict(&text(), READY, fields), Verdict::Passed);
}

#[test]
fn a_folder_is_found_by_the_boot_file() {
    let outcome = boot_in(
        "lab/arm",
        &text(),
        READY,
        scenario("config-search = 'standard'"),
        None,
    );
    assert_eq!(outcome.verdict, Verdict::Passed);
}

#[test]
fn qemus_own_network_does_as_well() {
    for folder in ["", "lab/arm"] {
        let outcome = boot_in(folder, &text(), READY, scenario(""), Some(Network::User));
        assert_eq!(outcome.verdict, Verdict::Passed, "{folder}");
    }
}

#[test]
fn a_machine_has_a_configuration_of_its_own() {
    let node = |boot| Node {
        name: "one".to_owned(),
        address: Address::Mac("52:54:00:00:00:02".parse().unwrap()),
        boot,
        append: Vec::new(),
        initramfs: text().initramfs,
    };
    let bundle = BundleText {
        nodes: vec![node(Boot::Localboot)],
        ..text()
    };
    let fields = "mac = '52:54:00:00:00:02'\nnics = 2\nconfig-search = { exactly = ['01-52-54-00-00-00-02'] }\n\
                  disk = 'bootable'\nend = 'local-boot'";
    assert_eq!(verdict(&bundle, READY, fields), Verdict::Passed);
}

#[test]
fn a_menu_boots_by_itself_or_by_choice() {
    let bundle = BundleText {
        menu: Some(Menu {
            title: "LAVA Master Image".to_owned(),
            timeout: 1,
            ontimeout: None,
        }),
        ..text()
    };
    let fields = "expect = ['^LAVA Master Image', '2:\tlocal disk']";
    let fields = fields.replace('\t', "\\s+");
    assert_eq!(verdict(&bundle, READY, &fields), Verdict::Passed);
    let fields = "disk = 'bootable'\nend = 'local-boot'\nanswer = [{ when = '^Enter choice:', type = \"2\\r\" }]";
    assert_eq!(verdict(&bundle, READY, fields), Verdict::Passed);
}

#[test]
fn the_longest_line_arrives_whole() {
    // Between what the bundle puts before and U-Boot behind it.
    let length = 511 - "console=ttyAMA0,115200n8  BOOTIF=01-52-54-00-12-34-56".len();
    let bundle = BundleText {
        append: vec!["x".repeat(length)],
        ..text()
    };
    let fields = format!("expect = [' x{{{length}}} BOOTIF=01-52-54-00-12-34-56$']");
    assert_eq!(verdict(&bundle, READY, &fields), Verdict::Passed);
}

#[test]
fn another_network_card_does_as_well() {
    let fields = "nic = 'e1000'\nlease = true\nconfig-search = 'standard'";
    assert_eq!(verdict(&text(), READY, fields), Verdict::Passed);
}

#[test]
fn what_is_missing_is_named() {
    let bundle = BundleText {
        kernel: "nope".to_owned(),
        ..text()
    };
    let verdict = verdict(&bundle, READY, "");
    assert!(
        matches!(&verdict, Verdict::LoadFailed { missing, .. } if missing.last().map(String::as_str) == Some("nope")),
        "{verdict:?}"
    );
}

#[test]
fn what_goes_wrong_is_told_apart() {
    let nothing = BundleText {
        default: Boot::Localboot,
        ..text()
    };
    let told = verdict(&nothing, READY, "");
    assert!(matches!(told, Verdict::NothingToBoot { .. }), "{told:?}");
    let panic = "[    0.7] Kernel panic - not syncing: No working init found.";
    let told = verdict(&text(), panic, "");
    assert!(matches!(told, Verdict::Panic { .. }), "{told:?}");
    let told = verdict(&text(), READY, "dhcp = false");
    assert!(matches!(told, Verdict::NoDhcp { .. }), "{told:?}");
    let told = verdict(
        &text(),
        "cordwainer: step dhcp ok 10.77.0.99/24\ncordwainer: verdict ready",
        "lease = true",
    );
    assert!(matches!(told, Verdict::WrongLease { .. }), "{told:?}");
}
