//! The lab's network, as data: addresses, and the commands that make a bridge with a tap for each network card
//! inside a network namespace of its own.

use std::fmt::Write as _;

use crate::failure::{Kind, Result};
use crate::tool::Tool;

use super::topology::Topology;

/// The bridge that all of the lab hangs on.
pub const BRIDGE: &str = "br0";
/// The lab's own address; its network is the /24 around it.
pub const ADDRESS: &str = "10.77.0.1";
/// The network in QEMU's notation.
pub const NETWORK: &str = "10.77.0.0/24";
/// The IPv6 prefix that is announced (RFC 4193), as dnsmasq wants it.
pub const IPV6_PREFIX: &str = "fd77::";
/// The lab's own IPv6 address.
const IPV6_ADDRESS: &str = "fd77::1/64";

/// The address that the guest's network card of this number, counted from 0, is given.
#[must_use]
pub fn guest_address(card: u32) -> String {
    format!("10.77.0.{}", 10 + card)
}

/// The tap that the guest's network card of this number is plugged into.
#[must_use]
pub fn tap(card: u32) -> String {
    format!("tap{card}")
}

/// What `ip -batch -` is given. No spanning tree and no forward delay: the bridge forwards from the first packet on.
#[must_use]
pub fn script(cards: u32, topology: &Topology, ipv6: bool) -> String {
    let mut text = format!(
        "link set lo up\n\
         link add {BRIDGE} type bridge stp_state 0 forward_delay 0\n\
         addr add {ADDRESS}/24 broadcast + dev {BRIDGE}\n"
    );
    let mut line = |words: String| {
        // Writing to a string cannot fail.
        writeln!(text, "{words}").ok();
    };
    if ipv6 {
        line(format!("addr add {IPV6_ADDRESS} dev {BRIDGE} nodad"));
    }
    if let Some(other) = topology.elsewhere() {
        line(format!(
            "link add {other} type bridge stp_state 0 forward_delay 0"
        ));
        line(format!("link set {other} up"));
    }
    for card in 0..cards {
        let (tap, bridge) = (tap(card), topology.bridge(card));
        line(format!("tuntap add {tap} mode tap"));
        let bridge = bridge.map_or(String::new(), |bridge| format!("master {bridge} "));
        line(format!("link set {tap} {bridge}up"));
    }
    line(format!("link set {BRIDGE} up"));
    text
}

/// Has `ip` do all that is in a script.
///
/// # Errors
/// [`Kind::Host`] when the host does not allow it.
pub fn commands(script: String) -> Result<()> {
    Tool::new("ip")
        .args(["-batch", "-"])
        .stdin(script)
        .kind(Kind::Host)
        .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_gets_a_tap_on_the_bridge() {
        let script = script(2, &Topology::default(), false);
        assert!(script.contains("tuntap add tap1 mode tap\nlink set tap1 master br0 up\n"));
        assert!(!script.contains("fd77"));
        assert!(script.ends_with("link set br0 up\n"));
    }

    #[test]
    fn cards_that_the_machine_does_not_boot_from_can_be_elsewhere() {
        let with = |text: &str| script(2, &toml::from_str(text).unwrap(), false);
        let elsewhere = with("boot-nic = 1\nother-nics = 'elsewhere'");
        assert!(elsewhere.contains("link set tap0 master br1 up\n"));
        assert!(elsewhere.contains("link set tap1 master br0 up\n"));
        let unplugged = with("other-nics = 'unplugged'");
        assert!(unplugged.contains("link set tap1 up\n") && !unplugged.contains("br1"));
    }
}
