//! Reads cpio archives in the `newc` format member by member, whoever wrote them: as little as the kernel demands
//! (init/initramfs.c), every length held against what is there. What members make together is `unpacked`'s.

use std::borrow::Cow;
use std::ops::Range;

use crate::failure::{Failure, Kind, Result};

use super::newc::{HEADER, PATH_MAX, REGULAR, SYMLINK, TRAILER, TYPE_MASK};
use super::path::ImagePath;

/// The plain format, and the one with a sum of each file's bytes.
const MAGIC: &[u8] = b"070701";
const MAGIC_SUMMED: &[u8] = b"070702";

/// Other formats of cpio (cpio(5)), which the kernel does not read.
const FOREIGN: [&[u8]; 3] = [b"070707", b"\xc7\x71", b"\x71\xc7"];

/// One member of an archive, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name up to the first NUL. What is no UTF-8 is replaced, and then the name is owned.
    pub name: Cow<'a, str>,
    /// `st_mode`: type and permission bits.
    pub mode: u32,
    /// Inode number.
    pub ino: u32,
    /// Major and minor number of the device that it was on.
    pub dev: (u32, u32),
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number of links.
    pub nlink: u32,
    /// Modification time, in seconds since the epoch.
    pub mtime: u32,
    /// Major and minor number of a device node.
    pub rdev: (u32, u32),
    /// Contents of a file, target of a link.
    pub contents: &'a [u8],
    /// Where the contents are among all the bytes.
    pub place: Range<usize>,
}

/// What was found at a place in an archive.
pub(super) enum Found<'a> {
    /// A member.
    Member(Member<'a>),
    /// A member that the kernel passes over, and why.
    Skipped(String, &'static str),
    /// The archive's end.
    Trailer,
}

/// Why an archive cannot be read on.
#[derive(Debug)]
pub(super) struct Broken {
    at: usize,
    what: &'static str,
}

impl Broken {
    /// The failure that this is in an archive of this name.
    pub(super) fn in_archive(&self, archive: &str) -> Failure {
        let Self { at, what } = self;
        Failure::new(Kind::Source, format!("{archive} is damaged: {what}"))
            .note(format!("at byte {at} of what is unpacked"))
            .hint("take the file from where it came once more; if it is the same there, whatever wrote it has to write it anew")
    }
}

/// Reads an archive up to its trailer, after which only zeros may follow. Takes no memory for contents.
///
/// # Errors
/// [`Kind::Source`] when it is cut short, damaged, or holds a name that is no path inside an image.
pub fn read(bytes: &[u8]) -> Result<Vec<Member<'_>>> {
    const NAME: &str = "the newc archive";
    let damaged = |what: String| Failure::new(Kind::Source, format!("{NAME} is damaged: {what}"));
    let mut members = Vec::new();
    let mut at = 0;
    loop {
        let (found, next) = next(bytes, at).map_err(|broken| broken.in_archive(NAME))?;
        at = next;
        let member = match found {
            Found::Trailer => break,
            Found::Skipped(name, why) => return Err(damaged(format!("{name:?} {why}"))),
            Found::Member(member) => member,
        };
        let path = member.name.parse::<ImagePath>();
        if member.name != "." && !path.is_ok_and(|path| path.as_str() == member.name) {
            return Err(damaged(format!("it holds the name {:?}", member.name)));
        }
        members.push(member);
    }
    if bytes[at..].iter().all(|&byte| byte == 0) {
        Ok(members)
    } else {
        Err(damaged("something follows its trailer".to_owned()))
    }
}

/// What begins at `at`, and where the next member would begin. All places are counted from the beginning of `bytes`, as the kernel counts for padding.
pub(super) fn next(bytes: &[u8], at: usize) -> std::result::Result<(Found<'_>, usize), Broken> {
    let broken = |what| Broken { at, what };
    let rest = bytes.get(at..).unwrap_or(&[]);
    if FOREIGN.iter().any(|magic| rest.starts_with(magic)) {
        return Err(broken("it is in another format than `cpio -H newc` writes"));
    }
    let summed = rest.starts_with(MAGIC_SUMMED);
    if !summed && !rest.starts_with(MAGIC) {
        return Err(broken(match rest.len() {
            0..6 => "it is cut short",
            _ => "no member begins where one has to",
        }));
    }
    let header = rest.get(..HEADER as usize);
    let header = header.ok_or_else(|| broken("it is cut short in a member's header"))?;
    let fields = fields(header).ok_or_else(|| broken("a header has something else than digits"))?;
    let [
        ino,
        mode,
        uid,
        gid,
        nlink,
        mtime,
        size,
        dev_major,
        dev_minor,
        major,
        minor,
        name_size,
        sum,
    ] = fields;
    let (size, name_size) = (size as usize, name_size as usize);
    let start = at + (HEADER as usize + name_size).next_multiple_of(4);
    let name = rest.get(HEADER as usize..HEADER as usize + name_size);
    let name = name.ok_or_else(|| broken("it is cut short in a member's name"))?;
    // The last padding may be missing: nobody reads it.
    let next = (start + size).next_multiple_of(4).min(bytes.len());
    let skipped = |name: &[u8], why| {
        let shown: String = String::from_utf8_lossy(name).chars().take(80).collect();
        Ok((Found::Skipped(shown, why), next))
    };
    if start + size > bytes.len() && size > 0 {
        return Err(broken("it is cut short in a member's contents"));
    }
    if !(1..=PATH_MAX).contains(&name_size) {
        return skipped(name, "has a name of an impossible length");
    }
    let Some((0, name)) = name.split_last() else {
        return Err(broken("a name has no NUL at its end"));
    };
    let name = name.split(|&byte| byte == 0).next().unwrap_or(name);
    if name == TRAILER.as_bytes() {
        return Ok((Found::Trailer, next));
    }
    match mode & TYPE_MASK {
        REGULAR => {}
        SYMLINK if size <= PATH_MAX => {}
        SYMLINK => return skipped(name, "has a target that is too long"),
        _ if size > 0 => return skipped(name, "has contents, and is no file"),
        _ => {}
    }
    let place = if size > 0 { start..start + size } else { 0..0 };
    let contents = &bytes[place.clone()];
    let total = || contents.iter().map(|&byte| u32::from(byte));
    if summed && total().fold(0u32, u32::wrapping_add) != sum && mode & TYPE_MASK == REGULAR {
        return Err(broken("the sum of a file's bytes is wrong"));
    }
    let member = Member {
        name: String::from_utf8_lossy(name),
        mode,
        ino,
        dev: (dev_major, dev_minor),
        uid,
        gid,
        nlink,
        mtime,
        rdev: (major, minor),
        contents,
        place,
    };
    Ok((Found::Member(member), next))
}

/// The thirteen numbers that follow the magic, eight hexadecimal digits each.
fn fields(header: &[u8]) -> Option<[u32; 13]> {
    let mut fields = [0; 13];
    let digits = header.get(MAGIC.len()..)?;
    for (field, digits) in fields.iter_mut().zip(digits.chunks_exact(8)) {
        for &digit in digits {
            *field = *field << 4 | (digit as char).to_digit(16)?;
        }
    }
    Some(fields)
}
