//! Recipes that extend others.

use super::{GOOD, about, about_files, checkout};
use crate::recipe::{load, show_origins};

#[test]
fn bases_are_merged_by_key_and_name() {
    let pc = "extends = ['base/common']\n[kernel]\nfragments = ['x86_64/net.config']\n[[node]]\nname = 'a'\nip = '192.0.2.1'\n\
        append = ['one']\n[[node]]\nname = 'b'\nip = '192.0.2.2'\n";
    let common = GOOD.replace(
        "append = [\"quiet\"]",
        "append = [\"loud\"]\nmessage = \"hi\"",
    );
    let serial = "extends = ['base/common']\n[image.console]\ndevice = 'ttyS1'\n";
    let demo = "description = 'mine'\nextends = ['base/pc', 'base/serial']\n[bundle]\nappend = []\n[[node]]\nname = 'c'\nip = '192.0.2.3'\n\
        [[node]]\nname = 'a'\nip = '192.0.2.9'\n";
    let (_folder, checkout) = checkout(&[
        ("recipes/base/common.toml", &common),
        ("recipes/base/pc.toml", pc),
        ("recipes/base/serial.toml", serial),
        ("recipes/demo.toml", demo),
    ]);
    let loaded = load(&checkout, "demo").unwrap();
    let recipe = &loaded.recipe;
    assert_eq!(recipe.description, "mine");
    assert_eq!(
        recipe.kernel.fragments,
        ["x86_64/net.config"],
        "common, named twice, does not undo pc"
    );
    assert_eq!(recipe.image.console.device, "ttyS1");
    assert_eq!(
        (recipe.bundle.append.len(), recipe.bundle.message.as_str()),
        (0, "hi")
    );
    let nodes: Vec<_> = recipe
        .node
        .iter()
        .map(|node| {
            (
                node.name.as_str(),
                node.ip.as_deref().unwrap(),
                node.append.len(),
            )
        })
        .collect();
    assert_eq!(
        nodes,
        [
            ("a", "192.0.2.9", 1),
            ("b", "192.0.2.2", 0),
            ("c", "192.0.2.3", 0)
        ]
    );
    let files: Vec<_> = loaded
        .files
        .iter()
        .map(|file| file.to_str().unwrap())
        .collect();
    assert_eq!(
        files,
        [
            "recipes/base/common.toml",
            "recipes/base/pc.toml",
            "recipes/base/serial.toml",
            "recipes/demo.toml"
        ]
    );
    let shown = show_origins(&loaded);
    for line in [
        "description = \"mine\"  # recipes/demo.toml:1",
        "device = \"ttyS1\"  # recipes/base/serial.toml:3",
        "baud = 115200  # default",
        "message = \"hi\"  # recipes/base/common.toml:19",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} in\n{shown}"
        );
    }
}

#[test]
fn mistakes_in_a_base_are_found_in_the_base() {
    let base = GOOD.replace("quiet", "a b").replace("overlays", "overlay");
    let demo = "extends = ['base/pc']\n[kernel]\nbase = 'x'\n";
    insta::assert_snapshot!(about_files(&[("recipes/base/pc.toml", &base), ("recipes/demo.toml", demo)]), @r#"
    recipe: the recipe demo has 3 mistakes
    recipes/base/pc.toml:16:1 «overlay» unknown key `overlay` in [image]; did you mean `overlays`?; known keys: `compression`, `compression-level`, `console`, `devices`, `directories`, `microcode`, `ntp` and `overlays`
    recipes/base/pc.toml:18:11 «"a b"» these are several kernel arguments; write one argument each: "a", "b"
    recipes/demo.toml:3:8 «'x'» there is no file kernel-configs/x; kernel-configs/ has `x86_64/base.config`, `x86_64/efi.config`, `x86_64/initramfs.config`, `x86_64/kvm-guest.config`, `x86_64/net.config`, `x86_64/pc.config` and `x86_64/virtio.config`
    "#);
}

#[test]
fn bases_that_are_missing_or_go_round_are_told() {
    let demo = format!("extends = ['base/ps', 'base/pc.toml', '../x', 3, 'demo', 'base/pc']{GOOD}");
    let pc = "extends = ['base/two']\n";
    let two = "extends = ['base/pc', \"a\\u0000\"]\n";
    let files = [
        ("recipes/base/pc.toml", pc),
        ("recipes/base/two.toml", two),
        ("recipes/demo.toml", &demo),
    ];
    insta::assert_snapshot!(about_files(&files), @r#"
    recipe: the recipe demo has 7 mistakes
    recipes/base/two.toml:1:12 «'base/pc'» `base/pc` extends itself; the circle is recipes/base/pc.toml → recipes/base/two.toml → recipes/base/pc.toml
    recipes/base/two.toml:1:23 «"a\u0000"» there is no recipe `a\0` to extend; the name of a file below recipes/, without `.toml`
    recipes/demo.toml:1:12 «'base/ps'» there is no recipe `base/ps` to extend; did you mean `base/pc`?; the name of a file below recipes/, without `.toml`
    recipes/demo.toml:1:23 «'base/pc.toml'» there is no recipe `base/pc.toml` to extend; did you mean `base/pc`?; the name of a file below recipes/, without `.toml`
    recipes/demo.toml:1:39 «'../x'» there is no recipe `../x` to extend; the name of a file below recipes/, without `.toml`
    recipes/demo.toml:1:47 «3» `extends[3]` has to be a string; this is a whole number; write it in quotes: "3"
    recipes/demo.toml:1:50 «'demo'» `demo` extends itself; the circle is recipes/demo.toml → recipes/demo.toml
    "#);
    insta::assert_snapshot!(about(&format!("extends = 'base/pc'{GOOD}")), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:1:11 «'base/pc'» `extends` has to be a list of strings; this is a string; put it in brackets: ['base/pc']
    "#);
}
