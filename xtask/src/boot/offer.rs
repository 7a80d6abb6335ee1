//! What the lab's DHCP server tells machines to boot, by route, and what is then fetched how. dnsmasq's other lines are `dnsmasq`'s.
//!
//! Only what the scenario's route is: the lab shows whether that works. (Real servers tell machines apart by option 93; that is for the
//! snippets of a bundle.)

use super::network::ADDRESS;
use crate::loader::route::{IPXE_SCRIPT, Protocol, Route};

/// Whether anything of a route is fetched by HTTP.
#[must_use]
pub fn needs_http(route: Route) -> bool {
    let later = matches!(route, Route::Lpxelinux | Route::Ipxe | Route::EfiIpxe);
    later || route.protocol() == Protocol::Http
}

/// Lines of dnsmasq's configuration. `loader` is the boot file, relative to what is served; the rest lies beside it.
#[must_use]
pub fn lines(route: Option<Route>, loader: &str) -> Vec<String> {
    if loader.is_empty() {
        return Vec::new();
    }
    let folder = loader.rsplit_once('/').map(|(folder, _)| folder);
    let folder = folder.map_or(String::new(), |folder| format!("{folder}/"));
    let beside = |name: &str| format!("http://{ADDRESS}/{folder}{name}");
    match route {
        Some(Route::Lpxelinux) => vec![
            format!("dhcp-boot={loader}"),
            // RFC 5071: what names of files are prefixed with.
            format!("dhcp-option-force=210,{}", beside("")),
        ],
        // iPXE says so (option 77). In QEMU, the firmware of network cards does already.
        Some(Route::Ipxe | Route::EfiIpxe) => vec![
            "dhcp-userclass=set:ipxe,iPXE".to_owned(),
            format!("dhcp-boot=tag:!ipxe,{loader}"),
            format!("dhcp-boot=tag:ipxe,{}", beside(IPXE_SCRIPT)),
        ],
        // The firmware takes an address only from a server that says it knows (UEFI, 24.7.3.1).
        Some(Route::EfiHttp) => vec![
            "dhcp-vendorclass=set:http,HTTPClient".to_owned(),
            "dhcp-option-force=tag:http,60,HTTPClient".to_owned(),
            format!("dhcp-boot=tag:http,http://{ADDRESS}/{loader}"),
        ],
        _ => vec![format!("dhcp-boot={loader}")],
    }
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
        let lines = lines(Some(Route::EfiIpxe), "a/snponly.efi");
        assert!(lines.contains(&"dhcp-boot=tag:!ipxe,a/snponly.efi".to_owned()));
        assert!(lines.contains(&"dhcp-boot=tag:ipxe,http://10.77.0.1/a/boot.ipxe".to_owned()));
        assert_eq!(super::lines(Some(Route::UBoot), ""), [""; 0]);
    }

    #[test]
    fn routes_that_begin_with_http_need_it() {
        for route in Route::ALL {
            assert!(needs_http(route) || route.protocol() == Protocol::Tftp);
        }
    }
}
