//! Which TFTP server is found in which configuration.

use crate::in_each_shell;
use crate::room::Room;

const DNSMASQ: &[&str] = &["usr/sbin/dnsmasq", "lib/systemd/system/dnsmasq.service"];
const HPA: &[&str] = &["usr/sbin/in.tftpd"];
const ATFTPD: &[&str] = &["usr/sbin/in.tftpd", "usr/sbin/atftpd"];

/// Programs that are installed, files, and what `status` says of the server.
type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

/// Of Debian's /etc/default/dnsmasq, what is not a comment, and one that is.
const DEFAULT: (&str, &str) = (
    "etc/default/dnsmasq",
    "#DNSMASQ_OPTS=\"--conf-file=/etc/dnsmasq.alt\"\nCONFIG_DIR=/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new\n",
);

const CASES: &[Case<'_>] = &[
    (&[], &[], "no TFTP server is set up"),
    // Libvirt's, of which there is no service.
    (
        &["usr/sbin/dnsmasq"],
        &[("etc/dnsmasq.conf", "enable-tftp\ntftp-root=/a")],
        "no TFTP server is set up",
    ),
    (
        DNSMASQ,
        &[
            DEFAULT,
            ("etc/dnsmasq.conf", "#enable-tftp\n#tftp-root=/var/ftpd\n"),
        ],
        "no TFTP server is set up",
    ),
    (
        DNSMASQ,
        &[
            DEFAULT,
            ("etc/dnsmasq.d/boot", "enable-tftp\ntftp-root=/boot here\n"),
        ],
        "dnsmasq serves /boot here as link",
    ),
    (
        DNSMASQ,
        &[
            DEFAULT,
            ("etc/dnsmasq.d/boot.dpkg-old", "enable-tftp\ntftp-root=/a"),
        ],
        "no TFTP server is set up",
    ),
    (
        DNSMASQ,
        &[("etc/dnsmasq.d/boot", "enable-tftp\ntftp-root=/a")],
        "no TFTP server is set up",
    ),
    (
        DNSMASQ,
        &[
            ("etc/dnsmasq.conf", "conf-dir=/etc/d/,*.conf\n"),
            ("etc/d/a.conf", " enable-tftp=eth0 \n tftp-root = /a/ # x"),
            ("etc/d/b", "tftp-root=/b"),
        ],
        "dnsmasq serves /a as link",
    ),
    (
        DNSMASQ,
        &[
            ("etc/dnsmasq.conf", "conf-file=/etc/more\nenable-tftp"),
            ("etc/more", "conf-file=/etc/more\ntftp-root=/a\ntftp-secure"),
        ],
        "dnsmasq serves /a as copy",
    ),
    (
        DNSMASQ,
        &[
            (
                "etc/default/dnsmasq",
                "DNSMASQ_OPTS='--conf-file=/etc/alt --tftp-root=/b'",
            ),
            ("etc/alt", "enable-tftp"),
        ],
        "dnsmasq serves /b as link",
    ),
    (
        DNSMASQ,
        &[(
            "etc/dnsmasq.conf",
            "enable-tftp\ntftp-root=/a,eth0\ntftp-root=/b,eth1",
        )],
        "dnsmasq serves /a as link",
    ),
    (
        DNSMASQ,
        &[(
            "etc/dnsmasq.conf",
            "enable-tftp\ntftp-root=/a,eth0\ntftp-root=/b",
        )],
        "dnsmasq serves /b as link",
    ),
    (
        DNSMASQ,
        &[(
            "etc/dnsmasq.conf",
            "enable-tftp\ntftp-root=/a\ntftp-unique-root",
        )],
        "tftp-unique-root gives each node",
    ),
    (
        DNSMASQ,
        &[("etc/dnsmasq.conf", "enable-tftp")],
        "enable-tftp without tftp-root serves the whole file system",
    ),
    (
        DNSMASQ,
        &[("etc/dnsmasq.conf", "enable-tftp\ntftp-root=tftp")],
        "its TFTP root is not an absolute path: tftp",
    ),
    (HPA, &[], "no TFTP server is set up"),
    (
        HPA,
        &[(
            "etc/default/tftpd-hpa",
            "# /etc/default/tftpd-hpa\n\nTFTP_USERNAME=\"tftp\"\nTFTP_DIRECTORY=\"/srv/tftp\"\nTFTP_ADDRESS=\":69\"\nTFTP_OPTIONS=\"--secure\"\n",
        )],
        "tftpd-hpa serves /srv/tftp as copy",
    ),
    (
        HPA,
        &[(
            "etc/default/tftpd-hpa",
            "TFTP_DIRECTORY=/a\nTFTP_OPTIONS=\"-l -s\"",
        )],
        "tftpd-hpa serves /a as copy",
    ),
    (
        HPA,
        &[(
            "etc/default/tftpd-hpa",
            "TFTP_DIRECTORY='/a /b'\nTFTP_OPTIONS=",
        )],
        "tftpd-hpa serves /a as link",
    ),
    (
        HPA,
        &[("etc/default/tftpd-hpa", "TFTP_DIRECTORY=\"$HOME/a\"")],
        "its TFTP root is not an absolute path",
    ),
    (
        HPA,
        &[(
            "etc/inetd.conf",
            "#tftp dgram udp wait root /usr/sbin/in.tftpd in.tftpd /x\ntftp dgram udp wait root /usr/sbin/in.tftpd in.tftpd -s /a\n",
        )],
        "tftpd-hpa serves /a as copy",
    ),
    // Removed, not purged.
    (
        &[],
        &[("etc/default/tftpd-hpa", "TFTP_DIRECTORY=/a")],
        "no TFTP server is set up",
    ),
    (
        ATFTPD,
        &[(
            "etc/default/atftpd",
            "## Options for atftpd:\nOPTIONS=\"--tftpd-timeout 300 --retry-timeout 5 --maxthread 100 --verbose=5 --logfile /var/log/a /srv/tftp\"\n",
        )],
        "atftpd serves /srv/tftp as link",
    ),
    (
        ATFTPD,
        &[
            ("etc/default/atftpd", "USE_INETD=true\nOPTIONS=\"/b\"\n"),
            (
                "etc/inetd.conf",
                "tftp\tdgram\tudp4\twait\tnobody /usr/sbin/tcpd /usr/sbin/in.tftpd --maxthread 100 /a\n",
            ),
        ],
        "atftpd serves /a as link",
    ),
    (
        HPA,
        &[
            (
                "etc/default/tftpd-hpa",
                "TFTP_DIRECTORY=/a\nTFTP_OPTIONS=-s",
            ),
            ("etc/netboot-images.conf", "TFTP_ROOT=/c # mine"),
        ],
        "configured serves /c as copy",
    ),
    (
        HPA,
        &[
            (
                "etc/default/tftpd-hpa",
                "TFTP_DIRECTORY=/a\nTFTP_OPTIONS=-s",
            ),
            ("etc/netboot-images.conf", "TFTP_ROOT=/a\nSERVE=link"),
        ],
        "tftpd-hpa serves /a as link",
    ),
    (
        HPA,
        &[
            (
                "etc/default/tftpd-hpa",
                "TFTP_DIRECTORY=/a\nTFTP_OPTIONS=-s",
            ),
            ("etc/netboot-images.conf", "TFTP_ROOT=relative"),
        ],
        "TFTP_ROOT in /etc/netboot-images.conf must be an absolute path, and is: relative",
    ),
];

