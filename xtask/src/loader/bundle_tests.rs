//! Descriptions in, files out.

use super::super::c32::Flavour;
use super::super::check::{check_argument, check_console};
use super::super::pxelinux;
use super::*;

/// A bundle with everything.
pub(in super::super) fn bundle() -> BundleText {
    BundleText {
        arch: Arch::Amd64,
        routes: vec![Route::Pxelinux],
        name: "demo".to_owned(),
        version: "0.1.0-1".to_owned(),
        kernel: "vmlinuz".to_owned(),
        initramfs: vec!["initramfs.img".to_owned()],
        console: Console {
            device: "ttyS0".to_owned(),
            baud: 115_200,
        },
        append: vec!["quiet".to_owned(), "dyndbg=\"file a.c +p\"".to_owned()],
        message: "Hello\nthere\n".to_owned(),
        message_file: pxelinux::MESSAGE.to_owned(),
        default: Boot::Localboot,
        menu: None,
        nodes: vec![
            Node {
                name: "n1".to_owned(),
                address: Address::Mac("52:54:00:12:34:56".parse().unwrap()),
                boot: Boot::Image,
                append: vec!["control=eth0".to_owned()],
                initramfs: vec!["initramfs.img".to_owned()],
            },
            Node {
                name: "n2".to_owned(),
                address: Address::Ip("10.77.0.10".parse().unwrap()),
                boot: Boot::Chain,
                append: Vec::new(),
                initramfs: vec!["initramfs.img".to_owned()],
            },
        ],
    }
}

/// The same as far as U-Boot can do it.
pub(in super::super) fn uboot() -> BundleText {
    let mut bundle = BundleText {
        arch: Arch::Arm64,
        routes: vec![Route::UBoot],
        message: String::new(),
        ..bundle()
    };
    bundle.console.device = "ttyAMA0".to_owned();
    bundle.nodes[1].boot = Boot::Localboot;
    bundle
}

/// The same for every way by which PCs boot.
pub(in super::super) fn fleet() -> BundleText {
    use Route::{
        EfiGrub, EfiHttp, EfiIpxe, EfiSyslinux, EfiUki, Ipxe, Lpxelinux, Pxelinux, SecureUki,
    };
    BundleText {
        routes: vec![
            Pxelinux,
            Lpxelinux,
            Ipxe,
            EfiGrub,
            EfiSyslinux,
            EfiIpxe,
            EfiUki,
            EfiHttp,
            SecureUki,
        ],
        default: Boot::Image,
        ..bundle()
    }
}

fn menu() -> Option<Menu> {
    Some(Menu {
        title: "LAVA Master Image".to_owned(),
        timeout: 2,
        ontimeout: Some(Boot::Image),
    })
}

fn file(bundle: &BundleText, path: &str) -> String {
    let files = files(bundle).unwrap();
    files
        .into_iter()
        .find(|file| file.path == path)
        .unwrap()
        .content
}

/// The directives of a file, without comments and white space around.
fn directives(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

#[test]
fn a_bundle_has_a_file_for_each_way_and_machine() {
    let files = files(&bundle()).unwrap();
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
            "message.txt",
        ]
    );
}

#[test]
fn an_image_is_booted_at_once() {
    let text = file(&bundle(), "pxelinux.cfg/01-52-54-00-12-34-56");
    assert_eq!(
        directives(&text),
        [
            "SERIAL 0 115200",
            "DEFAULT image",
            "PROMPT 0",
            "TIMEOUT 100",
            "DISPLAY message.txt",
            "LABEL image",
            "LINUX vmlinuz",
            "APPEND initrd=initramfs.img console=ttyS0,115200n8 quiet dyndbg=\"file a.c +p\" control=eth0",
            "IPAPPEND 2",
        ]
    );
    assert!(
        text.starts_with("SERIAL"),
        "it has to be the first directive: {text}"
    );
}

#[test]
fn the_local_disk_is_booted_in_two_ways() {
    let quiet = BundleText {
        message: String::new(),
        ..bundle()
    };
    let common = [
        "SERIAL 0 115200",
        "DEFAULT harddisk",
        "PROMPT 0",
        "TIMEOUT 100",
        "LABEL harddisk",
    ];
    let text = file(&quiet, "pxelinux.cfg/localboot");
    assert_eq!(directives(&text), [&common[..], &["LOCALBOOT 0"]].concat());
    let text = file(&quiet, "pxelinux.cfg/0A4D000A");
    assert_eq!(
        directives(&text),
        [&common[..], &["COM32 chain.c32", "APPEND hd0 0"]].concat()
    );
}

