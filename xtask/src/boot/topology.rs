//! Who is in the lab's network beside the machine, and which card is plugged in where: `[boot.network]` of a scenario as data, and what
//! follows from it for addresses, commands and dnsmasq's configurations. Running all that is `servers`' and `lab`'s.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::network::{ADDRESS, BRIDGE};

/// The network around a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Topology {
    /// Who serves what.
    #[serde(default)]
    pub servers: Servers,
    /// A second DHCP server that nobody wants. A lease from it ends a boot, with a verdict that names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rogue: Option<Rogue>,
    /// Whether the TFTP server agrees to blocks that are longer than 512 bytes. Without, the 16 bits that count blocks begin anew after
    /// 32 MiB.
    #[serde(default = "yes")]
    pub large_blocks: bool,
    /// The network card that the machine boots from, counted from 0.
    #[serde(default)]
    pub boot_nic: u32,
    /// What the other network cards are plugged into.
    #[serde(default)]
    pub other_nics: OtherNics,
    /// Whether the firmware boots from all the cards, one after the other, instead of `boot-nic` alone. One that gets no answer costs
    /// it half a minute.
    #[serde(default)]
    pub tries_all_nics: bool,
}

/// Who serves what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Servers {
    /// One host serves DHCP and TFTP.
    #[default]
    Together,
    /// One host serves DHCP, and names another one that serves TFTP.
    Apart,
    /// One host serves DHCP and knows nothing of booting; another one, a proxy DHCP server (PXE specification 2.1, section 2.2.1), says what
    /// to boot, and serves TFTP.
    Proxy,
}

/// A DHCP server that is not ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rogue {
    /// Whether its offers come before those of our server or after them.
    pub answers: Answers,
    /// The boot file that it names; it gives addresses alone otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_file: Option<String>,
}

/// Whose offer comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answers {
    /// A second before ours.
    First,
    /// A second after ours.
    Last,
}

/// What network cards are plugged into that the machine does not boot from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OtherNics {
    /// The lab's network, too.
    #[default]
    Lab,
    /// Another network, where nobody answers.
    Elsewhere,
    /// Nothing.
    Unplugged,
}

impl Default for Topology {
    fn default() -> Self {
        Self {
            servers: Servers::default(),
            rogue: None,
            large_blocks: true,
            boot_nic: 0,
            other_nics: OtherNics::default(),
            tries_all_nics: false,
        }
    }
}

const fn yes() -> bool {
    true
}

/// The bridge of the network in which nobody answers.
const ELSEWHERE: &str = "br1";
/// The network card of a host that has a namespace of its own.
const CARD: &str = "eth0";

