//! The server as clients see it, who are not all well-meaning: bytes in, bytes out, over real connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use super::*;

/// A bundle that is served, what is told of it, and what was left there.
struct Lab {
    folder: tempfile::TempDir,
    address: std::net::SocketAddr,
    told: Receiver<(String, TransferEnd)>,
    left: Receiver<(String, Vec<u8>)>,
}

/// Longer than sockets keep for a client that does not read.
const LONG: usize = 64 << 20;

struct Notes(std::sync::Mutex<std::sync::mpsc::Sender<(String, Vec<u8>)>>);

impl Endpoint for Notes {
    fn post(&self, path: &str, body: &[u8]) -> Status {
        let note = (path.to_owned(), body.to_vec());
        self.0.lock().unwrap().send(note).unwrap();
        204
    }
}

fn lab() -> Lab {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("bundle");
    fs_err::create_dir_all(root.join("grub")).unwrap();
    fs_err::write(root.join("a"), "0123456789").unwrap();
    fs_err::write(folder.path().join("secret"), "secret").unwrap();
    fs_err::os::unix::fs::symlink("a", root.join("inside")).unwrap();
    fs_err::os::unix::fs::symlink("../secret", root.join("outside")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = channel();
    let (leave, left) = channel();
    let notes = Box::new(Notes(leave.into()));
    let tell = std::sync::Mutex::new(tell);
    let tell = move |path, end| tell.lock().unwrap().send((path, end)).unwrap();
    serve(listener, &root, notes, Box::new(tell)).unwrap();
    Lab {
        folder,
        address,
        told,
        left,
    }
}

impl Lab {
    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// All that comes back for these bytes, after which nothing more is sent.
    fn says(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        // Whoever is refused may be so before the end.
        stream.write_all(bytes).ok();
        stream.shutdown(Shutdown::Write).ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    }

    fn status(&self, bytes: &[u8]) -> String {
        let answer = self.says(bytes);
        let status = answer.split(' ').nth(1);
        status.unwrap_or("nothing").to_owned()
    }

    fn happened(&self) -> Vec<(String, TransferEnd)> {
        self.told.try_iter().collect()
    }
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()
}

#[test]
fn files_are_sent_whole_in_part_or_not_at_all() {
    let lab = lab();
    let whole = lab.says(&get("/a"));
    assert!(whole.starts_with("HTTP/1.1 200 OK\r\n"), "{whole}");
    assert!(whole.contains("\r\nContent-Length: 10\r\n"), "{whole}");
    assert!(whole.ends_with("\r\n\r\n0123456789"), "{whole}");
    let part = lab.says(b"GET /inside HTTP/1.1\r\nRange: bytes=2-4\r\n\r\n");
    assert!(
        part.contains("\r\nContent-Range: bytes 2-4/10\r\n"),
        "{part}"
    );
    assert!(part.ends_with("\r\n\r\n234"), "{part}");
    let none = lab.says(b"GET /a HTTP/1.1\r\nRange: bytes=10-\r\n\r\n");
    assert!(none.contains(" 416 ") && none.contains("\r\nContent-Range: bytes */10\r\n"));
    let head = lab.says(b"HEAD /a HTTP/1.1\r\n\r\n");
    assert!(head.contains("\r\nContent-Length: 10\r\n") && head.ends_with("\r\n\r\n"));
    let missing = lab.says(&get("/grub/grub.cfg"));
    assert!(
        missing.starts_with("HTTP/1.1 404 Not Found\r\n"),
        "{missing}"
    );
    // Neither the question for its length nor a part is the file.
    let told = [
        ("a".to_owned(), TransferEnd::Sent),
        ("grub/grub.cfg".to_owned(), TransferEnd::Missing),
    ];
    assert_eq!(lab.happened(), told);
}

#[test]
fn nothing_outside_the_folder_is_served() {
    let lab = lab();
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/grub/../../secret",
        "/outside",
        "//etc/passwd",
        "/",
        "/grub",
    ] {
        let answer = lab.says(&get(path));
        let refused = answer.contains(" 404 ") || answer.contains(" 403 ");
        assert!(refused && !answer.contains("secret"), "{path}: {answer}");
    }
}

