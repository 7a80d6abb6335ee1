//! Bundles for machines that boot in several ways: every reader gets its files, and is held to what it can do.

use super::super::check::{check_argument, check_boot, check_message, check_own_boot};
use super::tests::{bundle, fleet};
use super::*;

fn file(bundle: &BundleText, path: &str) -> String {
    let files = files(bundle).unwrap();
    let file = files.into_iter().find(|file| file.path == path);
    file.unwrap().content
}

fn with_menu(timeout: u32) -> BundleText {
    let menu = Menu {
        title: "Fleet".to_owned(),
        timeout,
        ontimeout: None,
    };
    BundleText {
        menu: Some(menu),
        ..fleet()
    }
}

#[test]
fn every_reader_has_its_files() {
    let files = files(&fleet()).unwrap();
    let paths: Vec<&str> = files.iter().map(|file| &*file.path).collect();
    assert_eq!(
        paths,
        [
            "pxelinux.cfg/image",
            "pxelinux.cfg/localboot",
            "pxelinux.cfg/chain",
            "pxelinux.cfg/default",
            "pxelinux.cfg/01-52-54-00-12-34-56",
            "pxelinux.cfg/0A4D000A",
            "ipxe.cfg/image",
            "ipxe.cfg/localboot",
            "boot.ipxe",
            "ipxe.cfg/01-52-54-00-12-34-56",
            "ipxe.cfg/0a4d000a",
            "grub/image",
            "grub/localboot",
            "grub/grub.cfg",
            "grub/01-52-54-00-12-34-56",
            "grub/10.77.0.10",
            "efi64/pxelinux.cfg/image",
            "efi64/pxelinux.cfg/default",
            "efi64/pxelinux.cfg/01-52-54-00-12-34-56",
            "efi64/pxelinux.cfg/0A4D000A",
            "message.txt",
        ]
    );
}