/// What `status` says of the server, in one line; all of it when there is none.
fn server(room: &Room) -> String {
    let said = room.run(&["status"]).stdout;
    let line = |prefix: &str| said.lines().find_map(|line| line.strip_prefix(prefix));
    let server = line("server: ").unwrap().split("; chosen").next().unwrap();
    let Some(images) = line("images: ") else {
        return said;
    };
    let how = if images.starts_with("links") {
        "link"
    } else {
        "copy"
    };
    let server = server.replace(" (stopped), serves", " serves");
    format!(
        "{} as {how}",
        server.replace(" (unknown), serves", " serves")
    )
}

#[test]
fn the_root_is_the_one_that_the_server_is_set_up_with() {
    in_each_shell(|room| {
        for (programs, files, expected) in CASES {
            let room = Room::new(room.shell);
            for program in *programs {
                room.program(program);
            }
            for (path, text) in *files {
                room.write(path, text);
            }
            let found = server(&room);
            assert!(found.contains(expected), "{files:?}: {found}");
        }
    });
}

/// A systemd on which the given services run.
fn systemd(room: &Room, running: &str) {
    room.folder("run/systemd/system");
    let script = format!("case \"$*\" in is-active*\" {running}.service\") exit 0 ;; esac\nexit 3");
    room.script("bin/systemctl", &script);
}

