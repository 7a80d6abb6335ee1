//! The lab's DHCP and TFTP server: a scenario to dnsmasq's configuration, and dnsmasq's log to happenings.
//! <https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html>

use std::fmt::Write as _;

use super::happening::TransferEnd;
use super::network::{ADDRESS, BRIDGE, IPV6_PREFIX, guest_address};
use super::offer;
use super::scenario::Scenario;
use crate::arch::Arch;

/// What dnsmasq is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// DHCP, and TFTP from this folder, an absolute path.
    All(&'a str),
    /// DHCP alone.
    Dhcp,
    /// TFTP alone, from this folder.
    Tftp(&'a str),
    /// DHCP for a system whose dnsmasq has a configuration of its own, which names the boot file and what TFTP serves.
    Addition,
}

/// The configuration. `ipv6` is whether the bridge has an IPv6 address.
#[must_use]
pub fn configuration(
    scenario: &Scenario,
    arch: Arch,
    loader: &str,
    part: Part<'_>,
    ipv6: bool,
) -> String {
    let mut text = FIXED.to_owned();
    text += match part {
        Part::All(_) | Part::Dhcp | Part::Tftp(_) => OURS,
        Part::Addition => THEIRS,
    };
    let mut line = |words: String| {
        // Writing to a string cannot fail.
        writeln!(text, "{words}").ok();
    };
    line(format!("interface={BRIDGE}"));
    if let Part::All(root) | Part::Tftp(root) = part {
        for words in scenario.network.tftp_lines(root) {
            line(words);
        }
    }
    if let Part::Tftp(_) = part {
        return text;
    }
    if scenario.dhcp {
        line(format!(
            "dhcp-range={},static,255.255.255.0,1h",
            guest_address(0)
        ));
        let offers = |server| match part {
            Part::Addition => Vec::new(),
            _ => offer::lines(scenario.route, arch, loader, server),
        };
        for words in scenario.network.dhcp_lines(offers) {
            line(words);
        }
        for card in 0..scenario.nics {
            line(format!(
                "dhcp-host={},{}",
                scenario.mac_of(card),
                guest_address(card)
            ));
        }
    }
    if ipv6 {
        // iPXE asks for an IPv6 router too, and waits 15 s for one.
        line("enable-ra".to_owned());
        line(format!("dhcp-range={IPV6_PREFIX},ra-only"));
    }
    if scenario.ntp {
        line(format!("dhcp-option=option:ntp-server,{ADDRESS}"));
    }
    if let Some(config) = &scenario.config {
        // RFC 5071: the magic number, then the name of the configuration file.
        line("dhcp-option-force=208,f1:00:74:7e".to_owned());
        line(format!("dhcp-option-force=209,{config}"));
    }
    text
}

/// `no-ping`: no wait for an answer to a ping before an address is given.
const FIXED: &str = "\
log-facility=-
log-dhcp
port=0
no-hosts
no-resolv
bind-interfaces
dhcp-authoritative
no-ping
";

/// Inside the lab's namespaces there is but one user.
const OURS: &str = "\
no-daemon
user=root
group=root
dhcp-leasefile=leases
";

/// Nothing is written into the system, which several labs may serve from at a time.
const THEIRS: &str = "\
keep-in-foreground
pid-file
leasefile-ro
";

/// A line of dnsmasq's log that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// It serves from now on.
    Serving,
    /// It gave an address: IPv4 and MAC address.
    Lease(String, String),
    /// It was asked for a file: its full path and what became of it.
    Transfer(String, TransferEnd),
}

