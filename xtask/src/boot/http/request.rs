//! The head of an HTTP request: bytes to what is asked for, with a status for whatever cannot be answered. No I/O.
//! <https://www.rfc-editor.org/rfc/rfc9112>, ranges <https://www.rfc-editor.org/rfc/rfc9110#section-14>

/// Longest head that is read.
pub const LONGEST_HEAD: usize = 8 << 10;

/// A status code of HTTP.
pub type Status = u16;

/// What is done with the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Send the file.
    Get,
    /// Send what comes before it.
    Head,
    /// Take in a body.
    Post,
}

/// Part of a file, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// From this byte to that one, both counted from 0, or to the end.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

impl Range {
    /// The first byte and the one behind the last, of a file of this length.
    ///
    /// # Errors
    /// 416 when none of it is in the file.
    pub fn within(self, length: u64) -> Result<(u64, u64), Status> {
        let (from, to) = match self {
            Self::From(from, to) => (from, to.map_or(length, |to| to.saturating_add(1))),
            Self::Last(count) => (length.saturating_sub(count), length),
        };
        let to = to.min(length);
        if from < to { Ok((from, to)) } else { Err(416) }
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is done.
    pub method: Method,
    /// With what: a relative path without `.` and `..`.
    pub path: String,
    /// The part of it that is wanted.
    pub range: Option<Range>,
    /// Bytes of the body that follows.
    pub body: u64,
    /// Whether the client waits until it is told to send the body.
    pub waits: bool,
    /// Whether more requests follow on the connection.
    pub keep: bool,
}

/// Where a head ends: behind its empty line. Lines may end without a carriage return.
#[must_use]
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|&byte| byte == b'\n') {
        let line = bytes.get(from..from + at)?;
        from += at + 1;
        if matches!(line, b"" | b"\r") {
            return Some(from);
        }
    }
    None
}

/// Reads a head, with its empty line.
///
/// # Errors
/// The status to answer with.
pub fn parse(head: &[u8]) -> Result<Request, Status> {
    let head = str::from_utf8(head).map_err(|_| 400_u16)?;
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or("").split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(400);
    };
    let keep = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return Err(505),
    };
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" | "DELETE" | "OPTIONS" | "TRACE" | "CONNECT" | "PATCH" => return Err(405),
        _ => return Err(501),
    };
    let mut request = Request {
        method,
        path: path(target)?,
        range: None,
        body: 0,
        waits: false,
        keep,
    };
    for line in lines.take_while(|line| !line.is_empty()) {
        field(&mut request, line)?;
    }
    Ok(request)
}

fn field(request: &mut Request, line: &str) -> Result<(), Status> {
    let (name, value) = line.split_once(':').ok_or(400_u16)?;
    // White space there is how one server is made to read another request than the next.
    if name.is_empty() || name.contains([' ', '\t']) {
        return Err(400);
    }
    let value = value.trim_matches([' ', '\t']);
    match name.to_ascii_lowercase().as_str() {
        "content-length" => {
            let length = digits(value).ok_or(400_u16)?;
            if request.body != 0 && request.body != length {
                return Err(400);
            }
            request.body = length;
        }
        // A body whose length nobody says beforehand.
        "transfer-encoding" => return Err(411),
        "connection" if value.eq_ignore_ascii_case("close") => request.keep = false,
        "connection" if value.eq_ignore_ascii_case("keep-alive") => request.keep = true,
        "expect" if value.eq_ignore_ascii_case("100-continue") => request.waits = true,
        "expect" => return Err(417),
        "range" => request.range = range(value),
        _ => {}
    }
    Ok(())
}

/// Only digits: no sign, no list.
fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// One range; of several, or of other units, the whole file is sent, as servers may.
fn range(value: &str) -> Option<Range> {
    let (from, to) = value.strip_prefix("bytes=")?.split_once('-')?;
    match (from, to) {
        ("", count) => Some(Range::Last(digits(count)?)),
        (from, "") => Some(Range::From(digits(from)?, None)),
        (from, to) => {
            let (from, to) = (digits(from)?, digits(to)?);
            (from <= to).then_some(Range::From(from, Some(to)))
        }
    }
}

