//! U-Boot as a machine's firmware: what its environment says, and how that and a disk's script look in bytes. Pure; the files
//! are written by `lab`.

use flate2::Crc;

use super::protocol::LOCAL_BOOT;
use super::scenario::{Disk, Scenario};
use crate::arch::Arch;

/// The flash that the environment lies at the beginning of.
pub const FLASH: &str = "flash.img";
/// Bytes of that flash: QEMU's `virt` has two of this size.
pub const FLASH_SIZE: u64 = 64 << 20;
/// Bytes of the environment (`CONFIG_ENV_SIZE` of `qemu_arm64_defconfig` and `qemu_arm_defconfig`).
const ENVIRONMENT_SIZE: usize = 0x4_0000;
/// Where memory begins in QEMU's `virt`; the device tree is there.
const MEMORY: u32 = 0x4000_0000;

/// Names and values of the environment.
///
/// The kernel may have 60 MiB in front of the initramfs. Whatever goes wrong ends at the disk, if there is one, and then says
/// so: U-Boot's own command line would wait for ever.
#[must_use]
pub fn environment(scenario: &Scenario) -> Vec<(&'static str, String)> {
    let at = |offset: u32| format!("{:#x}", MEMORY + offset);
    let disk = match scenario.disk {
        Disk::None => "",
        Disk::Bootable => "virtio scan; virtio read ${scriptaddr} 0 2 && source ${scriptaddr}; ",
    };
    let command = format!("dhcp && pxe get && pxe boot; {disk}echo No bootable device.");
    let mut variables = vec![
        // No wait for a key, and no look whether one is down.
        ("bootdelay", "-2".to_owned()),
        ("bootcmd", command),
        // `dhcp` fetches nothing by itself.
        ("autoload", "no".to_owned()),
        // Nobody who does not answer is asked for ever.
        ("netretry", "no".to_owned()),
        ("bootpretryperiod", "10000".to_owned()),
        ("fdt_addr", at(0)),
        ("scriptaddr", at(0x20_0000)),
        ("pxefile_addr_r", at(0x30_0000)),
        ("kernel_addr_r", at(0x40_0000)),
        ("ramdisk_addr_r", at(0x400_0000)),
    ];
    if let Some(uuid) = &scenario.uuid {
        variables.push(("pxeuuid", uuid.to_lowercase()));
    }
    variables
}

/// The environment as it lies at the beginning of `virt`'s flash.
#[must_use]
pub fn flash(variables: &[(&str, String)]) -> Vec<u8> {
    environment_image(variables, ENVIRONMENT_SIZE)
}

/// An environment of so many bytes, as it is stored: CRC-32 of all the rest (little-endian), `name=value` each with a NUL behind it, another NUL,
/// nothing more (`env/common.c`).
#[must_use]
pub fn environment_image(variables: &[(&str, String)], size: usize) -> Vec<u8> {
    let mut data: Vec<u8> = variables
        .iter()
        .flat_map(|(name, value)| format!("{name}={value}\0").into_bytes())
        .collect();
    data.resize(size.saturating_sub(4), 0);
    [&crc32(&data).to_le_bytes()[..], &data].concat()
}

/// The beginning of a disk that says it booted: a script in U-Boot's own image format (`include/image.h`), which goes on for ever.
#[must_use]
pub fn disk(arch: Arch) -> Vec<u8> {
    script(
        arch,
        &format!("echo {LOCAL_BOOT}; while true; do sleep 1; done"),
    )
}

/// A script as `source` takes it: a header of 64 bytes, the script's length, 0, the script.
fn script(arch: Arch, text: &str) -> Vec<u8> {
    const MAGIC: u32 = 0x2705_1956;
    const LINUX: u8 = 5;
    const SCRIPT: u8 = 6;
    let arch = match arch {
        Arch::Arm64 => 22,
        Arch::Amd64 | Arch::Armhf | Arch::Ppc64el => 2,
    };
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mut data = [length.to_be_bytes(), [0; 4]].concat();
    data.extend(text.as_bytes());
    let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let header = |checksum: u32| {
        let words = [MAGIC, checksum, 0, size, 0, 0, crc32(&data)];
        let mut header = words.map(u32::to_be_bytes).concat();
        header.extend([LINUX, arch, SCRIPT, 0]);
        header.resize(64, 0);
        header
    };
    [header(crc32(&header(0))), data].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_what_mkenvimage_makes() {
        let flash = flash(&[("a", "1".to_owned()), ("b", "x y".to_owned())]);
        assert_eq!(flash.len(), ENVIRONMENT_SIZE);
        assert_eq!(&flash[4..14], b"a=1\0b=x y\0");
        assert!(flash[14..].iter().all(|&byte| byte == 0));
        // The standard's check value.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(flash[..4], crc32(&flash[4..]).to_le_bytes());
    }

    #[test]
    fn a_script_has_right_checksums() {
        let mut script = script(Arch::Arm64, "echo");
        assert_eq!(script.len(), 64 + 8 + 4);
        assert_eq!(script[24..28], crc32(&script[64..]).to_be_bytes());
        let told: Vec<u8> = script.splice(4..8, [0; 4]).collect();
        assert_eq!(told, crc32(&script[..64]).to_be_bytes());
        assert!(disk(Arch::Armhf).len() <= 1024, "two sectors are read");
    }

    #[test]
    fn the_disk_comes_after_the_network() {
        let command = |disk| {
            let scenario = Scenario {
                disk,
                ..Scenario::named("x")
            };
            let variables = environment(&scenario).into_iter();
            let mut found = variables.filter(|(name, _)| *name == "bootcmd");
            found.next().unwrap().1
        };
        assert_eq!(
            command(Disk::None),
            "dhcp && pxe get && pxe boot; echo No bootable device."
        );
        assert!(command(Disk::Bootable).contains("pxe boot; virtio scan; "));
    }
}
