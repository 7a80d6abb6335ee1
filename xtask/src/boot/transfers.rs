//! TFTP transfers as they are seen on the wire: what a machine asked for, and whether it got it. Not every server says that in its log.
//! <https://www.rfc-editor.org/rfc/rfc1350>, options <https://www.rfc-editor.org/rfc/rfc2347>

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::mpsc::Sender;
use std::thread;

use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, eth, recv, socket_with};

use crate::failure::{Doing, Result};

use super::happening::TransferEnd;
use super::machine::Input;

/// Where TFTP servers are asked; they answer from another port.
pub const PORT: u16 = 69;

/// What waits to be looked at, in bytes: more than a kernel and an initramfs, since a transfer whose last packet is lost has no end.
const WAITING: usize = 256 << 20;
/// A machine fetches one file after another. More than this at a time is nonsense, and the rest of it not looked at.
const MOST: usize = 1024;
/// The longest packet there is.
const PACKET: usize = 1 << 16;

/// From now on, each transfer in this network goes to `inputs` when it is asked for, and when it ends. `whole` is whether no packet may be
/// missed, which takes more than root of a user namespace.
///
/// # Errors
/// When we may not look at packets.
pub fn watch(whole: bool, inputs: &Sender<Input>) -> Result<()> {
    let socket = socket_with(
        AddressFamily::PACKET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(eth::ALL),
    );
    let socket = socket
        .map_err(std::io::Error::from)
        .doing(|| "cannot look at packets".to_owned())?;
    if whole {
        rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, WAITING)
            .map_err(std::io::Error::from)
            .doing(|| "cannot keep packets".to_owned())?;
    }
    let inputs = inputs.clone();
    thread::spawn(move || {
        let mut transfers = Transfers::default();
        let mut packet = vec![0_u8; PACKET];
        while let Ok((_, length)) = recv(&socket, &mut packet[..], RecvFlags::empty()) {
            let seen = packet.get(..length).and_then(|it| transfers.see(it));
            let told = seen.map(|(name, end)| {
                inputs.send(match end {
                    None => Input::Asked(name),
                    Some(end) => Input::Transfer(name, end),
                })
            });
            if let Some(Err(_)) = told {
                return;
            }
        }
    });
    Ok(())
}

/// The transfers that are under way, by the client's side of them. A packet may be seen more than once, as on a bridge and on its port.
#[derive(Debug, Default)]
pub struct Transfers(HashMap<SocketAddrV4, Transfer>);

#[derive(Debug)]
struct Transfer {
    name: String,
    /// Bytes of a block (RFC 2348).
    block: usize,
    /// The number of the last block, once that was sent.
    last: Option<u16>,
}

/// A UDP datagram of IPv4.
struct Datagram<'a> {
    from: SocketAddrV4,
    to: SocketAddrV4,
    payload: &'a [u8],
}

impl Transfers {
    /// Takes in an IPv4 packet; returns the transfer that it begins or ends, if it does, and how it ends. One that the client itself gives
    /// up is none: that is how firmware asks for the size of a file.
    pub fn see(&mut self, packet: &[u8]) -> Option<(String, Option<TransferEnd>)> {
        let datagram = datagram(packet)?;
        let (opcode, rest) = split_u16(datagram.payload)?;
        if datagram.to.port() == PORT {
            let begun = (opcode == 1).then(|| self.begin(datagram.from, rest));
            return begun.flatten().map(|name| (name, None));
        }
        let ended = if self.0.contains_key(&datagram.to) {
            self.served(datagram.to, opcode, rest)
        } else {
            self.answered(datagram.from, opcode, rest)
        };
        ended.map(|(name, end)| (name, Some(end)))
    }

    fn begin(&mut self, client: SocketAddrV4, rest: &[u8]) -> Option<String> {
        if self.0.len() >= MOST {
            return None;
        }
        let name = rest.split(|&byte| byte == 0).next().unwrap_or(rest);
        let name = String::from_utf8_lossy(name);
        let name = name.trim_start_matches('/');
        let new = self.0.get(&client).is_none_or(|before| before.name != name);
        new.then(|| {
            let transfer = Transfer {
                name: name.to_owned(),
                block: 512,
                last: None,
            };
            self.0.insert(client, transfer);
            name.to_owned()
        })
    }

    /// The server sent something.
    fn served(
        &mut self,
        client: SocketAddrV4,
        opcode: u16,
        rest: &[u8],
    ) -> Option<(String, TransferEnd)> {
        let (number, data) = split_u16(rest)?;
        let transfer = self.0.get_mut(&client)?;
        match opcode {
            3 if data.len() < transfer.block => transfer.last = Some(number),
            5 => {
                let end = match number {
                    1 => TransferEnd::Missing,
                    _ => TransferEnd::Failed,
                };
                return self.0.remove(&client).map(|transfer| (transfer.name, end));
            }
            6 => transfer.block = block_size(rest).unwrap_or(transfer.block),
            _ => {}
        }
        None
    }

    /// The client sent something.
    fn answered(
        &mut self,
        client: SocketAddrV4,
        opcode: u16,
        rest: &[u8],
    ) -> Option<(String, TransferEnd)> {
        let transfer = self.0.get(&client)?;
        match opcode {
            4 if transfer.last.is_some() && transfer.last == split_u16(rest).map(|it| it.0) => {
                let transfer = self.0.remove(&client)?;
                Some((transfer.name, TransferEnd::Sent))
            }
            5 => {
                self.0.remove(&client);
                None
            }
            _ => None,
        }
    }
}

