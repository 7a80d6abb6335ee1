//! What is said when something is missing that another root of the recipe has.

use crate::closure::{Layer, Settings};

use super::lab::Lab;
use super::table::files;

#[test]
fn what_is_missing_is_told_with_the_root_that_has_it_and_the_name_that_leads_there() {
    let (own, other) = (Lab::new(), Lab::new());
    let folder = "usr/lib/x86_64-linux-gnu";
    own.library("gone/libgone.so.1", &[]);
    own.program("usr/bin/tool", &["-L@/gone", "-l:libgone.so.1"]);
    own.file("usr/bin/script", "#!/usr/bin/perl\n");
    own.file("usr/bin/by-env", "#!/usr/bin/env ruby\n");
    own.file("usr/bin/env", "");
    let closure = |own: &Lab, name: &str| {
        let others = vec![Layer {
            name: "sysroot".to_owned(),
            folder: other.path().to_owned(),
            owners: false,
        }];
        let settings = Settings {
            others,
            ..Settings::default()
        };
        files(&[name]).closure(own, &settings).unwrap_err()
    };
    // It has nothing yet, and then not all, and then all.
    let hint = |name: &str| closure(&own, name).hint.clone().unwrap();
    assert!(hint("tool").contains("`exclude`"));
    other.system();
    let from = "take from there, too, by `from = [\"lab\", \"sysroot\"]` in [copy.tools]";
    assert_eq!(hint("tool"), format!("`sysroot` has some of it: {from}"));
    other.library(&format!("{folder}/libgone.so.1"), &[]);
    other.program("usr/bin/perl", &[]);
    assert_eq!(hint("tool"), format!("`sysroot` has it: {from}"));
    assert_eq!(hint("script"), format!("`sysroot` has it: {from}"));
    assert!(hint("by-env").contains("`exclude`"));
    let failure = closure(&own, "tool");
    assert!(
        failure
            .notes
            .iter()
            .all(|note| note.contains("; `sysroot` has it")),
        "{failure}"
    );
    let [asked] = &failure.asked[..] else {
        panic!("each name once: {:?}", failure.asked)
    };
    assert_eq!((&*asked.table, &*asked.name), ("copy.tools", "tool"));
    assert!(
        asked
            .wrong
            .contains("/usr/bin/tool needs interpreter /lib64/ld-linux"),
        "{asked:?}"
    );
    assert!(
        asked
            .wrong
            .ends_with(", and 1 more of what it takes along lack something")
    );
}
