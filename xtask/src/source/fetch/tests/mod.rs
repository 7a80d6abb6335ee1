mod server;

use super::*;
use crate::event::Deaf;
use crate::source::mirror::{Host, Mirrors};
use server::{Server, body};
use tempfile::TempDir;

/// Fetches from these paths of the server, in this order; the answer, and the folder with what is there then.
fn fetch(
    server: &Server,
    paths: &[&str],
    limits: Limits,
    left: &[u8],
) -> (Result<(), Missed>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = File {
        name: "body".into(),
        size: None,
        sha256: Digest::of(body()),
        origin: Origin::Urls(paths.iter().map(|path| server.url(path)).collect()),
    };
    let partial = folder.path().join("partial");
    if !left.is_empty() {
        let inner = partial.join(file.sha256.to_string());
        fs_err::create_dir_all(&inner).unwrap();
        fs_err::write(inner.join("data"), left).unwrap();
    }
    let debian = Debian {
        cache: folder.path().to_owned(),
        site: Mirrors::default(),
        host: Host::default(),
        keyring: "/nonexistent".into(),
        arch: "amd64".into(),
    };
    let fetcher = Fetcher {
        partial,
        debian: &debian,
        limits,
        unreachable: &Unreachable::default(),
        step: "step",
        listen: &Deaf,
    };
    let answer = fetcher.fetch(&file, &folder.path().join("file"));
    (answer, folder)
}

fn succeeds(server: &Server, paths: &[&str], left: &[u8]) {
    let (answer, folder) = fetch(server, paths, Limits::default(), left);
    answer.map_err(Missed::into_failure).unwrap();
    assert_eq!(fs_err::read(folder.path().join("file")).unwrap(), body());
    assert_eq!(
        fs_err::read_dir(folder.path().join("partial"))
            .unwrap()
            .count(),
        0
    );
}

/// Fails, leaves nothing under the final name, and gives each address with its reason.
fn fails(paths: &[&str], limits: Limits, reason: &str) {
    let server = Server::start();
    let (answer, folder) = fetch(&server, paths, limits, b"");
    let Err(Missed::Failed(failure)) = answer else {
        panic!("{paths:?} did not fail as it should")
    };
    assert_eq!(failure.kind, Kind::Source);
    assert_eq!(failure.notes.len(), paths.len());
    for (note, path) in failure.notes.iter().zip(paths) {
        assert!(note.contains(&server.url(path)), "{note}");
    }
    assert!(failure.notes[0].contains(reason), "{:?}", failure.notes);
    assert!(!folder.path().join("file").exists());
}

#[test]
fn a_whole_answer_and_a_redirected_one() {
    let server = Server::start();
    succeeds(&server, &["good"], b"");
    succeeds(&server, &["redirect"], b"");
}

#[test]
fn an_answer_that_was_cut_is_continued() {
    let server = Server::start();
    succeeds(&server, &["cut"], b"");
    assert_eq!(server.seen(), ["cut 0", "cut 300000", "cut 600000"]);
}

#[test]
fn what_an_earlier_run_left_is_continued() {
    let server = Server::start();
    succeeds(&server, &["good"], &body()[..123_456]);
    assert_eq!(server.seen(), ["good 123456"]);
}

#[test]
fn what_an_earlier_run_left_whole_is_not_fetched_again() {
    let server = Server::start();
    succeeds(&server, &["good"], &body());
    assert!(server.seen().is_empty());
}

#[test]
fn what_an_earlier_run_left_wrong_is_fetched_again_from_the_start() {
    let server = Server::start();
    succeeds(&server, &["good"], b"wrong");
    assert_eq!(server.seen(), ["good 5", "good 0"]);
}

#[test]
fn the_next_mirror_mends_what_the_first_did_wrong() {
    let server = Server::start();
    for first in [
        "lie",
        "short",
        "nothing",
        "broken",
        "garbage",
        "loop",
        "cut-no-range",
        "wrong-range",
    ] {
        succeeds(&server, &[first, "good"], b"");
    }
}

#[test]
fn a_mirror_may_continue_what_another_began() {
    let server = Server::start();
    succeeds(&server, &["cut-no-range", "good"], b"");
    assert_eq!(server.seen().last().unwrap(), "good 300000");
}

#[test]
fn every_address_is_named_with_its_reason() {
    fails(&["lie", "nothing"], Limits::default(), "its SHA-256 is");
    fails(&["broken", "loop"], Limits::default(), "HTTP 500");
    fails(&["wrong-range"], Limits::default(), "HTTP 206");
}

#[test]
fn an_endless_answer_ends() {
    let limits = Limits {
        most: 1 << 20,
        ..Limits::default()
    };
    fails(&["endless"], limits, "more than");
}

#[test]
fn a_silent_server_is_given_up_on() {
    let limits = Limits {
        silence: Duration::from_millis(100),
        ..Limits::default()
    };
    fails(&["stall"], limits, "timeout");
}

#[test]
fn gone_is_told_apart() {
    let server = Server::start();
    let (answer, _folder) = fetch(&server, &["a", "b"], Limits::default(), b"");
    assert!(matches!(answer, Err(Missed::Gone(_))));
}

#[test]
fn a_host_that_cannot_be_reached_is_no_proof_of_absence_and_is_asked_once() {
    let server = Server::start();
    let gone = Server::start();
    let url = gone.url("x");
    drop(gone);
    let folder = tempfile::tempdir().unwrap();
    let debian = Debian::new(folder.path(), Mirrors::default(), "amd64");
    let unreachable = Unreachable::default();
    let fetcher = Fetcher {
        partial: folder.path().join("partial"),
        debian: &debian,
        limits: Limits::default(),
        unreachable: &unreachable,
        step: "step",
        listen: &Deaf,
    };
    let fetch = |urls: Vec<String>| {
        let file = File {
            name: "x".into(),
            size: None,
            sha256: Digest::of(body()),
            origin: Origin::Urls(urls),
        };
        fetcher.fetch(&file, &folder.path().join("x"))
    };
    let answer = fetch(vec![server.url("a"), url.clone()]);
    assert!(matches!(answer, Err(Missed::Failed(_))));
    let why = unreachable.why(&url).unwrap();
    assert_eq!(unreachable.why(&server.url("a")), None, "it answered");

    // What is known to be out of reach is not asked, and fails with the same reason; others are.
    unreachable.note(&server.url("a"), &why);
    let Err(Missed::Failed(failure)) = fetch(vec![server.url("good")]) else {
        panic!("it was asked")
    };
    assert!(failure.notes[0].ends_with(&why), "{failure}");
    assert_eq!(server.seen(), ["a 0"]);
    let other = Server::start();
    fetch(vec![server.url("good"), other.url("good")])
        .map_err(Missed::into_failure)
        .unwrap();
}
