//! Recipes and sites that are as they should be.

use std::path::Path as FilePath;

use super::{GOOD, about_files, checkout, said};
use crate::recipe::{Site, load, show, show_origins};

#[test]
fn a_good_recipe_gets_its_defaults() {
    let (_folder, checkout) = checkout(&[("recipes/demo.toml", GOOD)]);
    for name in [
        "demo",
        "demo.toml",
        "recipes/demo.toml",
        "./recipes/demo.toml",
    ] {
        let loaded = load(&checkout, name).unwrap();
        assert_eq!(loaded.name, "demo");
        assert_eq!(loaded.recipe.kernel.base, "tinyconfig");
        assert_eq!(loaded.files, [FilePath::new("recipes/demo.toml")]);
    }
}

#[test]
fn the_tutorial_is_a_good_recipe() {
    let text = include_str!("../../../../recipes/demo.toml");
    let files = [
        ("recipes/demo.toml", text),
        ("overlays/reporter/etc/rc", ""),
    ];
    assert_eq!(about_files(&files), "good");
}

#[test]
fn what_is_shown_is_the_same_recipe() {
    let more = "\n[[node]]\nname = 'a'\nmac = '52:54:00:12:34:56'\n[[boot]]\nname = 'plain'\n\
        [[boot]]\nname = 'list'\nretry = {}\nend = ['ready', 'menu', { failed = { step = 'a', code = 7 } }]\n\
        [[boot]]\nname = 'tables'\nend = [{ failed = 'a' }, { failed = {} }]\n";
    let more = format!("{GOOD}message = \"two\\nlines \\\"quoted\\\"\"{more}");
    let (folder, checkout) = checkout(&[("recipes/demo.toml", &more)]);
    let loaded = load(&checkout, "demo").unwrap();
    for shown in [show(&loaded.recipe), show_origins(&loaded)] {
        fs_err::write(folder.path().join("recipes/again.toml"), &shown).unwrap();
        let again = load(&checkout, "again")
            .unwrap_or_else(|failure| panic!("{}\n{shown}", said(&failure)));
        assert_eq!(again.recipe, loaded.recipe);
    }
}

