//! Scenario: which machine boots, what the lab around it offers, and what has to happen. Plain data with
//! its defaults, written as `[[boot]]` in recipes. Whether it can be meant is `check`'s;
//! carrying it out is `lab`'s, judging it `judge`'s.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::loader::route::Route;

use super::fault::Fault;
pub use super::model::{Machine, Nic};
pub use super::retry::Retry;
pub use super::state::{End, Ends};
use super::topology::Topology;

mod check;

/// One boot that proves something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// Its name: `boot RECIPE --scenario NAME`, and the folder its record is kept in.
    pub name: String,
    /// What it proves, in one line.
    #[serde(default)]
    pub description: String,
    /// The way it boots; what is usual for its architecture otherwise. The bundle has to have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    /// The kind of machine; `q35` for amd64, `virt` for arm64 and armhf, `pseries` for ppc64el, and `highbank` for the route of this
    /// name otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// Number of processors.
    #[serde(default = "one")]
    pub cpus: u32,
    /// Memory in MiB.
    #[serde(default = "default_memory")]
    pub memory: u32,
    /// Model of the network cards; `virtio-net-pci` for PCs and `pseries`, `virtio-net-device` for `virt` and `xgmac` for `highbank`
    /// otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nic: Option<Nic>,
    /// How many network cards; all are in the lab's network and the first one boots, unless `network` says otherwise.
    #[serde(default = "one")]
    pub nics: u32,
    /// MAC address of the first network card; the others count up from it. A node's own configuration
    /// (`pxelinux.cfg/01-…`) is tried by giving the node's address here.
    #[serde(default = "default_mac")]
    pub mac: String,
    /// UUID that the firmware reports; the boot loader then asks for a configuration by it before all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The local disk.
    #[serde(default)]
    pub disk: Disk,
    /// Whether the lab's DHCP server answers.
    #[serde(default = "yes")]
    pub dhcp: bool,
    /// Whether the lab serves NTP, and says so by DHCP (option 42). The guest then must set its clock,
    /// and its battery clock, to the host's time, and still have it after a reboot.
    #[serde(default)]
    pub ntp: bool,
    /// The battery-backed clock; without it, it shows the host's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// File that pxelinux reads in place of the one it would find, relative to the bundle, such as
    /// `pxelinux.cfg/localboot` (DHCP option 209, RFC 5071). For routes by PXELINUX and SYSLINUX alone: few other firmwares know that option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// The certificate (X.509, as PEM or DER) that the firmware of a machine with Secure Boot trusts, a file of the bundle: for the route
    /// `secure-uki`, which otherwise trusts the bundle's own `image.crt`, and where there is none the test key of Debian's package `ovmf`. `secure-grub` is for machines that trust Microsoft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// What to type when something shows on the screen or the console. The entries do not wait for each other: each looks out by
    /// itself from power-on, and is typed once a boot, where it was seen; of those that one line sets off, the first in the list is
    /// typed first. To have one follow another, let its `when` fit what the other leads to, not what both can be seen with; what is
    /// typed comes back as an echo, and is seen like any other line.
    #[serde(default)]
    pub answer: Vec<Answer>,
    /// Regular expressions, each of which must match some line of the screen or the console, in any order.
    #[serde(default)]
    pub expect: Vec<String>,
    /// Whether the address that the guest reports must be the one that the DHCP server leased to it.
    #[serde(default)]
    pub lease: bool,
    /// The order in which the boot loader must ask the TFTP server for its configuration.
    #[serde(default)]
    pub config_search: ConfigSearch,
    /// How often the machine is reset after it came up, and has to come up again.
    #[serde(default)]
    pub reboots: u32,
    /// How often the machine may reset itself once Linux runs, as one does whose image has installed a system. A reset more is a loop:
    /// the image boots again and again. The time limit is for all these boots together.
    #[serde(default)]
    pub own_resets: u32,
    /// Seconds after which the firmware begins anew when it found nothing to boot; it stops otherwise. Not for `virt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware_retry: Option<u32>,
    /// The network around the machine: one host serves DHCP and TFTP, and all cards are plugged in, unless this says otherwise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub network: Topology,
    /// What goes wrong. What firmware and boot loader say of it then is no end, as long as there is something left to boot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<Fault>,
    /// The state that is waited for, or a list of states, any of which will do.
    #[serde(default)]
    pub end: Ends,
    /// Whether and when a boot that did not pass is made again; without it, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Whether the image's reporter must tell the lab by HTTP how the boot ended, and on failure before that the log and the code. What it
    /// tells must agree with the console in any case.
    #[serde(default)]
    pub report: bool,
    /// Whether the machine has a display; a picture of it at the verdict is kept (`screen.png`).
    #[serde(default)]
    pub display: bool,
    /// Whether all that goes over each network card is kept (`card-0.pcap` and so on).
    #[serde(default)]
    pub pcap: bool,
    /// Seconds until a boot is given up, each time. `CORDWAINER_TIMEOUT_FACTOR` multiplies it on slow hosts.
    #[serde(default = "default_timeout")]
    pub timeout: u32,
    /// Whether it takes too long for every day: `cargo xtask test` makes such boots with `--all` only.
    #[serde(default)]
    pub slow: bool,
}

