//! A TFTP client in a system's network: what a node fetches, without the node. <https://www.rfc-editor.org/rfc/rfc1350>, blocks larger than usual by
//! <https://www.rfc-editor.org/rfc/rfc2348>.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use libtest_mimic::Failed;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::system::System;

/// As much as fits into a packet of the loopback device.
const BLOCK: &str = "32768";
/// A server that does not answer for so long is asked again, as often as firmware would.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: usize = 5;

/// A client.
pub(crate) struct Client {
    network: std::fs::File,
}

impl Client {
    pub(crate) fn new(system: &System) -> Result<Self, Failed> {
        let network = fs_err::File::open(system.network())?.into_parts().0;
        Ok(Self { network })
    }

    /// Runs this in the system's network.
    pub(crate) fn inside<T: Send>(
        &self,
        work: impl FnOnce() -> Result<T, Failed> + Send,
    ) -> Result<T, Failed> {
        let inside = || {
            use std::os::fd::AsFd;
            // Of this thread alone, which ends with the work.
            move_into_link_name_space(self.network.as_fd(), Some(LinkNameSpaceType::Network))?;
            work()
        };
        thread::scope(|scope| scope.spawn(inside).join()).map_err(|_| "the client panicked")?
    }

    /// The contents of files.
    pub(crate) fn fetch(&self, names: &[&str]) -> Result<Vec<Vec<u8>>, Failed> {
        self.inside(|| names.iter().map(|name| fetch(name)).collect())
    }
}

/// The content of a file, asked for in the network of this thread.
pub(crate) fn fetch(name: &str) -> Result<Vec<u8>, Failed> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut ask = b"\0\x01".to_vec();
    for word in [name, "octet", "blksize", BLOCK] {
        ask.extend(word.bytes().chain([0]));
    }
    let mut block = 512;
    let mut content = Vec::new();
    let (mut packet, mut buffer) = (ask, vec![0; 1 << 16]);
    let mut to = "127.0.0.1:69".parse()?;
    let mut next = 1_u16;
    let mut tries = 0;
    loop {
        socket.send_to(&packet, to)?;
        let (length, from) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(_) if tries < TRIES => {
                tries += 1;
                continue;
            }
            Err(error) => return Err(format!("{name}: no answer: {error}").into()),
        };
        let said = &buffer[..length];
        let number = u16::from_be_bytes([said[2], said[3]]);
        match said[1] {
            6 => {
                // A server may take less than it is offered.
                let words: Vec<&[u8]> = said[2..].split(|&byte| byte == 0).collect();
                let pair = words.chunks_exact(2).find(|pair| pair[0] == b"blksize");
                let agreed = pair.and_then(|pair| std::str::from_utf8(pair[1]).ok());
                block = agreed.ok_or("no size of blocks")?.parse()?;
                packet = vec![0, 4, 0, 0];
            }
            3 if number == next => {
                content.extend(&said[4..]);
                packet = vec![0, 4, said[2], said[3]];
                if length - 4 < block {
                    socket.send_to(&packet, from)?;
                    return Ok(content);
                }
                next = next.wrapping_add(1);
            }
            // Sent twice.
            3 => {}
            _ => return Err(format!("{name}: {}", String::from_utf8_lossy(&said[4..])).into()),
        }
        (to, tries) = (from, 0);
    }
}
