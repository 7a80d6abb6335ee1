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
        // What came before an error still counts.
        let more = !piece.is_empty() && filled.send(Ok(piece)).is_ok();
        match read {
            Ok(_) if more => {}
            Ok(_) => return,
            // Where nobody listens any more, the error is nobody's either.
            Err(error) => return filled.send(Err(error)).unwrap_or(()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_through_in_order() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|n| n as u8).collect();
        let mut read = Vec::new();
        ahead(&bytes[..], |mut input| input.read_to_end(&mut read)).unwrap();
        assert!(read == bytes);
    }

    #[test]
    fn an_error_comes_after_what_was_read_before_it() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let mut read = Vec::new();
        let result = ahead((&b"first"[..]).chain(Broken), |mut input| {
            input.read_to_end(&mut read)
        });
        assert_eq!(result.unwrap_err().to_string(), "broken");
        assert_eq!(read, b"first");
    }

    #[test]
    fn reading_ends_when_nobody_wants_any_more() {
        let first = ahead(io::repeat(7), |mut input| {
            let mut first = [0];
            input.read_exact(&mut first).map(|()| first)
        });
        assert_eq!(first.unwrap(), [7]);
    }
}
