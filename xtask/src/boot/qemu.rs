//! A scenario to QEMU's command line: a pure function. All files are named relative to the folder QEMU runs in, so that no
//! path needs quoting for QEMU's option syntax and sockets' paths stay short.
//! <https://www.qemu.org/docs/master/system/invocation.html>

use super::happening::Network;
use super::highbank;
use super::network::{NETWORK, guest_address, tap};
use super::openfirmware;
use super::platform::{Firmware, Platform};
use super::record::FRAMES;
use super::scenario::{Disk, Machine, Nic, Scenario};
use super::uboot::FLASH;

use crate::arch::Arch;
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
    if scenario.display {
        line.add("-device", display(scenario.machine()).to_owned());
    } else if platform.arch == Arch::Amd64 {
        line.add("-vga", "none".to_owned());
    }
    let suffix = match platform.firmware {
        Firmware::Efi(efi) => efi.machine(scenario),
        Firmware::OpenFirmware => openfirmware::machine(accel),
        Firmware::Bios | Firmware::UBoot(_) | Firmware::Highbank => "",
    };
    line.add("-machine", format!("{}{suffix}", scenario.machine()));
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
    if let Some(seconds) = scenario.firmware_retry {
        line.add("-boot", format!("reboot-timeout={}", seconds * 1000));
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
        Firmware::OpenFirmware => {}
        Firmware::Efi(efi) => {
            for (option, value) in efi.options(scenario) {
                line.add(option, value);
            }
        }
    }
    line.add("-chardev", format!("socket,id=qmp,path={QMP}"));
    line.add("-mon", "chardev=qmp,mode=control".to_owned());
    for card in cards(scenario) {
        line.add("-netdev", netdev(card, network, loader));
        if scenario.pcap {
            line.add("-object", frames(card));
        }
        let (option, device) = card_device(scenario, platform, card);
        line.add(option, device);
    }
    let after = scenario.nics + 1;
    let disk = match (platform.firmware, platform.arch) {
        (Firmware::Highbank, _) => None,
        (Firmware::UBoot(_), _) => Some("virtio-blk-device,drive=disk".to_owned()),
        (Firmware::Bios, _) | (Firmware::Efi(_), Arch::Amd64) => {
            Some(format!("ide-hd,drive=disk,bootindex={after}"))
        }
        (Firmware::Efi(_), _) => Some(format!("virtio-blk-device,drive=disk,bootindex={after}")),
        (Firmware::OpenFirmware, _) => Some(format!("virtio-blk-pci,drive=disk,bootindex={after}")),
    };
    if let Some(device) = disk.filter(|_| scenario.disk == Disk::Bootable) {
        line.add("-drive", format!("if=none,id=disk,format=raw,file={DISK}"));
        line.add("-device", device);
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

/// The graphics card of a machine.
const fn display(machine: Machine) -> &'static str {
    match machine {
        Machine::Virt => "virtio-gpu-pci",
        _ => "VGA",
    }
}

/// Keeps what goes over a network card.
fn frames(card: u32) -> String {
    format!("filter-dump,id=frames{card},netdev=net{card},file=card-{card}{FRAMES}")
}

/// With a small buffer for translated code, TCG forgets what is stale. With its default, a kernel that is unpacked over the code
/// of the one before a reset takes ten times as long: every write looks for translations to drop.
#[must_use]
pub fn accelerator(word: &str) -> String {
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
            // As in the lab's, nothing outside can be reached: not this host's own servers either.
            let mut user = format!(
                "user,id=net{card},net={NETWORK},dhcpstart={first},tftp={TFTP},restrict=on"
            );
            if !file.is_empty() {
                user += &format!(",bootfile={file}");
            }
            user
        }
    }
}