#[test]
fn default_says_what_was_chosen() {
    for &boot in Reader::Pxelinux.boots() {
        let bundle = BundleText {
            default: boot,
            ..bundle()
        };
        let chosen = file(&bundle, &format!("pxelinux.cfg/{}", boot.name()));
        assert_eq!(file(&bundle, "pxelinux.cfg/default"), chosen);
    }
}

#[test]
fn loader_and_kernel_agree_on_the_console() {
    for (device, baud, serial, argument) in [
        ("ttyS1", 9600, Some("SERIAL 1 9600"), "console=ttyS1,9600n8"),
        ("ttyS4", 9600, None, "console=ttyS4,9600n8"),
        ("tty0", 115_200, None, "console=tty0"),
        ("ttyUSB0", 57_600, None, "console=ttyUSB0,57600n8"),
    ] {
        let console = Console {
            device: device.to_owned(),
            baud,
        };
        let text = file(
            &BundleText {
                console,
                ..bundle()
            },
            "pxelinux.cfg/image",
        );
        assert_eq!(text.lines().find(|line| line.starts_with("SERIAL")), serial);
        assert!(text.contains(&format!(" {argument} ")), "{text}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let mut wrong = bundle();
    wrong.kernel = "linux 6".to_owned();
    wrong.initramfs = vec!["a,b".to_owned()];
    wrong.console.baud = 230_400;
    wrong.message = "Gr\u{fc}\u{df}e".to_owned();
    wrong.append = vec![
        "initrd=x".to_owned(),
        "a b".to_owned(),
        "a\nLABEL b".to_owned(),
    ];
    wrong.nodes[0].name = "n1; }".to_owned();
    wrong.nodes[1].address = wrong.nodes[0].address;
    let failure = files(&wrong).unwrap_err();
    assert_eq!(failure.kind, Kind::Recipe);
    assert_eq!(failure.notes.len(), 9, "{:#?}", failure.notes);
}

#[test]
fn a_command_line_that_the_kernel_would_cut_is_a_mistake() {
    let fill = |length: usize| {
        let mut bundle = bundle();
        bundle.nodes.clear();
        bundle.append = vec!["x".repeat(length)];
        mistakes(&bundle)
    };
    let fixed = "BOOT_IMAGE=vmlinuz initrd=initramfs.img console=ttyS0,115200n8  BOOTIF=01-52-54-00-12-34-56".len();
    assert_eq!(fill(2047 - fixed), [""; 0]);
    assert_eq!(
        fill(2048 - fixed),
        ["the kernel's command line of demo has 2048 bytes, and the kernel takes 2047"]
    );
}

#[test]
fn rates_that_pxelinux_cannot_make_are_refused() {
    let check = |baud| {
        let device = "ttyS0".to_owned();
        check_console(&[Reader::Pxelinux], &Console { device, baud })
    };
    for baud in [75, 9600, 38_400, 115_200] {
        check(baud).unwrap();
    }
    for baud in [0, 50, 14_401, 230_400] {
        assert!(check(baud).is_err(), "{baud}");
    }
}

#[test]
fn a_menu_of_pxelinux_has_every_entry() {
    let text = file(
        &BundleText {
            menu: menu(),
            ..bundle()
        },
        "pxelinux.cfg/default",
    );
    assert_eq!(
        directives(&text),
        [
            "SERIAL 0 115200",
            "DEFAULT menu.c32",
            "PROMPT 0",
            "MENU TITLE LAVA Master Image",
            "TIMEOUT 20",
            "ONTIMEOUT image",
            "DISPLAY message.txt",
            "LABEL image",
            "MENU LABEL demo 0.1.0-1",
            "LINUX vmlinuz",
            "APPEND initrd=initramfs.img console=ttyS0,115200n8 quiet dyndbg=\"file a.c +p\"",
            "IPAPPEND 2",
            "LABEL localboot",
            "MENU LABEL local disk",
            "MENU DEFAULT",
            "LOCALBOOT 0",
            "LABEL chain",
            "MENU LABEL local disk, by chain.c32",
            "COM32 chain.c32",
            "APPEND hd0 0",
        ]
    );
}

#[test]
fn a_machine_of_its_own_keeps_what_it_boots_in_a_menu() {
    for bundle in [bundle(), uboot()] {
        let bundle = BundleText {
            menu: menu(),
            ..bundle
        };
        let node = bundle.nodes[1].boot.name();
        let ontimeout = |path: &str| {
            let text = file(&bundle, path);
            let line = text.lines().find(|line| line.starts_with("ONTIMEOUT"));
            line.map(str::to_owned)
        };
        assert_eq!(
            ontimeout("pxelinux.cfg/0A4D000A"),
            Some(format!("ONTIMEOUT {node}"))
        );
        assert_eq!(
            ontimeout("pxelinux.cfg/menu").as_deref(),
            Some("ONTIMEOUT image")
        );
        assert_eq!(ontimeout("pxelinux.cfg/image"), None);
        let text = file(&bundle, "pxelinux.cfg/menu");
        assert_eq!(file(&bundle, "pxelinux.cfg/default"), text);
    }
}

#[test]
fn only_a_menu_needs_its_module() {
    let names = |bundle: &BundleText| -> Vec<&str> {
        let modules = pxelinux::modules(Flavour::Bios, bundle).into_iter();
        modules.map(|(name, _)| name).collect()
    };
    assert_eq!(names(&bundle()), ["chain.c32"]);
    let with = BundleText {
        menu: menu(),
        ..bundle()
    };
    assert_eq!(names(&with), ["chain.c32", "menu.c32"]);
}

#[test]
fn several_archives_are_one_initrd() {
    let mut bundle = bundle();
    bundle.nodes[0].initramfs = ["a.img", "b.img", "c.img"].map(str::to_owned).to_vec();
    let text = file(&bundle, "pxelinux.cfg/01-52-54-00-12-34-56");
    assert!(
        text.contains("  APPEND initrd=a.img,b.img,c.img console="),
        "{text}"
    );
}

#[test]
fn u_boot_gets_the_form_that_it_reads() {
    let text = file(&uboot(), "pxelinux.cfg/01-52-54-00-12-34-56");
    let image = [
        "LABEL image",
        "MENU LABEL demo 0.1.0-1",
        "KERNEL vmlinuz",
        "INITRD initramfs.img",
        "APPEND console=ttyAMA0,115200n8 quiet dyndbg=\"file a.c +p\" control=eth0",
        "IPAPPEND 2",
    ];
    assert_eq!(
        directives(&text),
        [&["DEFAULT image", "PROMPT 0"][..], &image].concat()
    );
    let text = file(&uboot(), "pxelinux.cfg/default");
    let local = ["LABEL localboot", "MENU LABEL local disk", "LOCALBOOT 0"];
    assert_eq!(
        directives(&text),
        [&["DEFAULT localboot", "PROMPT 0"][..], &local].concat()
    );
    let text = file(
        &BundleText {
            menu: menu(),
            ..uboot()
        },
        "pxelinux.cfg/menu",
    );
    let head = [
        "DEFAULT image",
        "PROMPT 0",
        "MENU TITLE LAVA Master Image",
        "TIMEOUT 20",
        "ONTIMEOUT image",
    ];
    assert_eq!(directives(&text)[..5], head);
    assert_eq!(directives(&text)[11..], local);
}

#[test]
fn what_u_boot_cannot_do_is_a_mistake() {
    let told = |alter: fn(&mut BundleText)| {
        let mut bundle = uboot();
        alter(&mut bundle);
        mistakes(&bundle)
    };
    assert_eq!(told(|_| {}), [""; 0]);
    let cases: [fn(&mut BundleText); 7] = [
        |bundle| bundle.message = "hello".to_owned(),
        |bundle| bundle.default = Boot::Chain,
        |bundle| bundle.nodes[0].boot = Boot::Chain,
        |bundle| bundle.append = vec!["a=${b}".to_owned()],
        |bundle| bundle.nodes[0].initramfs.push("b.img".to_owned()),
        |bundle| bundle.nodes[0].append = vec!["x".repeat(1000)],
        |bundle| {
            bundle.menu = menu();
            bundle.menu.as_mut().unwrap().ontimeout = Some(Boot::Chain);
        },
    ];
    for (index, case) in cases.into_iter().enumerate() {
        assert_eq!(told(case).len(), 1, "{index}: {:?}", told(case));
    }
}

#[test]
fn titles_and_times_that_menus_cannot_have_are_refused() {
    let told = |title: &str, timeout| {
        let title = title.to_owned();
        let menu = menu().map(|menu| Menu {
            title,
            timeout,
            ..menu
        });
        mistakes(&BundleText { menu, ..bundle() }).len()
    };
    assert_eq!(told("a", 0), 0);
    assert_eq!(told(&"x".repeat(56), 3599), 0);
    for title in [
        "",
        " a",
        "a ",
        "#a",
        "a\nLABEL b",
        "\u{fc}",
        &"x".repeat(57),
    ] {
        assert_eq!(told(title, 5), 1, "{title:?}");
    }
    assert_eq!(told("a", 3600), 1);
    assert_eq!(told("a", u32::MAX), 1);
}

proptest::proptest! {
    #[test]
    fn no_argument_adds_a_line(argument in "[ -~\n\r\té\"=]{0,20}") {
        if check_argument(&[Reader::Pxelinux], &argument).is_ok() {
            let lines = |bundle: &BundleText| file(bundle, "pxelinux.cfg/image").lines().count();
            let with = BundleText { append: vec![argument], ..bundle() };
            assert_eq!(lines(&with), lines(&bundle()));
        }
    }
}
