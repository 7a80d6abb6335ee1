//! A disk whose EFI program says on the console that it booted. Pure.
//!
//! The program is a PE image (<https://learn.microsoft.com/windows/win32/debug/pe-format>) that calls the firmware's `ConOut->OutputString` and
//! goes on for ever. The disk is one FAT12 file system (Microsoft's FAT specification 1.03), without partitions, with the program where firmware
//! looks for it on a disk that it does not know (UEFI 3.5.1.1).

use crate::arch::Arch;
use crate::boot::protocol::LOCAL_BOOT;

/// `sub rsp, 40; mov rcx, [rdx+64]; lea rdx, [rip+7]; call [rcx+8]; l: pause; jmp l`
const X86_64: [u8; 22] = [
    0x48, 0x83, 0xec, 0x28, 0x48, 0x8b, 0x4a, 0x40, 0x48, 0x8d, 0x15, 0x07, 0x00, 0x00, 0x00, 0xff,
    0x51, 0x08, 0xf3, 0x90, 0xeb, 0xfc,
];
/// `ldr x0, [x1, #64]; ldr x2, [x0, #8]; adr x1, .+16; blr x2; l: wfi; b l`
const AARCH64: [u32; 6] = [
    0xf940_2020,
    0xf940_0402,
    0x1000_0081,
    0xd63f_0040,
    0xd503_207f,
    0x17ff_ffff,
];

/// Where sections begin in memory, and in the file.
const PAGE: u32 = 0x1000;
const SECTOR: u16 = 512;

/// A program that writes this to the console and goes on for ever. What does not fit into 4 KiB, some 2000 characters, is left out.
#[must_use]
pub fn program(arch: Arch, text: &str) -> Vec<u8> {
    let (machine, mut code): (u16, Vec<u8>) = match arch {
        Arch::Arm64 => (
            0xaa64,
            AARCH64.iter().flat_map(|it| it.to_le_bytes()).collect(),
        ),
        Arch::Amd64 | Arch::Armhf | Arch::Ppc64el => (0x8664, X86_64.to_vec()),
    };
    code.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    code.truncate(PAGE as usize - 2);
    code.extend([0, 0]);
    code.resize(code.len().next_multiple_of(usize::from(SECTOR)), 0);
    let mut image = headers(machine, code.len() as u32);
    image.resize(usize::from(SECTOR), 0);
    image.extend(code);
    image
}

/// Everything in front of the one section: DOS header, COFF header, optional header without directories, section header.
fn headers(machine: u16, code: u32) -> Vec<u8> {
    let mut bytes = b"MZ".to_vec();
    bytes.resize(0x3c, 0);
    let mut header = Header(bytes);
    header.u32s(&[0x40]);
    header.0.extend(b"PE\0\0");
    header.u16s(&[machine, 1]);
    header.u32s(&[0, 0, 0]);
    // Length of the optional header; executable, anywhere in memory.
    header.u16s(&[112 + 16 * 8, 0x22]);
    header.u16s(&[0x20b, 0]);
    header.u32s(&[code, 0, 0, PAGE, PAGE]);
    header.u32s(&[0, 0, PAGE, u32::from(SECTOR)]);
    header.u16s(&[0; 6]);
    header.u32s(&[0, 2 * PAGE, u32::from(SECTOR), 0]);
    // An EFI application.
    header.u16s(&[10, 0]);
    header.u32s(&[0; 8]);
    header.u32s(&[0, 16]);
    header.u32s(&[0; 32]);
    header.0.extend(b".text\0\0\0");
    header.u32s(&[code, PAGE, code, u32::from(SECTOR), 0, 0, 0, 0x6000_0020]);
    header.0
}

struct Header(Vec<u8>);

impl Header {
    fn u16s(&mut self, values: &[u16]) {
        self.0.extend(values.iter().flat_map(|it| it.to_le_bytes()));
    }

    fn u32s(&mut self, values: &[u32]) {
        self.0.extend(values.iter().flat_map(|it| it.to_le_bytes()));
    }
}

/// Sectors of the disk: 8 MiB.
const SECTORS: u16 = 16_384;
/// Sectors of a cluster, of each of the two tables, and of the root folder.
const CLUSTER: u8 = 8;
const TABLE: u16 = 6;
const ROOT: u16 = 1;