/// Only the card that the machine boots from has a firmware, unless it tries them all. A PC's is QEMU's choice for the card: `efi-….rom` of
/// Debian's package `ipxe-qemu`, which holds iPXE for BIOS too. (The `pxe-….rom` beside it are not taken by `SeaBIOS` on
/// every machine.)
fn card_device(scenario: &Scenario, platform: &Platform, card: u32) -> (&'static str, String) {
    let (device, mac) = (scenario.nic(), scenario.mac_of(card));
    if device == Nic::Xgmac {
        // Part of the chip: `-device` cannot make it.
        let card = format!("nic,model={device},netdev=net{card},macaddr={mac}");
        return ("-net", card);
    }
    let efi = matches!(platform.firmware, Firmware::Efi(_));
    let network = &scenario.network;
    let boots = match (network.tries_all_nics, card == network.boot_nic) {
        (true, _) => format!(",bootindex={}", card + 1),
        (false, true) => ",bootindex=1".to_owned(),
        (false, false) => String::new(),
    };
    let firmware = match (scenario.machine(), device) {
        (Machine::Pseries, _) => boots,
        (Machine::Virt, Nic::VirtioNetDevice) if efi => boots,
        (Machine::Virt, Nic::VirtioNetDevice) => String::new(),
        (Machine::Virt, _) if !efi => ",romfile=".to_owned(),
        _ if boots.is_empty() => ",romfile=".to_owned(),
        // UEFI has a driver of its own, which is what is to be proved; for other cards that is their ROM's.
        (_, Nic::VirtioNetPci) if efi => boots + ",romfile=",
        _ => boots,
    };
    let card = format!("{device},netdev=net{card},mac={mac}{firmware}");
    ("-device", card)
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Clock;
    use super::*;
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
            "ide-hd,drive=disk,bootindex=3",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn a_display_and_what_goes_over_the_wire() {
        let scenario = Scenario {
            display: true,
            pcap: true,
            nics: 2,
            ..Scenario::named("x")
        };
        let pc = line(Arch::Amd64, scenario.clone(), "tcg", Network::Lab, "a");
        assert!(pc.contains("-device VGA ") && !pc.contains("-vga"), "{pc}");
        let frames = "-object filter-dump,id=frames1,netdev=net1,file=card-1.pcap ";
        assert!(pc.contains(frames), "{pc}");
        let virt = line(Arch::Arm64, scenario, "tcg", Network::Lab, "");
        assert!(virt.contains("-device virtio-gpu-pci "), "{virt}");
    }

    #[test]
    fn machines_with_uefi() {
        let by = |route, arch, disk| {
            let scenario = Scenario {
                route: Some(route),
                disk,
                ..Scenario::named("x")
            };
            line(arch, scenario, "tcg", Network::Lab, "image.efi")
        };
        let plain = by(Route::EfiUki, Arch::Amd64, Disk::Bootable);
        for part in [
            "-machine q35,smm=off ",
            "unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd ",
            "unit=1,format=raw,file=vars.fd ",
            "IPv4PXESupport,string=y ",
            "bootindex=1,romfile= ",
            "ide-hd,drive=disk,bootindex=2",
        ] {
            assert!(plain.contains(part), "{part} in {plain}");
        }
        let http = by(Route::EfiHttp, Arch::Amd64, Disk::None);
        assert!(http.contains("IPv4PXESupport,string=n "), "{http}");
        let secure = by(Route::SecureUki, Arch::Amd64, Disk::None);
        assert!(secure.contains("-machine q35,smm=on "), "{secure}");
        assert!(secure.contains("property=secure,value=on "), "{secure}");
        let arm = by(Route::SecureUki, Arch::Arm64, Disk::None);
        assert!(arm.contains("-machine virt -cpu cortex-a57 "), "{arm}");
        assert!(
            arm.contains("file=/usr/share/AAVMF/AAVMF_CODE.ms.fd "),
            "{arm}"
        );
        assert!(!arm.contains("property=secure"), "{arm}");
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
            "tftp=tftp,restrict=on -device virtio-net-device,netdev=net1,mac=52:54:00:12:34:57 ",
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
    fn a_machine_with_open_firmware() {
        let scenario = Scenario {
            route: Some(Route::OpenFirmware),
            disk: Disk::Bootable,
            nics: 2,
            ..Scenario::named("x")
        };
        let line = line(Arch::Ppc64el, scenario, "tcg", Network::Lab, "bootme");
        for part in [
            "-machine pseries,cap-cfpc=broken,",
            "-device virtio-net-pci,netdev=net0,mac=52:54:00:12:34:56,bootindex=1 ",
            "-device virtio-net-pci,netdev=net1,mac=52:54:00:12:34:57 ",
            "-device virtio-blk-pci,drive=disk,bootindex=3",
        ] {
            assert!(line.contains(part), "{part} in {line}");
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
