//! Descriptions in, files out.

use super::super::check::check_argument;
use super::super::check::check_console;
use super::*;

/// A bundle with everything.
pub(in super::super) fn bundle() -> BundleText {
    BundleText {
        name: "demo".to_owned(),
        version: "0.1.0-1".to_owned(),
        kernel: "vmlinuz".to_owned(),
        initramfs: "initramfs.img".to_owned(),
        console: Console {
            device: "ttyS0".to_owned(),
            baud: 115_200,
        },
        append: vec!["quiet".to_owned(), "dyndbg=\"file a.c +p\"".to_owned()],
        message: "Hello\nthere\n".to_owned(),
        default: Boot::Localboot,
        nodes: vec![
            Node {
                name: "n1".to_owned(),
                address: Address::Mac("52:54:00:12:34:56".parse().unwrap()),
                boot: Boot::Image,
                append: vec!["control=eth0".to_owned()],
            },
            Node {
                name: "n2".to_owned(),
                address: Address::Ip("10.77.0.10".parse().unwrap()),
                boot: Boot::Chain,
                append: Vec::new(),
            },
        ],
    }
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
    for boot in Boot::ALL {
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
    wrong.initramfs = "a,b".to_owned();
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
        check_console(&Console {
            device: "ttyS0".to_owned(),
            baud,
        })
    };
    for baud in [75, 9600, 38_400, 115_200] {
        check(baud).unwrap();
    }
    for baud in [0, 50, 14_401, 230_400] {
        assert!(check(baud).is_err(), "{baud}");
    }
}

proptest::proptest! {
    #[test]
    fn no_argument_adds_a_line(argument in "[ -~\n\r\té\"=]{0,20}") {
        if check_argument(&argument).is_ok() {
            let lines = |bundle: &BundleText| file(bundle, "pxelinux.cfg/image").lines().count();
            let with = BundleText { append: vec![argument], ..bundle() };
            assert_eq!(lines(&with), lines(&bundle()));
        }
    }
}