/// The beginning of the disk: `EFI/BOOT/BOOTX64.EFI` or its like, in the third, the second and the first cluster.
pub fn disk(arch: Arch) -> Vec<u8> {
    let name = match arch {
        Arch::Arm64 => b"BOOTAA64EFI",
        Arch::Amd64 | Arch::Armhf | Arch::Ppc64el => b"BOOTX64 EFI",
    };
    let program = program(arch, &format!("\r\n{LOCAL_BOOT}\r\n"));
    let length = program.len() as u32;
    let folder = |itself: u16, parent: u16, inside: [u8; 32]| {
        let itself = entry(b".          ", 0x10, itself, 0);
        let parent = entry(b"..         ", 0x10, parent, 0);
        [itself, parent, inside].concat()
    };
    let parts = [
        (1, boot_sector()),
        (TABLE, table()),
        (TABLE, table()),
        (ROOT, entry(b"EFI        ", 0x10, 2, 0).to_vec()),
        (
            u16::from(CLUSTER),
            folder(2, 0, entry(b"BOOT       ", 0x10, 3, 0)),
        ),
        (
            u16::from(CLUSTER),
            folder(3, 2, entry(name, 0x20, 4, length)),
        ),
        (u16::from(CLUSTER), program),
    ];
    let parts = parts.into_iter().flat_map(|(sectors, mut part)| {
        part.resize(usize::from(sectors * SECTOR), 0);
        part
    });
    parts.collect()
}

fn boot_sector() -> Vec<u8> {
    // A jump to nowhere far, as every file system begins with.
    let mut header = Header(b"\xeb\xfe\x90MSWIN4.1".to_vec());
    header.u16s(&[SECTOR]);
    header.0.push(CLUSTER);
    // The reserved sector is this one.
    header.u16s(&[1]);
    header.0.push(2);
    header.u16s(&[ROOT * 16, SECTORS]);
    header.0.push(0xf8);
    header.u16s(&[TABLE, 32, 64]);
    header.u32s(&[0, 0]);
    header.0.extend([0x80, 0, 0x29]);
    header.u32s(&[0x6c61_6221]);
    header.0.extend(b"NO NAME    FAT12   ");
    header.0.resize(510, 0);
    header.0.extend([0x55, 0xaa]);
    header.0
}

/// Two numbers of 12 bits in three bytes each: the medium's, one that is always there, and three clusters each of which is the last.
fn table() -> Vec<u8> {
    vec![0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]
}

fn entry(name: &[u8; 11], attributes: u8, cluster: u16, length: u32) -> [u8; 32] {
    // 1 January 1980.
    const DATE: [u8; 2] = [0x21, 0x00];
    let mut entry = [0; 32];
    entry[..11].copy_from_slice(name);
    entry[11] = attributes;
    entry[16..18].copy_from_slice(&DATE);
    entry[24..26].copy_from_slice(&DATE);
    entry[26..28].copy_from_slice(&cluster.to_le_bytes());
    entry[28..32].copy_from_slice(&length.to_le_bytes());
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_say_what_they_are_given() {
        for (arch, code) in [(Arch::Amd64, 22), (Arch::Arm64, 24)] {
            let image = program(arch, "ab");
            assert_eq!(&image[0x40..0x44], b"PE\0\0");
            assert_eq!(image.len(), 1024);
            let text = usize::from(SECTOR) + code;
            assert_eq!(&image[text..text + 6], b"a\0b\0\0\0");
        }
        assert_eq!(program(Arch::Amd64, &"x".repeat(1 << 20)).len(), 512 + 4096);
    }

    #[test]
    fn the_disk_leads_to_the_program() {
        let disk = disk(Arch::Amd64);
        let sectors = |from: usize| &disk[from * 512..];
        assert_eq!(disk[510..512], [0x55, 0xaa]);
        let root = 1 + 2 * usize::from(TABLE);
        assert!(sectors(root).starts_with(b"EFI  "));
        let cluster = |number: usize| sectors(root + 1 + (number - 2) * 8);
        assert!(cluster(2)[64..].starts_with(b"BOOT   "));
        assert!(cluster(3)[64..].starts_with(b"BOOTX64 EFI"));
        assert!(cluster(4).starts_with(b"MZ"));
        // FAT12 is what has less than 4085 clusters.
        assert!((usize::from(SECTORS) - root - 1) / 8 < 4085);
    }
}