#[test]
fn of_several_servers_the_one_that_runs_is_chosen_and_kept_when_it_stops() {
    in_each_shell(|room| {
        let room = room.with_links().with_copies();
        room.write("etc/dnsmasq.conf", "enable-tftp\ntftp-root=/srv/other");
        room.image("orbit", "1");
        assert_eq!(server(&room), "dnsmasq serves /srv/other as link");
        systemd(&room, "tftpd-hpa");
        room.ok("activate orbit 1");
        assert!(server(&room).starts_with("tftpd-hpa (running), serves /srv/tftp"));
        systemd(&room, "dnsmasq");
        assert_eq!(server(&room), "tftpd-hpa serves /srv/tftp as copy");
        let said = room.ok("status");
        assert!(
            said.contains("also: dnsmasq (running) serves /srv/other"),
            "{said}"
        );
    });
}

#[test]
fn everything_moves_when_the_server_has_another_root() {
    in_each_shell(|room| {
        let room = room.with_copies();
        room.image("orbit", "1");
        room.ok("setup orbit 1");
        room.ok("link 10.0.0.1 localboot");
        room.write("srv/tftp/theirs", "");
        room.write(
            "etc/default/tftpd-hpa",
            "TFTP_DIRECTORY=/srv/new\nTFTP_OPTIONS=--secure",
        );
        room.ok("update");
        assert!(room.path("srv/new/pxelinux.cfg/0A000001").exists());
        assert!(room.path("srv/new/pxelinux.0").exists());
        let left: Vec<_> = fs_err::read_dir(room.tftp("")).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        room.ok("verify");
    });
}

#[test]
fn dnsmasq_is_told_to_serve_when_nobody_does_and_restarted_only_when_it_runs() {
    in_each_shell(|room| {
        room.program("usr/sbin/dnsmasq");
        room.program("lib/systemd/system/dnsmasq.service");
        room.write(DEFAULT.0, DEFAULT.1);
        room.folder("etc/dnsmasq.d");
        room.image("orbit", "1");
        systemd(&room, "none");
        room.script(
            "bin/deb-systemd-invoke",
            &format!("echo \"$*\" >>'{}'", room.path("asked").display()),
        );
        room.ok("setup orbit 1");
        let text = room.read("etc/dnsmasq.d/netboot-images.conf");
        assert!(
            text.contains("\nenable-tftp\ntftp-root=/srv/tftp\n"),
            "{text}"
        );
        assert!(!text.contains("\ndhcp-range"));
        assert!(!room.path("asked").exists());
        room.ok("unset orbit");
        assert!(!room.path("etc/dnsmasq.d/netboot-images.conf").exists());
        systemd(&room, "dnsmasq");
        room.ok("setup orbit 1");
        assert_eq!(room.read("asked"), "try-restart dnsmasq.service\n");
        room.ok("setup orbit 1");
        assert_eq!(room.read("asked"), "try-restart dnsmasq.service\n");
    });
}

#[test]
fn what_was_written_for_dnsmasq_is_the_administrators_once_it_is_changed() {
    in_each_shell(|room| {
        room.program("usr/sbin/dnsmasq");
        room.program("etc/init.d/dnsmasq");
        room.write(DEFAULT.0, DEFAULT.1);
        room.folder("etc/dnsmasq.d");
        room.image("orbit", "1");
        room.ok("setup orbit 1");
        room.write(
            "etc/dnsmasq.d/netboot-images.conf",
            "enable-tftp\ntftp-root=/srv/tftp\n",
        );
        room.ok("update");
        let warned = room.refused(0, "purge");
        assert!(
            warned.contains("was changed, and is left as it is"),
            "{warned}"
        );
        assert!(room.path("etc/dnsmasq.d/netboot-images.conf").exists());
    });
}

#[test]
fn what_was_written_for_dnsmasq_and_removed_is_not_written_again() {
    in_each_shell(|room| {
        room.program("usr/sbin/dnsmasq");
        room.program("etc/init.d/dnsmasq");
        room.write(DEFAULT.0, DEFAULT.1);
        room.folder("etc/dnsmasq.d");
        room.image("orbit", "1");
        room.ok("setup orbit 1");
        fs_err::remove_file(room.path("etc/dnsmasq.d/netboot-images.conf")).unwrap();
        let warned = room.refused(0, "update");
        assert!(
            warned.contains("was removed and is not written again"),
            "{warned}"
        );
        assert!(!room.path("etc/dnsmasq.d/netboot-images.conf").exists());
    });
}

#[test]
fn without_a_server_setup_says_so_and_update_goes_on_when_there_is_one() {
    in_each_shell(|room| {
        room.image("orbit", "1");
        let warned = room.refused(0, "setup orbit 1");
        assert!(
            warned.contains("no TFTP server is set up; install"),
            "{warned}"
        );
        assert!(room.refused(6, "link default image").contains("TFTP_ROOT="));
        let room = room.again().with_copies();
        room.ok("update");
        assert!(room.tftp("pxelinux.cfg/default").exists());
    });
}