/// The size of blocks that a server agrees to.
fn block_size(options: &[u8]) -> Option<usize> {
    let words: Vec<&[u8]> = options.split(|&byte| byte == 0).collect();
    let pair = words
        .chunks_exact(2)
        .find(|pair| pair[0].eq_ignore_ascii_case(b"blksize"))?;
    std::str::from_utf8(pair[1]).ok()?.parse().ok()
}

fn split_u16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), rest))
}

/// The UDP datagram in an IPv4 packet (RFC 791, RFC 768), if it is one, whole.
fn datagram(packet: &[u8]) -> Option<Datagram<'_>> {
    let first = *packet.first()?;
    let header = usize::from(first & 0xf) * 4;
    let address = |at: usize| {
        let bytes: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(bytes))
    };
    let fragment = split_u16(packet.get(6..)?)?.0 & 0x3fff;
    if first >> 4 != 4 || header < 20 || fragment != 0 || *packet.get(9)? != 17 {
        return None;
    }
    let udp = packet.get(header..)?;
    let (from, rest) = split_u16(udp)?;
    let (to, rest) = split_u16(rest)?;
    let (length, _) = split_u16(rest)?;
    Some(Datagram {
        from: SocketAddrV4::new(address(12)?, from),
        to: SocketAddrV4::new(address(16)?, to),
        payload: udp.get(8..usize::from(length))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: ([u8; 4], u16) = ([10, 77, 0, 1], 4000);
    const CLIENT: ([u8; 4], u16) = ([10, 77, 0, 10], 2000);

    fn packet(from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
        packet.extend([from.0, to.0].concat());
        packet.extend([from.1.to_be_bytes(), to.1.to_be_bytes()].concat());
        let length = u16::try_from(payload.len() + 8).unwrap();
        packet.extend([length.to_be_bytes(), [0; 2]].concat());
        [packet, payload.to_vec()].concat()
    }

    /// What comes of these, each of which is seen twice; `>` is from the client, `<` from the server.
    fn seen(packets: &[(char, &[u8])]) -> Vec<(String, TransferEnd)> {
        let mut transfers = Transfers::default();
        let asks = |payload: &[u8]| payload.starts_with(b"\0\x01");
        let packets = packets.iter().flat_map(|(way, payload)| {
            let packet = match way {
                '>' if asks(payload) => packet(CLIENT, (SERVER.0, PORT), payload),
                '>' => packet(CLIENT, SERVER, payload),
                _ => packet(SERVER, CLIENT, payload),
            };
            [packet.clone(), packet]
        });
        packets
            .filter_map(|packet| transfers.see(&packet))
            .filter_map(|(name, end)| Some((name, end?)))
            .collect()
    }

    const ASK: (char, &[u8]) = ('>', b"\0\x01/a/b\0octet\0blksize\08\0");

    #[test]
    fn a_file_is_sent_when_its_last_block_is_acknowledged() {
        let packets: &[(char, &[u8])] = &[
            ASK,
            ('<', b"\0\x06tsize\09\0blksize\08\0"),
            ('>', b"\0\x04\0\0"),
            ('<', b"\0\x03\0\x0112345678"),
            ('>', b"\0\x04\0\x01"),
            ('<', b"\0\x03\0\x029"),
        ];
        assert_eq!(seen(packets), []);
        let whole = [packets, &[('>', b"\0\x04\0\x02")]].concat();
        assert_eq!(seen(&whole), [("a/b".to_owned(), TransferEnd::Sent)]);
    }

    #[test]
    fn a_file_is_asked_for_once() {
        let mut transfers = Transfers::default();
        let ask = packet(CLIENT, (SERVER.0, PORT), ASK.1);
        assert_eq!(transfers.see(&ask), Some(("a/b".to_owned(), None)));
        assert_eq!(transfers.see(&ask), None);
    }

    #[test]
    fn servers_refuse_and_clients_change_their_minds() {
        let missing = seen(&[ASK, ('<', b"\0\x05\0\x01File not found\0")]);
        assert_eq!(missing, [("a/b".to_owned(), TransferEnd::Missing)]);
        let failed = seen(&[ASK, ('<', b"\0\x05\0\x02no\0")]);
        assert_eq!(failed, [("a/b".to_owned(), TransferEnd::Failed)]);
        assert_eq!(seen(&[ASK, ('>', b"\0\x05\0\x08enough\0")]), []);
    }

    #[test]
    fn whatever_comes_is_looked_at_without_harm() {
        let mut transfers = Transfers::default();
        let ask = packet(CLIENT, (SERVER.0, PORT), ASK.1);
        for length in 0..ask.len() {
            assert_eq!(transfers.see(&ask[..length]), None);
        }
        for port in 0..=u16::MAX {
            transfers.see(&packet((CLIENT.0, port), (SERVER.0, PORT), ASK.1));
        }
        assert_eq!(transfers.0.len(), MOST);
        let answer = packet(SERVER, CLIENT, b"\0\x06blksize\099999999999999999999999\0");
        assert_eq!(transfers.see(&answer), None);
    }
}
