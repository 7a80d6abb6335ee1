//! The lab's HTTP server: the bundle's folder, read-only, and one place where guests can leave what they have to say. Everything that
//! speaks HTTP in a boot is a client: firmware, iPXE, PXELINUX, GRUB, the image itself. Answers are what RFC 9110 and RFC 9112 ask for; no
//! client holds up another one, and none takes more memory than a head, a body of [`MOST_BODY`] bytes and a buffer.

pub mod request;

use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Result;

use super::happening::TransferEnd;
use request::{LONGEST_HEAD, Method, Request, Status};

/// Where it is asked.
pub const PORT: u16 = 80;
/// Bytes of a body that are taken in.
pub const MOST_BODY: u64 = 1 << 20;
/// Bytes of a body that are read and forgotten, so that its sender hears the answer.
const MOST_READ: u64 = 64 << 20;
/// Clients at a time.
const MOST_CLIENTS: usize = 64;
/// How long a client may take to send a head, or the next piece of a body.
const ASKING: Duration = Duration::from_secs(10);
/// How long a client may keep a connection without asking for anything.
const IDLE: Duration = Duration::from_secs(60);
/// How long a client may take to take the next piece: longer than a switch takes to forward.
const TAKING: Duration = Duration::from_secs(120);

/// Takes what is sent to the server by `POST`.
pub trait Endpoint: Send + Sync {
    /// Takes a body that was sent to this path, relative to the server's root; returns the status to answer with. Of a body of more than
    /// [`MOST_BODY`] bytes this is the beginning, with a line at the end that says so ([`cut`]). One that does not arrive whole is not handed on.
    fn post(&self, path: &str, body: &[u8]) -> Status;
}

/// What stands at the end of a body of `length` bytes that is too long.
#[must_use]
pub fn cut(length: u64) -> String {
    format!("\n[cut here: the first {MOST_BODY} of {length} bytes]\n")
}

/// Told of every file that was asked for: its path below the root, and what became of it.
pub type Tell = dyn Fn(String, TransferEnd) + Send + Sync;

/// What every connection needs.
struct Server {
    root: PathBuf,
    endpoint: Box<dyn Endpoint>,
    tell: Box<Tell>,
    clients: AtomicUsize,
}

/// Serves the folder to whoever connects, until the process ends.
///
/// # Errors
/// When there is no such folder.
pub fn serve(
    listener: TcpListener,
    root: &Path,
    endpoint: Box<dyn Endpoint>,
    tell: Box<Tell>,
) -> Result<()> {
    let server = Arc::new(Server {
        root: fs_err::canonicalize(root)?,
        endpoint,
        tell,
        clients: AtomicUsize::new(0),
    });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { continue };
            let before = server.clients.fetch_add(1, Ordering::SeqCst);
            let serving = Arc::clone(&server);
            let client = move || {
                serving.client(stream, before >= MOST_CLIENTS);
                serving.clients.fetch_sub(1, Ordering::SeqCst);
            };
            // Where there are no threads to be had, the connection is closed: its client asks again.
            if thread::Builder::new().spawn(client).is_err() {
                server.clients.fetch_sub(1, Ordering::SeqCst);
            }
        }
    });
    Ok(())
}

/// A client that is gone, or too slow, or says that this is all.
struct Gone;

/// What comes before a file, or stands for it.
struct Answer {
    status: Status,
    fields: String,
    /// Bytes that follow, which `HEAD` alone leaves out.
    length: u64,
}

impl Server {
    fn client(&self, stream: TcpStream, too_many: bool) {
        let mut client = Client {
            stream,
            unread: Vec::new(),
        };
        if too_many {
            client.refuse(503).ok();
        } else {
            while self.request(&mut client).is_ok() {}
        }
    }

    /// One request and its answer.
    fn request(&self, client: &mut Client) -> std::result::Result<(), Gone> {
        let Some(head) = client.head()? else {
            return client.refuse(431);
        };
        let request = match request::parse(&head) {
            Ok(request) => request,
            Err(status) => return client.refuse(status),
        };
        match request.method {
            Method::Post => self.take(client, &request)?,
            // Nobody sends a body with these; what it would mean, nobody knows.
            Method::Get | Method::Head if request.body != 0 => return client.refuse(400),
            Method::Get | Method::Head => self.give(client, &request)?,
        }
        if request.keep { Ok(()) } else { Err(Gone) }
    }

