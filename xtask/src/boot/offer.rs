//! What the lab's DHCP server tells machines to boot, by route, and what is then fetched how. dnsmasq's other lines are `dnsmasq`'s.
//!
//! Only the scenario's route is offered, in the words that a bundle's snippets have, to machines that say what this route's say (option 93): the lab shows
//! whether that works.

use std::net::Ipv4Addr;

use super::network::ADDRESS;
use crate::arch::Arch;
use crate::loader::answer::{Answer, Client};
use crate::loader::dhcp;
use crate::loader::route::{IPXE_SCRIPT, Route};

/// Whether anything of a route is fetched by HTTP.
#[must_use]
pub fn needs_http(route: Route) -> bool {
    let mut arches = route.arches().iter();
    arches.any(|&arch| Answer::on(route, arch, "").is_by_http())
}

/// Lines of dnsmasq's configuration. `loader` is the boot file, relative to what is served; the rest lies beside it. `server` has it, where that is not
/// the one that gives addresses. A bundle whose route nobody named is for whatever machine there is.
#[must_use]
pub fn lines(
    route: Option<Route>,
    arch: Arch,
    loader: &str,
    server: Option<Ipv4Addr>,
) -> Vec<String> {
    if loader.is_empty() {
        return Vec::new();
    }
    let known = route.and_then(|route| Some((route, Client::of(route, arch)?)));
    let Some((route, client)) = known else {
        let server = server.map_or(String::new(), |server| format!(",,{server}"));
        return vec![format!("dhcp-boot={loader}{server}")];
    };
    let name = loader.rsplit('/').next().unwrap_or(loader);
    let folder = &loader[..loader.len() - name.len()];
    let http = format!("http://{ADDRESS}/{folder}");
    let mut answer = Answer::on(route, arch, &http);
    answer.file = Some(match answer.class {
        Some(_) => format!("{http}{name}"),
        None => loader.to_owned(),
    });
    let mut lines = vec!["dhcp-match=set:ipxe,175".to_owned()];
    lines.extend(dhcp::dnsmasq_offer(client.numbers, &answer, server));
    lines
}

/// Whether a file, relative to what is served, is what a boot loader is told by: in one of the folders where configurations lie, or
/// iPXE's script.
#[must_use]
pub fn is_configuration(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let folder = folder.rsplit_once('/').map_or(folder, |(_, folder)| folder);
    name == IPXE_SCRIPT
        || matches!(
            folder,
            "pxelinux.cfg" | "ipxe.cfg" | "grub" | "openfirmware"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_are_known_by_their_folders() {
        for path in [
            "pxelinux.cfg/default",
            "a/efi64/pxelinux.cfg/01-52-54",
            "grub/grub.cfg",
            "boot.ipxe",
            "a/boot.ipxe",
            "ipxe.cfg/0A4D000A",
        ] {
            assert!(is_configuration(path), "{path}");
        }
        for path in [
            "",
            "grub",
            "grub/x86_64-efi/command.lst",
            "grubx64.efi",
            "pxelinux.cfg",
            "vmlinuz",
        ] {
            assert!(!is_configuration(path), "{path}");
        }
    }

    #[test]
    fn what_is_beside_the_boot_file_is_named_by_its_folder() {
        let lines = lines(Some(Route::EfiIpxe), Arch::Amd64, "a/snponly.efi", None);
        for line in [
            "dhcp-match=set:client7,option:client-arch,7",
            "dhcp-boot=tag:client7,tag:!ipxe,a/snponly.efi",
            "dhcp-boot=tag:client7,tag:ipxe,http://10.77.0.1/a/boot.ipxe",
        ] {
            assert!(lines.contains(&line.to_owned()), "{line} in {lines:?}");
        }
        let nothing = super::lines(Some(Route::UBoot), Arch::Arm64, "", None);
        assert_eq!(nothing, [""; 0]);
    }

    #[test]
    fn a_bundle_of_no_known_route_is_for_any_machine() {
        let server = Some(Ipv4Addr::new(10, 77, 0, 2));
        let told = |server| lines(None, Arch::Amd64, "a", server);
        assert_eq!(told(None), ["dhcp-boot=a"]);
        assert_eq!(told(server), ["dhcp-boot=a,,10.77.0.2"]);
    }

    #[test]
    fn routes_that_begin_with_http_need_it() {
        use crate::loader::route::Protocol;
        for route in Route::ALL {
            assert!(needs_http(route) || route.protocol() == Protocol::Tftp);
        }
    }
}
