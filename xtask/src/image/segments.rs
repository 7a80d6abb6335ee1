//! Any initramfs, ours or somebody else's: archives, compressed or not, with zeros between them, one after the other, as the kernel reads them
//! (Documentation/driver-api/early-userspace/buffer-format.rst, init/initramfs.c). What is wrong but can be read is data.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::failure::{Failure, Kind, Result};

use super::content::Content;
use super::newc::{REGULAR, SYMLINK, TYPE_MASK};
use super::newc_read::{Found, Member, next};
use super::path::ImagePath;
use super::problem::{Problem, Problems};
use super::stream::{self, Format};
use super::stream_header::demands;
use super::tree::FileTree;
use super::unpacked::Rootfs;

/// What the kernel looks for in the plain archives that a file begins with, before it unpacks any (`find_cpio_data`): microcode and ACPI tables.
const EARLY: [&str; 2] = ["kernel/x86/microcode/", "kernel/firmware/acpi/"];

/// What may be read at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the file, and bytes that all its compressed segments may unpack to together.
    pub bytes: u64,
    /// Members in all.
    pub members: usize,
    /// Segments.
    pub segments: usize,
}

impl Default for Limits {
    /// 2 GiB, a million members, a thousand segments: many times what any initramfs has.
    fn default() -> Self {
        Self {
            bytes: 2 << 30,
            members: 1 << 20,
            segments: 1000,
        }
    }
}

/// One archive of the file, or one compressed stream with all archives that are in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// Where it begins in the file.
    pub offset: u64,
    /// How many bytes it takes in the file.
    pub length: u64,
    /// How it is compressed, if it is.
    pub compression: Option<Format>,
    /// How many bytes it unpacks to; [`Segment::length`] where it is not compressed.
    pub unpacked: u64,
    /// How many members it has, trailers aside.
    pub entries: usize,
    /// How many zeros follow it.
    pub padding: u64,
    /// What a kernel has to have built in for it: symbols without `CONFIG_`.
    pub symbols: Vec<&'static str>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// What is known of a path beside its entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// The segment that it is from (for a file, that its contents are from), counted from 1; 0 for what the kernel makes by itself.
    pub segment: usize,
    /// Modification time, in seconds since the epoch.
    pub mtime: u32,
    /// An earlier path that is the same file (a hard link).
    pub linked: Option<ImagePath>,
}

/// An initramfs.
#[derive(Clone, Debug, Default)]
pub struct Archive {
    /// Its segments, as they come.
    pub segments: Vec<Segment>,
    /// What is there when all are unpacked, each path with the segment it comes from as its origin. Contents lie in memory, once.
    pub tree: FileTree,
    /// More of each path.
    pub details: BTreeMap<ImagePath, Detail>,
    /// Permission bits of the top directory, where a member says them.
    pub top: Option<u32>,
    /// What is wrong between or behind the segments.
    pub problems: Vec<Problem>,
}

impl Archive {
    /// All that is wrong, each with the number of its segment, counted from 1, if it is in one.
    pub fn all_problems(&self) -> impl Iterator<Item = (Option<usize>, &Problem)> {
        let inside = self.segments.iter().zip(1..).flat_map(|(segment, number)| {
            let problems = segment.problems.iter();
            problems.map(move |problem| (Some(number), problem))
        });
        inside.chain(self.problems.iter().map(|problem| (None, problem)))
    }
}

/// Reads a file.
///
/// # Errors
/// As [`read`]; what opening and reading it fail with.
pub fn read_file(path: &Path, limits: Limits) -> Result<Archive> {
    use std::io::Read;
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    // A pipe or device has no length that could be asked for.
    let file = fs_err::File::open(path)?;
    file.take(limits.bytes.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limits.bytes {
        return Err(stream::too_large(&name));
    }
    read(&name, bytes, limits)
}

/// Reads the initramfs that a boot loader makes of several files, each of which it puts at a multiple of 4, and says how many bytes that are.
///
/// # Errors
/// As [`read`]; what reading the files fails with.
pub fn join<'c>(
    name: &str,
    files: impl IntoIterator<Item = &'c Content>,
    limits: Limits,
) -> Result<(Archive, u64)> {
    let mut bytes = Vec::new();
    for content in files {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        if content.size().saturating_add(bytes.len() as u64) > limits.bytes {
            return Err(stream::too_large(name));
        }
        content.copy_to(&mut bytes)?;
    }
    let size = bytes.len() as u64;
    Ok((read(name, bytes, limits)?, size))
}

