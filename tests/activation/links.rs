//! Nodes and menus, in every usual writing.

use crate::in_each_shell;
use crate::node::boots_as;

/// What people write, and the file that pxelinux asks for.
const NODES: &[(&str, &str)] = &[
    ("52:54:00:AB:34:5f", "01-52-54-00-ab-34-5f"),
    ("52-54-00-ab-34-5F", "01-52-54-00-ab-34-5f"),
    ("5254.00AB.345f", "01-52-54-00-ab-34-5f"),
    ("525400ab345F", "01-52-54-00-ab-34-5f"),
    ("01-52-54-00-ab-34-5f", "01-52-54-00-ab-34-5f"),
    ("20-52-54-00-ab-34-5f", "20-52-54-00-ab-34-5f"),
    ("10.0.0.1", "0A000001"),
    ("192.168.255.254", "C0A8FFFE"),
    ("0.0.0.0", "00000000"),
    ("0a000001", "0A000001"),
    ("0x0A000001", "0A000001"),
    ("C0A8", "C0A8"),
    ("c", "C"),
    ("default", "default"),
];

const NO_NODES: &[&str] = &[
    "",
    "x",
    "0A000001F",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.01",
    "10.0.0.0.1",
    "52:54:00:ab:34",
    "52:54:00:ab:34:5g",
    "52:54-00:ab:34:5f:",
    "../default",
    "localhost",
    "01:02",
    "0x",
    "52540.0ab345f",
    "-1",
    "1.2.3.4/8",
    "*",
    "0xx1",
];

#[test]
fn a_node_is_known_in_every_usual_writing() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image("orbit", "1");
        room.ok("activate orbit 1");
        for (written, file) in NODES {
            room.ok(&format!("link {written} localboot"));
            let target = room.link(&format!("pxelinux.cfg/{file}"));
            assert_eq!(
                target.unwrap(),
                "../netboot-images/orbit/current/menus/localboot",
                "{written}"
            );
            room.ok(&format!("unlink {written}"));
            assert_eq!(room.link(&format!("pxelinux.cfg/{file}")), None);
        }
    });
}

#[test]
fn what_is_no_node_is_refused_and_changes_nothing() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image("orbit", "1");
        room.ok("activate orbit 1");
        for written in NO_NODES {
            let ran = room.run(&["link", written, "localboot"]);
            assert_eq!(ran.code, 2, "{written:?}: {ran:?}");
            assert!(ran.stderr.contains("hint: "), "{ran:?}");
        }
        assert_eq!(
            fs_err::read_dir(room.tftp("pxelinux.cfg")).unwrap().count(),
            0
        );
    });
}

#[test]
fn a_menu_is_named_with_its_image_where_several_have_it() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image("orbit", "1");
        room.image_with("lava", "1", "pxelinux 6.04", &["default", "install"]);
        room.ok("activate orbit 1");
        room.ok("activate lava 1");
        assert!(
            room.refused(3, "link 10.0.0.1 default")
                .contains("say which: lava/default or orbit/default")
        );
        room.ok("link 10.0.0.1 install");
        assert_eq!(
            boots_as(&room.tftp(""), "0A000001").unwrap(),
            "kernel of lava 1"
        );
        room.ok("link 10.0.0.1 orbit/default");
        assert_eq!(
            boots_as(&room.tftp(""), "0A000001").unwrap(),
            "kernel of orbit 1"
        );
        let unknown = room.refused(3, "link 10.0.0.1 orbit/install");
        assert!(
            unknown.contains("it has: default image localboot"),
            "{unknown}"
        );
        assert!(
            room.refused(3, "link 10.0.0.1 ../../etc/passwd")
                .contains("no image is called '..'")
        );
        assert!(
            room.refused(3, "link 10.0.0.1 orbit/../menus/default")
                .contains("has no menu")
        );
    });
}

#[test]
fn an_image_that_is_only_installed_is_not_linked_to() {
    in_each_shell(|room| {
        let room = room.with_links();
        room.image("orbit", "1");
        room.ok("update");
        assert!(!room.tftp("netboot-images").exists());
        assert!(
            room.refused(3, "link default orbit/image")
                .contains("netboot-images activate orbit newest")
        );
    });
}

#[test]
fn names_that_could_be_mistaken_are_not_taken_for_images() {
    in_each_shell(|room| {
        let room = room.with_links();
        for (name, version) in [
            ("-rf", "1"),
            ("a b", "1"),
            ("a;b", "1"),
            (".hidden", "1"),
            ("a$(id)", "1"),
            ("good", "1.0~rc1+b2_x:y"),
            ("good", "a\nb"),
        ] {
            room.image(name, version);
        }
        assert_eq!(
            room.ok("list"),
            "good 1.0~rc1+b2_x:y - default,image,localboot\n"
        );
        room.ok("activate good 1.0~rc1+b2_x:y");
        room.ok("link default good/image");
        room.ok("verify");
        assert_eq!(room.refused(3, "activate .. 1").lines().count(), 2);
        assert_eq!(room.refused(3, "activate good ../../x").lines().count(), 2);
        assert_eq!(room.run(&["retire", "good", "a b"]).code, 3);
    });
}

#[test]
fn nodes_that_an_image_has_menus_for_are_linked_unless_somebody_said_otherwise() {
    in_each_shell(|room| {
        let room = room.with_links();
        let nodes = [
            "default",
            "01-52-54-00-0b-01-01",
            "01-52-54-00-0b-01-02",
            "0A00",
            "notes.txt",
        ];
        room.image_with("orbit", "1", "pxelinux 6.04", &nodes);
        room.image("orbit", "2");
        room.ok("setup orbit 1");
        assert!(
            room.link("pxelinux.cfg/01-52-54-00-0b-01-01")
                .unwrap()
                .ends_with("/menus/01-52-54-00-0b-01-01")
        );
        assert!(room.link("pxelinux.cfg/0A00").is_some());
        assert!(room.link("pxelinux.cfg/notes.txt").is_none());
        room.ok("unlink 52:54:00:0b:01:01");
        room.ok("update");
        assert_eq!(room.link("pxelinux.cfg/01-52-54-00-0b-01-01"), None);
        room.ok("activate orbit 2");
        assert_eq!(room.link("pxelinux.cfg/01-52-54-00-0b-01-02"), None);
        room.ok("verify");
    });
}

#[test]
fn wrong_use_says_what_is_right() {
    in_each_shell(|room| {
        let room = room.with_links();
        for line in [
            "",
            "frobnicate",
            "link",
            "link 10.0.0.1",
            "activate orbit",
            "list all",
            "link 10.0.0.1 a b",
            "link --twice 10.0.0.1 a",
            "--root",
        ] {
            let said = room.refused(2, line);
            assert!(
                said.starts_with("netboot-images: ") && said.contains("\n  hint: "),
                "{line}: {said}"
            );
        }
        for time in ["0", "", "5x", "-3", "1e9", "99999999999", "05"] {
            let ran = room.run(&["link", "10.0.0.1", "image", "--for", time]);
            assert_eq!(ran.code, 2, "{time}: {ran:?}");
        }
        assert!(
            room.refused(2, "link default image --once")
                .contains("read by every node")
        );
        assert!(
            room.ok("--help")
                .contains("\n  netboot-images link NODE MENU ")
        );
    });
}
