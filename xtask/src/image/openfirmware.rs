//! A kernel for POWER as Open Firmware loads it: the ELF file that the kernel's build leaves says that it wants to be at an address which only the running
//! kernel has, and firmware takes that at its word. Here it is told where it may be; the kernel moves itself from there.
//!
//! Sources: the 64-bit PowerPC ELF specification; IEEE 1275's PowerPC binding (client program format); SLOF's `slof/fs/elf.fs`, which refuses
//! programs whose physical and virtual addresses differ.

use crate::failure::{Failure, Kind, Result};

/// Where the kernel is put: above the file itself, which SLOF loads to 16 KiB (`load-base`).
pub const KERNEL_AT: u64 = 0x400_0000;
/// Where the initramfs begins: above the kernel. With both, 256 MiB of memory are enough.
pub const INITRAMFS_AT: u64 = 0x800_0000;
/// Where SLOF loads a file before it looks what it is.
const LOAD_BASE: u64 = 0x4000;

/// `PT_LOAD`.
const LOAD: u32 = 1;
/// ELF, 64 bits, least significant byte first, version 1.
const IDENT: [u8; 7] = [0x7f, b'E', b'L', b'F', 2, 1, 1];
/// `EM_PPC64`.
const PPC64: u16 = 21;
/// Bytes of the file's header.
const HEADER: usize = 64;
/// Bytes of a program header.
const PROGRAM: usize = 56;

/// The kernel for Open Firmware. `vmlinux` is what the kernel's build makes for ppc64el; sections, which nobody reads to boot it, are left out. Equal
/// kernels make equal bytes.
///
/// # Errors
/// [`Kind::Source`] when it is no such file, or there is no room for it.
pub fn kernel(vmlinux: &[u8]) -> Result<Vec<u8>> {
    rewrite(vmlinux).map_err(|wrong| {
        Failure::new(
            Kind::Source,
            format!("Open Firmware cannot boot this kernel: it {wrong}"),
        )
    })
}

fn rewrite(vmlinux: &[u8]) -> Result<Vec<u8>, String> {
    let cut = || "is cut off".to_owned();
    let header = vmlinux.get(..HEADER).ok_or_else(cut)?;
    if header[..IDENT.len()] != IDENT || half(header, 18) != PPC64 {
        return Err("is no ELF file for ppc64el".to_owned());
    }
    let (table, count) = (word(header, 32), usize::from(half(header, 56)));
    if usize::from(half(header, 54)) != PROGRAM {
        return Err("has program headers of an unknown size".to_owned());
    }
    let table = usize::try_from(table).map_err(|_| cut())?;
    let (mut first, mut end) = (None, HEADER);
    let mut out = vmlinux.to_vec();
    for place in (0..count).map(|index| table.saturating_add(index * PROGRAM)) {
        let program = (place.checked_add(PROGRAM))
            .and_then(|after| out.get_mut(place..after))
            .ok_or_else(cut)?;
        end = end.max(place + PROGRAM);
        if u32::from_le_bytes([program[0], program[1], program[2], program[3]]) != LOAD {
            // Notes say what firmware it wants; one that has booted this far is good enough.
            program.fill(0);
            continue;
        }
        let (offset, from) = (word(program, 8), word(program, 16));
        let (in_file, in_memory) = (word(program, 32), word(program, 40));
        let first = *first.get_or_insert(from);
        let at = (from.checked_sub(first))
            .and_then(|distance| distance.checked_add(KERNEL_AT))
            .filter(|at| {
                at.checked_add(in_memory)
                    .is_some_and(|end| end <= INITRAMFS_AT)
            })
            .ok_or("takes more memory than there is below the initramfs")?;
        put(program, 16, at);
        put(program, 24, at);
        let last = offset.checked_add(in_file);
        let last = last.and_then(|last| usize::try_from(last).ok());
        end = end.max(last.filter(|&last| last <= vmlinux.len()).ok_or_else(cut)?);
    }
    let first = first.ok_or("has nothing to load")?;
    let entry = (word(header, 24).checked_sub(first))
        .and_then(|distance| distance.checked_add(KERNEL_AT))
        .ok_or("begins outside of itself")?;
    if end as u64 + LOAD_BASE > KERNEL_AT {
        return Err("is a larger file than there is room for".to_owned());
    }
    put(&mut out, 24, entry);
    // No sections: their table's place, size of an entry, number, and the names'.
    put(&mut out, 40, 0);
    out[58..HEADER].fill(0);
    out.truncate(end);
    Ok(out)
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn put(bytes: &mut [u8], at: usize, word: u64) {
    bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIRTUAL: u64 = 0xc000_0000_0000_0000;

    /// A file with a segment of 16 bytes, which take this much memory, a note, and sections behind them.
    fn vmlinux(memory: u64) -> Vec<u8> {
        let mut file = vec![0; HEADER + 2 * PROGRAM];
        file[..IDENT.len()].copy_from_slice(&IDENT);
        file[18..20].copy_from_slice(&PPC64.to_le_bytes());
        put(&mut file, 24, VIRTUAL + 8);
        put(&mut file, 32, HEADER as u64);
        put(&mut file, 40, 999);
        file[54..56].copy_from_slice(&(PROGRAM as u16).to_le_bytes());
        file[56..58].copy_from_slice(&2_u16.to_le_bytes());
        file[60..62].copy_from_slice(&7_u16.to_le_bytes());
        let content = file.len() as u64;
        let program = &mut file[HEADER..];
        program[0] = 1;
        put(program, 8, content);
        put(program, 16, VIRTUAL);
        put(program, 32, 16);
        put(program, 40, memory);
        program[PROGRAM] = 4;
        file.extend([b'k'; 16]);
        file.extend(b"sections");
        file
    }

    #[test]
    fn it_is_told_where_it_may_be() {
        let kernel = kernel(&vmlinux(32)).unwrap();
        assert!(kernel.ends_with(&[b'k'; 16]));
        assert_eq!(word(&kernel, 24), KERNEL_AT + 8);
        assert_eq!((word(&kernel, 40), half(&kernel, 60)), (0, 0));
        let program = &kernel[HEADER..];
        assert_eq!(
            (word(program, 16), word(program, 24)),
            (KERNEL_AT, KERNEL_AT)
        );
        assert_eq!(program[PROGRAM..][..PROGRAM], [0; PROGRAM]);
    }

    #[test]
    fn what_is_no_such_kernel_is_refused() {
        let whole = vmlinux(32);
        for length in 0..whole.len() - b"sections".len() {
            assert!(kernel(&whole[..length]).is_err(), "{length}");
        }
        let large = kernel(&vmlinux(INITRAMFS_AT - KERNEL_AT + 1)).unwrap_err();
        assert!(large.what.contains("more memory"), "{large}");
        let other = kernel(&[&b"\x7fELF\x01"[..], &whole[5..]].concat()).unwrap_err();
        assert!(other.what.contains("no ELF file for ppc64el"), "{other}");
    }

    #[test]
    fn altered_files_are_no_trouble() {
        let whole = vmlinux(32);
        for place in 0..HEADER + 2 * PROGRAM {
            for value in [0, 0x7f, 0xff] {
                let mut file = whole.clone();
                file[place] = value;
                if let Ok(kernel) = kernel(&file) {
                    assert!(kernel.len() <= file.len());
                }
            }
        }
    }
}
