//! From the bytes of a serial line to lines of text. Copes with what firmware, boot loaders, kernels and full-screen
//! installers send: escape sequences, carriage returns, erasing backspaces, split characters, bytes that are no
//! UTF-8, lines without an end. What the lines mean is left to `protocol` and `signs`.

use std::mem;

/// A line longer than this is cut here; what follows is a line of its own.
const LONGEST_LINE: usize = 4096;

/// What the bytes read so far are in the middle of.
#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// After a carriage return.
    Return,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate byte: one byte follows.
    Designation,
    /// In a control sequence (ECMA-48, 5.4), with its parameters.
    Control(Vec<u8>),
    /// In a string that ends with BEL or ESC.
    String,
}

/// A reader of one serial line.
#[derive(Debug, Default)]
pub struct Console {
    state: State,
    line: Vec<u8>,
    /// The row of the screen, where the last cursor movement told it.
    row: Option<Vec<u8>>,
}

impl Console {
    /// Takes what was read and returns the lines that it finished; blank ones are left out.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for &byte in bytes {
            self.byte(byte, &mut lines);
        }
        lines
    }

    /// The line that has no end yet, such as a prompt.
    #[must_use]
    pub fn unfinished(&self) -> String {
        text(&self.line)
    }

    fn byte(&mut self, byte: u8, lines: &mut Vec<String>) {
        self.state = match (mem::take(&mut self.state), byte) {
            (State::Text | State::Return, b'\r') => State::Return,
            (State::Text | State::Return, 0x1b) => State::Escape,
            (State::Text | State::Return, b'\n') => {
                self.row = None;
                self.end(lines);
                State::Text
            }
            // A carriage return alone: what follows overwrites the line.
            (State::Return, _) => {
                self.end(lines);
                self.character(byte, lines);
                State::Text
            }
            (State::Text, _) => {
                self.character(byte, lines);
                State::Text
            }
            (State::Escape, b'[') => State::Control(Vec::new()),
            (State::Escape, b']' | b'P' | b'_' | b'^' | b'X') => State::String,
            (State::Escape, 0x20..=0x2f) => State::Designation,
            (State::Escape | State::Designation, _) => State::Text,
            (State::Control(mut parameters), 0x20..=0x3f) if parameters.len() < 64 => {
                parameters.push(byte);
                State::Control(parameters)
            }
            (State::Control(parameters), _) => {
                self.control(&parameters, byte, lines);
                State::Text
            }
            (State::String, 0x07) => State::Text,
            (State::String, 0x1b) => State::Designation,
            (State::String, _) => State::String,
        };
    }

    fn character(&mut self, byte: u8, lines: &mut Vec<String>) {
        match byte {
            // What was written is being erased.
            0x08 => self.end(lines),
            b'\t' => self.line.push(b' '),
            0x00..0x20 | 0x7f => {}
            _ => self.line.push(byte),
        }
        if self.line.len() >= LONGEST_LINE {
            self.end(lines);
        }
    }

    /// Moving to another row or clearing the screen ends a line as a line feed does: full-screen programs send none.
    fn control(&mut self, parameters: &[u8], command: u8, lines: &mut Vec<String>) {
        match command {
            b'H' | b'f' => {
                let row: Vec<u8> = parameters
                    .iter()
                    .take_while(|&&byte| byte != b';')
                    .copied()
                    .collect();
                let moved = self.row.as_ref().is_some_and(|before| *before != row);
                if moved {
                    self.end(lines);
                }
                self.row = Some(row);
            }
            b'J' => self.end(lines),
            _ => {}
        }
    }

    fn end(&mut self, lines: &mut Vec<String>) {
        let line = text(&mem::take(&mut self.line));
        if !line.is_empty() {
            lines.push(line);
        }
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        Console::default().feed(bytes)
    }

    #[test]
    fn line_ends_of_all_kinds() {
        assert_eq!(lines(b"a\r\nb\r\r\n\n\rc\n"), ["a", "b", "c"]);
        assert_eq!(lines(b"10%\r20%\rdone\r\n"), ["10%", "20%", "done"]);
    }

    #[test]
    fn colours_and_strings_are_taken_out() {
        let bytes = b"\x1b[0;1miPXE 1.0\x1b[0m -- \x1b[0;36mhttp\x1b]0;title\x07!\x1b(B\x1bc\r\n";
        assert_eq!(lines(bytes), ["iPXE 1.0 -- http!"]);
    }

    #[test]
    fn an_erased_prompt_is_a_line() {
        assert_eq!(
            lines(b"Press\x08 \x08\x08 \x08net0: open\n"),
            ["Press", "net0: open"]
        );
    }

    #[test]
    fn a_screen_is_read_by_its_rows() {
        let bytes = b"Copyrig\x1b[25;34H\x1b[25;35Hht\n\x1b[2J\x1b[9;5Hone\x1b[9;9H more\x1b[10;5Htwo\x1b[2J";
        assert_eq!(lines(bytes), ["Copyright", "one more", "two"]);
    }

    #[test]
    fn a_split_read_gives_the_same_lines() {
        let bytes = "\x1b[1mé ready\x1b[0m\r\nnext".as_bytes();
        let mut console = Console::default();
        let mut split = Vec::new();
        for byte in bytes {
            split.extend(console.feed(&[*byte]));
        }
        assert_eq!(split, lines(bytes));
        assert_eq!(console.unfinished(), "next");
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        assert_eq!(lines(b"\xff\xfe\x00ok\n"), ["\u{fffd}\u{fffd}ok"]);
        let endless = vec![b'x'; 3 * LONGEST_LINE];
        assert_eq!(lines(&endless).len(), 3);
        let sequence = [b"\x1b[".as_slice(), &[b'1'; 100], b"ok\n"].concat();
        assert!(lines(&sequence)[0].ends_with("ok"));
    }
}