#[test]
fn a_site_has_defaults_and_is_checked_too() {
    let (folder, checkout) = checkout(&[]);
    assert_eq!(Site::load(&checkout).unwrap(), Site::default());
    let good = "cache = '/srv/cache'\nfollow-after = 0\n[mirrors]\ndebian = ['http://deb.example/debian']\n[ntp]\nservers = ['ntp.example']\n[console]\ndevice = 'ttyS1'\n";
    fs_err::write(folder.path().join("site.toml"), good).unwrap();
    let site = Site::load(&checkout).unwrap();
    assert_eq!(
        (site.follow_after, site.cache),
        (0, Some("/srv/cache".into()))
    );
    assert_eq!(
        Vec::from_iter(Site::load(&checkout).unwrap().mirrors().0),
        [(
            "debian".to_owned(),
            vec!["http://deb.example/debian".to_owned()]
        )]
    );
    let bad = "cache = '~/cache'\nfollow_after = 3\n[mirrors]\ndebain = []\ndebian-security = ['deb.example']\n[ntp]\nservers = ['$(reboot)']\n[console]\nbaud = 5\n";
    fs_err::write(folder.path().join("site.toml"), bad).unwrap();
    insta::assert_snapshot!(said(&Site::load(&checkout).unwrap_err()), @r#"
    recipe: site.toml has 6 mistakes
    site.toml:1:9 «'~/cache'» `~/cache` is no absolute path; it begins with `/`; `~` and variables are not expanded
    site.toml:2:1 «follow_after» unknown key `follow_after` at the top; did you mean `follow-after`?; known keys: `cache`, `console`, `follow-after`, `key`, `mirrors`, `ntp`, `segment` and `settings`
    site.toml:4:1 «debain» unknown key `debain` in [mirrors]; did you mean `debian`?; known keys: `debian` and `debian-security`
    site.toml:5:20 «'deb.example'» `deb.example` is no address of a Debian mirror; `http://`, `https://` or `file:///`, a host, a path; without user and password
    site.toml:7:12 «'$(reboot)'» `$(reboot)` is no host name or address; a name such as `ntp.example.org`, or an address
    site.toml:9:8 «5» 5 is no speed of a serial line; it has to be `4800`, `9600`, `19200`, `38400`, `57600`, `115200`, `230400` or `460800`
    "#);
}

#[test]
fn the_site_wins_over_the_recipe() {
    let (_folder, checkout) = checkout(&[("recipes/demo.toml", GOOD)]);
    let recipe = load(&checkout, "demo").unwrap().recipe;
    let mut site = Site::default();
    let mut settled = recipe.clone();
    site.apply(&checkout, "demo", &mut settled).unwrap();
    assert_eq!(settled, recipe);
    site.ntp.servers = vec!["ntp.example".to_owned()];
    site.apply(&checkout, "demo", &mut settled).unwrap();
    assert_eq!(settled.image.ntp, ["ntp.example"]);
}

/// What a `site.toml` makes of the settings of a recipe `demo` that has two, or what is said about it.
fn settled(site: &str) -> Result<Vec<String>, String> {
    let demo = format!("{GOOD}[settings]\nenroll-url = ''\nlog-host = 'h'\n");
    let (_folder, checkout) = checkout(&[("recipes/demo.toml", &demo), ("site.toml", site)]);
    let mut recipe = load(&checkout, "demo").unwrap().recipe;
    Site::load(&checkout)
        .and_then(|site| site.apply(&checkout, "demo", &mut recipe))
        .map_err(|failure| said(&failure))?;
    let settings = recipe.settings.into_iter();
    Ok(settings
        .map(|(name, value)| format!("{name}={value}"))
        .collect())
}

#[test]
fn the_sites_settings_win_over_the_recipes() {
    assert_eq!(settled("").unwrap(), ["enroll-url=", "log-host=h"]);
    let site = "[settings.demo]\nenroll-url = 'http://h/?a=b&c=$d'\n";
    assert_eq!(
        settled(site).unwrap(),
        ["enroll-url=http://h/?a=b&c=$d", "log-host=h"]
    );
}

#[test]
fn a_setting_that_no_recipe_has_is_a_mistake() {
    insta::assert_snapshot!(settled("[settings.demo]\nlog-host = 'i'\nenrol-url = ''\nzzz = ''\n").unwrap_err(), @r"
    recipe: site.toml has 2 mistakes
    site.toml:3:1 «enrol-url» the recipe demo has no setting `enrol-url`; did you mean `enroll-url`?
    site.toml:4:1 «zzz» the recipe demo has no setting `zzz`; it has `enroll-url` and `log-host`
    ");
    insta::assert_snapshot!(settled("[settings.demmo]\nEnroll = 'it`s'\n").unwrap_err(), @r"
    recipe: site.toml has 3 mistakes
    site.toml:1:11 «demmo» there is no recipe `demmo`; did you mean `demo`?
    site.toml:2:1 «Enroll» `Enroll` is no name of a setting; lower-case letters, digits and `-`, at most 64 of them, the first a letter
    site.toml:2:10 «'it`s'» `it`s` is no value of a setting; a line of at most 1024 characters, without quotes, backslashes and backticks
    ");
}

#[test]
fn a_site_puts_an_archive_of_its_own_on_top() {
    let (folder, checkout) = checkout(&[("recipes/demo.toml", GOOD)]);
    let site = |text: &str| {
        fs_err::write(folder.path().join("site.toml"), text).unwrap();
        Site::load(&checkout)
    };
    let mut recipe = load(&checkout, "demo").unwrap().recipe;
    site("[segment.demo]\noverlays = ['base']\n")
        .unwrap()
        .apply(&checkout, "demo", &mut recipe)
        .unwrap();
    assert_eq!(recipe.bundle.segments, ["site"]);
    assert_eq!(recipe.segment["site"].overlays, ["base"]);
    let wrong = site("[segment.dmo]\noverlays = ['bse']\n").unwrap_err();
    insta::assert_snapshot!(said(&wrong), @r"
    recipe: site.toml has 2 mistakes
    site.toml:1:10 «dmo» there is no recipe `dmo`; did you mean `demo`?
    site.toml:2:13 «'bse'» there is no folder overlays/bse; did you mean `base`?; overlays/ has `base`
    ");
}
