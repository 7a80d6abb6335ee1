//! Counts what is read, and stops at a limit: archives may claim anything.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Names and extended headers of one member may not take more than this: the tar reader holds them in memory.
const HEADERS: u64 = 1 << 20;

/// What a [`Meter`] has seen; shared with whoever set the limits.
pub(super) struct Gauge {
    /// Bytes that may still be read at all.
    left: Cell<u64>,
    limit: u64,
    /// Bytes that may still be read between two members' contents.
    headers: Cell<Option<u64>>,
    ended: Cell<bool>,
}

impl Gauge {
    pub(super) fn new(limit: u64) -> Rc<Self> {
        Rc::new(Self {
            left: Cell::new(limit),
            limit,
            headers: Cell::new(None),
            ended: Cell::new(false),
        })
    }

    /// What is read now are headers.
    pub(super) fn headers(&self) {
        self.headers.set(Some(HEADERS));
    }

    /// What is read now is contents.
    pub(super) fn contents(&self) {
        self.headers.set(None);
    }

    /// Whether the input came to its end.
    pub(super) fn ended(&self) -> bool {
        self.ended.get()
    }
}

/// A reader that keeps to a [`Gauge`].
pub(super) struct Meter<R> {
    inner: R,
    gauge: Rc<Gauge>,
}

impl<R: Read> Meter<R> {
    pub(super) fn new(inner: R, gauge: &Rc<Gauge>) -> Self {
        Self {
            inner,
            gauge: gauge.clone(),
        }
    }

    pub(super) fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let gauge = &self.gauge;
        let read = self.inner.read(buffer)?;
        gauge.ended.set(read == 0 && !buffer.is_empty());
        let less = |left: u64, what: String| {
            left.checked_sub(read as u64)
                .ok_or_else(|| io::Error::other(what))
        };
        gauge.left.set(less(
            gauge.left.get(),
            format!("it unpacks to more than the {} bytes it may", gauge.limit),
        )?);
        if let Some(left) = gauge.headers.get() {
            let what = format!("a member's headers take more than {HEADERS} bytes");
            gauge.headers.set(Some(less(left, what)?));
        }
        Ok(read)
    }
}