/// Understands a line of the log.
#[must_use]
pub fn parse(line: &str) -> Option<Entry> {
    let (source, said) = line.split_once("]: ")?;
    let transfer = |path: &str, end| Some(Entry::Transfer(path.to_owned(), end));
    if said.starts_with("started, version ") {
        return Some(Entry::Serving);
    }
    if source.contains("dnsmasq-tftp[") {
        if let Some(rest) = said.strip_prefix("sent ") {
            return transfer(rest.rsplit_once(" to ")?.0, TransferEnd::Sent);
        }
        if let Some(rest) = said.strip_prefix("failed sending ") {
            return transfer(rest.rsplit_once(" to ")?.0, TransferEnd::Failed);
        }
        if let Some((rest, _)) = said.rsplit_once(" not found for ") {
            return transfer(rest.strip_prefix("file ")?, TransferEnd::Missing);
        }
        if let Some(rest) = said.strip_prefix("cannot access ") {
            return transfer(rest.rsplit_once(": ")?.0, TransferEnd::Failed);
        }
        return None;
    }
    let (_, acknowledged) = said.split_once("DHCPACK(")?;
    let mut words = acknowledged.split_whitespace().skip(1);
    Some(Entry::Lease(
        words.next()?.to_owned(),
        words.next()?.to_lowercase(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::route::Route;

    const AT: &str = "Nov 20 06:37:23 ";

    #[test]
    fn the_log_is_understood() {
        let sent = "dnsmasq-tftp[50]: sent /b/a to b to 10.77.0.10";
        let lines = [
            ("dnsmasq-tftp[50]: TFTP root is /b  ", None),
            (
                "dnsmasq-dhcp[50]: 151 DHCPACK(br0) 10.77.0.10 52:54:00:AA:34:56 name",
                Some(Entry::Lease(
                    "10.77.0.10".into(),
                    "52:54:00:aa:34:56".into(),
                )),
            ),
            (
                sent,
                Some(Entry::Transfer("/b/a to b".into(), TransferEnd::Sent)),
            ),
            (
                "dnsmasq-tftp[50]: file /b/x not found for 10.77.0.10",
                Some(Entry::Transfer("/b/x".into(), TransferEnd::Missing)),
            ),
            (
                "dnsmasq-tftp[50]: cannot access /b/x: Permission denied",
                Some(Entry::Transfer("/b/x".into(), TransferEnd::Failed)),
            ),
            (
                "dnsmasq-tftp[50]: error 8 User aborted the transfer received from 10.77.0.10",
                None,
            ),
            (
                "dnsmasq-dhcp[50]: 151 DHCPDISCOVER(br0) 52:54:00:12:34:56 ",
                None,
            ),
            (
                "dnsmasq[50]: started, version 2.90 DNS disabled",
                Some(Entry::Serving),
            ),
        ];
        for (line, entry) in lines {
            assert_eq!(parse(&format!("{AT}{line}")), entry, "{line}");
        }
    }

    #[test]
    fn a_system_with_a_configuration_of_its_own_is_told_addresses_alone() {
        let scenario = Scenario::named("x");
        let dhcp = configuration(&scenario, Arch::Amd64, "pxelinux.0", Part::Dhcp, false);
        assert!(dhcp.contains("\ndhcp-boot=pxelinux.0\n") && !dhcp.contains("tftp"));
        let addition = configuration(&scenario, Arch::Amd64, "pxelinux.0", Part::Addition, false);
        assert!(addition.contains("\ndhcp-host=") && !addition.contains("dhcp-boot"));
        assert!(!addition.contains("user=") && !addition.contains("tftp"));
    }

    #[test]
    fn machines_are_told_what_their_route_is() {
        let scenario = |route| Scenario {
            route: Some(route),
            ..Scenario::named("x")
        };
        let told = |route, loader| {
            configuration(
                &scenario(route),
                Arch::Amd64,
                loader,
                Part::All("/b"),
                false,
            )
        };
        let http = told(Route::EfiHttp, "image.efi");
        assert!(http.contains("\ndhcp-boot=tag:client16,http://10.77.0.1/image.efi\n"));
        let lpxelinux = told(Route::Lpxelinux, "lpxelinux.0");
        assert!(lpxelinux.contains("\ndhcp-option-force=tag:client0,210,http://10.77.0.1/\n"));
    }

    #[test]
    fn what_a_scenario_asks_for_is_served_and_nothing_else() {
        let plain = configuration(
            &Scenario::named("x"),
            Arch::Amd64,
            "pxelinux.0",
            Part::All("/b"),
            true,
        );
        assert!(plain.contains("\ndhcp-boot=pxelinux.0\n"));
        assert!(plain.contains("\ndhcp-host=52:54:00:12:34:56,10.77.0.10\n"));
        assert!(!plain.contains("ntp-server") && !plain.contains("209"));
        let scenario = Scenario {
            dhcp: false,
            ntp: true,
            config: Some("pxelinux.cfg/localboot".into()),
            ..Scenario::named("x")
        };
        let other = configuration(&scenario, Arch::Amd64, "pxelinux.0", Part::All("/b"), false);
        assert!(!other.contains("dhcp-range"));
        assert!(other.contains("\ndhcp-option=option:ntp-server,10.77.0.1\n"));
        assert!(other.contains("\ndhcp-option-force=209,pxelinux.cfg/localboot\n"));
    }
}
