//! `list`, `new`, `show`, `schema`, `completions`.

use crate::support::Tiny;

#[test]
fn recipes_are_listed() {
    assert_eq!(Tiny::new().ok("list"), "tiny  A stand-in for tests\n");
}

#[test]
fn a_broken_recipe_does_not_hide_the_others() {
    let tiny = Tiny::new();
    tiny.write("recipes/broken.toml", "description = 1\n");
    let said = tiny.ok("list");
    assert!(
        said.contains("broken") && said.contains("A stand-in for tests"),
        "{said}"
    );
}

#[test]
fn show_prints_a_recipe_that_reads_back_to_itself() {
    let tiny = Tiny::new();
    let shown = tiny.ok("show tiny");
    assert!(
        shown.contains("base = \"tinyconfig\""),
        "defaults are filled in: {shown}"
    );
    tiny.write("recipes/again.toml", &shown);
    assert_eq!(tiny.ok("show again"), shown);
}

#[test]
fn a_new_recipe_is_there_once() {
    let tiny = Tiny::new();
    assert!(tiny.ok("new lab").contains("wrote recipes/lab.toml"));
    let text = tiny.read("recipes/lab.toml");
    assert_ne!(
        tiny.run("new lab").code,
        Some(0),
        "it must not be overwritten"
    );
    assert_eq!(tiny.read("recipes/lab.toml"), text);
    let said = tiny.fails(2, "new Lab/../x");
    assert!(said.contains("name"), "{said}");
}

#[test]
fn the_schema_is_json_and_knows_the_tables() {
    let schema = Tiny::new().json("schema");
    assert!(schema["properties"]["kernel"].is_object(), "{schema:#}");
}

#[test]
fn shells_get_completions() {
    assert!(Tiny::new().ok("completions bash").contains("menuconfig"));
}
