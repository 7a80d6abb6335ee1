//! Reads ahead in a thread of its own, so that decoding and writing go on at the same time.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Size of a piece, and how many of them may wait.
const PIECE: usize = 1 << 20;
const WAITING: usize = 8;

/// Lets `work` read what `input` yields, while `input` is read ahead.
pub(super) fn ahead<R: Read + Send, T>(input: R, work: impl FnOnce(Ahead) -> T) -> T {
    let (filled, pieces) = sync_channel(WAITING);
    std::thread::scope(|scope| {
        scope.spawn(move || fill(input, &filled));
        work(Ahead {
            pieces,
            piece: Vec::new(),
            at: 0,
        })
    })
}

/// Reads up to the end, an error, or until nobody wants any more.
fn fill(mut input: impl Read, filled: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = input.by_ref().take(PIECE as u64).read_to_end(&mut piece);
        let at_end = piece.is_empty();
        // What was read before an error still counts.
        let failed = read.is_err();
        if !at_end && filled.send(Ok(piece)).is_err() {
            return;
        }
        match read {
            Err(error) => {
                // Nobody listens: then the error is nobody's either.
                filled.send(Err(error)).ok();
            }
            Ok(_) if !at_end => continue,
            Ok(_) => {}
        }
        debug_assert!(at_end || failed);
        return;
    }
}

/// A reader of what was read ahead.
pub(super) struct Ahead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    at: usize,
}

impl Read for Ahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            match self.pieces.recv() {
                Ok(piece) => (self.piece, self.at) = (piece?, 0),
                // The other thread is done. (Had it panicked, this one would too, when it waits for it.)
                Err(_) => return Ok(0),
            }
        }
        let read = buffer.len().min(self.piece.len() - self.at);
        buffer[..read].copy_from_slice(&self.piece[self.at..self.at + read]);
        self.at += read;
        Ok(read)
    }
}