/// The path in a target such as `/a%20b?c`, or in a whole address, without its slashes at both ends.
fn path(target: &str) -> Result<String, Status> {
    let target = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => target,
    };
    let target = target.split(['?', '#']).next().unwrap_or("");
    let path = decoded(target.strip_prefix('/').ok_or(400_u16)?).ok_or(400_u16)?;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.contains(&"..") || path.contains('\0') {
        return Err(403);
    }
    let parts: Vec<&str> = parts.into_iter().filter(|part| *part != ".").collect();
    Ok(parts.join("/"))
}

/// Without percent signs (RFC 3986, 2.1).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (pair, after) = rest.split_first_chunk::<2>()?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let value = digit(pair[0])? * 16 + digit(pair[1])?;
        bytes.push(u8::try_from(value).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Request, Status> {
        parse(text.as_bytes())
    }

    #[test]
    fn what_firmware_asks_for() {
        let head = "HEAD /image.efi HTTP/1.1\r\nHost: 10.77.0.1\r\nAccept: */*\r\n\r\n";
        let request = asked(head).unwrap();
        assert_eq!((request.method, request.keep), (Method::Head, true));
        assert_eq!(request.path, "image.efi");
        let old = asked("GET http://10.77.0.1//a%20b/./c?x=/../y HTTP/1.0\r\n\r\n").unwrap();
        assert_eq!((old.path.as_str(), old.keep), ("a b/c", false));
    }

    #[test]
    fn what_cannot_be_answered_has_a_status() {
        let refused = [
            ("\r\n", 400),
            ("GET /\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\n\r\n", 400),
            ("GET a HTTP/1.1\r\n\r\n", 400),
            ("GET /%4 HTTP/1.1\r\n\r\n", 400),
            ("GET /%zz HTTP/1.1\r\n\r\n", 400),
            ("GET /%ff HTTP/1.1\r\n\r\n", 400),
            ("GET /../x HTTP/1.1\r\n\r\n", 403),
            ("GET /a/%2e%2E/x HTTP/1.1\r\n\r\n", 403),
            ("GET /..%2fx HTTP/1.1\r\n\r\n", 403),
            ("GET /a%00 HTTP/1.1\r\n\r\n", 403),
            ("DELETE / HTTP/1.1\r\n\r\n", 405),
            ("get / HTTP/1.1\r\n\r\n", 501),
            ("GET / HTTP/2.0\r\n\r\n", 505),
            ("GET / HTTP/1.1\r\nno field\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length : 1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                400,
            ),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
            (
                "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                400,
            ),
        ];
        for (head, status) in refused {
            assert_eq!(asked(head), Err(status), "{head}");
        }
    }

    #[test]
    fn parts_of_a_file() {
        let parts = [
            ("bytes=0-0", Ok((0, 1))),
            ("bytes=7-", Ok((7, 10))),
            ("bytes=2-99999999999999999999", Ok((0, 10))),
            ("bytes=2-18446744073709551615", Ok((2, 10))),
            ("bytes=-3", Ok((7, 10))),
            ("bytes=-30", Ok((0, 10))),
            ("bytes=-0", Err(416)),
            ("bytes=10-", Err(416)),
        ];
        for (value, part) in parts {
            let part_of = range(value).map_or(Ok((0, 10)), |range| range.within(10));
            assert_eq!(part_of, part, "{value}");
        }
        for value in [
            "bytes=0-1,3-4",
            "bytes=3-2",
            "lines=1-2",
            "bytes=",
            "bytes=-",
        ] {
            assert_eq!(range(value), None, "{value}");
        }
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        assert_eq!(end_of_head(b"a\r\n\r\nb"), Some(5));
        assert_eq!(end_of_head(b"a\n\nb"), Some(3));
        assert_eq!(end_of_head(b"a\r\n\r"), None);
    }

    #[test]
    fn no_head_does_harm() {
        let whole = b"GET /%41?b HTTP/1.1\r\nRange: bytes=1-2\r\nContent-Length: 3\r\n\r\n";
        for at in 0..whole.len() {
            for byte in [0, b' ', b'%', b':', b'\n', 0xff] {
                let mut head = whole.to_vec();
                head[at] = byte;
                parse(&head).ok();
                parse(&head[..at]).ok();
            }
        }
    }
}
