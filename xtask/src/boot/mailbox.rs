//! Where images' reporters leave what they have to tell: takes it from the lab's HTTP server, and hands it to the lab's loop. What it
//! means is `reporter`'s.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};

use super::http::Endpoint;
use super::machine::Input;
use super::reporter;

/// The lab's.
#[derive(Debug)]
pub struct Mailbox {
    inputs: Mutex<Sender<Input>>,
}

impl Mailbox {
    /// One whose content goes to this loop.
    #[must_use]
    pub const fn new(inputs: Sender<Input>) -> Self {
        let inputs = Mutex::new(inputs);
        Self { inputs }
    }
}

impl Endpoint for Mailbox {
    fn post(&self, path: &str, body: &[u8]) -> u16 {
        let posted = match reporter::parse(path, body) {
            Ok(posted) => posted,
            Err(refusal) => return refusal as u16,
        };
        let inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        // A loop that is over wants to know nothing more.
        inputs.send(Input::Reported(posted)).ok();
        204
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::sync::mpsc::{Receiver, channel};

    use super::super::http;
    use super::super::reporter::{MOST, Posted, Report};
    use super::*;

    /// What a server with a mailbox answers to this, sent on one connection that ends with it, and what it has taken.
    fn posted(request: &[u8]) -> (String, Receiver<Input>) {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, inputs) = channel();
        let mailbox = Box::new(Mailbox::new(sender));
        http::serve(listener, folder.path(), mailbox, Box::new(|_, _| ())).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok();
        (String::from_utf8_lossy(&answer).into_owned(), inputs)
    }

    fn request(what: &str, length: usize, body: &str) -> Vec<u8> {
        let head = format!(
            "POST /report/52:54:00:12:34:56/{what} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n"
        );
        format!("{head}Connection: close\r\n\r\n{body}").into_bytes()
    }

    #[test]
    fn a_report_is_handed_on() {
        let (answer, inputs) = posted(&request("state", 13, "failed clock\n"));
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
        let Ok(Input::Reported(Posted { report, .. })) = inputs.try_recv() else {
            panic!("nothing came")
        };
        assert_eq!(report, Report::Failed("clock".to_owned()));
    }

    #[test]
    fn a_body_is_taken_whole_or_not_at_all() {
        let (answer, inputs) = posted(&request("log", 100, "the beginning of a log"));
        assert!(!answer.contains(" 204 "), "{answer}");
        assert!(inputs.try_recv().is_err());
    }

    #[test]
    fn what_is_refused_is_not_handed_on() {
        let long = "x".repeat(MOST + 1);
        let refused = [
            (request("mood", 4, "good"), "404"),
            (request("code", 3, "abc"), "400"),
            (request("log", long.len(), &long), "413"),
        ];
        for (request, status) in refused {
            let (answer, inputs) = posted(&request);
            let expected = format!("HTTP/1.1 {status} ");
            assert!(answer.starts_with(&expected), "{answer}");
            assert!(inputs.try_recv().is_err());
        }
    }
}
