//! Signatures of requests: AWS Signature Version 4
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>). Pure; the time is the caller's.

use std::collections::BTreeMap;
use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::keys::Keys;
use crate::date;
use crate::digest::Digest;

/// A request as it is signed.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// From the root, escaped by [`escape`].
    pub(super) path: &'a str,
    /// Names and values, not escaped, in any order.
    pub(super) query: &'a [(&'a str, String)],
    /// The headers that are signed: lower-case names, and values without space around them. `host` and all `x-amz-…` have to be among them.
    pub(super) headers: &'a BTreeMap<String, String>,
    /// Digest of the body.
    pub(super) body: Digest,
}

/// A path or a part of a query with everything escaped that is not unreserved (RFC 3986, section 2.3), but for those that are to be kept.
pub(super) fn escape(text: &str, keep: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "-._~".contains(c) || keep.contains(c) {
            escaped.push(c);
        } else {
            write!(escaped, "%{byte:02X}").ok();
        }
    }
    escaped
}

/// The query as it stands in an address, in the order in which it is signed.
pub(super) fn query(parts: &[(&str, String)]) -> String {
    let mut parts: Vec<(String, String)> = parts
        .iter()
        .map(|(name, value)| (escape(name, ""), escape(value, "")))
        .collect();
    parts.sort();
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    parts.join("&")
}

/// A point in time (seconds since 1970) as `x-amz-date` has it: `20130524T000000Z`.
pub(super) fn stamp(now: i64) -> String {
    date::iso8601(now).replace(['-', ':'], "")
}

/// The value of the header `authorization`.
pub(super) fn authorization(request: &Request<'_>, keys: &Keys, region: &str, now: i64) -> String {
    let stamp = stamp(now);
    let day = &stamp[..8];
    let names: Vec<&str> = request.headers.keys().map(String::as_str).collect();
    let names = names.join(";");
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"));
    let canonical = format!(
        "{}\n{}\n{}\n{}\n{names}\n{}",
        request.method,
        request.path,
        query(request.query),
        headers.collect::<String>(),
        request.body
    );
    let scope = format!("{day}/{region}/s3/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{}",
        Digest::of(canonical)
    );
    let first = format!("AWS4{}", keys.secret()).into_bytes();
    let key = [day, region, "s3", "aws4_request"]
        .iter()
        .fold(first, |key, part| hmac(&key, part));
    let signature = hmac(&key, &text)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").ok();
            hex
        });
    let id = keys.id();
    format!("AWS4-HMAC-SHA256 Credential={id}/{scope},SignedHeaders={names},Signature={signature}")
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // Keys of any length will do (RFC 2104, section 2).
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return Vec::new();
    };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of Amazon's documentation: 2013-05-24, with keys of its own.
    fn signature(
        method: &str,
        path: &str,
        query: &[(&str, String)],
        more: &[(&str, &str)],
        body: &str,
    ) -> String {
        let keys = Keys::new(
            "AKIAIOSFODNN7EXAMPLE",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            None,
        )
        .unwrap();
        let body = Digest::of(body);
        let mut headers: BTreeMap<String, String> = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("x-amz-date", "20130524T000000Z"),
        ]
        .iter()
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        headers.insert("x-amz-content-sha256".to_owned(), body.to_string());
        let request = Request {
            method,
            path,
            query,
            headers: &headers,
            body,
        };
        let value = authorization(&request, &keys, "us-east-1", 1_369_353_600);
        value.rsplit('=').next().unwrap().to_owned()
    }

    #[test]
    fn the_examples_of_the_documentation() {
        assert_eq!(
            signature("GET", "/test.txt", &[], &[("range", "bytes=0-9")], ""),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let more = [
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ];
        assert_eq!(
            signature(
                "PUT",
                &escape("/test$file.text", "/"),
                &[],
                &more,
                "Welcome to Amazon S3."
            ),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
        let list = [("prefix", "J".to_owned()), ("max-keys", "2".to_owned())];
        assert_eq!(
            signature("GET", "/", &list, &[], ""),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn what_is_not_plain_is_escaped_byte_by_byte() {
        assert_eq!(escape("/a b+~1%3aü/", "/"), "/a%20b%2B~1%253a%C3%BC/");
        assert_eq!(
            query(&[("b", "1/2".to_owned()), ("a", String::new())]),
            "a=&b=1%2F2"
        );
    }
}
