//! What is typed at a console before its prompt is there arrives whole.

use libtest_mimic::Trial;
use xtask::arch::Arch;

use crate::lab::{bundle, passes, typed};

const MOMENTS: &[(&str, &str)] = &[
    ("while it comes up", "^cordwainer: step mounts ok"),
    ("at the verdict", "^cordwainer: verdict ready"),
];

pub(crate) fn all() -> Vec<Trial> {
    let trials = MOMENTS.iter().map(|&(name, when)| {
        Trial::test(format!("typing::{}", name.replace(' ', "_")), move || {
            let scenario = typed(when, "echo $((6 * 7)) is heard", &["^42 is heard"]);
            passes(&bundle("demo")?, Arch::Amd64, scenario, None)
        })
    });
    trials.collect()
}
