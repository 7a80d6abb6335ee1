//! Which failure several boots are.

use super::failure;
use crate::boot::case::tests::{case, panicked, passed};
use crate::boot::case::{Came, Case};
use crate::failure::{Failure, Kind};

fn told(cases: &[Case]) -> (Kind, String) {
    let failure = failure(cases).unwrap();
    (failure.kind, failure.to_string())
}

#[test]
fn all_that_passed_is_no_failure() {
    assert!(failure(&[case("a", vec![passed()]), case("b", vec![passed()])]).is_none());
}

#[test]
fn every_boot_that_did_not_pass_is_named() {
    let cases = [
        case("a", vec![panicked()]),
        case("b", vec![passed()]),
        case("c", vec![panicked()]),
    ];
    let (kind, text) = told(&cases);
    assert_eq!(kind, Kind::Boot);
    assert!(text.starts_with("2 of 3 boots did not pass; scenario a: the kernel panicked"));
    assert!(text.contains("; scenario c: the kernel panicked"), "{text}");
}

#[test]
fn what_keeps_a_boot_from_being_made_decides_the_exit_code() {
    let missing = Failure::new(Kind::Missing, "no QEMU");
    let cases = [
        case("a", vec![panicked()]),
        case("b", vec![Came::Error(missing)]),
    ];
    let (kind, text) = told(&cases);
    assert_eq!(kind, Kind::Missing);
    assert!(
        text.contains("scenario a") && text.contains("no QEMU"),
        "{text}"
    );
}

#[test]
fn an_interrupt_stays_one() {
    let cases = [
        case("a", vec![panicked()]),
        case("b", vec![Came::NotRun]),
        case("c", vec![Came::NotRun]),
    ];
    let (kind, text) = told(&cases);
    assert_eq!(kind, Kind::Interrupted);
    assert!(
        text.starts_with("interrupted: 2 of 3 boots were not made; scenario a"),
        "{text}"
    );
}
