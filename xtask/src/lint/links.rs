//! Links that lead nowhere.

use super::Finding;
use super::facts::Facts;
use super::resolve::{Found, target};
use super::rules::DANGLING_LINK;
use crate::image::tree::Node;

pub(super) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let tree = facts.subject.tree;
    for (path, entry) in tree.iter() {
        let Node::Symlink { target: to } = &entry.node else {
            continue;
        };
        let how = match target(tree, path, to) {
            Found::Nothing => "which is not there",
            Found::Circle => "which leads in circles",
            Found::Entry(..) | Found::Top | Found::RunTime => continue,
        };
        findings.push(DANGLING_LINK.at(path, format!("{path} is a link to {to}, {how}")));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ids, image};

    #[test]
    fn links_that_lead_nowhere_are_found() {
        assert_eq!(ids(&image(&[("/a", "-> b")])), ["dangling-link"]);
        assert_eq!(
            ids(&image(&[("/etc/a", "-> ../b/c"), ("/b", "x")])),
            ["dangling-link"]
        );
        assert_eq!(ids(&image(&[("/a", "-> a")])), ["dangling-link"]);
    }

    #[test]
    fn links_to_what_is_there_or_comes_at_run_time_are_not() {
        let tree = image(&[
            ("/a", "-> etc/b"),
            ("/etc/b", "x"),
            ("/etc/c", "-> ../etc/./b"),
            ("/etc/mtab", "-> ../proc/self/mounts"),
            ("/etc/resolv.conf", "-> /run/resolv.conf"),
            ("/top", "-> /"),
        ]);
        assert!(ids(&tree).is_empty());
    }
}