/// What is on the local disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Disk {
    /// There is none.
    #[default]
    None,
    /// A disk of 8 MiB whose boot sector (for `virt`: a script of U-Boot's; for `pseries`: a program in a boot partition) says `cordwainer: verdict local-boot` on the
    /// serial console. For `highbank`, that script is in memory: QEMU's has no power for disks.
    Bootable,
}

/// What the battery-backed clock shows at power-on, and how exact the clocks have to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Clock {
    /// Its time at power-on, in UTC, such as `2001-01-01T00:00:00Z` (RFC 3339).
    pub power_on: String,
    /// By how many seconds a clock may differ from what it should show.
    #[serde(default = "default_tolerance")]
    pub tolerance: u32,
}

/// One thing to type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Answer {
    /// Regular expression; what is typed is typed the first time it matches a line, finished or not, whatever the others did.
    pub when: String,
    /// The text; `\r` is the Enter key, `\t` the Tab key.
    pub r#type: String,
}

/// The order of questions for a configuration that is expected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigSearch {
    /// Any.
    #[default]
    Any,
    /// That of PXELINUX: UUID, MAC address, IP address in hexadecimal with digits dropped one by one, `default`; up to
    /// the first that is there. U-Boot asks for `default-arm` before `default`.
    Standard,
    /// Exactly these names in `pxelinux.cfg/`.
    Exactly(Vec<String>),
}

fn is_default(network: &Topology) -> bool {
    *network == Topology::default()
}

const fn one() -> u32 {
    1
}

const fn yes() -> bool {
    true
}

const fn default_memory() -> u32 {
    256
}

fn default_mac() -> String {
    "52:54:00:12:34:56".to_owned()
}

const fn default_tolerance() -> u32 {
    5
}

const fn default_timeout() -> u32 {
    60
}

/// Something in a scenario that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, as it is written in the recipe.
    pub field: &'static str,
    /// What is wrong, in lower case, without a final stop.
    pub message: String,
}

