//! A scenario to QEMU's command line: a pure function. All files are named relative to the folder QEMU runs in, so that no
//! path needs quoting for QEMU's option syntax and sockets' paths stay short.
//! <https://www.qemu.org/docs/master/system/invocation.html>

use super::happening::Network;
use super::highbank;
use super::network::{NETWORK, guest_address, tap};
use super::platform::{Firmware, Platform};
use super::scenario::{Disk, Machine, Nic, Scenario};
use super::uboot::FLASH;

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

/// The arguments. `accel` is QEMU's word for the accelerator, `loader` the boot file's name.
#[must_use]
pub fn arguments(
    platform: &Platform,
    scenario: &Scenario,
    accel: &str,
    network: Network,
    loader: &str,
) -> Vec<String> {
    let mut line = Line(Vec::new());
    for option in ["-nodefaults", "-no-user-config"] {
        line.add(option, String::new());
    }
    line.add("-display", "none".to_owned());
    if platform.firmware == Firmware::Bios {
        line.add("-vga", "none".to_owned());
    }
    line.add("-machine", scenario.machine().to_string());
    if let Some(cpu) = platform.cpu {
        line.add("-cpu", cpu.to_owned());
    }
    line.add("-accel", accelerator(accel));
    line.add("-smp", scenario.cpus.to_string());
    line.add("-m", format!("{}M", scenario.memory));
    line.add("-rtc", format!("base={}", rtc_base(scenario)));
    if let Some(uuid) = &scenario.uuid {
        line.add("-uuid", uuid.clone());
    }
    line.port("console", CONSOLE);
    match platform.firmware {
        Firmware::Bios => {
            line.port("screen", SCREEN);
            let port = format!("name=etc/sercon-port,file={SCREEN_PORT_FILE}");
            line.add("-fw_cfg", port);
        }
        Firmware::UBoot(path) => {
            line.add("-bios", path.to_owned());
            let flash = format!("if=pflash,unit=1,format=raw,file={FLASH}");
            line.add("-drive", flash);
        }
        Firmware::Highbank => {
            for (option, value) in highbank::options(scenario) {
                line.add(option, value);
            }
        }
    }
    line.add("-chardev", format!("socket,id=qmp,path={QMP}"));
    line.add("-mon", "chardev=qmp,mode=control".to_owned());
    for card in cards(scenario) {
        line.add("-netdev", netdev(card, network, loader));
        let (option, device) = card_device(scenario, card);
        line.add(option, device);
    }
    let disk = match platform.firmware {
        Firmware::Bios => Some("ide-hd,drive=disk,bootindex=2"),
        Firmware::UBoot(_) => Some("virtio-blk-device,drive=disk"),
        Firmware::Highbank => None,
    };
    if let Some(device) = disk.filter(|_| scenario.disk == Disk::Bootable) {
        line.add("-drive", format!("if=none,id=disk,format=raw,file={DISK}"));
        line.add("-device", device.to_owned());
    }
    line.0
}

/// A command line that grows.
struct Line(Vec<String>);

impl Line {
    fn add(&mut self, option: &str, value: String) {
        self.0.push(option.to_owned());
        if !value.is_empty() {
            self.0.push(value);
        }
    }

    /// The next serial port, connected to a socket that the lab listens at.
    fn port(&mut self, id: &str, path: &str) {
        self.add("-chardev", format!("socket,id={id},path={path}"));
        self.add("-serial", format!("chardev:{id}"));
    }
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

/// The network cards in QEMU's order. Of devices without a bus, the one that comes last has the lowest address, and
/// is found first.
fn cards(scenario: &Scenario) -> Vec<u32> {
    let mut cards: Vec<u32> = (0..scenario.nics).collect();
    if scenario.nic() == Nic::VirtioNetDevice {
        cards.reverse();
    }
    cards
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
        Network::User => {
            let (first, file) = (guest_address(card), loader.replace(',', ",,"));
            let mut user = format!("user,id=net{card},net={NETWORK},dhcpstart={first},tftp={TFTP}");
            if !file.is_empty() {
                user += &format!(",bootfile={file}");
            }
            user
        }
    }
}

/// Only the first card has a firmware: the machine boots from it alone. A PC's is QEMU's choice for the card: `efi-….rom` of
/// Debian's package `ipxe-qemu`, which holds iPXE for BIOS too. (The `pxe-….rom` beside it are not taken by `SeaBIOS` on
/// every machine.)
fn card_device(scenario: &Scenario, card: u32) -> (&'static str, String) {
    let (device, mac) = (scenario.nic(), scenario.mac_of(card));
    if device == Nic::Xgmac {
        // Part of the chip: `-device` cannot make it.
        let card = format!("nic,model={device},netdev=net{card},macaddr={mac}");
        return ("-net", card);
    }
    let firmware = match (scenario.machine(), device) {
        (Machine::Virt, Nic::VirtioNetDevice) => "",
        (Machine::Q35 | Machine::Pc, _) if card == 0 => ",bootindex=1",
        _ => ",romfile=",
    };
    let card = format!("{device},netdev=net{card},mac={mac}{firmware}");
    ("-device", card)
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Clock;
    use super::*;
    use crate::arch::Arch;
    use crate::loader::route::Route;

    fn line(arch: Arch, scenario: Scenario, accel: &str, network: Network, loader: &str) -> String {
        let platform = Platform::of(arch, scenario.route(arch)).unwrap();
        arguments(platform, &scenario.on(arch), accel, network, loader).join(" ")
    }

    #[test]
    fn the_plain_machine() {
        let scenario = Scenario::named("x");
        let line = line(Arch::Amd64, scenario, "tcg", Network::Lab, "pxelinux.0");
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
            machine: Some(Machine::Pc),
            nic: Some(Nic::E1000),
            nics: 2,
            disk: Disk::Bootable,
            clock: Some(Clock {
                power_on: "2001-01-01T00:00:00Z".into(),
                tolerance: 5,
            }),
            ..Scenario::named("x")
        };
        let line = line(Arch::Amd64, scenario, "kvm", Network::User, "a,b");
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

    #[test]
    fn a_machine_with_u_boot() {
        let scenario = Scenario {
            nics: 2,
            disk: Disk::Bootable,
            ..Scenario::named("x")
        };
        let line = line(Arch::Arm64, scenario, "tcg", Network::User, "");
        for part in [
            "-machine virt -cpu cortex-a57 -accel tcg",
            "-bios /usr/lib/u-boot/qemu_arm64/u-boot.bin -drive if=pflash,unit=1,format=raw,file=flash.img ",
            "tftp=tftp -device virtio-net-device,netdev=net1,mac=52:54:00:12:34:57 ",
            "virtio-net-device,netdev=net0,mac=52:54:00:12:34:56 -drive",
            "virtio-blk-device,drive=disk",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        for part in ["screen", "vga", "bootindex"] {
            assert!(!line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn a_board_that_starts_with_the_bundles_firmware() {
        let scenario = Scenario {
            route: Some(Route::Highbank),
            disk: Disk::Bootable,
            ..Scenario::named("x")
        };
        let line = line(Arch::Armhf, scenario, "tcg", Network::User, "");
        for part in [
            "-machine highbank -accel tcg",
            "-bios environment.bin -device loader,file=board.dtb,addr=0x1000,",
            "file=tftp/firmware/highbank/u-boot.bin,addr=0x8000,force-raw=on,cpu-num=0 ",
            "-net nic,model=xgmac,netdev=net0,macaddr=52:54:00:12:34:56",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(!line.contains("drive=disk"), "{line}");
    }
}
