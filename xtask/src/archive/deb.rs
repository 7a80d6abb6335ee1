//! Debian binary packages, format 2.0: deb(5).
//!
//! The outer ar archive is read here. (The `ar` crate panics on a header that points outside the table of long names, and allocates
//! whatever size a header claims; deb(5) has neither long names nor symbol tables.)

use std::io::{self, Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};

use fs_err::File;

use crate::failure::{Failure, Kind, Result};

use super::member;
use super::meter::{Gauge, Meter};
use super::unpack::{Limits, Note, Options, Unpacked, unpack_tar};
use super::{decoded, unreadable};

/// A `control` file is not longer than this.
const CONTROL: u64 = 1 << 20;

/// One of the two archives that a package is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `control.tar.*`: the description and the maintainer scripts.
    Control,
    /// `data.tar.*`: the files.
    Data,
}

/// Opens a part of a package as it is, mostly compressed.
///
/// # Errors
/// [`Kind::Source`] when it is no Debian package, is cut short, or has not exactly one such part.
pub fn deb_part(deb: &Path, part: Part) -> Result<Take<File>> {
    let mut file = File::open(deb)?;
    let not_one = |reason: &str| {
        Failure::new(
            Kind::Source,
            format!("{} is no Debian package: {reason}", deb.display()),
        )
    };
    let members =
        members(&mut file).map_err(|error| unreadable(&deb.display().to_string(), error))?;
    if members
        .first()
        .is_none_or(|first| first.name != "debian-binary")
    {
        return Err(not_one("it does not begin with the member debian-binary"));
    }
    let prefix = match part {
        Part::Control => "control.tar",
        Part::Data => "data.tar",
    };
    let mut wanted = members
        .iter()
        .filter(|member| member.name.starts_with(prefix));
    let (Some(member), None) = (wanted.next(), wanted.next()) else {
        return Err(not_one(&format!("it has not exactly one member {prefix}")));
    };
    file.seek(SeekFrom::Start(member.start))?;
    Ok(file.take(member.size))
}

/// Unpacks a package's files. No maintainer script is run; absolute links are kept as they are.
///
/// # Errors
/// As [`deb_part`] and [`unpack_tar`].
pub fn unpack_deb(deb: &Path, folder: &Path) -> Result<Unpacked> {
    unpack_data(deb, folder, None)
}

/// The same; `note` is told of every member's mode and owner, which unpacking does not keep.
///
/// # Errors
/// As [`unpack_deb`].
pub fn unpack_deb_noting(deb: &Path, folder: &Path, note: &Note<'_>) -> Result<Unpacked> {
    unpack_data(deb, folder, Some(note))
}

fn unpack_data(deb: &Path, folder: &Path, note: Option<&Note<'_>>) -> Result<Unpacked> {
    let options = Options {
        absolute_links: true,
        note,
        ..Options::new(deb.display().to_string())
    };
    unpack_tar(deb_part(deb, Part::Data)?, folder, &options)
}

/// A package's `control` file.
///
/// # Errors
/// As [`read_member`]; also when it is not UTF-8.
pub fn control(deb: &Path) -> Result<String> {
    let mut text = String::new();
    tar_member(deb, Part::Control, "control")?
        .take(CONTROL)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(&deb.display().to_string(), error))?;
    Ok(text)
}

/// Streams one file of a package, such as `usr/src/linux-source-6.1.tar.xz`, without unpacking what comes before and without reading what comes after it.
/// What comes after it is not checked either: whoever wants the whole package checked compares its digest.
///
/// # Errors
/// As [`deb_part`]; [`Kind::Source`] when the package has no such file.
pub fn read_member(deb: &Path, name: &str) -> Result<impl Read + Send + use<>> {
    tar_member(deb, Part::Data, name)
}

fn tar_member(deb: &Path, part: Part, name: &str) -> Result<Member> {
    let archive = deb.display().to_string();
    let wanted = member::path(name.as_bytes(), 0).unwrap_or_default();
    let input = decoded(&archive, deb_part(deb, part)?)?;
    let (input, size) = find(&archive, input, &wanted)?.ok_or_else(|| {
        Failure::new(Kind::Source, format!("{archive} holds no file {name}")).hint(format!(
            "see what it holds with `dpkg-deb --contents {archive}`"
        ))
    })?;
    Ok(Member {
        input: input.take(size),
    })
}

type Input = Box<dyn Read + Send>;

/// Reads a tar archive up to where the contents of a file begin.
fn find(archive: &str, input: Input, wanted: &PathBuf) -> Result<Option<(Input, u64)>> {
    let failed = |error| unreadable(archive, error);
    let gauge = Gauge::new(Limits::default().bytes);
    let mut tar = tar::Archive::new(Meter::new(input, &gauge));
    let mut size = None;
    for entry in tar.entries().map_err(failed)? {
        crate::tool::check_interrupt()?;
        let mut entry = entry.map_err(failed)?;
        let path = member::path(&entry.path_bytes(), 0);
        if path.is_ok_and(|path| path == *wanted) && entry.header().entry_type().is_file() {
            size = Some(entry.size());
            break;
        }
        gauge.contents();
        io::copy(&mut entry, &mut io::sink()).map_err(failed)?;
        gauge.headers();
    }
    // The tar reader reads nothing ahead: its input stands where the contents begin.
    Ok(size.map(|size| (tar.into_inner().into_inner(), size)))
}

