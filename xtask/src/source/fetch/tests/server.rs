//! A web server on the loopback interface that misbehaves in every way that counts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What every path of it has, or claims to have.
pub(super) fn body() -> Vec<u8> {
    (0..200_000u32).flat_map(u32::to_le_bytes).collect()
}

pub(super) struct Server {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (over, seen) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let (ended, log) = (Arc::clone(&over), Arc::clone(&seen));
        let serve = move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                // A client that hangs up early is part of the tests.
                answer(stream.unwrap(), &log).ok();
            }
        };
        let thread = Some(std::thread::spawn(serve));
        Self {
            address,
            over,
            seen,
            thread,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// `path first-byte` of each request.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        TcpStream::connect(self.address).ok();
        self.thread.take().unwrap().join().ok();
    }
}

fn answer(mut stream: TcpStream, seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let Some(Ok(first)) = lines.next() else {
        return Ok(());
    };
    let path = first
        .split(' ')
        .nth(1)
        .unwrap_or("")
        .trim_start_matches('/')
        .to_owned();
    let mut from = 0;
    for line in lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
    {
        if let Some(range) = line.to_lowercase().strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap();
        }
    }
    seen.lock().unwrap().push(format!("{path} {from}"));
    respond(&path, from, &mut stream)
}

fn respond(path: &str, from: usize, stream: &mut TcpStream) -> std::io::Result<()> {
    let body = body();
    let whole = |stream: &mut TcpStream, body: &[u8], send: usize| {
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        )?;
        stream.write_all(&body[..send])
    };
    let part = |stream: &mut TcpStream, send: usize| {
        let (last, length) = (body.len() - 1, body.len());
        let rest = &body[from..];
        write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{last}/{length}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            rest.len()
        )?;
        stream.write_all(&rest[..send.min(rest.len())])
    };
    match path {
        "good" if from == 0 => whole(stream, &body, body.len()),
        "good" => part(stream, body.len()),
        "cut" if from == 0 => whole(stream, &body, 300_000),
        "cut" => part(stream, 300_000),
        "cut-no-range" => whole(stream, &body, 300_000),
        "lie" => whole(stream, &vec![7; body.len()], body.len()),
        "short" => whole(stream, &body[..1000], 1000),
        "redirect" => write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: /good\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
        "loop" => write!(
            stream,
            "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
        "wrong-range" => write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/4\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd"
        ),
        "endless" => {
            write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&body)?;
            }
        }
        "stall" => {
            whole(stream, &body, 1000)?;
            // Returns when the client hangs up.
            stream.read(&mut [0]).map(drop)
        }
        "garbage" => stream.write_all(b"\0\0SSH-2.0\r\n"),
        "broken" => write!(
            stream,
            "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
        _ => write!(
            stream,
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
    }
}
