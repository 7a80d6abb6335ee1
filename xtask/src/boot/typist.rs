//! Types as a person does: a few keys, a look at what they became, the next few. Firmware keeps no more than 15 keys
//! waiting and loses the rest.

use std::collections::VecDeque;

use super::console::Console;

/// Keys typed before looking. Well below the 15 of a PC BIOS.
const PIECE: usize = 8;

/// One keyboard.
#[derive(Debug, Default)]
pub struct Typist {
    pieces: VecDeque<String>,
    /// What was typed last and has not shown up yet.
    awaited: Option<String>,
    reader: Console,
    heard: String,
}

impl Typist {
    /// Wants this typed; returns what to type at once.
    pub fn add(&mut self, text: &str) -> Option<String> {
        let keys: Vec<char> = text.chars().collect();
        self.pieces
            .extend(keys.chunks(PIECE).map(|keys| keys.iter().collect()));
        self.next()
    }

    /// Sees what the machine wrote; returns what to type next.
    pub fn see(&mut self, bytes: &[u8]) -> Option<String> {
        let awaited = self.awaited.as_ref()?;
        let lines = self.reader.feed(bytes);
        self.heard.extend(lines);
        let all = without_space(&format!("{}{}", self.heard, self.reader.unfinished()));
        if !all.contains(&without_space(awaited)) {
            return None;
        }
        self.awaited = None;
        self.next()
    }

    fn next(&mut self) -> Option<String> {
        if self.awaited.is_some() {
            return None;
        }
        let piece = self.pieces.pop_front()?;
        if !self.pieces.is_empty() {
            self.awaited = Some(piece.clone());
            self.reader = Console::default();
            self.heard.clear();
        }
        Some(piece)
    }
}

/// Lines wrap and end anywhere, so white space says nothing.
fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_waits_for_its_echo() {
        let mut typist = Typist::default();
        assert_eq!(typist.add(" console=ttyS0\r").as_deref(), Some(" console"));
        assert_eq!(typist.see(b"-- quiet  cons"), None);
        assert_eq!(
            typist.see(b"\x1b[25;34Hol\r\ne").as_deref(),
            Some("=ttyS0\r")
        );
        assert_eq!(typist.see(b"=ttyS0"), None);
    }

    #[test]
    fn short_things_are_typed_at_once() {
        let mut typist = Typist::default();
        assert_eq!(typist.add("\t").as_deref(), Some("\t"));
        assert_eq!(typist.add("x").as_deref(), Some("x"));
    }
}