#[test]
fn syslinux_under_efi_looks_for_files_above_its_own_folder() {
    let text = file(&fleet(), "efi64/pxelinux.cfg/default");
    for line in [
        "DISPLAY ::message.txt\n",
        "  LINUX ::vmlinuz\n",
        "  APPEND initrd=::initramfs.img console=ttyS0,115200n8 ",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let menu = file(&with_menu(2), "efi64/pxelinux.cfg/menu");
    assert!(
        menu.contains("LABEL image") && !menu.contains("LOCALBOOT"),
        "{menu}"
    );
}

#[test]
fn syslinux_under_efi_boots_nothing_in_place_of_a_disk() {
    for bundle in [fleet(), with_menu(2)] {
        let text = file(&bundle, "efi64/pxelinux.cfg/0A4D000A");
        assert!(text.contains("\nPROMPT 1\n"), "{text}");
        assert!(
            !text.contains("\n  LINUX ") && !text.contains("TIMEOUT"),
            "{text}"
        );
    }
}

#[test]
fn an_ipxe_script_looks_for_the_machines_own_first() {
    insta::assert_snapshot!(file(&fleet(), "boot.ipxe"), @r#"
    #!ipxe
    # demo: boots the image 0.1.0-1.

    # A machine with a script of its own runs that, and does not come back.
    chain --replace ipxe.cfg/01-${netX/mac:hexhyp} ||
    chain --replace ipxe.cfg/${netX/ip:hexraw} ||
    echo Hello
    echo there

    :image
    set tries:int32 0
    :again
    kernel vmlinuz initrd=initramfs.img console=ttyS0,115200n8 quiet dyndbg="file a.c +p" BOOTIF=01-${netX/mac:hexhyp} || goto failed
    initrd initramfs.img || goto failed
    boot || goto failed

    # A server that comes back is found again; where it does not, the firmware has its turn.
    :failed
    inc tries
    imgfree
    iseq ${tries} 5 && exit 1 ||
    echo The image could not be booted; once more in ${tries} seconds.
    sleep ${tries}
    goto again
    "#);
}

#[test]
fn an_ipxe_script_of_a_machine_names_files_from_its_own_folder() {
    let text = file(&fleet(), "ipxe.cfg/01-52-54-00-12-34-56");
    assert!(
        text.contains("\nkernel ../vmlinuz initrd=initramfs.img "),
        "{text}"
    );
    assert!(
        text.contains("\ninitrd ../initramfs.img || goto failed\n"),
        "{text}"
    );
    assert!(
        text.contains(" control=eth0 BOOTIF=01-${netX/mac:hexhyp} ||"),
        "{text}"
    );
    assert!(!text.contains("chain --replace"), "{text}");
}

#[test]
fn ipxe_and_grub_boot_disks_by_the_firmware() {
    insta::assert_snapshot!(file(&fleet(), "ipxe.cfg/0a4d000a"), @r#"
    #!ipxe
    # n2 (10.77.0.10): boots the local disk.
    echo Hello
    echo there

    # Under EFI the firmware goes on with its next device; under BIOS this is its first disk.
    :localboot
    iseq ${platform} efi && exit 1 ||
    sanboot --no-describe --drive 0x80 || exit 1
    "#);
    insta::assert_snapshot!(file(&fleet(), "grub/10.77.0.10"), @r#"
    # n2 (10.77.0.10): boots the local disk.
    serial --unit=0 --speed=115200
    terminal_input console serial
    terminal_output console serial
    # The card that it was booted from, as pxelinux writes it.
    regexp --set 1:a --set 2:b --set 3:c --set 4:d --set 5:e --set 6:f '^(..):(..):(..):(..):(..):(..)' "$net_default_mac"
    set card=01-$a-$b-$c-$d-$e-$f

    cat /message.txt
    set default=0
    # In seconds; -1 waits for ever.
    set timeout=0
    set timeout_style=hidden

    # What the disk's own system partition starts by default; otherwise the firmware goes on with its next device.
    menuentry 'local disk' --hotkey=l {
      if search --no-floppy --set=root --file /EFI/BOOT/BOOTX64.EFI; then
        chainloader /EFI/BOOT/BOOTX64.EFI
        boot
      fi
      exit
    }
    "#);
}

#[test]
fn ipxe_and_grub_have_menus() {
    let ipxe = file(&with_menu(2), "boot.ipxe");
    assert!(
        ipxe.contains("\nchoose --default image --timeout 2000 choice || set choice image\n"),
        "{ipxe}"
    );
    let ipxe = file(&with_menu(0), "ipxe.cfg/0a4d000a");
    assert!(
        ipxe.contains("\nchoose --default localboot choice || set choice localboot\n"),
        "{ipxe}"
    );
    let grub = file(&with_menu(2), "grub/grub.cfg");
    assert!(
        grub.contains("\nset default=0\n") && grub.contains("\nset timeout=2\n"),
        "{grub}"
    );
    let grub = file(&with_menu(0), "grub/10.77.0.10");
    assert!(
        grub.contains("\nset default=1\n") && grub.contains("\nset timeout=-1\n"),
        "{grub}"
    );
}

#[test]
fn grub_looks_for_the_machines_own_first() {
    insta::assert_snapshot!(file(&fleet(), "grub/grub.cfg"), @r#"
    # demo: boots the image 0.1.0-1.
    serial --unit=0 --speed=115200
    terminal_input console serial
    terminal_output console serial
    # The card that it was booted from, as pxelinux writes it.
    regexp --set 1:a --set 2:b --set 3:c --set 4:d --set 5:e --set 6:f '^(..):(..):(..):(..):(..):(..)' "$net_default_mac"
    set card=01-$a-$b-$c-$d-$e-$f

    # A machine with a file of its own boots by that.
    configfile /grub/$card
    configfile /grub/$net_default_ip

    cat /message.txt
    set default=0
    # In seconds; -1 waits for ever.
    set timeout=0
    set timeout_style=hidden

    menuentry 'demo 0.1.0-1' --hotkey=i {
      linux /vmlinuz console=ttyS0,115200n8 quiet 'dyndbg=file a.c +p' BOOTIF=$card
      initrd /initramfs.img
    }
    "#);
}

#[test]
fn nobody_boots_the_image_where_the_disk_is_meant() {
    let mut wrong = fleet();
    wrong.default = Boot::Localboot;
    let failure = files(&wrong).unwrap_err();
    let why = "SYSLINUX under EFI cannot do `localboot`: it cannot boot disks";
    assert!(
        failure.notes.contains(&why.to_owned()),
        "{:?}",
        failure.notes
    );
    let unified = [Reader::Unified];
    assert!(check_boot(&unified, Boot::Localboot).is_err());
    assert!(check_own_boot(&unified, Boot::Localboot).is_err());
    assert!(check_own_boot(&[Reader::Unified, Reader::Grub], Boot::Localboot).is_ok());
}

#[test]
fn one_readers_module_stands_for_the_disk_with_others() {
    let both = [Reader::Pxelinux, Reader::Grub];
    assert_eq!(check_boot(&both, Boot::Chain), Ok(()));
    assert!(check_boot(&[Reader::Grub], Boot::Chain).is_err());
    let text = BundleText {
        routes: vec![Route::Pxelinux, Route::EfiGrub],
        default: Boot::Chain,
        ..bundle()
    };
    assert!(file(&text, "grub/grub.cfg").contains("'local disk'"));
}

#[test]
fn what_a_reader_would_alter_is_refused() {
    let cases = [
        (Reader::Grub, "a=it's", true),
        (Reader::Grub, "a=${b}", false),
        (Reader::Ipxe, "a=${b}", true),
        (Reader::Ipxe, "x=\"a || b\"", true),
        (Reader::Ipxe, "x=\"a  b\"", true),
        (Reader::Ipxe, "a=it's", false),
        (Reader::Unified, "a=${b}", false),
        (Reader::UBoot, "a=${b}", true),
    ];
    for (reader, argument, refused) in cases {
        let checked = check_argument(&[Reader::Pxelinux, reader], argument);
        assert_eq!(checked.is_err(), refused, "{reader:?} {argument}");
    }
    assert!(check_message(&[Reader::Ipxe], "a\n# b").is_err());
    assert!(check_message(&[Reader::Unified], "hello").is_err());
    assert!(check_message(&[Reader::Unified, Reader::Grub], "hello").is_ok());
}