    fn take(&self, client: &mut Client, request: &Request) -> std::result::Result<(), Gone> {
        if request.body > MOST_READ {
            return client.refuse(413);
        }
        if request.waits {
            client.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let mut body = client.body(request.body)?;
        if request.body > MOST_BODY {
            body.extend_from_slice(cut(request.body).as_bytes());
        }
        let status = self.endpoint.post(&request.path, &body);
        client.answer(request, &Answer::empty(status))
    }

    fn give(&self, client: &mut Client, request: &Request) -> std::result::Result<(), Gone> {
        let tell = |end| (self.tell)(request.path.clone(), end);
        let Some((mut file, length)) = self.open(&request.path) else {
            tell(TransferEnd::Missing);
            return client.answer(request, &Answer::empty(404));
        };
        let part = request
            .range
            .map_or(Ok((0, length)), |it| it.within(length));
        let (from, to) = match part {
            Ok(part) => part,
            Err(status) => {
                let mut answer = Answer::empty(status);
                answer.fields = format!("Content-Range: bytes */{length}\r\n");
                return client.answer(request, &answer);
            }
        };
        let answer = Answer {
            status: if request.range.is_some() { 206 } else { 200 },
            fields: match request.range {
                Some(_) => format!("Content-Range: bytes {from}-{}/{length}\r\n", to - 1),
                None => String::new(),
            },
            length: to - from,
        };
        client.answer(request, &answer)?;
        if request.method == Method::Head {
            // That is how firmware asks for the size of a file.
            return Ok(());
        }
        let sent = client.send(&mut file, from, to - from);
        match &sent {
            // It has a part of it, and is not done.
            Ok(()) if to < length => {}
            Ok(()) => tell(TransferEnd::Sent),
            Err(Gone) => tell(TransferEnd::Failed),
        }
        sent
    }

    /// The file of this path and its length; links lead to what is in the folder, and nowhere else.
    fn open(&self, path: &str) -> Option<(fs_err::File, u64)> {
        let path = fs_err::canonicalize(self.root.join(path)).ok()?;
        if !path.starts_with(&self.root) {
            return None;
        }
        // Before it is opened: whoever opens a pipe waits.
        let regular = fs_err::metadata(&path).is_ok_and(|it| it.is_file());
        let file = regular.then(|| fs_err::File::open(path).ok()).flatten()?;
        let length = file.metadata().ok()?.len();
        Some((file, length))
    }
}

impl Answer {
    fn empty(status: Status) -> Self {
        Self {
            status,
            fields: String::new(),
            length: 0,
        }
    }
}

/// A connection.
struct Client {
    stream: TcpStream,
    /// What was read of the next request, or of this one's body.
    unread: Vec<u8>,
}

impl Client {
    /// The head of the next request; nothing when it is too long.
    fn head(&mut self) -> std::result::Result<Option<Vec<u8>>, Gone> {
        let mut until = Instant::now() + if self.unread.is_empty() { IDLE } else { ASKING };
        let mut began = !self.unread.is_empty();
        loop {
            if let Some(end) = request::end_of_head(&self.unread) {
                let rest = self.unread.split_off(end);
                return Ok(Some(std::mem::replace(&mut self.unread, rest)));
            }
            if self.unread.len() > LONGEST_HEAD {
                return Ok(None);
            }
            self.read(until)?;
            if !began {
                began = true;
                until = Instant::now() + ASKING;
            }
        }
    }

    /// A body of this length, or as much of it as is taken in.
    fn body(&mut self, length: u64) -> std::result::Result<Vec<u8>, Gone> {
        let mut body = Vec::new();
        let mut left = length;
        while left > 0 {
            if self.unread.is_empty() {
                self.read(Instant::now() + ASKING)?;
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX);
            let count = count.min(self.unread.len());
            let piece: Vec<u8> = self.unread.drain(..count).collect();
            let room = usize::try_from(MOST_BODY).unwrap_or(0) - body.len();
            body.extend_from_slice(&piece[..room.min(count)]);
            left -= count as u64;
        }
        Ok(body)
    }

    /// Reads something.
    fn read(&mut self, until: Instant) -> std::result::Result<(), Gone> {
        let left = until.saturating_duration_since(Instant::now());
        let patience = Some(left).filter(|left| !left.is_zero()).ok_or(Gone)?;
        self.stream.set_read_timeout(Some(patience)).ok();
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(count @ 1..) => {
                self.unread.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Ok(0) | Err(_) => Err(Gone),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> std::result::Result<(), Gone> {
        self.stream.set_write_timeout(Some(TAKING)).ok();
        self.stream.write_all(bytes).map_err(|_| Gone)
    }

    /// What comes before the file.
    fn answer(&mut self, request: &Request, answer: &Answer) -> std::result::Result<(), Gone> {
        let connection = if request.keep { "keep-alive" } else { "close" };
        self.say(answer, connection)
    }

    fn say(&mut self, answer: &Answer, connection: &str) -> std::result::Result<(), Gone> {
        self.write(head(answer, connection).as_bytes())
    }

    /// Answers what cannot be understood. Where the next request begins, nobody knows, so this was the last one.
    fn refuse(&mut self, status: Status) -> std::result::Result<(), Gone> {
        self.say(&Answer::empty(status), "close")?;
        self.stream.shutdown(std::net::Shutdown::Write).ok();
        // A connection that is closed with something unread is reset, and the answer lost.
        let until = Instant::now() + ASKING;
        for _ in 0..16 {
            self.unread.clear();
            self.read(until)?;
        }
        Err(Gone)
    }

    fn send(
        &mut self,
        file: &mut fs_err::File,
        from: u64,
        mut left: u64,
    ) -> std::result::Result<(), Gone> {
        file.seek(SeekFrom::Start(from)).map_err(|_| Gone)?;
        let mut buffer = vec![0; 64 << 10];
        while left > 0 {
            let most = usize::try_from(left)
                .unwrap_or(usize::MAX)
                .min(buffer.len());
            let count = file.read(&mut buffer[..most]).map_err(|_| Gone)?;
            if count == 0 {
                return Err(Gone);
            }
            self.write(&buffer[..count])?;
            left -= count as u64;
        }
        Ok(())
    }
}

fn head(answer: &Answer, connection: &str) -> String {
    let (status, fields) = (answer.status, &answer.fields);
    let length = match status {
        204 => String::new(),
        _ => format!("Content-Length: {}\r\n", answer.length),
    };
    format!(
        "HTTP/1.1 {status} {}\r\nServer: cordwainer\r\nAccept-Ranges: bytes\r\n\
         Content-Type: application/octet-stream\r\nConnection: {connection}\r\n{length}{fields}\r\n",
        reason(status),
    )
}

/// The words that go with a status, for people who look at the wire.
const fn reason(status: Status) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests;
