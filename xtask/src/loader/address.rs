//! Addresses of network cards, and the names of the configuration files that pxelinux looks for by them.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::failure::{Failure, Kind, Result};

/// An Ethernet address. It prints as `52:54:00:12:34:56`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl FromStr for Mac {
    type Err = Failure;

    /// Reads `52:54:00:12:34:56` or `52-54-00-12-34-56`, in capitals or not.
    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            |why: &str| Failure::new(Kind::Recipe, format!("`{text}` is no MAC address: {why}"));
        let separator = if text.contains('-') { '-' } else { ':' };
        let parts: Vec<&str> = text.split(separator).collect();
        let hexadecimal =
            |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
        if parts.len() != 6 || !parts.iter().all(hexadecimal) {
            return Err(wrong(
                "it has six pairs of hexadecimal digits with `:` between them",
            ));
        }
        let mut bytes = [0; 6];
        for (byte, part) in bytes.iter_mut().zip(parts) {
            *byte = u8::from_str_radix(part, 16).unwrap_or(0);
        }
        if bytes[0] & 1 == 1 {
            return Err(wrong(
                "it belongs to a group of machines (its first byte is odd)",
            ));
        }
        if bytes == [0; 6] {
            return Err(wrong("it is all zeros"));
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(self.0, ":"))
    }
}

fn joined(bytes: [u8; 6], separator: &str) -> String {
    bytes.map(|byte| format!("{byte:02x}")).join(separator)
}

/// How a machine is known to pxelinux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// By its network card.
    Mac(Mac),
    /// By the address that DHCP gives it.
    Ip(Ipv4Addr),
}

impl Address {
    /// The name of its file under `pxelinux.cfg/` (syslinux' pxelinux.txt, "CONFIGURATION"): `01-` (Ethernet's ARP type)
    /// and the MAC address in small letters, `01-52-54-00-12-34-56`; or the IPv4 address as
    /// eight hexadecimal digits in capitals, `0A4D000A`.
    #[must_use]
    pub fn file_name(&self) -> String {
        match self {
            Self::Mac(mac) => format!("01-{}", joined(mac.0, "-")),
            Self::Ip(ip) => ip.octets().map(|byte| format!("{byte:02X}")).concat(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(mac) => write!(f, "{mac}"),
            Self::Ip(ip) => write!(f, "{ip}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_those_of_the_documentation() {
        let mac = "88:99:AA:BB:CC:DD".parse().unwrap();
        assert_eq!(Address::Mac(mac).file_name(), "01-88-99-aa-bb-cc-dd");
        assert_eq!("88-99-aa-bb-cc-dd".parse::<Mac>().unwrap(), mac);
        assert_eq!(mac.to_string(), "88:99:aa:bb:cc:dd");
        let ip = |text: &str| Address::Ip(text.parse().unwrap()).file_name();
        assert_eq!(ip("192.168.2.91"), "C0A8025B");
        assert_eq!(ip("10.77.0.10"), "0A4D000A");
    }

    #[test]
    fn what_is_no_address_of_one_machine_is_refused() {
        for text in [
            "",
            "52:54:00:12:34",
            "52:54:00:12:34:5",
            "52:54:00:12:34:56:78",
            "52:54-00:12:34:56",
            "5g:54:00:12:34:56",
            "+1:54:00:12:34:56",
            "01:00:5e:00:00:01",
            "ff:ff:ff:ff:ff:ff",
            "00:00:00:00:00:00",
            "é:54:00:12:34:56",
        ] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }
}
