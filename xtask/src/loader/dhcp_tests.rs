use super::super::bundle::tests::{bundle, fleet, uboot};
use super::*;
use crate::tool::Tool;

fn snippet(name: &str, bundle: &BundleText) -> String {
    let files = files(bundle).unwrap();
    let file = files.into_iter().find(|file| file.path.ends_with(name));
    file.unwrap().content
}

#[test]
fn dnsmasq_takes_its_snippet() {
    let alone = BundleText {
        nodes: Vec::new(),
        ..bundle()
    };
    let bundles = [bundle(), alone, fleet(), uboot(), petitboot()];
    for bundle in bundles {
        let text = snippet("dnsmasq.conf", &bundle);
        let folder = tempfile::tempdir().unwrap();
        // The commented lines are offers: they have to be right as well once addresses are filled in.
        let offers = text
            .replace("\n#d", "\nd")
            .replace("(its MAC address)", "52:54:00:00:00:01");
        for (name, text) in [("as-it-is", text), ("with-offers", offers)] {
            let file = folder.path().join(name);
            fs_err::write(&file, text).unwrap();
            let log = folder.path().join("log");
            let dnsmasq = Tool::new("dnsmasq")
                .arg("--test")
                .arg("-C")
                .arg(&file)
                .log(&log);
            dnsmasq.run().unwrap();
        }
    }
}

#[test]
fn machines_are_named_by_what_is_known_of_them() {
    let text = snippet("dnsmasq.conf", &bundle());
    assert!(
        text.contains("\ndhcp-host=52:54:00:12:34:56,n1\n"),
        "{text}"
    );
    assert!(
        text.contains("\n#dhcp-host=(its MAC address),10.77.0.10,n2\n"),
        "{text}"
    );
    let text = snippet("dhcpd.conf", &bundle());
    assert!(
        text.contains("\nhost n1 {\n  hardware ethernet 52:54:00:12:34:56;\n}\n"),
        "{text}"
    );
    assert!(text.contains("\n#host n2 {\n"), "{text}");
}

#[test]
fn only_bios_machines_are_given_pxelinux() {
    let text = snippet("dhcpd.conf", &bundle());
    assert!(text.contains("option architecture-type = 00:00;"), "{text}");
    let text = snippet("dnsmasq.conf", &bundle());
    assert!(text.contains("\ndhcp-boot=tag:bios,pxelinux.0\n"), "{text}");
}

#[test]
fn firmware_that_brings_its_boot_loader_is_told_the_folder() {
    let text = snippet("dnsmasq.conf", &uboot());
    assert!(
        text.contains("\ndhcp-match=set:uboot,option:client-arch,22\n"),
        "{text}"
    );
    assert!(
        text.contains("\ndhcp-boot=tag:uboot,SHA256SUMS\n"),
        "{text}"
    );
    assert!(!text.contains("pxelinux.0") && !text.contains("175"));
    let text = snippet("dhcpd.conf", &uboot());
    assert!(text.contains("option architecture-type = 00:16;"), "{text}");
    assert!(text.contains("\n  filename \"SHA256SUMS\";\n"), "{text}");
    assert!(!snippet("dhcpd.conf", &petitboot()).contains("filename"));
}

fn petitboot() -> BundleText {
    BundleText {
        arch: Arch::Ppc64el,
        routes: vec![Route::Petitboot],
        ..uboot()
    }
}

fn openfirmware() -> BundleText {
    BundleText {
        routes: vec![Route::Petitboot, Route::OpenFirmware],
        ..petitboot()
    }
}

/// The active lines of a snippet that say something of a tag or of a file.
fn active(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| {
            !line.starts_with('#') && (line.contains("tag:") || line.contains("filename"))
        })
        .collect()
}

#[test]
fn each_kind_of_machine_is_offered_the_first_of_its_routes() {
    let text = snippet("dnsmasq.conf", &fleet());
    assert_eq!(
        active(&text),
        [
            "dhcp-boot=tag:bios,pxelinux.0",
            "dhcp-boot=tag:efi,grubx64.efi",
            "dhcp-option-force=tag:http,60,HTTPClient",
            "dhcp-boot=tag:http,tag:!own-disk,http://192.0.2.1/demo/image.efi",
            "dhcp-option-force=tag:ipxe,encap:175,176,1b",
        ]
    );
    for offer in [
        "# - lpxelinux\n#dhcp-boot=tag:bios,lpxelinux.0\n#dhcp-option-force=tag:bios,208,f1:00:74:7e\n#dhcp-option-force=tag:bios,210,http://192.0.2.1/demo/\n",
        "# - ipxe\n#dhcp-boot=tag:bios,tag:ipxe,http://192.0.2.1/demo/boot.ipxe\n#dhcp-boot=tag:bios,tag:!ipxe,undionly.kpxe\n",
        "# - secure-uki\n#dhcp-boot=tag:efi,tag:!own-disk,image.efi\n",
    ] {
        assert!(text.contains(offer), "{offer} in {text}");
    }
    let text = snippet("dhcpd.conf", &fleet());
    assert!(
        text.contains(
            "  match if option architecture-type = 00:07 or option architecture-type = 00:09;\n"
        ),
        "{text}"
    );
    assert_eq!(
        active(&text),
        [
            "filename \"pxelinux.0\";",
            "filename \"grubx64.efi\";",
            "filename \"http://192.0.2.1/demo/image.efi\";",
        ]
    );
}

#[test]
fn machines_with_a_disk_of_their_own_are_given_no_unified_image() {
    let text = snippet("dnsmasq.conf", &fleet());
    assert!(
        text.contains("\n#dhcp-host=(its MAC address),set:own-disk,10.77.0.10,n2\n"),
        "{text}"
    );
    assert!(
        text.contains("\ndhcp-host=52:54:00:12:34:56,n1\n"),
        "{text}"
    );
    assert!(!snippet("dnsmasq.conf", &bundle()).contains("own-disk"));
}

/// ISC dhcpd is not on every host, and no more in new Debian releases: where it is, it has its say.
#[test]
fn dhcpd_takes_its_snippet() {
    if !std::path::Path::new("/usr/sbin/dhcpd").is_file() {
        eprintln!("left out: there is no /usr/sbin/dhcpd");
        return;
    }
    for bundle in [bundle(), fleet(), uboot(), petitboot(), openfirmware()] {
        let text = snippet("dhcpd.conf", &bundle);
        let offers = text
            .replace("  #", "  ")
            .replace("\n#host", "\nhost")
            .replace("\n#  ", "\n  ")
            .replace("\n#}", "\n}")
            .replace("(its MAC address)", "52:54:00:00:00:01");
        let offers: String = offers
            .lines()
            .filter(|line| line.ends_with([';', '{', '}']) && !line.trim().starts_with('#'))
            .map(|line| format!("{line}\n"))
            .collect();
        for text in [text, offers] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("dhcpd.conf");
            fs_err::write(&file, text).unwrap();
            let dhcpd = Tool::new("dhcpd").arg("-t").arg("-cf").arg(&file);
            dhcpd.log(folder.path().join("log")).run().unwrap();
        }
    }
}
