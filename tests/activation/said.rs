//! What is said to whoever asks: of what is served, not of what was meant to be.

use crate::in_each_shell;

#[test]
fn a_root_that_is_not_there_is_named() {
    in_each_shell(|room| {
        assert_eq!(
            room.refused(2, "--root /nonexistent list"),
            "netboot-images: --root: there is no folder /nonexistent\n  hint: it is: netboot-images --root DIR COMMAND\n"
        );
    });
}