#[test]
fn a_pipe_in_the_folder_holds_up_nobody() {
    let lab = lab();
    let pipe = lab.folder.path().join("bundle/pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert_eq!(lab.status(&get("/pipe")), "404");
}

#[test]
fn a_connection_carries_one_request_after_another() {
    let lab = lab();
    let requests = [get("/a"), get("/nope"), get("/inside")].concat();
    let answers = lab.says(&requests);
    let statuses: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    assert_eq!(statuses, ["200", "404", "200"]);
    let last = b"GET /a HTTP/1.1\r\nConnection: close\r\n\r\nGET /a HTTP/1.1\r\n\r\n";
    assert_eq!(lab.says(last).matches("HTTP/1.1 ").count(), 1);
    assert_eq!(
        lab.says(b"GET /a HTTP/1.0\r\n\r\n")
            .matches("close")
            .count(),
        1
    );
}

#[test]
fn what_nobody_can_mean_is_refused() {
    let lab = lab();
    let endless = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 20_000]].concat();
    assert_eq!(lab.status(&endless), "431");
    assert_eq!(lab.status(&[0; 300]), "nothing");
    assert_eq!(lab.status(b"\x16\x03\x01\x02\0\x01\n\n"), "400");
    let smuggled = b"GET /a HTTP/1.1\r\nContent-Length: 30\r\n\r\nGET /outside HTTP/1.1\r\n\r\n";
    assert_eq!(lab.status(smuggled), "400");
    assert_eq!(lab.status(b"PUT /a HTTP/1.1\r\n\r\n"), "405");
    assert_eq!(lab.happened(), []);
}

#[test]
fn slow_clients_hold_up_nobody() {
    let lab = lab();
    fs_err::write(lab.folder.path().join("bundle/long"), vec![0; LONG]).unwrap();
    let mut slow = lab.connect();
    slow.write_all(b"GET /a HT").unwrap();
    let mut sated = lab.connect();
    sated.write_all(&get("/long")).unwrap();
    assert_eq!(lab.status(&get("/a")), "200");
    slow.write_all(b"TP/1.1\r\n\r\n").unwrap();
    slow.read_exact(&mut [0; 17]).unwrap();
    drop(sated);
    // It went away in the midst of the file.
    let mut ends = lab.told.iter().filter(|(path, _)| path == "long");
    assert_eq!(ends.next().unwrap().1, TransferEnd::Failed);
}

#[test]
fn only_so_many_clients_are_served_at_a_time() {
    let lab = lab();
    let clients: Vec<TcpStream> = (0..MOST_CLIENTS).map(|_| lab.connect()).collect();
    assert_eq!(lab.status(&get("/a")), "503");
    drop(clients);
    let served = || lab.status(&get("/a")) == "200";
    while !served() {}
}

#[test]
fn what_guests_leave_is_handed_on_whole() {
    let lab = lab();
    let post = |length: usize, body: &[u8]| {
        let head = format!("POST /state HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        lab.status(&[head.as_bytes(), body].concat())
    };
    assert_eq!(post(5, b"ready"), "204");
    assert_eq!(lab.left.recv().unwrap(), ("state".into(), b"ready".into()));
    // The rest never came.
    assert_eq!(post(6, b"ready"), "nothing");
    assert_eq!(lab.left.try_recv().ok(), None);
    let most = usize::try_from(MOST_BODY).unwrap();
    assert_eq!(post(most + 7, &vec![b'x'; most + 7]), "204");
    let (_, body) = lab.left.recv().unwrap();
    let note = cut(MOST_BODY + 7);
    assert_eq!(body.len(), most + note.len());
    assert!(body.ends_with(note.as_bytes()));
    assert_eq!(post(1 << 40, b"x"), "413");
}

#[test]
fn a_client_that_waits_is_told_to_go_on() {
    let lab = lab();
    let mut stream = lab.connect();
    let head = b"POST /log HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head).unwrap();
    let mut answer = [0; 25];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"x").unwrap();
    assert_eq!(lab.left.recv().unwrap(), ("log".into(), b"x".into()));
}
