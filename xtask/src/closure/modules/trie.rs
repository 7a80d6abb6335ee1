//! Binary indexes of modprobe: a Patricia trie of keys, as `libkmod-index.c` of kmod reads it.
//!
//! ```text
//! u32 0xb007f457, u32 0x00020001, u32 offset of the root node     (all integers big-endian)
//! node: [prefix NUL] [u8 first, u8 last, u32 child × (last - first + 1)] [u32 count, (u32 priority, value NUL) × count]
//! ```
//! The upper four bits of an offset say which parts a node has. A node comes after its children.

const MAGIC: u32 = 0xb007_f457;
const VERSION: u32 = 0x0002_0001;

const PREFIX: u32 = 0x8000_0000;
const VALUES: u32 = 0x4000_0000;
const CHILDREN: u32 = 0x2000_0000;
const OFFSET: u32 = 0x0fff_ffff;

/// The longest key that modprobe looks up, in bytes (`PATH_MAX` apart, its buffers for aliases have 1024); it also bounds how deep the trie is.
const LONGEST_KEY: usize = 1023;

/// Keys with their values.
#[derive(Default)]
pub(super) struct Trie {
    entries: Vec<Entry>,
}

struct Entry {
    key: Vec<u8>,
    priority: u32,
    /// How many were added before it.
    added: usize,
    value: Vec<u8>,
}

impl Trie {
    /// Adds a value. Smaller priorities come first. False when no index can hold it: only 7-bit characters other than NUL, and keys of at most [`LONGEST_KEY`] bytes.
    #[must_use]
    pub(super) fn add(
        &mut self,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
        priority: usize,
    ) -> bool {
        let (key, value) = (key.into(), value.into());
        let fits = |bytes: &[u8]| bytes.is_ascii() && !bytes.contains(&0);
        if key.len() > LONGEST_KEY || !fits(&key) || !fits(&value) {
            return false;
        }
        let priority = u32::try_from(priority).unwrap_or(u32::MAX);
        let added = self.entries.len();
        self.entries.push(Entry {
            key,
            priority,
            added,
            value,
        });
        true
    }

    /// The index as bytes; none when it is larger than its offsets can tell: 256 MiB.
    pub(super) fn write(mut self) -> Option<Vec<u8>> {
        self.entries.sort_unstable_by(|one, other| {
            let keys = one.key.as_slice().cmp(other.key.as_slice());
            // Of two values with the same priority the later one comes first.
            let order = || (one.priority, other.added).cmp(&(other.priority, one.added));
            keys.then_with(order)
        });
        let mut out = Vec::new();
        for word in [MAGIC, VERSION, 0] {
            out.extend(word.to_be_bytes());
        }
        // The root never has a prefix.
        let root = node(&self.entries, 0, 0, &mut out)?;
        out[8..12].copy_from_slice(&root.to_be_bytes());
        Some(out)
    }
}

/// Writes the node of these entries, whose keys are the same up to `from + prefix`, and returns its offset. As deep as keys are long.
fn node(entries: &[Entry], from: usize, prefix: usize, out: &mut Vec<u8>) -> Option<u32> {
    let at = from + prefix;
    let values = entries
        .iter()
        .take_while(|entry| entry.key.len() == at)
        .count();
    let (values, below) = entries.split_at(values);
    let children = children(below, at, out)?;
    let start = u32::try_from(out.len())
        .ok()
        .filter(|start| start & !OFFSET == 0)?;
    let mut flags = 0;
    if prefix > 0 {
        out.extend_from_slice(&entries[0].key[from..at]);
        out.push(0);
        flags |= PREFIX;
    }
    if let (Some((first, _)), Some((last, _))) = (children.first(), children.last()) {
        out.extend([*first, *last]);
        let offsets = out.len();
        out.resize(offsets + 4 * (usize::from(last - first) + 1), 0);
        for (letter, offset) in &children {
            let place = offsets + 4 * usize::from(letter - first);
            out[place..place + 4].copy_from_slice(&offset.to_be_bytes());
        }
        flags |= CHILDREN;
    }
    if !values.is_empty() {
        out.extend_from_slice(&u32::try_from(values.len()).ok()?.to_be_bytes());
        for entry in values {
            out.extend_from_slice(&entry.priority.to_be_bytes());
            out.extend_from_slice(&entry.value);
            out.push(0);
        }
        flags |= VALUES;
    }
    Some(start | flags)
}

/// Writes the nodes below one: for each letter at `at`, with its offset.
fn children(mut entries: &[Entry], at: usize, out: &mut Vec<u8>) -> Option<Vec<(u8, u32)>> {
    let mut children = Vec::new();
    while let [first, ..] = entries {
        let letter = first.key[at];
        // Mostly there is but one letter more.
        let same = match entries.last() {
            Some(last) if last.key[at] == letter => entries.len(),
            _ => entries.partition_point(|entry| entry.key[at] == letter),
        };
        let (group, rest) = entries.split_at(same);
        let prefix = common(&group[0].key[at + 1..], &group[same - 1].key[at + 1..]);
        children.push((letter, node(group, at + 1, prefix, out)?));
        entries = rest;
    }
    Some(children)
}

/// How many bytes two keys have in common at their beginning.
fn common(one: &[u8], other: &[u8]) -> usize {
    if one == other {
        return one.len();
    }
    one.iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}
