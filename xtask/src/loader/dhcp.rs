//! What a DHCP server has to be told so that machines boot from a bundle: snippets for dnsmasq and ISC dhcpd,
//! with comments on what to change.

use serde::Serialize;

use super::address::Address;
use super::c32::PXELINUX;
use super::pxelinux::BundleText;
use super::{TextFile, render};
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

/// The snippets of a bundle. The description is taken to be right: see [`super::check::mistakes`].
///
/// # Errors
/// Only for a bug.
pub fn files(bundle: &BundleText) -> Result<Vec<TextFile>> {
    #[derive(Serialize)]
    struct Data<'a> {
        name: &'a str,
        nbp: &'a str,
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
        nbp: PXELINUX,
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
    use super::super::pxelinux::tests::bundle;
    use super::*;
    use crate::tool::Tool;

    fn snippet(name: &str, bundle: &BundleText) -> String {
        let files = files(bundle).unwrap();
        let file = files.into_iter().find(|file| file.path.ends_with(name));
        file.unwrap().content
    }

    #[test]
    fn dnsmasq_takes_its_snippet() {
        for nodes in [bundle().nodes, Vec::new()] {
            let text = snippet("dnsmasq.conf", &BundleText { nodes, ..bundle() });
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
}
