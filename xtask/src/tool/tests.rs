use super::*;

#[test]
fn words_are_quoted_only_when_they_must_be() {
    assert_eq!(quote("CC=gcc"), "CC=gcc");
    assert_eq!(quote("a b"), "'a b'");
    assert_eq!(quote("it's"), r"'it'\''s'");
    assert_eq!(quote(""), "''");
    assert_eq!(quote("$(reboot)"), "'$(reboot)'");
}

#[test]
fn tools_see_a_clean_environment() {
    let seen = Tool::new("env").read().unwrap();
    let names: Vec<&str> = seen
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    assert_eq!(names, ["HOME", "LC_ALL", "PATH", "TZ"]);
}

#[test]
fn a_failure_carries_the_last_lines_and_a_command_to_paste() {
    let failure = Tool::new("ls").arg("/no such").run().unwrap_err();
    assert_eq!(failure.kind, Kind::Build);
    let end = failure.tool.as_ref().unwrap();
    assert_eq!(end.end, "exit status 2");
    assert!(end.tail[0].contains("/no such"), "{end:?}");
    assert!(end.paste.ends_with("ls '/no such'"), "{end:?}");
}

#[test]
fn a_missing_program_is_named() {
    let failure = Tool::new("no-such-program").run().unwrap_err();
    assert_eq!(failure.kind, Kind::Missing);
    assert!(failure.what.contains("no-such-program"));
}

#[test]
fn dropping_a_running_program_ends_what_it_started() {
    let (mut ours, theirs) = io::pipe().unwrap();
    let stdio = Stdio {
        stdout: Some(theirs),
        ..Stdio::default()
    };
    // `timeout` starts a child of its own in the same group; both hold the pipe open.
    let running = Tool::new("timeout")
        .args(["1000", "sleep", "1000"])
        .spawn(stdio)
        .unwrap();
    assert!(running.ended().unwrap().is_none());
    drop(running);
    // Reads the end of the file only once nobody holds the other end any more.
    assert_eq!(ours.read_to_end(&mut Vec::new()).unwrap(), 0);
}
