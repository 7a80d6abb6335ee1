//! Back from an edited configuration into the fragment it came from.

use std::collections::{BTreeMap, BTreeSet};

use super::config::{Assignment, Config, Tristate, Value, assignment};
use super::fragment::Fragment;
use super::language::Tree;

/// What somebody changed: what has to be added to `base` so that `make olddefconfig` makes `edited` of it. What a person
/// cannot set and merely follows from other symbols does not belong into a fragment, nor does a no to
/// what nothing would have set.
///
/// A bool that is gone because what it depended on is gone counts as `n`; a string or number that is gone cannot be asked for.
#[must_use]
pub fn difference(base: &Config, edited: &Config, tree: &Tree) -> Vec<Assignment> {
    let all = base.iter().chain(edited.iter());
    let names: BTreeSet<&str> = all.map(|(symbol, _)| symbol).collect();
    let changed = |symbol: &str| match (base.get(symbol), edited.get(symbol)) {
        (before, after) if before == after => None,
        (None, Some(no)) if *no == Value::NO && !tree.set_by_default(symbol) => None,
        (_, Some(after)) => Some(after.clone()),
        (before, None) => {
            let set = before.is_some_and(|value| value.tristate() != Tristate::No);
            set.then_some(Value::NO)
        }
    };
    let assignment = |symbol: &str| {
        let symbol = symbol.to_owned();
        changed(&symbol).map(|value| Assignment { symbol, value })
    };
    let askable = names.into_iter().filter(|symbol| tree.askable(symbol));
    askable.filter_map(assignment).collect()
}

/// Which of a recipe's fragments each change belongs into: the last one that names the symbol already (a later one
/// wins), otherwise the last of all. One list for each fragment; all changes are lost when there is none.
#[must_use]
pub fn assign(fragments: &[Fragment], changes: &[Assignment]) -> Vec<Vec<Assignment>> {
    let mut lists = vec![Vec::new(); fragments.len()];
    for change in changes {
        let names = |fragment: &Fragment| {
            let mut requests = fragment.requests.iter();
            requests.any(|request| request.assignment.symbol == change.symbol)
        };
        let place = fragments
            .iter()
            .rposition(names)
            .or_else(|| fragments.len().checked_sub(1));
        if let Some(list) = place.and_then(|place| lists.get_mut(place)) {
            list.push(change.clone());
        }
    }
    lists
}

/// The text with these changes in it: a line that sets such a symbol is replaced where it stands, what is
/// new comes at the end; comments and the rest stay. It does for a fragment and for a whole `.config` alike.
#[must_use]
pub fn update_fragment(text: &str, changes: &[Assignment]) -> String {
    let wanted: BTreeMap<&str, &Assignment> = changes
        .iter()
        .map(|change| (&*change.symbol, change))
        .collect();
    let mut written = BTreeSet::new();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let symbol = assignment(line).map(|(symbol, _)| symbol);
        match symbol.and_then(|symbol| wanted.get_key_value(symbol)) {
            Some((symbol, change)) => {
                if written.insert(*symbol) {
                    lines.push(change.to_string());
                }
            }
            None => lines.push(line.to_owned()),
        }
    }
    let new = changes
        .iter()
        .filter(|change| written.insert(&change.symbol));
    lines.extend(new.map(ToString::to_string));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn assignments(text: &str) -> Vec<Assignment> {
        let fragment = Fragment::parse(Path::new("a"), text).unwrap();
        fragment
            .requests
            .into_iter()
            .map(|request| request.assignment)
            .collect()
    }

    fn printed(assignments: &[Assignment]) -> Vec<String> {
        assignments.iter().map(ToString::to_string).collect()
    }

    /// Bools that a person can set, those in the second list being on by default; `AUTO` nobody can set.
    fn tree(plain: &[&str], on: &[&str]) -> Tree {
        let entry = |name: &&str, more: &str| format!("config {name}\n\tbool \"x\"\n{more}");
        let plain = plain.iter().map(|name| entry(name, ""));
        let on = on.iter().map(|name| entry(name, "\tdefault y\n"));
        let text: String = plain.chain(on).collect::<String>() + "config AUTO\n\tbool\n";
        Tree::parse("Kconfig", &BTreeMap::new(), &mut |_| Some(text.clone()))
    }

    #[test]
    fn only_what_a_person_can_set_and_has_changed_is_a_difference() {
        let base = Config::parse(
            "CONFIG_A=y\nCONFIG_B=y\nCONFIG_S=\"a\"\nCONFIG_GONE=m\nCONFIG_TEXT=\"t\"\n# CONFIG_N is not set\n",
        );
        let edited = Config::parse(
            "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_S=\"b\"\nCONFIG_NEW=y\nCONFIG_AUTO=y\n# CONFIG_OFF is not set\n# CONFIG_ON is not set\n",
        );
        let tree = tree(&["A", "B", "S", "GONE", "TEXT", "N", "NEW", "OFF"], &["ON"]);
        let changes = printed(&difference(&base, &edited, &tree));
        let expected = [
            "# CONFIG_B is not set",
            "# CONFIG_GONE is not set",
            "CONFIG_NEW=y",
            "# CONFIG_ON is not set",
            "CONFIG_S=\"b\"",
        ];
        assert_eq!(changes, expected);
    }

    #[test]
    fn lines_are_replaced_where_they_stand() {
        let text = "# why A\nCONFIG_A=y\n\n# CONFIG_B is not set\nCONFIG_A=y\nCONFIG_KEEP=\"x\"";
        let updated = update_fragment(text, &assignments("CONFIG_B=y\nCONFIG_A=n\nCONFIG_NEW=5\n"));
        assert_eq!(
            updated,
            "# why A\n# CONFIG_A is not set\n\nCONFIG_B=y\nCONFIG_KEEP=\"x\"\nCONFIG_NEW=5\n"
        );
    }

    #[test]
    fn a_change_goes_where_its_symbol_is() {
        let fragments = ["CONFIG_A=y\nCONFIG_B=y\n", "CONFIG_B=m\n", "CONFIG_C=y\n"]
            .map(|text| Fragment::parse(Path::new("a"), text).unwrap());
        let lists = assign(
            &fragments,
            &assignments("CONFIG_A=n\nCONFIG_B=n\nCONFIG_D=y\n"),
        );
        let lists: Vec<Vec<String>> = lists.iter().map(|list| printed(list)).collect();
        assert_eq!(
            lists,
            [
                ["# CONFIG_A is not set"],
                ["# CONFIG_B is not set"],
                ["CONFIG_D=y"]
            ]
        );
        assert!(assign(&[], &assignments("CONFIG_A=y\n")).is_empty());
    }

    #[test]
    fn what_was_updated_requests_what_was_edited() {
        let base = Config::parse("CONFIG_A=y\nCONFIG_B=5\n");
        let edited = Config::parse("# CONFIG_A is not set\nCONFIG_B=6\nCONFIG_C=m\n");
        let tree = tree(&["A", "B", "C"], &[]);
        let updated = update_fragment(
            "CONFIG_A=y\nCONFIG_B=5\n",
            &difference(&base, &edited, &tree),
        );
        assert!(difference(&edited, &Config::parse(&updated), &tree).is_empty());
    }
}
