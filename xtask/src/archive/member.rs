//! What a member of an archive may be called, and where its links may point. Pure: bytes in, paths or a reason out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Why a member is refused: the end of a sentence that begins with the member.
pub(super) type Reason = &'static str;

/// The path inside the folder that a member's name stands for, without its first `strip` components. Empty when nothing is left of it.
pub(super) fn path(name: &[u8], strip: usize) -> Result<PathBuf, Reason> {
    if name.contains(&0) {
        return Err("has a NUL in its name");
    }
    if name.starts_with(b"/") {
        return Err("has an absolute path");
    }
    let parts = || parts(name);
    if parts().any(|part| part == b"..") {
        return Err("has `..` in its path");
    }
    Ok(parts().skip(strip).map(OsStr::from_bytes).collect())
}

/// The target of a symbolic link that lies at `link`, checked as far as it can be without knowing the other links.
pub(super) fn target(link: &Path, target: &[u8], absolute: bool) -> Result<PathBuf, Reason> {
    if target.is_empty() || target.contains(&0) {
        return Err("is a link without a proper target");
    }
    let path = PathBuf::from(OsStr::from_bytes(target));
    if target.starts_with(b"/") {
        return if absolute {
            Ok(path)
        } else {
            Err("is a link to an absolute path")
        };
    }
    let mut depth = link.components().count() - 1;
    for part in parts(target) {
        depth = if part == b".." {
            depth
                .checked_sub(1)
                .ok_or("is a link that leaves the archive's folder")?
        } else {
            depth + 1
        };
    }
    Ok(path)
}

/// Whether `target` climbs up again from something it went down into: only then another link can make it lead elsewhere than it seems to.
pub(super) fn climbs_back(target: &Path) -> bool {
    parts(target.as_os_str().as_bytes())
        .skip_while(|part| *part == b"..")
        .any(|part| part == b"..")
}

/// The paths that a relative `target` of a link at `link` goes down into and then climbs up from.
pub(super) fn climbed_from(link: &Path, target: &Path) -> Vec<PathBuf> {
    let mut here = link.parent().unwrap_or(Path::new("")).to_owned();
    let mut left = Vec::new();
    for part in parts(target.as_os_str().as_bytes()) {
        if part == b".." {
            left.push(here.clone());
            here.pop();
        } else {
            here.push(OsStr::from_bytes(part));
        }
    }
    left
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_plain_relative_paths() {
        for (name, strip, expected) in [
            ("./a//b/./c", 0, "a/b/c"),
            ("linux-6.1/Makefile", 1, "Makefile"),
            ("linux-6.1/", 1, ""),
            ("./", 0, ""),
            ("...", 0, "..."),
        ] {
            assert_eq!(path(name.as_bytes(), strip).unwrap(), Path::new(expected));
        }
    }

    #[test]
    fn names_that_leave_the_folder_are_refused() {
        for name in ["/etc/passwd", "..", "a/../../b", "a/..", "a\0b"] {
            assert!(path(name.as_bytes(), 0).is_err(), "{name:?}");
            assert!(path(name.as_bytes(), 1).is_err(), "{name:?}");
        }
    }

    #[test]
    fn targets_stay_inside() {
        let link = Path::new("a/b/link");
        for inside in ["x", "../x", "../../x", "./../../x/../y", "x/.."] {
            assert!(target(link, inside.as_bytes(), false).is_ok(), "{inside}");
        }
        for outside in ["", "/etc", "../../../x", "x/../../../..", "a\0"] {
            assert!(
                target(link, outside.as_bytes(), false).is_err(),
                "{outside}"
            );
        }
        assert!(target(link, b"/etc/alternatives/x", true).is_ok());
    }

    #[test]
    fn climbing_back_is_told_from_climbing_up() {
        assert!(!climbs_back(Path::new("../../x")));
        assert!(climbs_back(Path::new("../x/../y")));
        let left = climbed_from(Path::new("a/link"), Path::new("../x/up/../../y"));
        let expected = ["a", "x/up", "x"].map(PathBuf::from);
        assert_eq!(left, expected);
    }
}
