//! What object stores refuse, in words that help (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>). Nothing of the keys
//! is ever in them.

use super::client::{Answer, Ask, Client};
use super::keys::Keys;
use super::xml;
use crate::date;
use crate::failure::{Failure, Kind};

/// Stores refuse requests whose time is further from theirs, in seconds.
const SKEW: i64 = 15 * 60;

/// Codes that a store's answers have, and what to do then.
const HINTS: &[(&str, &str)] = &[
    (
        "NoSuchBucket",
        "make the bucket first, or name another as `bucket`",
    ),
    (
        "SignatureDoesNotMatch",
        "AWS_SECRET_ACCESS_KEY is not the one that belongs to AWS_ACCESS_KEY_ID, or something between changes requests",
    ),
    (
        "InvalidAccessKeyId",
        "the store does not know AWS_ACCESS_KEY_ID: is `endpoint` right?",
    ),
    (
        "ExpiredToken",
        "AWS_SESSION_TOKEN has run out: get new keys",
    ),
    (
        "InvalidToken",
        "AWS_SESSION_TOKEN does not belong to these keys: unset it, or get new ones",
    ),
    (
        "AuthorizationHeaderMalformed",
        "is `region` right? The store says above which it wants",
    ),
    (
        "PermanentRedirect",
        "is `region` right? The store says above which it wants",
    ),
    (
        "TemporaryRedirect",
        "is `endpoint` that of the bucket's region?",
    ),
    (
        "AccessDenied",
        "the keys must be allowed s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on the bucket",
    ),
    (
        "NotImplemented",
        "the store cannot do what a repository needs, conditional writes (If-Match, If-None-Match) first: use another",
    ),
    ("QuotaExceeded", "free some space in the bucket"),
    ("EntityTooLarge", "the file is larger than the store takes"),
];

/// Whether a refusal may be none the next time.
pub(super) fn passing(answer: &Answer) -> bool {
    // 409: another conditional request for the same object was under way. 400 with this code: the connection broke off within the body.
    matches!(answer.status, 408 | 409 | 429 | 500 | 502 | 503 | 504)
        || code(answer).as_deref() == Some("RequestTimeout")
}

/// Whether it is the bucket that is not there.
pub(super) fn no_bucket(answer: &Answer) -> bool {
    code(answer).as_deref() == Some("NoSuchBucket")
}

fn code(answer: &Answer) -> Option<String> {
    xml::text(&answer.text(), "Code")
}

/// The failure that a refusal is. `now` is our time.
pub(super) fn failure(
    client: &Client,
    keys: &Keys,
    ask: &Ask<'_>,
    answer: &Answer,
    now: i64,
) -> Failure {
    let object = ask.key.map(|key| format!("/{key}")).unwrap_or_default();
    let what = format!(
        "the object store {} refuses to {} {}{object}",
        client.store(),
        verb(ask.method),
        client.bucket
    );
    let code = code(answer);
    let said = xml::text(&answer.text(), "Message").unwrap_or_default();
    let said: String = keys
        .scrubbed(&said)
        .chars()
        .filter(|c| !c.is_control())
        .take(300)
        .collect();
    let named = code
        .as_deref()
        .map(|code| keys.scrubbed(code))
        .unwrap_or_default();
    let mut failure =
        Failure::new(Kind::Host, what).note(format!("HTTP {} {named}", answer.status).trim_end());
    if !said.is_empty() {
        failure = failure.note(said);
    }
    if let Some(region) = answer.header("x-amz-bucket-region") {
        failure = failure.note(format!("the bucket is in the region {region:?}"));
    }
    let there = answer
        .date("date")
        .filter(|there| (there - now).abs() >= SKEW);
    if let (403, Some(there)) = (answer.status, there) {
        let clocks = format!(
            "it is {} here and {} there",
            date::iso8601(now),
            date::iso8601(there)
        );
        return failure
            .note(clocks)
            .hint("set this machine's clock: the store refuses requests of another time");
    }
    match hint(answer.status, code.as_deref()) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

fn hint(status: u16, code: Option<&str>) -> Option<&'static str> {
    // Answers to HEAD have no code.
    let code = match (code, status) {
        (Some("RequestTimeTooSkewed"), _) => {
            return Some("set this machine's clock: the store refuses requests of another time");
        }
        (Some(code), _) => code,
        (None, 401 | 403) => "AccessDenied",
        (None, 301 | 307 | 308) => "PermanentRedirect",
        (None, 501) => "NotImplemented",
        (None, _) => return None,
    };
    HINTS
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, hint)| *hint)
}

fn verb(method: &str) -> &'static str {
    match method {
        "PUT" => "write",
        "DELETE" => "remove",
        _ => "show",
    }
}