impl Topology {
    /// The bridge that a card is plugged into; nothing for one that is not.
    #[must_use]
    pub const fn bridge(&self, card: u32) -> Option<&'static str> {
        if card == self.boot_nic {
            return Some(BRIDGE);
        }
        match self.other_nics {
            OtherNics::Lab => Some(BRIDGE),
            OtherNics::Elsewhere => Some(ELSEWHERE),
            OtherNics::Unplugged => None,
        }
    }

    /// Whether there is another network.
    #[must_use]
    pub fn elsewhere(&self) -> Option<&'static str> {
        (self.other_nics == OtherNics::Elsewhere).then_some(ELSEWHERE)
    }

    /// What cannot be meant: field and why.
    #[must_use]
    pub fn problem(&self, nics: u32) -> Option<(&'static str, String)> {
        let boot_file = self.rogue.iter().find_map(|rogue| rogue.boot_file.as_ref());
        let unfit = boot_file.filter(|file| file.is_empty() || file.contains(unfit));
        let file = |file: &String| ("network.rogue", format!("`{file}` is no name of a file"));
        let card = (self.boot_nic >= nics).then(|| {
            let why = format!("{} is none of {nics} cards, counted from 0", self.boot_nic);
            ("network.boot-nic", why)
        });
        card.or(unfit.map(file))
    }

    /// The hosts beside the one that the lab is itself.
    #[must_use]
    pub fn hosts(&self) -> Vec<Host> {
        let served = match self.servers {
            Servers::Together => None,
            Servers::Apart => Some(Host::new("tftp", TFTP_ADDRESS, Serves::Tftp)),
            Servers::Proxy => Some(Host::new("proxy", TFTP_ADDRESS, Serves::Proxy)),
        };
        let rogue = self.rogue.clone();
        let rogue = rogue.map(|it| Host::new("rogue", ROGUE_ADDRESS, Serves::Rogue(it)));
        served.into_iter().chain(rogue).collect()
    }

    /// Lines for the configuration of our DHCP server; `offers` makes those that name what to boot, with the host that serves it where that is another.
    #[must_use]
    pub fn dhcp_lines(&self, offers: impl FnOnce(Option<Ipv4Addr>) -> Vec<String>) -> Vec<String> {
        let mut lines = match self.servers {
            Servers::Together => offers(None),
            Servers::Apart => offers(TFTP_ADDRESS.parse().ok()),
            Servers::Proxy => Vec::new(),
        };
        if self.servers != Servers::Proxy {
            // Option 175 (iPXE's), 176 = 1 (`no-pxedhcp`): no wait of 3 s for a proxy DHCP server.
            lines.push("dhcp-option-force=encap:175,176,1b".to_owned());
        }
        let first = |rogue: &Rogue| rogue.answers == Answers::First;
        if self.rogue.as_ref().is_some_and(first) {
            lines.push("dhcp-reply-delay=1".to_owned());
        }
        lines
    }

    /// Lines for the configuration of whoever serves TFTP from this folder.
    #[must_use]
    pub fn tftp_lines(&self, root: &str) -> Vec<String> {
        let mut lines = vec!["enable-tftp".to_owned(), format!("tftp-root={root}")];
        if !self.large_blocks {
            lines.push("tftp-no-blocksize".to_owned());
        }
        lines
    }
}

/// What would mean something to dnsmasq.
fn unfit(letter: char) -> bool {
    letter == ',' || letter.is_control() || letter.is_whitespace()
}

/// Where TFTP is served when that is another host.
pub const TFTP_ADDRESS: &str = "10.77.0.2";
/// The DHCP server that is not ours.
pub const ROGUE_ADDRESS: &str = "10.77.0.66";

/// A host with a network namespace of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name, which is that of its port at the bridge.
    pub name: &'static str,
    /// Its address.
    pub address: &'static str,
    /// What it serves.
    pub serves: Serves,
}

/// What a host serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serves {
    /// TFTP.
    Tftp,
    /// TFTP, and what to boot.
    Proxy,
    /// What nobody wants.
    Rogue(Rogue),
}

impl Host {
    const fn new(name: &'static str, address: &'static str, serves: Serves) -> Self {
        Self {
            name,
            address,
            serves,
        }
    }

    /// What `ip -batch -` is given inside its namespace; `lab` is a process in the lab's own.
    #[must_use]
    pub fn script(&self, lab: u32) -> String {
        let Self { name, address, .. } = self;
        format!(
            "link set lo up\n\
             link add {CARD} type veth peer name {name} netns {lab}\n\
             addr add {address}/24 broadcast + dev {CARD}\n\
             link set {CARD} up\n"
        )
    }

    /// What `ip -batch -` is given in the lab's own namespace then.
    #[must_use]
    pub fn plug(&self) -> String {
        format!("link set {} master {BRIDGE} up\n", self.name)
    }

