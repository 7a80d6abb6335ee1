//! A network namespace beside our own, for hosts of the lab that are not the lab itself: threads go in, and what they start stays there.
//! setns(2), unshare(2).

use std::os::fd::{AsFd as _, OwnedFd};
use std::thread;

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use crate::failure::{Doing as _, Failure, Result};

/// A network namespace, which lives as long as this.
#[derive(Debug)]
pub struct Namespace(OwnedFd);

impl Namespace {
    /// A new one, with nothing in it.
    ///
    /// # Errors
    /// When we may not make one.
    pub fn new() -> Result<Self> {
        apart(|| {
            #[expect(
                deprecated,
                reason = "unsafe is only what it does with file descriptors, and NEWNET does nothing with them"
            )]
            rustix::thread::unshare(UnshareFlags::NEWNET)
                .map_err(std::io::Error::from)
                .doing(|| "cannot make a network namespace".to_owned())?;
            // Of this thread alone: the others are where they were.
            let file = fs_err::File::open("/proc/thread-self/ns/net")?;
            Ok(Self(file.into_parts().0.into()))
        })
    }

    /// Does something inside: programs that are started stay there.
    ///
    /// # Errors
    /// Those of `act`, and when the namespace cannot be entered.
    pub fn inside<T: Send>(&self, act: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        apart(|| {
            let network = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(self.0.as_fd(), network)
                .map_err(std::io::Error::from)
                .doing(|| "cannot enter a network namespace".to_owned())?;
            act()
        })
    }
}

/// In a thread of its own, since a thread does not come back.
fn apart<T: Send>(act: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let done = scope.spawn(act).join();
        done.unwrap_or_else(|_| Err(Failure::bug("a thread in a network namespace is gone")))
    })
}
