//! One xz stream in which what cannot get smaller is stored, and the rest compressed: kernels and initramfs archives are compressed already, and trying it again is most of the time
//! that packing them takes. liblzma makes the compressed blocks; the stored ones, and the index of all, are written here, after "The .xz File Format", version 1.1.0.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::mem;

use flate2::Crc;
use xz2::stream::{Check, MtStreamBuilder};
use xz2::write::XzEncoder;

/// So many bytes are looked at, and then stored or compressed.
const STRETCH: usize = 256 << 10;

/// Of which so many are compressed for trial.
const TRIAL: usize = 16 << 10;

/// Magic bytes, flags (CRC32 is the check of all blocks) and their CRC32: section 2.1.1.
const HEADER: [u8; 12] = [
    0xfd, b'7', b'z', b'X', b'Z', 0, 0, 1, 0x69, 0x22, 0xde, 0x36,
];
const FLAGS: [u8; 2] = [0, 1];
const FOOTER_MAGIC: &[u8; 2] = b"YZ";
const FOOTER: usize = 12;

/// The header of a stored block: its length, no sizes, one filter (LZMA2), its properties (a dictionary of 4 KiB), padding: section 3.1. Its CRC32 follows.
const STORED: [u8; 8] = [2, 0, 0x21, 1, 0, 0, 0, 0];

/// The most that an uncompressed chunk of LZMA2 holds, and its control byte, which makes nothing before it count.
const CHUNK: usize = 64 << 10;
const UNCOMPRESSED: u8 = 1;

/// Size of a block without padding, and of what it holds.
type Record = (u64, u64);

/// A stream in the making.
pub(super) struct Writer {
    level: u32,
    state: State,
    records: Vec<Record>,
    stretch: Vec<u8>,
}

/// What is being written.
enum State {
    /// No block. The file stands at its end.
    Between(File),
    /// Blocks of liblzma's.
    Packing(XzEncoder<WithoutHeader>),
    /// A stored block.
    Storing(Storing),
    /// Nothing more: writing failed.
    Broken,
}

impl Writer {
    pub(super) fn new(mut output: File, level: u32) -> io::Result<Self> {
        output.write_all(&HEADER)?;
        Ok(Self {
            level,
            state: State::Between(output),
            records: Vec::new(),
            stretch: Vec::with_capacity(STRETCH),
        })
    }

    /// Writes what was collected, in a block of the right kind.
    fn stretch(&mut self) -> io::Result<()> {
        let stretch = mem::take(&mut self.stretch);
        let store = stretch.len() == STRETCH && is_packed(&stretch)?;
        let goes_on = matches!(
            (&self.state, store),
            (State::Storing(_), true) | (State::Packing(_), false)
        );
        if !goes_on {
            let output = self.close()?;
            self.state = if store {
                State::Storing(Storing::new(output)?)
            } else {
                State::Packing(packing(output, self.level)?)
            };
        }
        match &mut self.state {
            State::Storing(block) => block.write(&stretch)?,
            State::Packing(encoder) => encoder.write_all(&stretch)?,
            State::Between(_) | State::Broken => return Err(broken()),
        }
        self.stretch = stretch;
        self.stretch.clear();
        Ok(())
    }

    /// Ends what is being written, and returns the file.
    fn close(&mut self) -> io::Result<File> {
        match mem::replace(&mut self.state, State::Broken) {
            State::Between(output) => Ok(output),
            State::Packing(encoder) => {
                let mut output = encoder.finish()?.output;
                self.records.extend(take_index(&mut output)?);
                Ok(output)
            }
            State::Storing(block) => {
                let (output, record) = block.finish()?;
                self.records.push(record);
                Ok(output)
            }
            State::Broken => Err(broken()),
        }
    }

