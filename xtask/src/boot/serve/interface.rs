//! The network card that real machines are served on: which one is meant, and which addresses it has to give.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Failure, Kind, Result};

/// A network card of this host with an IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// How many bits of that are the network's.
    pub prefix: u8,
}

impl Interface {
    /// Finds one by what `ip -json -4 address show` says.
    ///
    /// # Errors
    /// [`Kind::Usage`] when there is none of this name, it is the loopback, it is down, or it has no IPv4 address that others can have one beside.
    pub fn find(name: &str, said: &str) -> Result<Self> {
        let all: Vec<Value> =
            serde_json::from_str(said).map_err(|error| Failure::bug(error.to_string()))?;
        let wrong = |what: String| Failure::new(Kind::Usage, what);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let Some(it) = all.iter().find(|it| it["ifname"] == name) else {
            let names: Vec<String> = all.iter().map(|it| text(&it["ifname"])).collect();
            let what = format!("there is no network interface {name:?} with an IPv4 address");
            return Err(wrong(what)
                .note(format!("with one there are: {}", names.join(", ")))
                .hint(format!(
                    "give it an address of its own: `ip address add 10.99.0.1/24 dev {name}`, `ip link set {name} up`"
                )));
        };
        let has = |flag: &str| {
            let mut flags = it["flags"].as_array().into_iter().flatten();
            flags.any(|it| it == flag)
        };
        if has("LOOPBACK") {
            return Err(wrong(format!(
                "no machine boots from {name}: it leads nowhere else"
            ))
            .hint("name the interface of the network that the machines are in"));
        }
        if !has("UP") {
            return Err(wrong(format!("{name} is down")).hint(format!("`ip link set {name} up`")));
        }
        let addresses = it["addr_info"].as_array().into_iter().flatten();
        let mut ours = addresses.filter_map(|it| {
            let prefix = u8::try_from(it["prefixlen"].as_u64()?).ok()?;
            Some((it["local"].as_str()?.parse().ok()?, prefix))
        });
        match ours.find(|(_, prefix)| (8..=29).contains(prefix)) {
            Some((address, prefix)) => Ok(Self {
                name: name.to_owned(),
                address,
                prefix,
            }),
            None => Err(wrong(format!(
                "{name} has no IPv4 address in a network of 8 addresses or more"
            ))
            .hint(format!("`ip address add 10.99.0.1/24 dev {name}`"))),
        }
    }

    pub(super) fn mask(&self) -> u32 {
        u32::MAX << (32 - u32::from(self.prefix))
    }

    /// The network's own address.
    pub(super) fn network(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.address.to_bits() & self.mask())
    }

    /// The addresses that are given to machines: the upper half of the network.
    #[must_use]
    pub fn range(&self) -> (Ipv4Addr, Ipv4Addr) {
        let (first, size) = (self.network().to_bits(), !self.mask());
        (
            Ipv4Addr::from(first + size / 2 + 1),
            Ipv4Addr::from(first + size - 1),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESSES: &str = r#"[
        {"ifname": "lo", "flags": ["LOOPBACK", "UP"], "addr_info": [{"local": "127.0.0.1", "prefixlen": 8}]},
        {"ifname": "eth0", "flags": ["UP"], "addr_info": [{"local": "192.168.5.77", "prefixlen": 24}]},
        {"ifname": "eth1", "flags": [], "addr_info": [{"local": "10.0.0.1", "prefixlen": 24}]},
        {"ifname": "ppp0", "flags": ["UP"], "addr_info": [{"local": "10.0.0.1", "prefixlen": 32}]}
    ]"#;

    #[test]
    fn only_an_interface_with_room_for_machines_will_do() {
        let why = |name| {
            let failure = Interface::find(name, ADDRESSES).unwrap_err();
            assert!(failure.hint.is_some());
            failure.what.clone()
        };
        assert!(why("lo").contains("leads nowhere else"));
        assert!(why("eth1").contains("is down"));
        assert!(why("ppp0").contains("no IPv4 address in a network"));
        assert!(why("eth9").contains("there is no network interface"));
        let range = Interface::find("eth0", ADDRESSES).unwrap().range();
        assert_eq!(
            range,
            (
                "192.168.5.128".parse().unwrap(),
                "192.168.5.254".parse().unwrap()
            )
        );
    }
}