impl Scenario {
    /// A scenario of this name with every default.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            route: None,
            machine: None,
            cpus: one(),
            memory: default_memory(),
            nic: None,
            nics: one(),
            mac: default_mac(),
            uuid: None,
            disk: Disk::default(),
            dhcp: yes(),
            ntp: false,
            clock: None,
            config: None,
            certificate: None,
            answer: Vec::new(),
            expect: Vec::new(),
            lease: false,
            config_search: ConfigSearch::default(),
            reboots: 0,
            own_resets: 0,
            firmware_retry: None,
            network: Topology::default(),
            fault: Vec::new(),
            end: Ends::default(),
            retry: None,
            report: false,
            display: false,
            pcap: false,
            timeout: default_timeout(),
            slow: false,
        }
    }

    /// The same with the route, the kind of machine and of network card by which bundles of this architecture are booted.
    #[must_use]
    pub fn on(mut self, arch: Arch) -> Self {
        let route = *self.route.get_or_insert(Route::usual(arch));
        let machine = *self
            .machine
            .get_or_insert_with(|| Machine::usual(arch, route));
        self.nic.get_or_insert_with(|| Nic::usual(machine));
        self
    }

    /// The way it boots on this architecture.
    #[must_use]
    pub fn route(&self, arch: Arch) -> Route {
        self.route.unwrap_or_else(|| Route::usual(arch))
    }

    /// The kind of machine.
    #[must_use]
    pub fn machine(&self) -> Machine {
        self.machine.unwrap_or_default()
    }

    /// The model of the network cards.
    #[must_use]
    pub fn nic(&self) -> Nic {
        self.nic.unwrap_or_else(|| Nic::usual(self.machine()))
    }

    /// MAC address of the network card with this number, counted from 0, in small letters.
    #[must_use]
    pub fn mac_of(&self, card: u32) -> String {
        let digits: String = self.mac.split(':').collect();
        let first = u64::from_str_radix(&digits, 16).unwrap_or(0);
        let bytes = (first + u64::from(card)).to_be_bytes();
        bytes[2..]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(":")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_enough() {
        let scenario: Scenario = toml::from_str("name = 'plain'").unwrap();
        assert_eq!(scenario, Scenario::named("plain"));
        assert_eq!(scenario.problems(), []);
    }

    #[test]
    fn bundles_get_machines_that_can_boot_them() {
        let scenario = Scenario::named("x").on(Arch::Arm64);
        assert_eq!(scenario.machine, Some(Machine::Virt));
        assert_eq!(scenario.nic, Some(Nic::VirtioNetDevice));
        let fields = |text: &str, arch| -> Vec<_> {
            let scenario: Scenario = toml::from_str(&format!("name = 'x'\n{text}")).unwrap();
            let problems = scenario.misfits(arch).into_iter();
            problems.map(|problem| problem.field).collect()
        };
        let none: [&str; 0] = [];
        assert_eq!(fields("", Arch::Amd64), none);
        assert_eq!(fields("nic = 'e1000'", Arch::Armhf), none);
        assert_eq!(fields("machine = 'virt'", Arch::Amd64), ["machine"]);
        assert_eq!(fields("machine = 'pc'", Arch::Arm64), ["machine"]);
        assert_eq!(fields("nic = 'virtio-net-pci'", Arch::Arm64), ["nic"]);
        assert_eq!(fields("nic = 'virtio-net-device'", Arch::Amd64), ["nic"]);
        assert_eq!(fields("config = 'a'", Arch::Arm64), ["config"]);
        let by =
            |route: &str, more: &str| fields(&format!("route = '{route}'\n{more}"), Arch::Amd64);
        assert_eq!(by("efi-syslinux", "config = 'a'"), none);
        assert_eq!(by("efi-grub", "config = 'a'"), ["config"]);
        assert_eq!(by("efi-uki", "machine = 'pc'"), ["machine"]);
        assert_eq!(by("secure-uki", "certificate = 'a.crt'"), none);
        assert_eq!(by("secure-grub", "certificate = 'a.crt'"), ["certificate"]);
        assert_eq!(by("secure-grub", "disk = 'bootable'"), ["disk"]);
    }

    #[test]
    fn every_mistake_is_found_at_once() {
        let text = r#"
            name = "../x"
            memory = 1
            mac = "01:00:5e:00:00:01"
            uuid = "x"
            config = "/etc/passwd"
            expect = ["("]
            clock = { power-on = "yesterday" }
        "#;
        let scenario: Scenario = toml::from_str(text).unwrap();
        let fields: Vec<_> = scenario
            .problems()
            .iter()
            .map(|problem| problem.field)
            .collect();
        let all = [
            "memory",
            "name",
            "mac",
            "uuid",
            "config",
            "expect",
            "clock.power-on",
        ];
        assert_eq!(fields, all);
    }

    #[test]
    fn cards_count_up_from_the_first() {
        let scenario = Scenario {
            mac: "52:54:00:00:00:FF".to_owned(),
            ..Scenario::named("x")
        };
        assert_eq!(scenario.mac_of(1), "52:54:00:00:01:00");
    }

    #[test]
    fn ends_are_words_or_tables() {
        let text = "name = 'x'\nend = { failed = 'clock' }\nconfig-search = 'standard'";
        let scenario: Scenario = toml::from_str(text).unwrap();
        assert_eq!(scenario.end, End::Failed("clock".into()).into());
        assert_eq!(scenario.config_search, ConfigSearch::Standard);
    }
}
