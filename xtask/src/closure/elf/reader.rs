//! Reading parts of a file, on disk or in memory, each block of it at most once, however large it is and whatever it claims.

use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::path::Path;

use fs_err::File;

use crate::failure::Result;

/// Most of what matters in a program lies together: in its first pages, and around its dynamic section.
const BLOCK: u64 = 16 * 1024;
/// Programs need some hundred kilobytes of themselves to be read, the largest libraries a few megabytes.
const MOST: u64 = 64 * 1024 * 1024;
/// The longest text that is read: a path (`PATH_MAX`) is not longer, a list of paths seldom.
const LONGEST: usize = 64 * 1024;

/// What is wrong with a file, in half a sentence.
pub(super) type Wrong = String;

/// Where a file's bytes are.
enum Source<'b> {
    Disk(File),
    Memory(&'b [u8]),
}

/// A file that is read in parts.
pub(super) struct Reader<'b> {
    source: Source<'b>,
    size: u64,
    /// Blocks that were read, and by their number, which.
    blocks: Vec<Vec<u8>>,
    numbers: HashMap<u64, usize>,
    /// The one that was asked for last: names lie side by side.
    last: Option<(u64, usize)>,
    left: u64,
}

impl<'b> Reader<'b> {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        Ok(Self::new(file.metadata()?.len(), Source::Disk(file)))
    }

    /// Takes a file that is in memory.
    pub(super) fn of(bytes: &'b [u8]) -> Self {
        Self::new(bytes.len() as u64, Source::Memory(bytes))
    }

    fn new(size: u64, source: Source<'b>) -> Self {
        Self {
            size,
            source,
            blocks: Vec::new(),
            numbers: HashMap::new(),
            last: None,
            left: MOST,
        }
    }

    /// The first bytes, at most so many.
    pub(super) fn head(&mut self, most: usize) -> Result<Vec<u8>, Wrong> {
        let length = self.size.min(most as u64);
        self.bytes(0, length)
    }

    /// These bytes, all of them.
    pub(super) fn bytes(&mut self, offset: u64, length: u64) -> Result<Vec<u8>, Wrong> {
        let end = offset.checked_add(length).filter(|&end| end <= self.size);
        let end = end.ok_or("it ends before what it says it holds")?;
        if length > self.left {
            return Err(too_much());
        }
        let mut bytes = Vec::new();
        let mut at = offset;
        while at < end {
            let upto = end.min((at / BLOCK + 1) * BLOCK);
            let (from, to) = (within(at), within(at) + (upto - at) as usize);
            let block = self.block(at)?;
            bytes.extend_from_slice(block.get(from..to).ok_or_else(shrank)?);
            at = upto;
        }
        Ok(bytes)
    }

    /// The bytes up to the next NUL.
    pub(super) fn text(&mut self, offset: u64) -> Result<Vec<u8>, Wrong> {
        let mut text = Vec::new();
        let mut at = offset;
        while at < self.size && text.len() < LONGEST {
            let block = self.block(at)?;
            let rest = block.get(within(at)..).ok_or_else(shrank)?;
            if let Some(end) = memchr(rest) {
                text.extend_from_slice(&rest[..end]);
                return Ok(text);
            }
            text.extend_from_slice(rest);
            at = (at / BLOCK + 1) * BLOCK;
        }
        Err("a text in it has no end".to_owned())
    }

    /// Whether one of these texts is at an offset; which, by its index. Cheaper than reading it.
    pub(super) fn one_of(
        &mut self,
        offset: u64,
        is_it: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<Option<usize>, Wrong> {
        if offset >= self.size {
            return Err("a name in it lies behind its end".to_owned());
        }
        let block = self.block(offset)?;
        let rest = block.get(within(offset)..).ok_or_else(shrank)?;
        match memchr(rest) {
            Some(end) => Ok(is_it(&rest[..end])),
            None => Ok(is_it(&self.text(offset)?)),
        }
    }

    fn block(&mut self, at: u64) -> Result<&[u8], Wrong> {
        let number = at / BLOCK;
        let index = match self.last {
            Some((last, index)) if last == number => index,
            _ => match self.numbers.get(&number) {
                Some(&index) => index,
                None => self.read_block(number)?,
            },
        };
        self.last = Some((number, index));
        Ok(&self.blocks[index])
    }

    fn read_block(&mut self, number: u64) -> Result<usize, Wrong> {
        let start = number * BLOCK;
        let length = BLOCK.min(self.size.saturating_sub(start));
        self.left = self.left.checked_sub(length).ok_or_else(too_much)?;
        let bytes = match &self.source {
            Source::Disk(file) => {
                let mut bytes = vec![0; length as usize];
                let read = file.file().read_exact_at(&mut bytes, start);
                read.map_err(|error| error.to_string())?;
                bytes
            }
            Source::Memory(bytes) => {
                let from = bytes.get(start as usize..).unwrap_or_default();
                from[..length as usize].to_vec()
            }
        };
        self.blocks.push(bytes);
        self.numbers.insert(number, self.blocks.len() - 1);
        Ok(self.blocks.len() - 1)
    }
}

fn within(at: u64) -> usize {
    (at % BLOCK) as usize
}

fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| byte == 0)
}

fn shrank() -> Wrong {
    "it was changed while it was being read".to_owned()
}

fn too_much() -> Wrong {
    "what it says it holds is more than any program has".to_owned()
}
