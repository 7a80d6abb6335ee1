//! An object store of our own, for what no real one does on demand: to lose an answer, to deliver a request late, to turn its clock, to pay
//! no heed to conditions. It keeps objects in memory, and does not look at signatures.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use xtask::digest::Digest;

/// How many names are in a page of a listing.
const PAGE: usize = 2;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never arrives.
    LostRequest,
    /// It is carried out, and nobody hears of it.
    LostAnswer,
    /// It arrives when [`Bucket::deliver`] is called.
    Late,
    /// It is refused for now.
    Busy,
}

/// What happens to a request, by its number.
type Faults = dyn Fn(usize, &Request) -> Option<Fault> + Send;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// Lower-case names.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) body: Vec<u8>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) modified: i64,
}

struct Inner {
    objects: BTreeMap<String, Object>,
    requests: Vec<Request>,
    late: Vec<Request>,
    fault: Box<Faults>,
    /// Seconds by which its clock is ahead.
    ahead: i64,
    heedless: bool,
    /// What is answered in place of everything else: status, more headers, body.
    refusal: Option<(u16, String, String)>,
}

/// The store.
pub(crate) struct Bucket {
    pub(crate) port: u16,
    inner: Arc<Mutex<Inner>>,
}

impl Bucket {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Mutex::new(Inner {
            objects: BTreeMap::new(),
            requests: Vec::new(),
            late: Vec::new(),
            fault: Box::new(|_, _| None),
            ahead: 0,
            heedless: false,
            refusal: None,
        }));
        let shared = Arc::clone(&inner);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&shared, &client));
            }
        });
        Self { port, inner }
    }

    /// What happens to which request, counted from now.
    pub(crate) fn fault(&self, fault: impl Fn(usize, &Request) -> Option<Fault> + Send + 'static) {
        let mut inner = self.inner.lock().unwrap();
        inner.requests.clear();
        inner.fault = Box::new(fault);
    }

    /// Delivers what is late; returns the statuses.
    pub(crate) fn deliver(&self) -> Vec<u16> {
        let mut inner = self.inner.lock().unwrap();
        let late = std::mem::take(&mut inner.late);
        late.iter().map(|request| inner.answer(request).0).collect()
    }

    pub(crate) fn turn_clock(&self, seconds: i64) {
        self.inner.lock().unwrap().ahead += seconds;
    }

    pub(crate) fn pay_no_heed(&self) {
        self.inner.lock().unwrap().heedless = true;
    }

    pub(crate) fn refuse(&self, status: u16, headers: &str, body: &str) {
        let refusal = (status, headers.to_owned(), body.to_owned());
        self.inner.lock().unwrap().refusal = Some(refusal);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.inner.lock().unwrap().requests.clone()
    }

    pub(crate) fn object(&self, key: &str) -> Option<Object> {
        self.inner.lock().unwrap().objects.get(key).cloned()
    }

    /// Leaves this many bytes of an object.
    pub(crate) fn cut(&self, key: &str, bytes: usize) {
        let mut inner = self.inner.lock().unwrap();
        inner.objects.get_mut(key).unwrap().body.truncate(bytes);
    }

    /// Puts an object there as another program would have.
    pub(crate) fn put(&self, key: &str, body: &str) {
        let mut inner = self.inner.lock().unwrap();
        let object = Object {
            body: body.into(),
            headers: BTreeMap::new(),
            modified: 0,
        };
        inner.objects.insert(key.to_owned(), object);
    }
}

fn serve(inner: &Mutex<Inner>, client: &TcpStream) {
    let mut reader = BufReader::new(client);
    while let Some(request) = read(&mut reader) {
        let mut inner = inner.lock().unwrap();
        let number = inner.requests.len();
        inner.requests.push(request.clone());
        let (status, headers, body) = match (inner.fault)(number, &request) {
            None => inner.answer(&request),
            Some(Fault::Busy) => (503, String::new(), b"<Code>SlowDown</Code>".to_vec()),
            Some(Fault::LostRequest) => return,
            Some(Fault::LostAnswer) => return drop(inner.answer(&request)),
            Some(Fault::Late) => return inner.late.push(request),
        };
        let date = http_date(now() + inner.ahead);
        drop(inner);
        let mut answer = format!("HTTP/1.1 {status} x\r\nDate: {date}\r\n{headers}");
        if !headers.contains("Content-Length") {
            write!(answer, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        answer += "\r\n";
        let mut answer = answer.into_bytes();
        if request.method != "HEAD" {
            answer.extend(body);
        }
        let mut writer = client;
        if writer.write_all(&answer).is_err() {
            return;
        }
    }
}

/// A request, when all of it comes.
fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        headers,
        body,
    })
}

