//! lz4 in the legacy frame ("Legacy frame" in lz4's `doc/lz4_Frame_format.md`), the only one that the kernel's `lib/decompress_unlz4.c`
//! knows: blocks of 8 MiB, no checksum, no end mark. So a flipped bit, or an end cut off between two blocks, can go unnoticed.

use std::io::{self, Read, Write};

use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

/// The magic number 0x184C2102, little-endian.
pub(super) const MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// Every block but the last unpacks to this.
const BLOCK: usize = 8 << 20;

/// A writer that compresses.
pub(super) struct Encoder<W> {
    output: W,
    block: Vec<u8>,
    packed: Vec<u8>,
    begun: bool,
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(output: W) -> Self {
        Self {
            output,
            block: Vec::new(),
            packed: Vec::new(),
            begun: false,
        }
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        if !self.block.is_empty() || !self.begun {
            self.end_block()?;
        }
        Ok(self.output)
    }

    fn end_block(&mut self) -> io::Result<()> {
        if !self.begun {
            self.output.write_all(&MAGIC)?;
            self.begun = true;
        }
        if self.block.is_empty() {
            return Ok(());
        }
        self.packed
            .resize(get_maximum_output_size(self.block.len()), 0);
        let length = compress_into(&self.block, &mut self.packed).map_err(io::Error::other)?;
        self.output.write_all(&(length as u32).to_le_bytes())?;
        self.output.write_all(&self.packed[..length])?;
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        if self.block.len() == BLOCK {
            self.end_block()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where the frame ends that `bytes` begin with: before a length of 0, another frame, or fewer bytes than a length takes. (The kernel
/// goes on at another frame as if it were the same; here it is told apart.)
pub(super) fn end(bytes: &[u8]) -> usize {
    let mut at = MAGIC.len().min(bytes.len());
    loop {
        let length: Option<&[u8; 4]> = bytes.get(at..).and_then(<[u8]>::first_chunk);
        match length {
            None => {
                return if bytes[at..].iter().all(|&byte| byte == 0) {
                    at
                } else {
                    bytes.len()
                };
            }
            Some(&length) if length == [0; 4] || length == MAGIC => return at,
            Some(&length) => {
                at = at.saturating_add(4 + u32::from_le_bytes(length) as usize);
                if at > bytes.len() {
                    return bytes.len();
                }
            }
        }
    }
}

/// A reader that decompresses.
pub(super) struct Decoder<R> {
    input: R,
    begun: bool,
    block: Vec<u8>,
    at: usize,
}

impl<R: Read> Decoder<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            begun: false,
            block: Vec::new(),
            at: 0,
        }
    }

    /// Reads the next block; whether there is one.
    fn next_block(&mut self) -> io::Result<bool> {
        let damaged = |what| io::Error::new(io::ErrorKind::InvalidData, what);
        if !self.begun {
            let mut magic = [0; 4];
            self.input.read_exact(&mut magic)?;
            if magic != MAGIC {
                return Err(damaged("no legacy lz4 frame"));
            }
            self.begun = true;
        } else if self.block.len() < BLOCK && !self.block.is_empty() {
            // Only the last block may be shorter.
            return self.at_end().map(|()| false);
        }
        let mut length = Vec::with_capacity(4);
        self.input.by_ref().take(4).read_to_end(&mut length)?;
        if length.is_empty() {
            return Ok(false);
        }
        let length: [u8; 4] = length
            .try_into()
            .map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let length = u32::from_le_bytes(length) as usize;
        if length == 0 || length > get_maximum_output_size(BLOCK) {
            return Err(damaged("a block has an impossible length"));
        }
        let mut packed = Vec::new();
        self.input
            .by_ref()
            .take(length as u64)
            .read_to_end(&mut packed)?;
        if packed.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.block.resize(BLOCK, 0);
        let plain = decompress_into(&packed, &mut self.block)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.block.truncate(plain);
        self.at = 0;
        Ok(true)
    }

    fn at_end(&mut self) -> io::Result<()> {
        match self.input.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "something follows the last block",
            )),
        }
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() {
            if !self.next_block()? {
                return Ok(0);
            }
        }
        let read = buffer.len().min(self.block.len() - self.at);
        buffer[..read].copy_from_slice(&self.block[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}