/// Reads an initramfs. `name` is what failures call it.
///
/// # Errors
/// [`Kind::Source`] when it is none, is cut short or damaged, is compressed with something that cannot be read, or has more than `limits` allow.
pub fn read(name: &str, bytes: Vec<u8>, limits: Limits) -> Result<Archive> {
    if bytes.is_empty() {
        let what = format!("{name} is no initramfs: it is empty");
        return Err(Failure::new(Kind::Source, what)
            .hint("whatever was to write it did not end well; make it again"));
    }
    let file = Arc::new(bytes);
    let mut reader = Reader {
        name,
        limits,
        rootfs: Rootfs::new(),
        archive: Archive::default(),
    };
    let mut at = zeros(&file, 0);
    while let Some(&first) = file.get(at) {
        if reader.archive.segments.len() == limits.segments {
            let what = format!("{name} has more than {} segments", limits.segments);
            return Err(Failure::new(Kind::Source, what).hint("it is no initramfs"));
        }
        let end = match Format::told_by(&file[at..]) {
            _ if first == b'0' && at.is_multiple_of(4) => reader.plain(&file, at)?,
            Some(format) => reader.packed(&file, at, format)?,
            None => {
                reader.stop(&file, at)?;
                break;
            }
        };
        at = zeros(&file, end);
        if let Some(segment) = reader.archive.segments.last_mut() {
            segment.padding = (at - end) as u64;
            if segment
                .problems
                .iter()
                .any(|p| matches!(p, Problem::JunkWithin { .. }))
            {
                reader.rest(&file, at);
                break;
            }
        }
    }
    reader.finish()
}

/// Where the next byte is that is not zero.
fn zeros(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    at + rest
        .iter()
        .position(|&byte| byte != 0)
        .unwrap_or(rest.len())
}

struct Reader<'a> {
    name: &'a str,
    /// What is left of them.
    limits: Limits,
    rootfs: Rootfs,
    archive: Archive,
}

