//! Whether a program failed because the host had too little of something. What is then said is left to [`super::Tool`].

use std::fs::File;

use rustix::io::Errno;

/// What programs say of a full disk (strerror(3), ENOSPC).
pub(super) const NO_SPACE: &str = "No space left on device";

/// Whether the file system of a log is full: then it may lack the very line that says so.
pub(super) fn is_full(log: &File) -> bool {
    const FULL: u64 = 64 * 1024;
    rustix::fs::fstatvfs(log).is_ok_and(|has| {
        // Some file systems do not count files.
        has.f_bavail * has.f_frsize < FULL || (has.f_files > 0 && has.f_favail == 0)
    })
}

/// Whether the host had too little of something: the program is not to blame.
pub(super) fn is_scarcity(errno: i32) -> bool {
    [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM]
        .iter()
        .any(|scarce| scarce.raw_os_error() == errno)
}
