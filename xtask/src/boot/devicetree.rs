//! How much memory a flattened device tree says there is: what a board's management controller writes into it before U-Boot starts.
//! Bytes come from bundles that anybody made; what does not fit is refused.
//!
//! Source: Devicetree Specification 0.4, chapter 5.

use crate::failure::{Failure, Kind, Result};

const MAGIC: u32 = 0xd00d_feed;
const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROPERTY: u32 = 3;
const NOP: u32 = 4;

/// Something in the structure block, with where it is.
enum Token<'a> {
    Begin(&'a [u8]),
    End,
    /// Its name, and the range of its value in the whole tree.
    Property(&'a [u8], std::ops::Range<usize>),
}

/// Writes into a tree that there are so many bytes of memory, from address 0 on.
///
/// # Errors
/// [`Kind::Boot`] when this is no device tree, or one without a node for memory with one range of 32-bit addresses.
pub fn set_memory(tree: &mut [u8], bytes: u32) -> Result<()> {
    let place = memory(tree).ok_or_else(|| {
        Failure::new(
            Kind::Boot,
            "the device tree cannot be told how much memory there is",
        )
        .note("it has no node /memory with a range of 32-bit addresses, or is damaged")
    })?;
    tree[place].copy_from_slice(&[[0; 4], bytes.to_be_bytes()].concat());
    Ok(())
}

/// Where the property `reg` of the node for memory has its value: address and size, a cell each.
fn memory(tree: &[u8]) -> Option<std::ops::Range<usize>> {
    let (mut depth, mut in_memory) = (0_u32, false);
    let mut reader = Reader::new(tree)?;
    loop {
        match reader.next()? {
            Token::Begin(name) => {
                depth = depth.checked_add(1)?;
                in_memory = depth == 2 && (name == b"memory" || name.starts_with(b"memory@"));
            }
            Token::End => {
                depth = depth.checked_sub(1)?;
                in_memory = false;
            }
            Token::Property(b"reg", value) if in_memory && value.len() == 8 => return Some(value),
            Token::Property(..) => {}
        }
    }
}

/// Goes through the structure block. Every token is longer than nothing, so it comes to an end.
struct Reader<'a> {
    tree: &'a [u8],
    strings: usize,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(tree: &'a [u8]) -> Option<Self> {
        let place = |at| usize::try_from(word(tree, at)?).ok();
        (word(tree, 0)? == MAGIC).then_some(())?;
        Some(Self {
            tree,
            at: place(8)?,
            strings: place(12)?,
        })
    }

    /// The next token; nothing at the end and where the bytes make no sense.
    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            match self.word()? {
                NOP => {}
                BEGIN_NODE => {
                    let name = text(self.tree, self.at)?;
                    self.skip(name.len() + 1)?;
                    return Some(Token::Begin(name));
                }
                END_NODE => return Some(Token::End),
                PROPERTY => {
                    let length = usize::try_from(self.word()?).ok()?;
                    let name = usize::try_from(self.word()?).ok()?;
                    let name = text(self.tree, self.strings.checked_add(name)?)?;
                    let value = self.at..self.at.checked_add(length)?;
                    self.tree.get(value.clone())?;
                    self.skip(length)?;
                    return Some(Token::Property(name, value));
                }
                _ => return None,
            }
        }
    }

    fn word(&mut self) -> Option<u32> {
        let word = word(self.tree, self.at)?;
        self.at += 4;
        Some(word)
    }

    /// Tokens begin at multiples of four.
    fn skip(&mut self, length: usize) -> Option<()> {
        self.at = self.at.checked_add(length)?.checked_next_multiple_of(4)?;
        Some(())
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(word.try_into().ok()?))
}

/// A string with a NUL behind it.
fn text(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|&byte| byte == 0)?;
    Some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn node(name: &str, reg: &[u8]) -> Vec<u8> {
        let padded = |mut bytes: Vec<u8>| {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let length = u32::try_from(reg.len()).unwrap();
        [
            words(&[BEGIN_NODE]),
            padded(format!("{name}\0").into_bytes()),
            words(&[PROPERTY, length, 0]),
            padded(reg.to_vec()),
            words(&[END_NODE]),
        ]
        .concat()
    }

    /// A tree with two nodes below its root; the second may be memory.
    fn tree(name: &str, reg: &[u8]) -> Vec<u8> {
        let structure = [
            words(&[BEGIN_NODE, 0, NOP]),
            node("memory-controller@0", &[9; 8]),
            node(name, reg),
            words(&[END_NODE, 9]),
        ]
        .concat();
        let strings = 40 + u32::try_from(structure.len()).unwrap();
        let header = words(&[MAGIC, strings + 4, 40, strings, 0, 17, 16, 0, 4, 0]);
        [header, structure, b"reg\0".to_vec()].concat()
    }

    #[test]
    fn the_range_of_memory_is_replaced_and_nothing_else() {
        let mut told = tree("memory@0", &[0xff; 8]);
        set_memory(&mut told, 256 << 20).unwrap();
        assert_eq!(told, tree("memory@0", &[0, 0, 0, 0, 0x10, 0, 0, 0]));
    }

    #[test]
    fn what_has_no_such_range_is_refused() {
        for (name, reg) in [
            ("memory@0", &[0; 16][..]),
            ("cpus", &[0; 8]),
            ("memory", &[]),
        ] {
            let failure = set_memory(&mut tree(name, reg), 1).unwrap_err();
            assert_eq!(failure.kind, Kind::Boot);
        }
    }

    #[test]
    fn damaged_trees_are_refused_or_keep_their_length() {
        let whole = tree("memory", &[0; 8]);
        for length in 0..whole.len() {
            set_memory(&mut whole[..length].to_vec(), 1).ok();
            for byte in [0, 0x7f, 0xff] {
                let mut damaged = whole.clone();
                damaged[length] = byte;
                set_memory(&mut damaged, 1).ok();
            }
        }
    }
}
