//! A POWER machine with Open Firmware: what QEMU's `pseries` has to be told, and a disk that its firmware boots. Pure; the files are
//! written by `lab`.
//!
//! Sources: QEMU's `hw/ppc/spapr_caps.c`; IEEE 1275's PowerPC binding and CHRP's, of which SLOF boots ELF programs in a partition of type 0x41
//! (`slof/fs/packages/disk-label.fs`); `LoPAPR` for the hypervisor's calls.

use super::protocol::LOCAL_BOOT;

/// What is said behind the machine's name: TCG has no guard against speculation, and QEMU would warn of each that is missing.
#[must_use]
pub fn machine(accel: &str) -> &'static str {
    match accel {
        "tcg" => ",cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken,cap-ccf-assist=off",
        _ => "",
    }
}

/// Where the program of the disk is loaded.
const AT: u64 = 0x10_0000;
/// Bytes of the ELF header and of the single program header.
const HEADERS: usize = 64 + 56;
/// Bytes of a function's descriptor, which a big-endian program begins with: address, table of contents, environment.
const DESCRIPTOR: usize = 24;
/// Bytes that the hypervisor takes at once.
const CHUNK: usize = 16;

/// Hands the text behind it to the hypervisor for the console, 16 bytes at a time, each time until it takes them, and waits for ever.
const CODE: [u32; 16] = [
    0x429f_0005, //       bcl   20, 31, .+4     (the address of what follows)
    0x7fa8_02a6, //       mflr  29
    0x3bbd_003c, //       addi  29, 29, 60      (the text)
    0x3b80_0000, //       li    28, 0           (how many times: see `disk`)
    0xe8dd_0000, // next: ld    6, 0(29)
    0xe8fd_0008, //       ld    7, 8(29)
    0x3860_0058, //       li    3, 0x58         (H_PUT_TERM_CHAR)
    0x3c80_7100, //       lis   4, 0x7100       (QEMU's first terminal)
    0x38a0_0010, //       li    5, 16
    0x4400_0022, //       sc    1
    0x2c23_0000, //       cmpdi 3, 0            (H_SUCCESS)
    0x4082_ffe4, //       bne   next
    0x3bbd_0010, //       addi  29, 29, 16
    0x379c_ffff, //       addic. 28, 28, -1
    0x4082_ffd8, //       bne   next
    0x4800_0000, //       b     .
];
/// Where in [`CODE`] the number of times is.
const TIMES: usize = 3;

/// The beginning of a disk that says it booted: a table of partitions, and in the only one a program.
#[must_use]
pub fn disk() -> Vec<u8> {
    let mut sector = vec![0; 512];
    // Bootable, of type 0x41 (PReP boot), from sector 1 on, 1 MiB.
    sector[446..462].copy_from_slice(&[0x80, 0, 2, 0, 0x41, 0, 3, 0, 1, 0, 0, 0, 0, 8, 0, 0]);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector.extend(program(&format!("\r\n{LOCAL_BOOT}\r\n")));
    sector
}

/// A program that writes this text, at most 512 KiB, to the console: ELF, 64 bits, most significant byte first, all of it in one segment.
#[must_use]
pub fn program(text: &str) -> Vec<u8> {
    let mut text = text.as_bytes().to_vec();
    // Empty lines in front.
    let padding = text.len().next_multiple_of(CHUNK) - text.len();
    text.splice(0..0, std::iter::repeat_n(b'\n', padding));
    let mut code = CODE;
    code[TIMES] |= (text.len() / CHUNK) as u32;
    let entry = AT + HEADERS as u64;
    let mut content = [entry + DESCRIPTOR as u64, 0, 0]
        .map(u64::to_be_bytes)
        .concat();
    content.extend(code.iter().flat_map(|word| word.to_be_bytes()));
    content.extend(text);
    let size = (HEADERS + content.len()) as u64;
    let mut elf = vec![0x7f, b'E', b'L', b'F', 2, 2, 1];
    elf.resize(16, 0);
    // An executable for EM_PPC64, version 1.
    elf.extend([0, 2, 0, 21, 0, 0, 0, 1]);
    elf.extend([entry, 64, 0].map(u64::to_be_bytes).concat());
    // No flags; the header's size, a program header's, of which there is one; no sections.
    elf.extend([0, 0, 64, 56, 1, 0, 0, 0].map(u16::to_be_bytes).concat());
    // PT_LOAD, all rights.
    elf.extend([1, 7].map(u32::to_be_bytes).concat());
    elf.extend(
        [0, AT, AT, size, size, 0x1000]
            .map(u64::to_be_bytes)
            .concat(),
    );
    [elf, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_lies_behind_the_code_in_whole_chunks() {
        let program = program("\r\nx\r\n");
        let begin = HEADERS + DESCRIPTOR + size_of_val(&CODE);
        let text = &program[begin..];
        assert_eq!(text.len() % CHUNK, 0);
        assert!(text.ends_with(b"\n\r\nx\r\n"));
        // From the second instruction on, where the address is taken.
        assert_eq!(CODE[2] & 0xffff, size_of_val(&CODE) as u32 - 4);
        let times = HEADERS + DESCRIPTOR + 4 * TIMES;
        assert_eq!(usize::from(program[times + 3]) * CHUNK, text.len());
    }

    #[test]
    fn the_partition_begins_with_the_program() {
        let disk = disk();
        assert_eq!(disk[510..516], [0x55, 0xaa, 0x7f, b'E', b'L', b'F']);
        assert_eq!(disk[450], 0x41);
        let entry = u64::from_be_bytes(disk[512 + 24..][..8].try_into().unwrap());
        let at = 512 + (entry - AT) as usize;
        let code = u64::from_be_bytes(disk[at..][..8].try_into().unwrap());
        assert_eq!(code, entry + DESCRIPTOR as u64);
    }
}
