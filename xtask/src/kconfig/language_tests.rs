//! Kconfig files in, conditions out.

use super::*;

fn tree(files: &[(&str, &str)]) -> Tree {
    let variables = BTreeMap::from([("SRCARCH", "x86")]);
    Tree::parse("Kconfig", &variables, &mut |path| {
        let file = files.iter().find(|(name, _)| *name == path);
        file.map(|(_, text)| (*text).to_owned())
    })
}

fn depends(tree: &Tree, symbol: &str) -> Vec<String> {
    let definitions = tree.symbols.get(symbol).unwrap().iter();
    let depends = definitions.flat_map(|one| &one.depends);
    depends.map(ToString::to_string).collect()
}

#[test]
fn conditions_come_from_all_blocks_around() {
    let tree = tree(&[
        (
            "Kconfig",
            "menu \"Net\"\n\tdepends on NET\n\tvisible if SHOWN\n\nif A && B\nsource \"arch/$(SRCARCH)/Kconfig\"\nendif\nendmenu\nconfig OUT\n\tbool\n",
        ),
        (
            "arch/x86/Kconfig",
            "choice\n\tprompt \"c\"\n\tdepends on C\nconfig X\n\ttristate \"x\" if EXPERT\n\tdepends on D || \\\n\t\tE\n\tdepends on F # why\nendchoice\n",
        ),
    ]);
    assert_eq!(depends(&tree, "X"), ["NET", "A && B", "C", "D || E", "F"]);
    assert_eq!(depends(&tree, "OUT"), [""; 0]);
    let [definition] = &tree.symbols["X"][..] else {
        panic!()
    };
    assert_eq!(definition.kind, Some(Kind::Tristate));
    assert_eq!(definition.choice, Some(1));
    let prompt: Vec<String> = definition
        .prompt
        .iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    assert_eq!(prompt, ["EXPERT", "SHOWN"]);
    assert!(tree.askable("X") && !tree.askable("OUT"));
}

#[test]
fn help_texts_are_no_language() {
    let tree = tree(&[(
        "Kconfig",
        "config A\n\tbool \"a # no comment\"\n\thelp\n\n\t  config B\n\n\t    depends on C\n\t  bool\nconfig D\n\tbool\n\t---help---\n\ttext\n\tconfig E\n\nconfig F\n\tint\n\thelp\nconfig G\n\thex \"g\"\n",
    )]);
    assert_eq!(tree.names().collect::<Vec<_>>(), ["A", "D", "F", "G"]);
    assert_eq!(depends(&tree, "A"), [""; 0]);
    assert!(tree.askable("A") && tree.askable("G"));
}

#[test]
fn selections_and_comments_go_to_the_right_symbol() {
    let tree = tree(&[(
        "Kconfig",
        "config A\n\tbool \"a\"\n\tselect B\n\tselect C if D\ncomment \"c\"\n\tdepends on E\nconfig B\n\tdef_bool y\n\tdepends on F\nif G\nendif\n",
    )]);
    assert_eq!(tree.selected_by["B"], [("A".to_owned(), None)]);
    assert_eq!(
        tree.selected_by["C"],
        [("A".to_owned(), Some(Expr::parse("D")))]
    );
    assert_eq!(depends(&tree, "A"), [""; 0]);
    assert_eq!(depends(&tree, "B"), ["F"]);
    assert!(!tree.askable("B"));
}

#[test]
fn a_file_that_sources_itself_is_read_once() {
    let tree = tree(&[
        ("Kconfig", "config A\n\tbool\nsource \"b\"\n"),
        ("b", "source \"Kconfig\"\nsource \"b\"\nconfig B\n\tbool\n"),
    ]);
    assert_eq!(tree.names().collect::<Vec<_>>(), ["A", "B"]);
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(config |A|\n|\t|if |endif|menu |endmenu|choice|endchoice|depends on |source \"b\"|\"|help|bool|select |\\\\|#|é){0,30}") {
        tree(&[("Kconfig", &text), ("b", &text)]);
    }
}
