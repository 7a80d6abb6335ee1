//! A scenario to QEMU's command line: a pure function. All files are named relative to the folder QEMU runs in, so that no
//! path needs quoting for QEMU's option syntax and sockets' paths stay short.
//! <https://www.qemu.org/docs/master/system/invocation.html>

use super::happening::Network;
use super::network::{NETWORK, guest_address, tap};
use super::scenario::{Disk, Machine, Nic, Scenario};

use crate::date;

/// Socket of the first serial port; the lab listens.
pub const CONSOLE: &str = "console.sock";
/// Socket of the second serial port, which mirrors the text screen; the lab listens.
pub const SCREEN: &str = "screen.sock";
/// Socket of QEMU's machine protocol; the lab listens.
pub const QMP: &str = "qmp.sock";
/// The local disk.
pub const DISK: &str = "disk.img";
/// What TFTP serves.
pub const TFTP: &str = "tftp";
/// A file with [`SCREEN_PORT`].
pub const SCREEN_PORT_FILE: &str = "screen-port";
/// Tells `SeaBIOS` to mirror the text screen to the serial port at this I/O address (`etc/sercon-port`, little-endian), which
/// is the second one: on the first, what boot loaders write to both would come doubled.
/// <https://www.seabios.org/Runtime_config>
pub const SCREEN_PORT: [u8; 2] = 0x2f8_u16.to_le_bytes();

/// QEMU's program.
pub const PROGRAM: &str = "qemu-system-x86_64";

/// The arguments. `accel` is QEMU's word for the accelerator, `loader` the boot file's name.
#[must_use]
pub fn arguments(scenario: &Scenario, accel: &str, network: Network, loader: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut add = |option: &str, value: String| {
        arguments.push(option.to_owned());
        if !value.is_empty() {
            arguments.push(value);
        }
    };
    for option in ["-nodefaults", "-no-user-config"] {
        add(option, String::new());
    }
    add("-display", "none".to_owned());
    add("-vga", "none".to_owned());
    add("-machine", machine(scenario.machine).to_owned());
    add("-accel", accelerator(accel));
    add("-smp", scenario.cpus.to_string());
    add("-m", format!("{}M", scenario.memory));
    add("-rtc", format!("base={}", rtc_base(scenario)));
    if let Some(uuid) = &scenario.uuid {
        add("-uuid", uuid.clone());
    }
    for (id, path) in [("console", CONSOLE), ("screen", SCREEN)] {
        add("-chardev", format!("socket,id={id},path={path}"));
        add("-serial", format!("chardev:{id}"));
    }
    add(
        "-fw_cfg",
        format!("name=etc/sercon-port,file={SCREEN_PORT_FILE}"),
    );
    add("-chardev", format!("socket,id=qmp,path={QMP}"));
    add("-mon", "chardev=qmp,mode=control".to_owned());
    for card in 0..scenario.nics {
        add("-netdev", netdev(card, network, loader));
        add("-device", card_device(scenario, card));
    }
    if scenario.disk == Disk::Bootable {
        add("-drive", format!("if=none,id=disk,format=raw,file={DISK}"));
        add("-device", "ide-hd,drive=disk,bootindex=2".to_owned());
    }
    arguments
}

/// With a small buffer for translated code, TCG forgets what is stale. With its default, a kernel that is unpacked over the code
/// of the one before a reset takes ten times as long: every write looks for translations to drop.
fn accelerator(word: &str) -> String {
    if word == "tcg" {
        "tcg,tb-size=16".to_owned()
    } else {
        word.to_owned()
    }
}

const fn machine(machine: Machine) -> &'static str {
    match machine {
        Machine::Q35 => "q35",
        Machine::Pc => "pc",
    }
}

/// The name of the device. Its ROM is QEMU's choice for it: `efi-….rom` of Debian's package `ipxe-qemu`, which holds iPXE
/// for BIOS too. (The `pxe-….rom` beside it are not taken by `SeaBIOS` on every machine.)
const fn model(nic: Nic) -> &'static str {
    match nic {
        Nic::VirtioNetPci => "virtio-net-pci",
        Nic::E1000 => "e1000",
        Nic::E1000e => "e1000e",
        Nic::Rtl8139 => "rtl8139",
        Nic::Pcnet => "pcnet",
        Nic::Vmxnet3 => "vmxnet3",
    }
}

/// QEMU takes UTC without saying so.
fn rtc_base(scenario: &Scenario) -> String {
    let power_on = scenario
        .clock
        .as_ref()
        .and_then(|clock| date::parse_rfc3339(&clock.power_on).ok());
    power_on.map_or_else(
        || "utc".to_owned(),
        |epoch| date::iso8601(epoch).trim_end_matches('Z').to_owned(),
    )
}

fn netdev(card: u32, network: Network, loader: &str) -> String {
    match network {
        Network::Lab => {
            format!(
                "tap,id=net{card},ifname={},script=no,downscript=no",
                tap(card)
            )
        }
        // A comma in a value is written twice.
        Network::User => format!(
            "user,id=net{card},net={NETWORK},dhcpstart={},tftp={TFTP},bootfile={}",
            guest_address(card),
            loader.replace(',', ",,")
        ),
    }
}

/// Only the first card has a firmware: the machine boots from it alone.
fn card_device(scenario: &Scenario, card: u32) -> String {
    let device = model(scenario.nic);
    let mac = scenario.mac_of(card);
    let boot = if card == 0 { "bootindex=1" } else { "romfile=" };
    format!("{device},netdev=net{card},mac={mac},{boot}")
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Clock;
    use super::*;

    #[test]
    fn the_plain_machine() {
        let line = arguments(&Scenario::named("x"), "tcg", Network::Lab, "pxelinux.0").join(" ");
        assert!(
            line.contains("-machine q35 -accel tcg,tb-size=16 -smp 1 -m 256M -rtc base=utc "),
            "{line}"
        );
        let card = "-netdev tap,id=net0,ifname=tap0,script=no,downscript=no -device virtio-net-pci,netdev=net0,\
                    mac=52:54:00:12:34:56,bootindex=1";
        assert!(line.ends_with(card), "{line}");
    }

    #[test]
    fn what_a_scenario_asks_for() {
        let scenario = Scenario {
            machine: Machine::Pc,
            nic: Nic::E1000,
            nics: 2,
            disk: Disk::Bootable,
            clock: Some(Clock {
                power_on: "2001-01-01T00:00:00Z".into(),
                tolerance: 5,
            }),
            ..Scenario::named("x")
        };
        let line = arguments(&scenario, "kvm", Network::User, "a,b").join(" ");
        for part in [
            "-machine pc -accel kvm",
            "base=2001-01-01T00:00:00 ",
            "bootfile=a,,b",
            "mac=52:54:00:12:34:57,romfile= ",
            "ide-hd,drive=disk,bootindex=2",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}
