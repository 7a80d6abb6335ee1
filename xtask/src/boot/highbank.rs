//! A node of Calxeda's Highbank: what its management controller does before U-Boot starts, which is done here by QEMU's `loader`
//! devices. It puts U-Boot and the device tree into memory, with the memory's size in the tree, and U-Boot's environment into SRAM. Pure but
//! for [`prepare`].
//!
//! Sources: U-Boot's `board/highbank/highbank.c`, `include/configs/highbank.h` and `configs/highbank_defconfig`; QEMU's
//! `hw/arm/highbank.c`, which has no register for the power of disks, so that U-Boot looks for none: what it falls back to
//! is in memory.

use std::path::Path;

use super::devicetree;
use super::qemu::{DISK, TFTP};
use super::scenario::{Disk, Scenario};
use super::uboot;
use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};
use crate::loader::firmware;

/// What the board is called.
const BOARD: &str = "highbank";
/// The environment; QEMU puts what it takes for a BIOS where the board has its SRAM.
const ENVIRONMENT: &str = "environment.bin";
/// Bytes of it (`CONFIG_ENV_SIZE`).
const ENVIRONMENT_SIZE: usize = 0x2000;
/// The device tree for this scenario.
const TREE: &str = "board.dtb";
/// Where U-Boot looks for the device tree (`board_fdt_blob_setup`).
const TREE_AT: u32 = 0x1000;
/// Where U-Boot begins (`CONFIG_TEXT_BASE`).
const UBOOT_AT: u32 = 0x8000;
/// Where the disk's script is.
const DISK_AT: u32 = 0x60_0000;
/// Up to where the kernel sees memory at once: device tree and initramfs have to be below (`CONFIG_EXTRA_ENV_SETTINGS`).
const LOW_MEMORY: u32 = 0x2000_0000;

/// Names and values of U-Boot's environment. The kernel may have 24 MiB.
///
/// A server that is silent is pinged first: TFTP would try for minutes.
fn environment(scenario: &Scenario) -> Vec<(&'static str, String)> {
    let disk = match scenario.disk {
        Disk::None => "",
        Disk::Bootable => "source ${scriptaddr}; ",
    };
    let command = format!(
        "dhcp && ping ${{serverip}} && pxe get && pxe boot; {disk}echo No bootable device."
    );
    let top = memory(scenario).min(LOW_MEMORY);
    let mut variables = vec![
        ("bootdelay", "-2".to_owned()),
        // What the board boots from is a number in a register, of which this is the first.
        ("bootcmd0", command),
        ("autoload", "no".to_owned()),
        ("netretry", "no".to_owned()),
        ("bootpretryperiod", "5000".to_owned()),
        // Without it, a menu waits for ever on builds with `CONFIG_BOOT_RETRY`, whatever its TIMEOUT; with it, not at all
        // (`bootretry_tstc_timeout`). U-Boot's own command line would reset the board after so many seconds.
        ("bootretry", "30".to_owned()),
        ("fdt_addr", format!("{TREE_AT:#x}")),
        ("scriptaddr", format!("{DISK_AT:#x}")),
        ("pxefile_addr_r", "0x700000".to_owned()),
        ("kernel_addr_r", "0x800000".to_owned()),
        ("ramdisk_addr_r", "0x2000000".to_owned()),
        ("fdt_high", format!("{top:#x}")),
        ("initrd_high", format!("{top:#x}")),
    ];
    if let Some(uuid) = &scenario.uuid {
        variables.push(("pxeuuid", uuid.to_lowercase()));
    }
    variables
}

/// Bytes of memory.
fn memory(scenario: &Scenario) -> u32 {
    u32::try_from(u64::from(scenario.memory) << 20).unwrap_or(u32::MAX)
}

/// QEMU's options and their values.
#[must_use]
pub fn options(scenario: &Scenario) -> Vec<(&'static str, String)> {
    let load = |file: &str, at: u32, more: &str| {
        let device = format!("loader,file={file},addr={at:#x},force-raw=on{more}");
        ("-device", device)
    };
    let uboot = format!("{TFTP}/{}", firmware::uboot(BOARD));
    let mut options = vec![
        ("-bios", ENVIRONMENT.to_owned()),
        load(TREE, TREE_AT, ""),
        load(&uboot, UBOOT_AT, ",cpu-num=0"),
    ];
    if scenario.disk == Disk::Bootable {
        options.push(load(DISK, DISK_AT, ""));
    }
    options
}

/// Writes the files that QEMU wants to find, from the bundle's.
///
/// # Errors
/// [`Kind::Boot`] when the bundle has no firmware for this board, or a device tree that makes no sense.
pub fn prepare(scenario: &Scenario) -> Result<()> {
    let bundle = Path::new(TFTP);
    let (program, tree) = (firmware::uboot(BOARD), firmware::device_tree(BOARD));
    if let Some(path) = [&program, &tree]
        .into_iter()
        .find(|path| !bundle.join(path).is_file())
    {
        return Err(
            Failure::new(Kind::Boot, format!("the bundle has no {path}"))
                .hint("a table [u-boot] in the recipe builds the board's firmware"),
        );
    }
    let mut tree = fs_err::read(bundle.join(tree))?;
    devicetree::set_memory(&mut tree, memory(scenario))?;
    fs_err::write(TREE, tree)?;
    let environment = uboot::environment_image(&environment(scenario), ENVIRONMENT_SIZE);
    fs_err::write(ENVIRONMENT, environment)?;
    if scenario.disk == Disk::Bootable {
        fs_err::write(DISK, uboot::disk(Arch::Armhf))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str, scenario: &Scenario) -> String {
        let mut variables = environment(scenario).into_iter();
        variables.find(|(there, _)| *there == name).unwrap().1
    }

    #[test]
    fn nothing_lies_above_the_memory_that_is_there() {
        let scenario = |memory| Scenario {
            memory,
            ..Scenario::named("x")
        };
        assert_eq!(value("initrd_high", &scenario(256)), "0x10000000");
        assert_eq!(value("fdt_high", &scenario(4000)), "0x20000000");
    }

    #[test]
    fn the_disk_comes_after_the_network() {
        let scenario = Scenario {
            disk: Disk::Bootable,
            ..Scenario::named("x")
        };
        let command = value("bootcmd0", &scenario);
        assert!(command.ends_with("pxe boot; source ${scriptaddr}; echo No bootable device."));
        let last = options(&scenario).pop().unwrap();
        assert_eq!(last.1, "loader,file=disk.img,addr=0x600000,force-raw=on");
        assert_eq!(options(&Scenario::named("x")).len(), 3);
    }
}
