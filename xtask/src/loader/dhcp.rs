//! What a DHCP server has to be told so that machines boot from a bundle: snippets for dnsmasq and ISC dhcpd,
//! with comments on what to change.

use serde::Serialize;

use super::address::Address;
use super::bundle::BundleText;
use super::c32::PXELINUX;
use super::{TextFile, render};
use crate::arch::Arch;
use crate::failure::Result;

/// The snippets, by path inside the bundle, with their templates.
const SNIPPETS: [(&str, &str, &str); 2] = [
    (
        "dhcp/dnsmasq.conf",
        "dnsmasq.conf.hbs",
        include_str!("templates/dnsmasq.conf.hbs"),
    ),
    (
        "dhcp/dhcpd.conf",
        "dhcpd.conf.hbs",
        include_str!("templates/dhcpd.conf.hbs"),
    ),
];

/// How a kind of machine says in DHCP what it is, and what it is told.
#[derive(Clone, Copy, Serialize)]
struct Client {
    /// What the rest of the configuration calls it.
    tag: &'static str,
    /// Its "Processor Architecture Type" (option 93; IANA's list).
    code: u32,
    /// The same for dhcpd: two bytes in hexadecimal.
    bytes: &'static str,
    /// Who asks.
    who: &'static str,
    /// The boot file that it is told.
    file: Option<&'static str>,
}

/// A file that is small and in every bundle: U-Boot wants to know a folder, but is told a file, and may load it.
const SMALL: &str = "SHA256SUMS";

const fn client(arch: Arch) -> Client {
    let (tag, code, bytes, who, file) = match arch {
        Arch::Amd64 => ("bios", 0, "00:00", "BIOS machines", Some(PXELINUX)),
        Arch::Arm64 => ("uboot", 22, "00:16", "U-Boot on 64-bit ARM", Some(SMALL)),
        Arch::Armhf => ("uboot", 21, "00:15", "U-Boot on 32-bit ARM", Some(SMALL)),
        Arch::Ppc64el => ("petitboot", 14, "00:0e", "petitboot", None),
    };
    Client {
        tag,
        code,
        bytes,
        who,
        file,
    }
}

/// The snippets of a bundle. The description is taken to be right: see [`super::check::mistakes`].
///
/// # Errors
/// Only for a bug.
pub fn files(bundle: &BundleText) -> Result<Vec<TextFile>> {
    #[derive(Serialize)]
    struct Data<'a> {
        name: &'a str,
        /// The boot program, for machines that bring none.
        nbp: Option<&'a str>,
        client: Client,
        nodes: Vec<Host<'a>>,
    }
    #[derive(Serialize)]
    struct Host<'a> {
        name: &'a str,
        mac: Option<String>,
        ip: Option<String>,
    }
    let nodes = bundle.nodes.iter().map(|node| Host {
        name: &node.name,
        mac: matches!(node.address, Address::Mac(_)).then(|| node.address.to_string()),
        ip: matches!(node.address, Address::Ip(_)).then(|| node.address.to_string()),
    });
    let data = Data {
        name: &bundle.name,
        nbp: (bundle.arch == Arch::Amd64).then_some(PXELINUX),
        client: client(bundle.arch),
        nodes: nodes.collect(),
    };
    let snippet = |(path, name, template): (&str, &str, &str)| {
        Ok(TextFile {
            path: path.to_owned(),
            content: render(name, template, &data)?,
            reason: "to be taken over into the DHCP server's configuration".to_owned(),
        })
    };
    SNIPPETS.into_iter().map(snippet).collect()
}

#[cfg(test)]
mod tests {
    use super::super::bundle::tests::{bundle, uboot};
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
        let arch = |arch| BundleText { arch, ..uboot() };
        let bundles = [bundle(), alone, arch(Arch::Arm64), arch(Arch::Ppc64el)];
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
        let petitboot = BundleText {
            arch: Arch::Ppc64el,
            ..uboot()
        };
        assert!(!snippet("dhcpd.conf", &petitboot).contains("filename"));
    }
}