type Answer = (u16, String, Vec<u8>);

impl Inner {
    fn answer(&mut self, request: &Request) -> Answer {
        if let Some((status, headers, body)) = &self.refusal {
            return (*status, headers.clone(), body.clone().into_bytes());
        }
        assert_eq!(
            request.headers["x-amz-content-sha256"],
            Digest::of(&request.body).to_string()
        );
        let path = request.path.strip_prefix("/bucket/").unwrap();
        if let Some(query) = path.strip_prefix('?') {
            return self.list(query);
        }
        let key = decoded(path);
        let there = self.objects.get(&key);
        let tag = there.map(|there| tag(&there.body));
        let nothing = |status| (status, String::new(), Vec::new());
        match request.method.as_str() {
            "DELETE" => {
                self.objects.remove(&key);
                nothing(204)
            }
            "PUT" => {
                let header = |name: &str| request.headers.get(name);
                let right = header("if-match").is_none_or(|wanted| Some(wanted) == tag.as_ref())
                    && (header("if-none-match").is_none() || tag.is_none());
                if !right && !self.heedless {
                    return nothing(412);
                }
                let object = Object {
                    body: request.body.clone(),
                    headers: request.headers.clone(),
                    modified: now() + self.ahead,
                };
                self.objects.insert(key, object);
                (
                    200,
                    format!("ETag: {}\r\n", self::tag(&request.body)),
                    Vec::new(),
                )
            }
            _ => there.map_or_else(
                || nothing(404),
                |there| (200, described(there), there.body.clone()),
            ),
        }
    }

    fn list(&self, query: &str) -> Answer {
        let parts: BTreeMap<&str, String> = query
            .split('&')
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| (name, decoded(value)))
            .collect();
        let after = parts.get("continuation-token").cloned().unwrap_or_default();
        let all = self
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with(&parts["prefix"]) && **key > after);
        let all: Vec<_> = all.collect();
        let page = &all[..all.len().min(PAGE)];
        let mut xml = "<?xml version=\"1.0\"?><ListBucketResult>".to_owned();
        for (key, object) in page {
            let key = key
                .replace('%', "%25")
                .replace('+', "%2B")
                .replace(' ', "+");
            write!(
                xml,
                "<Contents><Key>{key}</Key><Size>{}</Size></Contents>",
                object.body.len()
            )
            .unwrap();
        }
        let more = all.len() > page.len();
        write!(xml, "<IsTruncated>{more}</IsTruncated>").unwrap();
        if more {
            write!(
                xml,
                "<NextContinuationToken>{}</NextContinuationToken>",
                page[PAGE - 1].0
            )
            .unwrap();
        }
        (
            200,
            String::new(),
            (xml + "</ListBucketResult>").into_bytes(),
        )
    }
}

fn described(object: &Object) -> String {
    let mut headers = format!(
        "ETag: {}\r\nLast-Modified: {}\r\nContent-Length: {}\r\n",
        tag(&object.body),
        http_date(object.modified),
        object.body.len()
    );
    for (name, value) in object
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("x-amz-meta-"))
    {
        write!(headers, "{name}: {value}\r\n").unwrap();
    }
    headers
}

fn tag(body: &[u8]) -> String {
    format!("\"{}\"", Digest::of(body).short())
}

fn decoded(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

fn now() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    since.as_secs().try_into().unwrap()
}

/// RFC 9110, section 5.6.7.
fn http_date(epoch: i64) -> String {
    let text = xtask::date::kbuild(epoch);
    let words: Vec<&str> = text.split_whitespace().collect();
    format!(
        "{}, {:0>2} {} {} {} GMT",
        words[0], words[2], words[1], words[5], words[3]
    )
}
