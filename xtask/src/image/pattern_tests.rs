//! What patterns fit, and what is none.

use super::*;

fn matches(pattern: &str, path: &str) -> bool {
    Pattern::new(pattern).unwrap().matches(path)
}

#[test]
fn stars_stay_within_a_part() {
    assert!(matches("/usr/lib/*.so", "usr/lib/a.so"));
    assert!(matches("/usr/*/a.so", "/usr/lib/a.so"));
    assert!(!matches("/usr/*", "/usr/lib/a.so"));
    assert!(matches("/etc/*", "/etc/.hidden"));
}

#[test]
fn two_stars_cross_folders_and_stand_for_none() {
    assert!(matches("/usr/**", "/usr/lib/a.so"));
    assert!(matches("/usr/**/a.so", "/usr/a.so"));
    assert!(matches("/usr/**/x/**/a.so", "/usr/1/x/2/x/3/a.so"));
    assert!(!matches("/usr/**/a.so", "/opt/a.so"));
}

#[test]
fn without_a_slash_the_name_alone_counts() {
    assert!(matches("libcuda.so.*", "/usr/lib/libcuda.so.1"));
    assert!(!matches("lib", "/usr/lib/libcuda.so.1"));
    assert!(Pattern::new("lib").unwrap().covers("/usr/lib/a"));
}

#[test]
fn sets_are_as_in_a_shell() {
    for (pattern, yes, no) in [
        ("[a-c]x", "bx", "dx"),
        ("[!a-c]x", "dx", "bx"),
        ("[^a]x", "bx", "ax"),
        ("[]a]x", "]x", "bx"),
        ("[a-]x", "-x", "bx"),
        ("[*]x", "*x", "ax"),
        ("[[]x", "[x", "]x"),
        ("é?", "éà", "é"),
    ] {
        assert!(matches(pattern, yes) && !matches(pattern, no), "{pattern}");
    }
}

#[test]
fn braces_hold_words_with_or_without_slashes() {
    for (pattern, yes, no) in [
        ("/{bin,usr/s*}/x", "usr/sbin/x", "usr/x"),
        ("a{,.gz}", "x/a.gz", "a.xz"),
        ("{a}{b,c}", "ac", "bc"),
        ("{[,}],b}x", "}x", "ax"),
        ("[{]}", "{}", "{"),
    ] {
        assert!(matches(pattern, yes) && !matches(pattern, no), "{pattern}");
    }
}

#[test]
fn braces_stand_for_so_much_and_not_more() {
    assert!(Pattern::new(&"{a,b}".repeat(8)).is_ok());
    assert!(Pattern::new(&"{a,b}".repeat(9)).is_err());
    assert!(Pattern::new(&"{a}".repeat(1300)).is_ok());
    assert!(Pattern::new(&"[".repeat(1_000_000)).is_err());
}

#[test]
fn odd_sets_do_no_harm() {
    for odd in ["[z-a]", "[[:alpha:]]", "[&&]"] {
        assert!(Pattern::new(odd).is_ok(), "{odd}");
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    for text in [
        "",
        "/",
        "a/../b",
        "a[b",
        "a[]",
        "[!]",
        "a{b",
        "{a,{b,c}}",
        "{,a}",
        "{..,a}",
        "[",
        "[z-a",
        "[\\",
    ] {
        assert!(Pattern::new(text).is_err(), "{text}");
    }
}

#[test]
fn many_stars_take_no_time() {
    let pattern = "a*".repeat(2000);
    assert!(!matches(&pattern, &"a".repeat(1999)));
    let deep = "/**/a".repeat(500);
    assert!(!matches(&deep, &"/b".repeat(2000)));
}
