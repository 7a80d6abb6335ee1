//! Names of files in a repository, as every place insists on them: what is read in an index may have been written by anybody.

use crate::failure::{Failure, Kind, Result};

/// Longer names are no file's: object stores stop at 1024 bytes.
const LONGEST: usize = 900;

/// Nothing, for a name that stays below the repository and means the same to file systems, shells and object stores: parts between
/// single slashes, none of them `.` or `..`, without control characters and backslashes.
///
/// # Errors
/// For any other.
pub(super) fn valid(name: &str) -> Result<()> {
    let fits = |part: &str| !matches!(part, "" | "." | "..");
    let odd = |c: char| c.is_control() || c == '\\';
    if name.len() <= LONGEST && name.split('/').all(fits) && !name.contains(odd) {
        return Ok(());
    }
    let shown: String = name.chars().take(100).collect();
    let what = format!("{shown:?} is not a name for a file in a repository");
    Err(Failure::new(Kind::Check, what).hint("names are relative, such as `dists/stable/InRelease`"))
}

/// As [`valid`], for a folder: the empty name is the whole repository.
///
/// # Errors
/// As [`valid`].
pub(super) fn valid_folder(name: &str) -> Result<()> {
    if name.is_empty() { Ok(()) } else { valid(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_packages_pass_and_ways_out_do_not() {
        let good = "pool/main/l/linux/linux-image-6.1+x_1%3a6.1.2~rc1-1_all.deb";
        assert!(valid(good).is_ok());
        assert!(valid_folder("").is_ok());
        let bad = [
            "", "/", "/etc/passwd", "a/../b", "..", "./a", "a//b", "a/", "a\nb", "a\0b", "a\\b",
        ];
        for name in bad {
            assert!(valid(name).is_err(), "{name:?}");
        }
        assert!(valid(&"a".repeat(5000)).is_err());
    }
}
