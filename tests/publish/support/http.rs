//! A web server for files on loopback: as little of HTTP/1.1 (RFC 9110) as apt asks for.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use xtask::date;

/// Serves a folder until it is dropped.
pub(crate) struct Http {
    address: String,
    over: Arc<AtomicBool>,
}

impl Http {
    pub(crate) fn serve(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let over = Arc::new(AtomicBool::new(false));
        let (end, folder) = (Arc::clone(&over), folder.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let folder = folder.clone();
                // A client that goes away in the middle is no failure of the server.
                std::thread::spawn(move || answer(&stream.unwrap(), &folder).ok());
            }
        });
        Self { address, over }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(&self.address));
    }
}

/// Answers the requests of a connection until the client closes it.
fn answer(stream: &TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let mut output = stream;
    while let Some(request) = lines.next() {
        let request = request?;
        let mut since = None;
        for line in lines.by_ref() {
            let line = line?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(": ")
                && name.eq_ignore_ascii_case("if-modified-since")
            {
                since = date::parse_rfc2822(&value.replace("GMT", "+0000")).ok();
            }
        }
        let name = request.split(' ').nth(1).unwrap_or_default();
        let path = folder.join(decoded(name.trim_start_matches('/')));
        let Ok(bytes) = std::fs::read(&path) else {
            output.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        };
        let modified = path.metadata()?.mtime();
        if since.is_some_and(|since| since >= modified) {
            output.write_all(b"HTTP/1.1 304 Not Modified\r\n\r\n")?;
            continue;
        }
        let (length, modified) = (bytes.len(), date::rfc2822(modified).replace("+0000", "GMT"));
        write!(
            output,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nLast-Modified: {modified}\r\n\r\n"
        )?;
        output.write_all(&bytes)?;
    }
    Ok(())
}

/// Without percent-encoding (RFC 3986, section 2.1).
fn decoded(name: &str) -> String {
    let mut parts = name.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = u8::from_str_radix(&part[..2], 16).unwrap();
        plain.push(char::from(code));
        plain.push_str(&part[2..]);
    }
    plain
}