/// The contents of a member. Ends before its time only with an error.
struct Member {
    input: Take<Input>,
}

impl Read for Member {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if read == 0 && !buffer.is_empty() && self.input.limit() > 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the archive around it is cut short",
            ));
        }
        Ok(read)
    }
}

/// A member of the outer archive.
struct Outer {
    name: String,
    start: u64,
    size: u64,
}

const MAGIC: &[u8] = b"!<arch>\n";

/// A package has three members; deb(5) allows for more.
const MEMBERS: usize = 64;

/// Reads the headers of an ar archive: deb(5), and <sys/ar.h> for the fields.
fn members(file: &mut File) -> io::Result<Vec<Outer>> {
    let length = file.metadata()?.len();
    let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(damaged("it is no ar archive"));
    }
    let mut members = Vec::new();
    let mut at = MAGIC.len() as u64;
    while at < length {
        if members.len() == MEMBERS {
            return Err(damaged("it has too many members"));
        }
        let mut header = [0; 60];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut header)?;
        let text = std::str::from_utf8(&header).map_err(|_| damaged("a header is not ASCII"))?;
        let (Some(name), Some(size), Some("`\n")) =
            (text.get(..16), text.get(48..58), text.get(58..))
        else {
            return Err(damaged("a header is malformed"));
        };
        let size = size
            .trim_end()
            .parse()
            .map_err(|_| damaged("a size is no number"))?;
        let start = at + header.len() as u64;
        if size > length - start {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("it ends within its member {}", name.trim_end()),
            ));
        }
        members.push(Outer {
            // dpkg writes plain names, GNU ar ends them with a slash.
            name: name.trim_end().trim_end_matches('/').to_owned(),
            start,
            size,
        });
        at = start + size + size % 2;
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::samples::{self, Tar, member};

    fn deb(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    fn package() -> Vec<u8> {
        let control = Tar::default().file("./control", "Package: x\n").end();
        let data = Tar::default()
            .file("./usr/first", "1")
            .raw(b"./usr/src/x.tar", b'0', b"", &samples::text(100_001))
            .file("./usr/last", "3");
        let [_, _, data, _] = samples::compressed(&data.end());
        samples::package(&control, ("data.tar.xz", &data))
    }

    #[test]
    fn a_package_is_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let package = deb(&package());
        let done = unpack_deb(package.path(), &folder.path().join("x")).unwrap();
        assert_eq!((done.files, done.bytes), (3, 100_003));
        assert_eq!(control(package.path()).unwrap(), "Package: x\n");
    }

    #[test]
    fn one_member_is_read_alone() {
        let package = deb(&package());
        let mut bytes = Vec::new();
        let mut member = read_member(package.path(), "usr/src/x.tar").unwrap();
        member.read_to_end(&mut bytes).unwrap();
        assert!(bytes == samples::text(100_001));
    }

    #[test]
    fn a_member_that_is_not_there_is_named() {
        let package = deb(&package());
        let failure = read_member(package.path(), "usr/src/y.tar").err().unwrap();
        assert!(failure.what.contains("usr/src/y.tar"), "{failure}");
    }

    #[test]
    fn a_package_cut_anywhere_is_refused() {
        let whole = package();
        for length in (0..whole.len()).step_by(97) {
            let package = deb(&whole[..length]);
            let folder = tempfile::tempdir().unwrap();
            let failure = unpack_deb(package.path(), &folder.path().join("x")).unwrap_err();
            assert_eq!(failure.kind, Kind::Source, "{failure}");
        }
    }

    #[test]
    fn what_is_no_package_is_refused() {
        let binary = || member("debian-binary", b"2.0\n");
        let name_table = member("/999999", b"");
        let mut huge = member("data.tar", b"");
        huge[48..58].copy_from_slice(b"9999999999");
        for members in [
            vec![],
            vec![binary()],
            vec![member("data.tar", b"")],
            vec![
                binary(),
                member("data.tar", b""),
                member("data.tar.xz", b""),
            ],
            vec![binary(), name_table],
            vec![binary(), huge],
            vec![binary(); 100],
            vec![b"not a header".to_vec()],
        ] {
            let package = deb(&[MAGIC, &members.concat()].concat());
            let failure = deb_part(package.path(), Part::Data).err().unwrap();
            assert_eq!(failure.kind, Kind::Source, "{failure}");
        }
        assert!(deb_part(deb(b"").path(), Part::Data).is_err());
        assert!(deb_part(deb(b"!<arch>?").path(), Part::Data).is_err());
    }
}
