//! What the first line of a script names: its interpreter, and the program where that is `env`.
//!
//! execve(2), `fs/binfmt_script.c` of the kernel, and env(1) of the GNU coreutils.

/// As many bytes of a file as the kernel looks at (`BINPRM_BUF_SIZE`).
pub const HEAD: usize = 256;
/// As many interpreters one behind the other as the kernel runs (`exec_binprm` in `fs/exec.c`).
pub const DEEPEST: usize = 5;

/// What a script is run by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shebang {
    /// The interpreter's path.
    pub interpreter: String,
    /// The program that `env` is asked for, found by `PATH`.
    pub program: Option<String>,
}

/// Reads the first line of a file from its first [`HEAD`] bytes. None where the kernel would not take it for a script.
#[must_use]
pub fn shebang(head: &[u8]) -> Option<Shebang> {
    let line = head.strip_prefix(b"#!")?;
    let end = line.iter().position(|&byte| matches!(byte, b'\n' | 0));
    // Of a longer line the kernel takes what it sees, unless the interpreter itself may be cut off.
    let line = String::from_utf8_lossy(&line[..end.unwrap_or(line.len())]).into_owned();
    let line = line.trim_matches([' ', '\t']);
    let (interpreter, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    if interpreter.is_empty() || (end.is_none() && argument.is_empty() && head.len() >= HEAD) {
        return None;
    }
    let is_env = interpreter.rsplit('/').next() == Some("env");
    Some(Shebang {
        interpreter: interpreter.to_owned(),
        program: is_env.then(|| program_of_env(argument)).flatten(),
    })
}

/// The program that `env` runs, given the one argument that the kernel makes of the rest of the line.
fn program_of_env(argument: &str) -> Option<String> {
    let argument = argument.trim();
    let Some(string) = split_string(argument) else {
        // Without -S all of it is one word: a name, or an option alone.
        let alone = !argument.is_empty() && !argument.starts_with('-') && !argument.contains('=');
        return alone.then(|| argument.to_owned());
    };
    let mut words = words(string).into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" => return words.find(|word| !word.contains('=')),
            // These have a word of their own behind them.
            "-u" | "--unset" | "-C" | "--chdir" | "-a" | "--argv0" => {
                words.next();
            }
            option if option.starts_with('-') => {}
            variable if variable.contains('=') => {}
            _ => return Some(word),
        }
    }
    None
}

/// What stands behind `-S` (also `-iS`, `--split-string=`).
fn split_string(argument: &str) -> Option<&str> {
    if let Some(long) = argument.strip_prefix("--split-string") {
        return Some(long.trim_start_matches('='));
    }
    let flags = argument.strip_prefix('-')?;
    let before = flags.find('S')?;
    let plain = flags[..before]
        .chars()
        .all(|c| matches!(c, 'i' | '0' | 'v'));
    plain.then(|| &flags[before + 1..])
}

/// Words, with quotes and backslashes as `env -S` reads them; variables in them are not known here.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            (' ' | '\t', None) => words.extend(word.take()),
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, Some(open)) if letter == open => quote = None,
            ('\\', open) if open != Some('\'') => {
                let escaped = letters.next().unwrap_or('\\');
                word.get_or_insert_default().push(escaped);
            }
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(line: &str) -> (String, Option<String>) {
        let read = shebang(line.as_bytes()).unwrap();
        (read.interpreter, read.program)
    }

    #[test]
    fn the_first_word_is_the_interpreter() {
        for (line, interpreter) in [
            ("#!/bin/sh\n", "/bin/sh"),
            ("#! \t/bin/sh -e \nmore", "/bin/sh"),
            ("#!/bin/sh", "/bin/sh"),
            ("#!bin/sh\n", "bin/sh"),
        ] {
            assert_eq!(reads(line), (interpreter.to_owned(), None), "{line:?}");
        }
    }

    #[test]
    fn env_names_a_program() {
        for (argument, program) in [
            ("python3", "python3"),
            ("-S python3 -u", "python3"),
            ("-S -i -u HOME A=1 'my prog' x", "my prog"),
            ("-vS perl -w", "perl"),
            ("--split-string=perl -w", "perl"),
            ("-S -- bash", "bash"),
            // It is looked for under this very name, spaces and all.
            ("python3 -u", "python3 -u"),
        ] {
            let (_, found) = reads(&format!("#!/usr/bin/env {argument}\n"));
            assert_eq!(found.as_deref(), Some(program), "{argument}");
        }
        for argument in ["", "-i", "-S", "-S A=1"] {
            let (_, found) = reads(&format!("#!/usr/bin/env {argument}\n"));
            assert_eq!(found, None, "{argument}");
        }
    }

    #[test]
    fn what_is_no_script_names_nothing() {
        for head in ["", "#", "#!", "#!\n/bin/sh", "#! \n", "\x7fELF", "text"] {
            assert_eq!(shebang(head.as_bytes()), None, "{head:?}");
        }
        assert_eq!(shebang(format!("#!/{}", "x".repeat(300)).as_bytes()), None);
        assert!(shebang(format!("#!/x {}", "y".repeat(300)).as_bytes()).is_some());
    }
}
