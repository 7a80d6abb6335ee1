use std::collections::BTreeMap;

use super::explain::{Change, Reason, reason};
use super::*;
use crate::digest::Digest;

fn fetch(name: &str) -> Step {
    let action = Action::Fetch {
        sha256: Digest::of(name),
    };
    Step::new(
        name,
        "",
        Definition::new(action, &["file"]),
        BTreeMap::new(),
    )
}

fn unpack(plan: &Plan, from: &str) -> Step {
    let action = Action::Unpack {
        layout: Layout::Tarball {
            file: "tarball".to_owned(),
        },
    };
    let mut definition = Definition::new(action, &["tree"]);
    let (input, location) = plan.output(from, "file").unwrap();
    definition.inputs.insert("tarball".to_owned(), input);
    Step::new(
        "tree",
        "",
        definition,
        [("tarball".to_owned(), location)].into(),
    )
}

#[test]
fn the_key_is_the_digest_of_the_canonical_definition() {
    let step = fetch("a");
    let text = format!(
        r#"{{"action":{{"kind":"fetch","sha256":"{}"}},"environment":{{}},"format":1,"inputs":{{}},"outputs":["file"],"tools":{{}}}}"#,
        Digest::of("a")
    );
    assert_eq!(step.key, Digest::of(text));
}

#[test]
fn a_changed_source_changes_every_key_after_it_and_explain_names_it() {
    let plan = |source: &str| {
        let mut plan = Plan::default();
        let from = plan
            .add(Step {
                name: "source".to_owned(),
                ..fetch(source)
            })
            .unwrap();
        plan.add(unpack(&plan, &from)).unwrap();
        plan
    };
    let (old, new) = (plan("one"), plan("two"));
    let last = old.root("/checkout".as_ref(), "demo");
    let tree = |plan: &Plan| plan.get("tree").unwrap().clone();
    assert_ne!(tree(&old).key, tree(&new).key);
    assert_eq!(reason(&old, &tree(&old), Some(&last)), Reason::Unchanged);
    assert_eq!(reason(&new, &tree(&new), None), Reason::New);
    let step = |plan: &Plan| {
        Some(format!(
            "step source ({})",
            plan.get("source").unwrap().key.short()
        ))
    };
    assert_eq!(
        reason(&new, &tree(&new), Some(&last)),
        Reason::Changed {
            changes: vec![Change {
                path: "inputs.tarball.step".to_owned(),
                old: step(&old),
                new: step(&new)
            }]
        }
    );
}

#[test]
fn a_step_cannot_take_from_what_is_not_there() {
    let mut plan = Plan::default();
    assert!(plan.output("nowhere", "file").is_err());
    plan.add(fetch("a")).unwrap();
    assert!(plan.output("a", "nothing").is_err());
    let other = Step {
        name: "a".to_owned(),
        ..fetch("b")
    };
    assert!(plan.add(other).is_err(), "a name is one step's");
}
