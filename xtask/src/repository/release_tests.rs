//! Release files: written, read, dated.

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::*;

fn release() -> Release {
    let sum = Sum::of(b"x");
    let files = [
        "main/binary-amd64/Packages",
        "main/binary-amd64/Packages.gz",
    ];
    Release {
        origin: "Example".to_owned(),
        label: "Example".to_owned(),
        suite: "stable".to_owned(),
        codename: "stable".to_owned(),
        date: 1_795_156_200,
        valid_until: Some(1_795_756_200),
        architectures: vec!["amd64".to_owned()],
        components: vec!["main".to_owned()],
        description: "Images".to_owned(),
        files: files.map(|name| (name.to_owned(), sum)).into(),
    }
}

#[test]
fn the_text_is_what_clients_know() {
    let text = release().text();
    let digest = Digest::of("x");
    assert_eq!(
        text,
        format!(
            "Origin: Example\nLabel: Example\nSuite: stable\nCodename: stable\nDate: Fri, 20 Nov 2026 06:30:00 +0000\nValid-Until: Fri, 27 Nov 2026 05:10:00 +0000\nAcquire-By-Hash: yes\nNo-Support-for-Architecture-all: Packages\nArchitectures: amd64\nComponents: main\nDescription: Images\nSHA256:\n {digest} 1 main/binary-amd64/Packages\n {digest} 1 main/binary-amd64/Packages.gz\n"
        )
    );
    assert_eq!(Release::parse(&text).unwrap(), release());
}

#[test]
fn the_zone_of_others_is_understood() {
    let text = release().text().replace("+0000", "UTC");
    assert_eq!(Release::parse(&text).unwrap(), release());
}

#[test]
fn what_is_no_release_file_is_refused() {
    let text = release().text();
    for (old, new) in [
        ("Date: Fri", "Date: Foo"),
        ("Date: Fri, 20 Nov 2026 06:30:00 +0000\n", ""),
        ("Valid-Until: F", "Valid-Until: G"),
        (" 1 main", " one main"),
        (" 1 main", " main"),
        (&Digest::of("x").to_string()[..9], "xyz"),
        ("Suite: stable\n", "\n"),
        ("Suite: ", "Suite "),
    ] {
        let damaged = text.replace(old, new);
        assert_ne!(damaged, text);
        assert!(Release::parse(&damaged).is_err(), "{damaged}");
    }
    assert!(Release::parse("").is_err());
}

#[test]
fn clients_would_refuse_another_name() {
    let old = release();
    let mut new = old.clone();
    new.description = "Other images".to_owned();
    assert!(old.same_as(&new).is_ok());
    new.codename = "oldstable".to_owned();
    let failure = old.same_as(&new).unwrap_err();
    assert!(failure.what.contains("Codename is \"stable\""), "{failure}");
}

proptest! {
    #[test]
    fn dates_only_grow(now in 0_i64..1 << 40, before in any::<Option<i32>>()) {
        let before = before.map(i64::from);
        let date = next_date(now, before);
        prop_assert!(before.is_none_or(|before| date > before));
        prop_assert!(date >= now - 60);
        prop_assert!(date == now - 60 || before == Some(date - 1));
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        Release::parse(&text).ok();
    }

    #[test]
    fn descriptions_of_any_kind_leave_the_rest_alone(description in "\\PC{0,40}(\n\\PC{0,40})?") {
        let release = Release { description, ..release() };
        if let Ok(read) = Release::parse(&release.text()) {
            prop_assert_eq!(read.files, release.files);
            prop_assert_eq!(read.date, release.date);
        }
    }
}
