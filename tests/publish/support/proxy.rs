//! A TCP proxy on loopback that cuts what goes through it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// What may still go through.
#[derive(Default)]
struct State {
    /// Bytes to the server until everything is cut; no cut when negative.
    left: AtomicI64,
    /// Bytes that went to the server.
    passed: AtomicU64,
    /// Connections since the beginning.
    connections: AtomicU64,
    /// Whether one cut is all: what is connected afterwards goes through.
    once: AtomicBool,
    /// Whether nothing goes through any more.
    closed: AtomicBool,
    /// All that are open, so that a cut ends them all.
    open: Mutex<Vec<TcpStream>>,
}

/// A proxy; it ends with the test.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

impl Proxy {
    /// Everything goes through to this port.
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        state.left.store(-1, SeqCst);
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                shared.connections.fetch_add(1, SeqCst);
                if shared.closed.load(SeqCst) {
                    continue;
                }
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap();
                carry(&shared, client, server);
            }
        });
        Self { port, state }
    }

    /// Cuts every connection after this many more bytes to the server, and lets none through any more.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.state.once.store(false, SeqCst);
        self.state.left.store(bytes.try_into().unwrap(), SeqCst);
    }

    /// Cuts every connection after this many more bytes to the server; later ones go through.
    pub(crate) fn cut_once_after(&self, bytes: u64) {
        self.state.once.store(true, SeqCst);
        self.state.left.store(bytes.try_into().unwrap(), SeqCst);
    }

    /// Lets everything through again.
    pub(crate) fn mend(&self) {
        self.state.left.store(-1, SeqCst);
        self.state.closed.store(false, SeqCst);
    }

    /// Cuts every connection now, and lets none through any more.
    pub(crate) fn cut(&self) {
        cut(&self.state);
        self.state.closed.store(true, SeqCst);
    }

    /// Bytes that went to the server so far.
    pub(crate) fn passed(&self) -> u64 {
        self.state.passed.load(SeqCst)
    }

    /// Connections that were made so far.
    pub(crate) fn connections(&self) -> u64 {
        self.state.connections.load(SeqCst)
    }
}

fn cut(state: &State) {
    for stream in state.open.lock().unwrap().drain(..) {
        stream.shutdown(Shutdown::Both).ok();
    }
}

fn carry(state: &Arc<State>, client: TcpStream, server: TcpStream) {
    let copy = |stream: &TcpStream| stream.try_clone().unwrap();
    let mut open = state.open.lock().unwrap();
    open.extend([copy(&client), copy(&server)]);
    let (from, to) = (copy(&client), copy(&server));
    let counted = Arc::clone(state);
    std::thread::spawn(move || pump(from, to, Some(&counted)));
    std::thread::spawn(move || pump(server, client, None));
}

/// Carries bytes one way; those to the server are counted.
fn pump(mut from: TcpStream, mut to: TcpStream, counted: Option<&State>) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let allowed = counted.map_or(count, |state| allowed(state, count));
        if to.write_all(&buffer[..allowed]).is_err() {
            break;
        }
        if let Some(state) = counted
            && allowed < count
        {
            state.closed.store(!state.once.load(SeqCst), SeqCst);
            state.left.store(-1, SeqCst);
            cut(state);
            return;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}

/// How many of these bytes may pass.
fn allowed(state: &State, count: usize) -> usize {
    let wanted = i64::try_from(count).unwrap();
    let left = state.left.load(SeqCst);
    let allowed = if left < 0 { wanted } else { wanted.min(left) };
    if left >= 0 {
        state.left.fetch_sub(allowed, SeqCst);
    }
    let allowed = usize::try_from(allowed).unwrap();
    state.passed.fetch_add(allowed as u64, SeqCst);
    allowed
}
