//! What lines of firmware, boot loaders and kernels mean when something is wrong: one table. The guest's own words are
//! `protocol`'s.

use std::sync::LazyLock;

use regex::RegexSet;

/// Something that is wrong, by a line on the screen or the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The kernel gave up.
    Panic,
    /// The kernel met a bug, and perhaps goes on.
    Oops,
    /// The firmware got no address, or was not told what to boot.
    NoDhcp,
    /// The firmware waits for a server no longer: the one for DHCP, as long as it has no address.
    NoAnswer,
    /// The firmware or the boot loader could not get a file, or not start it.
    LoadFailed,
    /// The firmware has nothing left to boot.
    NothingToBoot,
    /// The kernel could not unpack all of its initramfs, and goes on with what it has.
    Unpacking,
}

/// Pattern, meaning, and whether it only means that before Linux runs (after that, it can be anybody's words).
/// Sources: Linux (`init/initramfs.c`, `kernel/panic.c`, `arch/*/mm/fault.c`, `lib/bug.c`, `kernel/watchdog.c`, `kernel/rcu/`), iPXE
/// (`usr/autoboot.c`, `net/netdevice.c`), syslinux (`core/pxelinux.asm`, `core/elflink/load_env32.c`, `com32/elflink/ldlinux/`), `SeaBIOS` (`src/boot.c`),
/// SLOF (`lib/libnet/`, `slof/fs/boot.fs`), U-Boot (`net/bootp.c`, `net/tftp.c`, `cmd/pxe.c`, `boot/pxe_utils.c`, `arch/arm/lib/`).
/// Text of the boot loader can come doubled when it writes to screen and console at once: patterns must not mind.
const SIGNS: &[(&str, Sign, bool)] = &[
    (r"Kernel panic - not syncing", Sign::Panic, false),
    (r"\bOops: .*\[#\d+\]", Sign::Oops, false),
    (
        r"\bBUG: (unable to handle|kernel NULL pointer|scheduling while atomic|soft lockup)",
        Sign::Oops,
        false,
    ),
    (r"\bkernel BUG at ", Sign::Oops, false),
    (r"\bInternal error: .*\[#\d+\]", Sign::Oops, false),
    (r"\bgeneral protection fault, ", Sign::Oops, false),
    (r"\bUnable to handle kernel ", Sign::Oops, false),
    (r"\brcu: INFO: .* detected .*stall", Sign::Oops, false),
    (
        r"No configuration methods\s+succeeded|No configuration methods$",
        Sign::NoDhcp,
        true,
    ),
    (r"^PXE-E(51|52|53):", Sign::NoDhcp, true),
    (r"^Nothing to boot: .*ipxe\.org/", Sign::NoDhcp, true),
    (r"tftp://\S+\.\.\. .*ipxe\.org/", Sign::LoadFailed, true),
    (r"^PXE-[ET]\d\d:", Sign::LoadFailed, true),
    // EDK II says so of servers of every kind.
    (
        r"^\s*PXE-E1[268]: |^\s*Error: Server response timeout",
        Sign::NoAnswer,
        true,
    ),
    (r"^\s+PXE-E\d\d: ", Sign::LoadFailed, true),
    (
        r"^\s*Error: (Could not retrieve|Unexpected network|Secure Boot)",
        Sign::LoadFailed,
        true,
    ),
    (
        r"BdsDxe: failed to (load|start) Boot",
        Sign::LoadFailed,
        true,
    ),
    (
        r"BdsDxe: No bootable option|^UEFI Interactive Shell v",
        Sign::NothingToBoot,
        true,
    ),
    (
        r"^start_image\(\) returned [^,]*$|^Verification failed: ",
        Sign::LoadFailed,
        true,
    ),
    (
        r"error: (.*: )?(bad shim signature|you need to load the kernel first)",
        Sign::LoadFailed,
        true,
    ),
    (
        r"Minimal BASH-like line editing is supported",
        Sign::LoadFailed,
        true,
    ),
    (r"Loading .*failed:", Sign::LoadFailed, true),
    (r"Could not find kernel image:", Sign::LoadFailed, true),
    (r"Failed to load \S+\.(c32|e32|e64)", Sign::LoadFailed, true),
    (
        r"Unable to locate configuration file",
        Sign::LoadFailed,
        true,
    ),
    (r"\.c32: not a COM32R image", Sign::LoadFailed, true),
    (r"Invalid or corrupt kernel image", Sign::LoadFailed, true),
    (r"Booting kernel failed:", Sign::LoadFailed, true),
    (r"^Retry time exceeded", Sign::NoDhcp, true),
    (r"^Retry count exceeded", Sign::LoadFailed, true),
    (r"^Config file not found", Sign::LoadFailed, true),
    (r"^Error parsing config file", Sign::LoadFailed, true),
    (
        r"^Skipping \S+ for failure retrieving",
        Sign::LoadFailed,
        true,
    ),
    (r"^bootarg overflow ", Sign::LoadFailed, true),
    (
        r"^Bad Linux ARM(64 Image| zImage) magic!",
        Sign::LoadFailed,
        true,
    ),
    (r"^E3001 \(net\)", Sign::NoDhcp, true),
    (r"^E3\d\d\d \(net\)|^E3407:", Sign::LoadFailed, true),
    // SLOF's own command line.
    (r"^Ready! ?$", Sign::NothingToBoot, true),
    (r"No bootable device", Sign::NothingToBoot, true),
    // PXELINUX then waits five minutes for a key, and resets the machine.
    (r"^Boot failed: press a key", Sign::NothingToBoot, true),
    (r"\bInitramfs unpacking failed: ", Sign::Unpacking, false),
    (
        r"\brootfs image is not initramfs \(",
        Sign::Unpacking,
        false,
    ),
    (r"-- System halted", Sign::Panic, false),
];

