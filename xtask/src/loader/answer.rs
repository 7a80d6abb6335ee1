//! What a DHCP server answers a machine that boots by a route: which kind of client asks, and what it is told. Writing that for a certain
//! server is `dhcp`'s.

use serde::{Deserialize, Serialize};

use super::program;
use super::route::{IPXE_SCRIPT, Protocol, Route};
use crate::arch::Arch;

/// A kind of machine, by the numbers with which it says in DHCP what it is (option 93; RFC 4578, IANA's "Processor Architecture Types").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// What configurations call it.
    pub tag: &'static str,
    /// Who asks.
    pub who: &'static str,
    /// The numbers; the first is [`Route::client`]'s.
    pub numbers: &'static [u16],
}

/// RFC 4578 has 64-bit PCs as 9 and IANA as 7, by an erratum: firmware says either.
const CLIENTS: [Client; 9] = [
    Client {
        tag: "bios",
        who: "BIOS machines",
        numbers: &[0],
    },
    Client {
        tag: "efi",
        who: "PCs with UEFI",
        numbers: &[7, 9],
    },
    Client {
        tag: "efi",
        who: "64-bit ARM with UEFI",
        numbers: &[11],
    },
    Client {
        tag: "openfirmware",
        who: "POWER with Open Firmware",
        numbers: &[12],
    },
    Client {
        tag: "petitboot",
        who: "petitboot",
        numbers: &[14],
    },
    Client {
        tag: "http",
        who: "HTTP boot of PCs with UEFI",
        numbers: &[16],
    },
    Client {
        tag: "http",
        who: "HTTP boot of 64-bit ARM with UEFI",
        numbers: &[19],
    },
    Client {
        tag: "uboot",
        who: "U-Boot on 32-bit ARM",
        numbers: &[21],
    },
    Client {
        tag: "uboot",
        who: "U-Boot on 64-bit ARM",
        numbers: &[22],
    },
];

/// A file that is small and in every bundle: U-Boot wants to know a folder, but is told a file, and may load it.
const SMALL: &str = "SHA256SUMS";

/// What such a machine is told. Texts that are HTTP addresses begin with the bundle's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The boot file (option 67), a path or an HTTP address; nothing where none is needed.
    pub file: Option<String>,
    /// What is told in its place to iPXE, which says so by options 77 and 175.
    pub script: Option<String>,
    /// What the boot program puts before all paths (option 210, RFC 5071).
    pub prefix: Option<String>,
    /// What has to be said back (option 60): otherwise the firmware does not listen.
    pub class: Option<String>,
}

impl Client {
    /// The kind that a route's machines are.
    #[must_use]
    pub fn of(route: Route, arch: Arch) -> Option<&'static Self> {
        let number = route.client(arch);
        CLIENTS.iter().find(|client| client.numbers[0] == number)
    }
}

impl Answer {
    /// The answer on a route. `http` is the address of the bundle on an HTTP server, with a slash at its end.
    #[must_use]
    pub fn on(route: Route, arch: Arch, http: &str) -> Self {
        let url = |path: &str| format!("{http}{path}");
        let starts_ipxe = matches!(route, Route::Ipxe | Route::EfiIpxe);
        let by_http = route.protocol() == Protocol::Http;
        let file = match route.file(arch) {
            "" if matches!(route, Route::UBoot | Route::Highbank) => Some(SMALL.to_owned()),
            "" => None,
            file if by_http => Some(url(file)),
            file => Some(file.to_owned()),
        };
        Self {
            file,
            script: starts_ipxe.then(|| url(IPXE_SCRIPT)),
            prefix: (route == Route::Lpxelinux).then(|| http.to_owned()),
            // UEFI 2.10, 24.7.2.3.
            class: by_http.then(|| "HTTPClient".to_owned()),
        }
    }

    /// Whether something of it is on an HTTP server.
    #[must_use]
    pub const fn is_by_http(&self) -> bool {
        self.script.is_some() || self.prefix.is_some() || self.class.is_some()
    }

    /// Whether the machine runs a program or a script of the bundle, or one that it brings looks for configurations by itself.
    #[must_use]
    pub fn starts(route: Route, arch: Arch) -> bool {
        route.is_uki() || route == Route::OpenFirmware || !program::of(route, arch).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_has_a_kind_of_client() {
        for route in Route::ALL {
            for &arch in route.arches() {
                let client = Client::of(route, arch).unwrap();
                assert!(client.numbers.contains(&route.client(arch)), "{route}");
            }
        }
    }

    #[test]
    fn addresses_are_told_to_those_that_fetch_by_http() {
        let on = |route| Answer::on(route, Arch::Amd64, "http://192.0.2.1/x/");
        let path = |path: &str| Some(format!("http://192.0.2.1/x/{path}"));
        assert_eq!(on(Route::EfiHttp).file, path("image.efi"));
        assert_eq!(on(Route::EfiUki).file, Some("image.efi".to_owned()));
        assert_eq!(on(Route::Lpxelinux).prefix, path(""));
        assert_eq!(on(Route::EfiIpxe).script, path("boot.ipxe"));
        let plain = Answer {
            file: Some("pxelinux.0".to_owned()),
            ..Answer::default()
        };
        assert_eq!(on(Route::Pxelinux), plain);
    }
}
