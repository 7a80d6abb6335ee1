//! What the README says can be typed, can be typed.

use crate::support::{Tiny, project};

/// Every `cargo xtask …` line in the README's console blocks.
fn commands() -> Vec<String> {
    let readme = fs_err::read_to_string(project().join("README.md")).unwrap();
    readme
        .lines()
        .filter_map(|line| line.strip_prefix("$ cargo xtask "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_is_understood() {
    let commands = commands();
    assert!(commands.len() >= 8, "{commands:?}");
    let tiny = Tiny::new();
    for command in commands {
        let verb = command.split(' ').next().unwrap();
        // clap reads the whole line before `--help` ends it: a flag that is not there is a mistake.
        tiny.ok(&format!("{command} --help"));
        assert!(
            tiny.ok("--help").contains(&format!("  {verb} ")),
            "{verb} is not in --help"
        );
    }
}

#[test]
fn every_verb_of_the_table_is_there() {
    let readme = fs_err::read_to_string(project().join("README.md")).unwrap();
    let help = Tiny::new().ok("--help");
    for line in readme.lines().filter_map(|line| line.strip_prefix("| `")) {
        let verb = line.split([' ', '`']).next().unwrap();
        assert!(
            help.contains(&format!("  {verb} ")),
            "{verb} is in the README, and not in --help"
        );
    }
}

#[test]
fn the_site_that_the_readme_shows_is_valid() {
    let readme = fs_err::read_to_string(project().join("README.md")).unwrap();
    let blocks = readme.split("```toml\n").skip(1);
    let mut texts = blocks.filter_map(|block| block.split("```").next());
    let site = texts.find(|text| text.contains("[mirrors]")).unwrap();
    let tiny = Tiny::new();
    // What it speaks of, beside the recipe that is there.
    let recipe = fs_err::read_to_string(tiny.path("recipes/tiny.toml")).unwrap();
    tiny.write("recipes/orbit.toml", &recipe);
    tiny.write("overlays/our-site/etc/motd", "Welcome.\n");
    tiny.write("site.toml", site);
    tiny.ok("list");
}