    /// Writes what is left, and the index, and returns the file.
    pub(super) fn finish(mut self) -> io::Result<File> {
        if !self.stretch.is_empty() {
            self.stretch()?;
        }
        let mut output = self.close()?;
        let index = index(&self.records);
        output.write_all(&index)?;
        let size = u32::try_from(index.len() / 4 - 1).map_err(io::Error::other)?;
        let fields = [&size.to_le_bytes()[..], &FLAGS].concat();
        let footer = [&crc(&fields)[..], &fields, FOOTER_MAGIC].concat();
        output.write_all(&footer)?;
        Ok(output)
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(STRETCH - self.stretch.len());
        self.stretch.extend_from_slice(&bytes[..taken]);
        if self.stretch.len() == STRETCH {
            self.stretch()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::other("an archive whose writing failed is written to")
}

/// Whether bytes are as those of compressed data: each about as frequent as any other (the index of coincidence, which takes no logarithms that could differ from
/// machine to machine), and without repetitions.
fn is_packed(bytes: &[u8]) -> io::Result<bool> {
    let mut counts = [0u64; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let squares: u64 = counts.iter().map(|count| count * count).sum();
    let length = bytes.len() as u64;
    if squares * 256 * 100 > length * length * 110 {
        return Ok(false);
    }
    let mut trial = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    let piece = &bytes[..bytes.len().min(TRIAL)];
    trial.write_all(piece)?;
    Ok(trial.finish()?.len() * 100 > piece.len() * 97)
}

/// liblzma's encoder as `dpkg-deb` has it: blocks of the level's usual size, each compressed by one thread.
fn packing(output: File, level: u32) -> io::Result<XzEncoder<WithoutHeader>> {
    let threads = std::thread::available_parallelism().map_or(1, |many| many.get().min(4));
    let stream = MtStreamBuilder::new()
        .threads(threads as u32)
        .preset(level)
        .check(Check::Crc32)
        .encoder()?;
    let output = WithoutHeader {
        output,
        left: HEADER.len(),
    };
    Ok(XzEncoder::new_stream(output, stream))
}

/// Leaves out the header of a stream that goes on with another one's blocks.
struct WithoutHeader {
    output: File,
    /// Bytes of the header that are still to come.
    left: usize,
}

impl Write for WithoutHeader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let skipped = self.left.min(bytes.len());
        self.left -= skipped;
        if skipped == bytes.len() {
            return Ok(skipped);
        }
        Ok(skipped + self.output.write(&bytes[skipped..])?)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Cuts index and footer off a file that ends with a stream, and returns what the index said.
fn take_index(output: &mut File) -> io::Result<Vec<Record>> {
    let mut footer = [0; FOOTER];
    let end = output.seek(SeekFrom::End(-(FOOTER as i64)))?;
    output.read_exact(&mut footer)?;
    let size = u32::from_le_bytes([footer[4], footer[5], footer[6], footer[7]]);
    let size = (u64::from(size) + 1) * 4;
    let start = end.checked_sub(size).ok_or_else(broken)?;
    output.seek(SeekFrom::Start(start))?;
    let mut index = vec![0; size as usize];
    output.read_exact(&mut index)?;
    output.set_len(start)?;
    output.seek(SeekFrom::Start(start))?;
    // The first byte says that this is no block.
    let mut numbers = index.get(1..).unwrap_or_default();
    let count = number(&mut numbers)?;
    let record = |_| Ok((number(&mut numbers)?, number(&mut numbers)?));
    (0..count).map(record).collect()
}

/// Section 4: an indicator, the records, padding, CRC32.
fn index(records: &[Record]) -> Vec<u8> {
    let mut index = vec![0];
    push(&mut index, records.len() as u64);
    for (unpadded, uncompressed) in records {
        push(&mut index, *unpadded);
        push(&mut index, *uncompressed);
    }
    index.resize(index.len().next_multiple_of(4), 0);
    let sum = crc(&index);
    index.extend(sum);
    index
}

/// Appends a number of variable length: section 1.2.
fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads one.
fn number(bytes: &mut &[u8]) -> io::Result<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or_else(broken)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(broken())
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

/// A block of uncompressed chunks.
struct Storing {
    output: File,
    /// Size of the block so far.
    unpadded: u64,
    uncompressed: u64,
    crc: Crc,
}

impl Storing {
    fn new(mut output: File) -> io::Result<Self> {
        let header = [&STORED[..], &crc(&STORED)].concat();
        output.write_all(&header)?;
        Ok(Self {
            output,
            unpadded: header.len() as u64,
            uncompressed: 0,
            crc: Crc::new(),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.chunks(CHUNK) {
            let [high, low] = ((chunk.len() - 1) as u16).to_be_bytes();
            self.output.write_all(&[UNCOMPRESSED, high, low])?;
            self.output.write_all(chunk)?;
            self.unpadded += 3 + chunk.len() as u64;
        }
        self.uncompressed += bytes.len() as u64;
        self.crc.update(bytes);
        Ok(())
    }

    fn finish(mut self) -> io::Result<(File, Record)> {
        // The end mark of LZMA2, padding, the check, which counts without the padding before it.
        self.unpadded += 1;
        let padding = self.unpadded.next_multiple_of(4) - self.unpadded;
        self.output.write_all(&[0; 4][..1 + padding as usize])?;
        self.output.write_all(&self.crc.sum().to_le_bytes())?;
        Ok((self.output, (self.unpadded + 4, self.uncompressed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::samples;
    use crate::tool::Tool;

    /// Bytes that no compressor gets smaller.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1u64;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..length).map(next).collect()
    }

    /// Writes in pieces of an odd size.
    fn written(bytes: &[u8], folder: &tempfile::TempDir) -> std::path::PathBuf {
        let path = folder.path().join("x.xz");
        let open = fs_err::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path);
        let mut writer = Writer::new(open.unwrap().into_parts().0, 1).unwrap();
        for piece in bytes.chunks(100_003) {
            writer.write_all(piece).unwrap();
        }
        writer.finish().unwrap();
        path
    }

    /// Blocks that there are, as xz counts them, once it has taken the file for whole.
    fn blocks(path: &std::path::Path) -> u64 {
        Tool::new("xz").arg("--test").arg(path).run().unwrap();
        let list = Tool::new("xz")
            .args(["--list", "--robot"])
            .arg(path)
            .read()
            .unwrap();
        let file = list.lines().find(|line| line.starts_with("file")).unwrap();
        file.split('\t').nth(2).unwrap().parse().unwrap()
    }

    fn unpacked(path: &std::path::Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        let input = fs_err::File::open(path).unwrap();
        xz2::read::XzDecoder::new(input)
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    }

    #[test]
    fn xz_reads_stored_and_compressed_blocks_of_every_length() {
        let folder = tempfile::tempdir().unwrap();
        let (text, noise) = (samples::text(STRETCH + 1), noise(3 * STRETCH));
        let lengths = [0, 1, CHUNK, CHUNK + 1, STRETCH - 1, STRETCH, STRETCH + 1];
        for length in lengths {
            let cases = [
                (text[..length].to_vec(), length.min(1) as u64),
                ([&noise, &text[..length]].concat(), 1 + length.min(1) as u64),
                (
                    [&text[..STRETCH], &noise[..2 * STRETCH], &text[..length]].concat(),
                    2 + length.min(1) as u64,
                ),
            ];
            for (bytes, expected) in cases {
                let path = written(&bytes, &folder);
                assert_eq!(blocks(&path), expected, "{length}");
                assert!(unpacked(&path) == bytes, "{length}");
            }
        }
    }

    #[test]
    fn what_cannot_get_smaller_is_stored() {
        let text = samples::text(3 * STRETCH);
        let [_, bzip2, xz, zstd] = samples::compressed(&text);
        for packed in [bzip2, xz, zstd, noise(STRETCH)] {
            assert!(is_packed(&packed[..STRETCH]).unwrap());
        }
        let every: Vec<u8> = (0..STRETCH).map(|at| at as u8).collect();
        let zeros = vec![0; STRETCH];
        for loose in [&text[..STRETCH], &every, &zeros] {
            assert!(!is_packed(loose).unwrap());
        }
        let folder = tempfile::tempdir().unwrap();
        let size = fs_err::metadata(written(&noise(8 * STRETCH), &folder))
            .unwrap()
            .len();
        assert!(size < 8 * STRETCH as u64 + 200, "{size}");
    }

    #[test]
    fn numbers_of_variable_length_are_read_as_they_are_written() {
        for expected in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, u64::MAX >> 1] {
            let mut bytes = Vec::new();
            push(&mut bytes, expected);
            assert_eq!(number(&mut &bytes[..]).unwrap(), expected);
            assert!(number(&mut &bytes[..bytes.len() - 1]).is_err());
        }
        assert!(number(&mut &[0xff; 12][..]).is_err());
    }
}
