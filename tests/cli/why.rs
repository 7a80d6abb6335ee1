//! `why`: from a path to the recipe's line.

use crate::support::Tiny;

#[test]
fn the_chain_ends_at_the_recipes_line() {
    let tiny = Tiny::new();
    let said = tiny.ok("why tiny /bin/sh");
    assert_eq!(
        said,
        "/bin/sh -> busybox\n    applet of /bin/busybox\n/bin/busybox\n    recipes/tiny.toml:24: built from busybox\n"
    );
    let why = tiny.json("why tiny etc/image-release");
    assert_eq!(why[0]["reason"]["origin"]["overlay"], "base");
    assert!(
        why[0]["line"]
            .as_str()
            .unwrap()
            .starts_with("recipes/tiny.toml:")
    );
}

#[test]
fn a_path_that_is_not_there_is_said_with_a_near_one() {
    let tiny = Tiny::new();
    let ran = tiny.run("why tiny /usr/bin/sh");
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.stderr.contains("did you mean `/bin/sh`?"),
        "{}",
        ran.stderr
    );
}
