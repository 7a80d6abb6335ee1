//! U-Boot for a board: its source's own configuration of that board, built out of tree, reproducibly. Of the environment, only
//! `SOURCE_DATE_EPOCH` shows in what it says of itself.
//!
//! Boards whose images are put together by binman need Python and more; they are not for this step.

use super::Work;
use super::busybox::MUSL;
use super::kbuild::Kbuild;
use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};
use crate::needs::Purpose;
use crate::text::nearest;
use crate::tool::version;

pub(super) fn run(work: &Work<'_>, arch: Arch, board: &str) -> Result<()> {
    version::require(Purpose::Build, &[arch], |need| need.name() != MUSL)?;
    version::require(Purpose::Firmware, &[arch], |_| true)?;
    let mut kbuild = Kbuild::new(work, &[])?;
    let configuration = format!("{board}_defconfig");
    let configurations = kbuild.source().join("configs");
    if !configurations.join(&configuration).is_file() {
        return Err(unknown(board, &boards(&configurations)?));
    }
    // U-Boot finds out by itself what it is built for: its names of architectures are not the kernel's.
    let prefix = format!("{}-", arch.multiarch());
    let compiler = kbuild.compiler(&format!("{prefix}gcc"));
    kbuild.argument(format!("CROSS_COMPILE={prefix}"));
    kbuild.argument(format!("CC={compiler}"));
    kbuild.argument(format!("HOSTCC={}", kbuild.compiler("gcc")));
    kbuild.argument(format!("KCFLAGS={}", kbuild.prefix_map()));
    kbuild.argument(format!("KAFLAGS={}", kbuild.prefix_map()));
    kbuild.make(&[&configuration]).run()?;
    kbuild.make(&["u-boot.bin"]).run()?;
    for (built, output) in [("u-boot.bin", "u-boot.bin"), (".config", "config")] {
        fs_err::copy(kbuild.build().join(built), work.output(output))?;
    }
    Ok(())
}

/// The boards that a source knows.
fn boards(configurations: &std::path::Path) -> Result<Vec<String>> {
    let mut boards = Vec::new();
    for entry in fs_err::read_dir(configurations)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        boards.extend(name.strip_suffix("_defconfig").map(str::to_owned));
    }
    boards.sort();
    Ok(boards)
}

fn unknown(board: &str, boards: &[String]) -> Failure {
    let failure = Failure::new(
        Kind::Recipe,
        format!("U-Boot's source has no board {board:?}"),
    );
    match nearest(board, boards.iter().map(String::as_str)) {
        Some(meant) => failure.hint(format!("did you mean `{meant}`?")),
        None => failure.hint("its boards are those of its files configs/*_defconfig"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_that_is_misspelt_is_recognised() {
        let boards = ["highbank".to_owned(), "qemu_arm".to_owned()];
        let failure = unknown("higbank", &boards);
        assert!(failure.to_string().contains("higbank") && failure.kind == Kind::Recipe);
        assert!(format!("{failure:?}").contains("did you mean `highbank`?"));
    }
}