/// What a line means, if it means something bad.
#[must_use]
pub fn read(line: &str, linux_runs: bool) -> Option<Sign> {
    static SET: LazyLock<Option<RegexSet>> =
        LazyLock::new(|| RegexSet::new(SIGNS.iter().map(|(pattern, ..)| pattern)).ok());
    let matches = SET.as_ref()?.matches(line);
    matches
        .iter()
        .map(|index| SIGNS[index])
        .find(|&(_, _, before_linux)| !(before_linux && linux_runs))
        .map(|(_, sign, _)| sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_compiles_and_tells_causes_apart() {
        let lines = [
            (
                "[    0.737112] Kernel panic - not syncing: No working init found.",
                Sign::Panic,
            ),
            (
                "BUG: kernel NULL pointer dereference, address: 0000000000000000",
                Sign::Oops,
            ),
            ("[    1.0] Oops: 0002 [#1] PREEMPT SMP NOPTI", Sign::Oops),
            (
                "watchdog: BUG: soft lockup - CPU#0 stuck for 23s! [sh:1]",
                Sign::Oops,
            ),
            (
                "Configuring (net0 52:54:00:12:34:56).................. No configuration methods",
                Sign::NoDhcp,
            ),
            (
                "tftp://10.77.0.1/pxelinux.0... No such file or directory (http://ipxe.org/2d0c618e)",
                Sign::LoadFailed,
            ),
            (
                "Loading nope...Loading nope...  failed:failed:  No such file",
                Sign::LoadFailed,
            ),
            ("Failed to load ldlinux.c32", Sign::LoadFailed),
            ("No bootable device.", Sign::NothingToBoot),
            ("  PXE-E18: Server response timeout.", Sign::NoAnswer),
            (
                "  PXE-E23: Client received TFTP error from server.",
                Sign::LoadFailed,
            ),
            (
                "    Downloading...100%BdsDxe: failed to load Boot0001 \"UEFI HTTPv4 (MAC:525400123456)\" from PciRoot(0x0): Not Found",
                Sign::LoadFailed,
            ),
            (
                "BdsDxe: failed to load Boot0001 \"UEFI PXEv4 (MAC:525400123456)\" from PciRoot(0x0): Access Denied",
                Sign::LoadFailed,
            ),
            ("error: bad shim signature.", Sign::LoadFailed),
            ("start_image() returned Not Found", Sign::LoadFailed),
            (
                "BdsDxe: No bootable option or device was found.",
                Sign::NothingToBoot,
            ),
            ("Retry time exceeded", Sign::NoDhcp),
            (
                "Skipping image for failure retrieving kernel",
                Sign::LoadFailed,
            ),
            ("Bad Linux ARM64 Image magic!", Sign::LoadFailed),
            ("E3001 (net) Could not get IP address", Sign::NoDhcp),
            ("E3009 (net) file not found: bootme", Sign::LoadFailed),
            ("E3407: Load failed", Sign::LoadFailed),
            ("Ready! ", Sign::NothingToBoot),
            (
                "[    0.9] Internal error: Oops: 96000004 [#1] SMP",
                Sign::Oops,
            ),
            (
                "[    0.4] Initramfs unpacking failed: junk within compressed archive",
                Sign::Unpacking,
            ),
            (
                "rootfs image is not initramfs (invalid magic at start of compressed archive); looks like an initrd",
                Sign::Unpacking,
            ),
        ];
        for (line, sign) in lines {
            assert_eq!(read(line, false), Some(sign), "{line}");
        }
    }

    #[test]
    fn what_goes_well_means_nothing() {
        let lines = [
            "tftp://10.77.0.1/pxelinux.0... ok",
            "start_image() returned Not Found, falling back to default loader",
            "BdsDxe: loading Boot0001 \"UEFI PXEv4 (MAC:525400123456)\" from PciRoot(0x0)",
            "Loading vmlinuz... ok",
            // A device of the list that is not there.
            "E3405: No such device",
            "Kernel command line: console=ttyS0 panic=5 oops=panic",
            "WARNING: CPU: 0 PID: 1 at kernel/foo.c:1 bar+0x1/0x2",
            "cordwainer: step clock failed 50 no answer",
        ];
        assert!(lines.iter().all(|line| read(line, false).is_none()));
    }

    #[test]
    fn programs_may_say_what_a_boot_loader_must_not() {
        assert_eq!(read("Loading module foo failed: no such file", true), None);
        assert_eq!(
            read("Kernel panic - not syncing: x", true),
            Some(Sign::Panic)
        );
    }
}
