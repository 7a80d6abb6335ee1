//! What a bundle has for Calxeda's Highbank beside what U-Boot reads anywhere: its configurations under names that no other board asks for,
//! so that one server can have boards of several kinds. A menu's TIMEOUT means nothing to the U-Boot that Debian's source makes for it: the board's
//! environment says by `bootretry` whether a menu waits for ever or not at all.
//!
//! Source: U-Boot's `cmd/pxe.c`, which asks for `default-ARCH-SOC` before `default-ARCH` and `default`.

use super::TextFile;
use super::bundle::BundleText;
use super::route::Route;

/// What all boards read, and what this one asks for before.
const DEFAULT: &str = "pxelinux.cfg/default";
const BOARD: &str = "pxelinux.cfg/default-arm-highbank";

/// The file for boards without a file of their own, from those that there are for U-Boot.
pub(super) fn files(bundle: &BundleText, files: &[TextFile]) -> Option<TextFile> {
    let wanted = bundle.routes.contains(&Route::Highbank);
    let default = files.iter().find(|file| file.path == DEFAULT);
    default.filter(|_| wanted).map(|default| TextFile {
        path: BOARD.to_owned(),
        content: default.content.clone(),
        reason: "Highbank boards without a file of their own".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::bundle::{self, tests::uboot};
    use super::*;
    use crate::arch::Arch;

    #[test]
    fn only_bundles_for_the_board_have_its_file() {
        let paths = |routes| {
            let bundle = BundleText {
                arch: Arch::Armhf,
                routes,
                ..uboot()
            };
            let files = bundle::files(&bundle).unwrap().into_iter();
            files.map(|file| file.path).collect::<Vec<_>>()
        };
        assert!(!paths(vec![Route::UBoot]).contains(&BOARD.to_owned()));
        let paths = paths(vec![Route::Highbank]);
        assert!(paths.contains(&BOARD.to_owned()) && paths.contains(&DEFAULT.to_owned()));
    }
}
