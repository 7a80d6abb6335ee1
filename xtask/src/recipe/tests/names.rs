//! Recipes by their names.

use super::{GOOD, checkout};
use crate::failure::Kind;
use crate::recipe::{list, load};

#[test]
fn unknown_names_get_suggestions() {
    let (_folder, checkout) = checkout(&[
        ("recipes/demo.toml", GOOD),
        ("recipes/arm.toml", GOOD),
        ("recipes/base/x.toml", ""),
    ]);
    for (name, hint) in [
        ("dmeo", "did you mean `demo`?"),
        (
            "../demo",
            "`cargo xtask new NAME` begins one that builds as it is",
        ),
        ("recipes/dmeo.toml", "`cargo xtask list` names all recipes"),
        (
            "a\0b",
            "`cargo xtask new NAME` begins one that builds as it is",
        ),
    ] {
        let failure = load(&checkout, name).unwrap_err();
        assert_eq!(
            (failure.kind, failure.hint.as_deref()),
            (Kind::Usage, Some(hint)),
            "{name}"
        );
    }
    let failure = load(&checkout, "dmeo").unwrap_err();
    assert_eq!(
        failure.to_string(),
        "there is no recipe `dmeo`; there are `arm` and `demo`"
    );
}

#[test]
fn a_recipe_outside_the_checkout_is_refused() {
    let (folder, _) = checkout(&[("recipes/demo.toml", GOOD)]);
    let (_other, checkout) = checkout(&[]);
    let path = folder.path().join("recipes/demo.toml");
    assert_eq!(
        load(&checkout, path.to_str().unwrap()).unwrap_err().kind,
        Kind::Usage
    );
}

#[test]
fn listing_survives_broken_recipes() {
    let (folder, checkout) = checkout(&[
        ("recipes/b.toml", "x"),
        ("recipes/demo.toml", GOOD),
        ("recipes/Bad.toml", GOOD),
        ("recipes/base/part.toml", ""),
    ]);
    fs_err::write(
        folder.path().join("recipes/latin1.toml"),
        b"description = '\xe9'",
    )
    .unwrap();
    fs_err::write(
        folder.path().join("recipes/long.toml"),
        vec![b'#'; (1 << 20) + 1],
    )
    .unwrap();
    let listed: Vec<String> = list(&checkout)
        .unwrap()
        .into_iter()
        .map(|listed| {
            format!(
                "{} {:?} {:?}",
                listed.name, listed.description, listed.problem
            )
        })
        .collect();
    insta::assert_snapshot!(listed.join("\n"), @r#"
    Bad None Some("the recipe Bad has a mistake")
    b None Some("the recipe b has a mistake")
    demo Some("a test") None
    latin1 None Some("recipes/latin1.toml is no UTF-8 text: line 1 holds a byte that is none")
    long None Some("recipes/long.toml is longer than 1048576 bytes: it is hardly a text that a person wrote")
    "#);
}
