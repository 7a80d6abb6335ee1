//! A small disk whose boot sector says on the first serial port that it booted, for scenarios that end at the local
//! disk.

use super::protocol::LOCAL_BOOT;

/// Bytes of the disk: enough for a firmware to believe in it.
pub const SIZE: u64 = 8 << 20;

/// Writes the text behind it to the serial port at 0x3f8, each byte when the port is ready, then halts for ever.
/// The firmware loads it to 0x7c00 and jumps there in real mode.
const CODE: [u8; 34] = [
    0xfa, //             cli
    0x31, 0xc0, //       xor ax, ax
    0x8e, 0xd8, //       mov ds, ax
    0xfc, //             cld
    0xbe, 0x22, 0x7c, // mov si, 0x7c00 + length of this code
    0xac, //       next: lodsb
    0x84, 0xc0, //       test al, al
    0x74, 0x11, //       jz halt
    0x88, 0xc4, //       mov ah, al
    0xba, 0xfd, 0x03, // mov dx, 0x3fd    (line status)
    0xec, //       wait: in al, dx
    0xa8, 0x20, //       test al, 0x20    (transmitter empty)
    0x74, 0xfb, //       jz wait
    0xb2, 0xf8, //       mov dl, 0xf8     (data)
    0x88, 0xe0, //       mov al, ah
    0xee, //             out dx, al
    0xeb, 0xea, //       jmp next
    0xf4, //       halt: hlt
    0xeb, 0xfd, //       jmp halt
];

/// The first sector of the disk.
#[must_use]
pub fn boot_sector() -> [u8; 512] {
    speaking(&format!("\r\n{LOCAL_BOOT}\r\n"))
}

/// A boot sector that writes this text to the first serial port: code, text, and the signature that makes it bootable. What
/// does not fit, some 470 bytes, is left out. It is a network bootstrap program too: that is loaded to the same place.
#[must_use]
pub fn speaking(text: &str) -> [u8; 512] {
    let mut sector = [0; 512];
    sector[..CODE.len()].copy_from_slice(&CODE);
    let room = &mut sector[CODE.len()..509];
    let length = text.len().min(room.len());
    room[..length].copy_from_slice(&text.as_bytes()[..length]);
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_lies_where_the_code_looks_for_it() {
        let at = usize::from(u16::from_le_bytes([CODE[7], CODE[8]]) - 0x7c00);
        let sector = boot_sector();
        let text = format!("\r\n{LOCAL_BOOT}\r\n\0");
        assert_eq!(&sector[at..at + text.len()], text.as_bytes());
        assert_eq!(sector[510..], [0x55, 0xaa]);
    }
}
