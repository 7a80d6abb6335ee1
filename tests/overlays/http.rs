//! A server that takes what scripts post.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// The path and the body of a request.
pub(crate) type Request = (String, String);

/// A server that answers one request after another with these statuses, and then has what it was sent. Its address has no path.
pub(crate) fn server(statuses: &'static [&'static str]) -> (String, JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = move || {
        statuses
            .iter()
            .map(|status| answer(&listener.accept().unwrap().0, status))
            .collect()
    };
    (url, thread::spawn(serve))
}

/// The address of a server that nobody listens at any more.
pub(crate) fn gone() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Answers one request, whose length has to be announced.
fn answer(mut stream: &TcpStream, status: &str) -> Request {
    let mut request = BufReader::new(stream);
    let mut first = String::new();
    request.read_line(&mut first).unwrap();
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let mut length = None;
    loop {
        let mut line = String::new();
        request.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = Some(value.trim().parse().unwrap());
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length.unwrap()];
    request.read_exact(&mut body).unwrap();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    (path, String::from_utf8(body).unwrap())
}