impl Reader<'_> {
    /// An archive that is not compressed; returns where it ends.
    fn plain(&mut self, file: &Arc<Vec<u8>>, at: usize) -> Result<usize> {
        let mut problems = Problems::default();
        let (mut end, mut entries) = (at, 0);
        loop {
            let (more, next) = self.member(file, end, false, &mut problems)?;
            end = next;
            if !more {
                break;
            }
            entries += 1;
            let begins = zeros(file, end);
            if file.get(begins) != Some(&b'0') || !begins.is_multiple_of(4) {
                problems.push(Problem::NoTrailer);
                break;
            }
            end = begins;
        }
        self.rootfs.end_archive();
        let length = (end - at) as u64;
        self.archive.segments.push(Segment {
            offset: at as u64,
            length,
            compression: None,
            unpacked: length,
            entries,
            padding: 0,
            symbols: Vec::new(),
            problems: problems.finish(),
        });
        Ok(end)
    }

    /// A compressed stream; returns where it ends.
    fn packed(&mut self, file: &[u8], at: usize, format: Format) -> Result<usize> {
        let number = self.archive.segments.len() + 1;
        let name = match number {
            1 => self.name.to_owned(),
            _ => format!("segment {number} of {}", self.name),
        };
        let asked = demands(format, &file[at..]);
        let too_wide = asked
            .problems
            .iter()
            .find(|p| matches!(p, Problem::Window { .. }));
        if let Some(problem) = too_wide {
            let failure = Failure::new(Kind::Source, format!("{name} cannot be read: {problem}"));
            return Err(failure.hint("no kernel can read it either: compress it without `--long`, or with `--long=27` at most"));
        }
        let (plain, length) = stream::unpack(&name, format, &file[at..], self.limits.bytes)?;
        self.limits.bytes -= plain.len() as u64;
        let mut problems = Problems::default();
        for problem in asked.problems {
            problems.push(problem);
        }
        let plain = Arc::new(plain);
        let (mut here, mut entries, mut trailer) = (zeros(&plain, 0), 0, false);
        while here < plain.len() {
            if plain[here] != b'0' || !here.is_multiple_of(4) {
                if entries == 0 && !trailer {
                    return Err(no_archive(&name).note(format!(
                        "what is compressed with {} in it is no cpio archive",
                        format.name()
                    )));
                }
                let offset = here as u64;
                problems.push(Problem::JunkWithin { offset });
                break;
            }
            let (more, next) = self.member(&plain, here, true, &mut problems)?;
            if more {
                entries += 1;
            } else {
                self.rootfs.end_archive();
            }
            trailer = !more;
            here = zeros(&plain, next);
        }
        if !trailer && entries > 0 {
            problems.push(Problem::NoTrailer);
        }
        self.rootfs.end_archive();
        self.archive.segments.push(Segment {
            offset: at as u64,
            length: length as u64,
            compression: Some(format),
            unpacked: plain.len() as u64,
            entries,
            padding: 0,
            symbols: asked.symbols,
            problems: problems.finish(),
        });
        Ok(at + length)
    }

    /// Reads what is at a place, and makes it. Whether it was a member, and where the next one may begin.
    fn member(
        &mut self,
        whole: &Arc<Vec<u8>>,
        at: usize,
        compressed: bool,
        problems: &mut Problems,
    ) -> Result<(bool, usize)> {
        let number = self.archive.segments.len() + 1;
        let (found, next) = next(whole, at).map_err(|broken| broken.in_archive(self.name))?;
        let dropped = |name: &str, why| Problem::Dropped {
            name: name.chars().take(80).collect(),
            why,
        };
        match found {
            Found::Trailer => return Ok((false, next)),
            Found::Skipped(name, why) => problems.push(dropped(&name, why)),
            Found::Member(member) => {
                let content = Content::part(whole, member.place.clone())
                    .ok_or_else(|| Failure::bug("a member lies outside its archive"))?;
                if let Err(why) = self.rootfs.put(&member, content, number)? {
                    problems.push(dropped(&member.name, why));
                }
                for problem in self.look(&member, compressed) {
                    problems.push(problem);
                }
            }
        }
        self.limits.members = self.limits.members.checked_sub(1).ok_or_else(|| {
            let what = format!("{} has more members than any initramfs", self.name);
            Failure::new(Kind::Source, what).hint("it was made to fill somebody's memory")
        })?;
        Ok((true, next))
    }

    /// What is wrong with a member for the one who looks for it early, or for the one who reads its name.
    fn look(&self, member: &Member<'_>, compressed: bool) -> Vec<Problem> {
        let name = || member.name.chars().take(80).collect();
        let mut problems = Vec::new();
        let target = (member.mode & TYPE_MASK == SYMLINK).then_some(member.contents);
        if matches!(member.name, Cow::Owned(_))
            || target.is_some_and(|t| str::from_utf8(t).is_err())
        {
            problems.push(Problem::NotUtf8 { name: name() });
        }
        let plain = member.name.trim_start_matches(['.', '/']);
        if member.mode & TYPE_MASK != REGULAR || !EARLY.iter().any(|early| plain.starts_with(early))
        {
            return problems;
        }
        let before = &self.archive.segments;
        if compressed {
            problems.push(Problem::EarlyCompressed { name: name() });
        } else if before.iter().any(|segment| segment.compression.is_some()) {
            problems.push(Problem::EarlyTooLate { name: name() });
        } else if plain != member.name {
            problems.push(Problem::EarlyName { name: name() });
        }
        problems
    }

    /// Something is there that the kernel cannot go on with.
    fn stop(&mut self, file: &[u8], at: usize) -> Result<()> {
        if self.archive.segments.is_empty() {
            let failure = no_archive(self.name);
            return Err(match stream::unknown_to_kernels(&file[at..]) {
                Some(format) => failure.note(format!("it is compressed with {format}")),
                None => failure,
            });
        }
        if file[at] == b'0' && next(file, at).is_ok() {
            let offset = at as u64;
            self.archive.problems.push(Problem::Unaligned { offset });
        }
        self.rest(file, at);
        Ok(())
    }

    /// What is behind the place where the kernel stops.
    fn rest(&mut self, file: &[u8], at: usize) {
        if at < file.len() {
            let (offset, length) = (at as u64, (file.len() - at) as u64);
            self.archive
                .problems
                .push(Problem::Garbage { offset, length });
        }
    }

    fn finish(mut self) -> Result<Archive> {
        if self.archive.segments.is_empty() {
            return Err(no_archive(self.name));
        }
        self.archive.top = self.rootfs.top();
        (self.archive.tree, self.archive.details) = self.rootfs.finish()?;
        Ok(self.archive)
    }
}

fn no_archive(name: &str) -> Failure {
    Failure::new(Kind::Source, format!("{name} is no initramfs")).hint(
        "an initramfs is what `cpio -H newc` writes, plain or compressed with gzip, bzip2, lzma, xz, lz4 (legacy frame) or zstd",
    )
}
