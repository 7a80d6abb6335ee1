//! The lab's NTP server: tells the host's time to whoever asks (RFC 5905, server mode; RFC 4330 calls it SNTP). A thread
//! of the lab's and not a program: no Debian package brings an NTP server that runs unprivileged, beside nothing, without a
//! clock of its own to discipline.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::failure::{Doing, Result};

use super::network::ADDRESS;

/// Bytes of a packet without extensions.
const LENGTH: usize = 48;
/// Seconds from 1900, where NTP counts from, to 1970.
const ERA: u64 = 2_208_988_800;
/// Mode of a question.
const CLIENT: u8 = 3;
/// Mode of an answer.
const SERVER: u8 = 4;

/// Answers on the lab's address until the lab ends.
///
/// # Errors
/// When the port is taken.
pub fn serve() -> Result<()> {
    let socket =
        UdpSocket::bind((ADDRESS, 123)).doing(|| "cannot serve NTP in the lab".to_owned())?;
    thread::spawn(move || answer(&socket));
    Ok(())
}

fn answer(socket: &UdpSocket) {
    let mut packet = [0; 512];
    // An error belongs to one packet, such as an answer that did not arrive: the next is a new one.
    loop {
        let Ok((length, from)) = socket.recv_from(&mut packet) else {
            continue;
        };
        let from: SocketAddr = from;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        if let Some(answer) = reply(&packet[..length], now) {
            socket.send_to(&answer, from).ok();
        }
    }
}

/// The answer to a question that came at `now`, since 1970; nothing to what is no question.
fn reply(question: &[u8], now: Duration) -> Option<[u8; LENGTH]> {
    let first = *question.first()?;
    if question.len() < LENGTH || first & 7 != CLIENT {
        return None;
    }
    let version = first & 0b0011_1000;
    let time = timestamp(now);
    let mut answer = [0; LENGTH];
    answer[0] = version | SERVER;
    // Stratum 1, the question's poll interval, precision 2^-20 s.
    answer[1..4].copy_from_slice(&[1, question[2], 0xec]);
    // Root delay 0, root dispersion 2^-16 s, and who we are.
    answer[11] = 1;
    answer[12..16].copy_from_slice(b"LOCL");
    answer[16..24].copy_from_slice(&time);
    // What the question called its transmit time is the answer's originate time.
    answer[24..32].copy_from_slice(&question[40..48]);
    answer[32..40].copy_from_slice(&time);
    answer[40..48].copy_from_slice(&time);
    Some(answer)
}

/// Seconds since 1900 and a binary fraction. The era is left out, as the format does (RFC 5905, 6).
fn timestamp(since_1970: Duration) -> [u8; 8] {
    let seconds = (since_1970.as_secs() + ERA) & 0xffff_ffff;
    let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
    (seconds << 32 | fraction).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_with_the_time() {
        let mut question = [0; LENGTH];
        question[0] = 0x23; // version 4, client
        question[2] = 6;
        question[40..48].copy_from_slice(b"whatever");
        let answer = reply(&question, Duration::new(1, 500_000_000)).unwrap();
        assert_eq!(answer[..4], [0x24, 1, 6, 0xec]);
        assert_eq!(&answer[24..32], b"whatever");
        assert_eq!(answer[40..48], [0x83, 0xaa, 0x7e, 0x81, 0x80, 0, 0, 0]);
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        assert_eq!(reply(&[], Duration::ZERO), None);
        assert_eq!(reply(&[0x23; LENGTH - 1], Duration::ZERO), None);
        assert_eq!(reply(&[0x24; LENGTH], Duration::ZERO), None);
    }

    #[test]
    fn the_era_after_2036_has_a_time_too() {
        let at = timestamp(Duration::from_secs((1 << 32) - ERA + 7));
        assert_eq!(at, [0, 0, 0, 7, 0, 0, 0, 0]);
    }
}
