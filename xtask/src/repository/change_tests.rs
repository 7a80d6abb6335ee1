//! What indexes become.

use super::*;

fn stanza(package: &str, architecture: &str) -> String {
    format!(
        "Package: {package}\nVersion: 1\nArchitecture: {architecture}\nFilename: pool/{package}_1_{architecture}.deb\nSize: 1\nSHA256: ab"
    )
}

fn architectures() -> Vec<String> {
    ["amd64", "arm64"].map(str::to_owned).to_vec()
}

fn change(before: &Indexes, new: &[&str]) -> Change {
    let new: Vec<Entry<'_>> = new.iter().map(|text| Entry::parse(text).unwrap()).collect();
    add(before, &new, &architectures(), None).unwrap()
}

#[test]
fn what_is_the_same_for_all_is_made_once() {
    let first = change(&Indexes::default(), &[&stanza("a", "all")]);
    assert_eq!(first.indexes.texts.len(), 1);
    assert_eq!(first.indexes.text("amd64"), first.indexes.text("arm64"));
    let second = change(
        &first.indexes,
        &[&stanza("b", "amd64"), &stanza("a", "all")],
    );
    assert_eq!(second.indexes.texts.len(), 2);
    assert_eq!(second.added, [0]);
    assert_eq!(second.indexes.text("arm64"), first.indexes.text("arm64"));
    assert!(second.indexes.text("amd64").unwrap().contains("b_1_amd64"));
}

#[test]
fn a_package_counts_as_new_where_one_index_lacks_it() {
    let mut before = change(&Indexes::default(), &[&stanza("a", "all")]).indexes;
    before.texts.push(String::new());
    before.of.insert("arm64".to_owned(), 1);
    let after = change(&before, &[&stanza("a", "all")]);
    assert_eq!(after.added, [0]);
    assert_eq!(after.indexes.text("arm64"), before.text("amd64"));
}