    /// Its dnsmasq's configuration: TFTP from this folder, an absolute path; this boot file.
    #[must_use]
    pub fn configuration(&self, topology: &Topology, root: &str, loader: &str) -> String {
        let name = self.name;
        let mut lines = vec![
            format!("interface={CARD}"),
            format!("dhcp-leasefile=leases.{name}"),
        ];
        if self.serves == Serves::Tftp || self.serves == Serves::Proxy {
            lines.extend(topology.tftp_lines(root));
        }
        match &self.serves {
            Serves::Tftp => {}
            Serves::Proxy => {
                // dnsmasq puts the `.0` of the boot server's layer behind it.
                let file = loader.strip_suffix(".0").unwrap_or(loader);
                lines.push(format!("dhcp-range={ADDRESS},proxy"));
                lines.push(format!("pxe-service=x86PC,\"Cordwainer\",{file}"));
            }
            Serves::Rogue(rogue) => {
                lines.push("dhcp-range=10.77.0.200,10.77.0.250,255.255.255.0,1h".to_owned());
                lines.extend(rogue.boot_file.iter().map(|it| format!("dhcp-boot={it}")));
                if rogue.answers == Answers::Last {
                    lines.push("dhcp-reply-delay=1".to_owned());
                } else {
                    lines.push("no-ping".to_owned());
                }
            }
        }
        format!("{FIXED}{}\n", lines.join("\n"))
    }
}

/// What every host's dnsmasq is told.
const FIXED: &str = "\
no-daemon
user=root
group=root
log-facility=-
log-dhcp
port=0
no-hosts
no-resolv
bind-interfaces
";

#[cfg(test)]
mod tests {
    use super::super::offer;
    use super::*;
    use crate::arch::Arch;

    fn offer(loader: &str) -> impl FnOnce(Option<Ipv4Addr>) -> Vec<String> {
        move |server| offer::lines(None, Arch::Amd64, loader, server)
    }

    fn topology(text: &str) -> Topology {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn nothing_said_is_one_host_and_one_network() {
        let plain = topology("");
        assert_eq!(plain, Topology::default());
        assert_eq!((plain.hosts(), plain.problem(1)), (vec![], None));
        assert_eq!(plain.bridge(3), Some(BRIDGE));
        let lines = ["dhcp-boot=a", "dhcp-option-force=encap:175,176,1b"];
        assert_eq!(plain.dhcp_lines(offer("a")), lines);
    }

    #[test]
    fn a_server_that_is_apart_is_named_by_dhcp() {
        let apart = topology("servers = 'apart'");
        assert_eq!(apart.dhcp_lines(offer("a"))[0], "dhcp-boot=a,,10.77.0.2");
        let [host] = &apart.hosts()[..] else { panic!() };
        let text = host.configuration(&apart, "/b", "a");
        assert!(text.contains("\ntftp-root=/b") && !text.contains("dhcp-range"));
        assert!(host.script(7).contains("peer name tftp netns 7\n"));
    }

    #[test]
    fn a_proxy_says_what_to_boot_and_gives_no_address() {
        let proxy = topology("servers = 'proxy'\nlarge-blocks = false");
        assert_eq!(proxy.dhcp_lines(offer("pxelinux.0")), [""; 0]);
        let text = proxy.hosts()[0].configuration(&proxy, "/b", "pxelinux.0");
        for line in [
            "dhcp-range=10.77.0.1,proxy",
            "pxe-service=x86PC,\"Cordwainer\",pxelinux",
            "tftp-no-blocksize",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in {text}");
        }
    }

    #[test]
    fn the_one_that_answers_last_waits() {
        for (answers, ours, theirs) in [("first", true, false), ("last", false, true)] {
            let text = format!("rogue = {{ answers = '{answers}', boot-file = 'evil.0' }}");
            let rogue = topology(&text);
            let waits = |text: &str| text.contains("dhcp-reply-delay=1");
            assert_eq!(waits(&rogue.dhcp_lines(offer("a")).join("\n")), ours);
            let text = rogue.hosts()[0].configuration(&rogue, "/b", "a");
            assert_eq!(waits(&text), theirs);
            assert!(text.contains("dhcp-boot=evil.0\n") && !text.contains("tftp"));
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let field = |text: &str| topology(text).problem(2).map(|(field, _)| field);
        assert_eq!(field("boot-nic = 1"), None);
        assert_eq!(field("boot-nic = 2"), Some("network.boot-nic"));
        for file in ["", "a,b", "a\\nb"] {
            let text = format!("rogue = {{ answers = 'last', boot-file = \"{file}\" }}");
            assert_eq!(field(&text), Some("network.rogue"), "{file}");
        }
    }
}
