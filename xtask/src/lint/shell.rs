//! Which commands a shell script starts, as far as that can be said without running it: simple commands with their words. Variables are not
//! expanded, functions not followed; here-documents are read as if they were commands.

/// A simple command: its words, quotes removed.
pub(super) type Command = Vec<String>;

/// Every simple command of a script, in order.
pub(super) fn commands(text: &str) -> Vec<Command> {
    let mut reader = Reader::default();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(c) => reader.push(c),
            },
            '\'' => {
                reader.open();
                for c in chars.by_ref().take_while(|&c| c != '\'') {
                    reader.push(c);
                }
            }
            '"' => {
                reader.open();
                while let Some(c) = chars.next().filter(|&c| c != '"') {
                    let c = if c == '\\' {
                        chars.next().unwrap_or(c)
                    } else {
                        c
                    };
                    reader.push(c);
                }
            }
            '#' if reader.word.is_none() => while chars.next_if(|&c| c != '\n').is_some() {},
            ' ' | '\t' | '\r' => reader.end_word(),
            '(' => {
                reader.depth += 1;
                reader.end_command();
            }
            // A pattern of `case`, not the end of a subshell.
            ')' if reader.depth == 0 => reader.forget(),
            ')' => {
                reader.depth -= 1;
                reader.end_command();
            }
            // `2>&1` and `<&3` are no ends of commands.
            '&' if reader.last == Some('>') || reader.last == Some('<') => reader.push(c),
            '\n' | ';' | '&' | '|' | '`' => reader.end_command(),
            c => reader.push(c),
        }
        reader.last = Some(c);
    }
    reader.end_command();
    reader.commands
}

#[derive(Default)]
struct Reader {
    commands: Vec<Command>,
    words: Command,
    word: Option<String>,
    depth: usize,
    last: Option<char>,
}

impl Reader {
    fn open(&mut self) -> &mut String {
        self.word.get_or_insert_default()
    }

    fn push(&mut self, c: char) {
        self.open().push(c);
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.words.is_empty() {
            self.commands.push(std::mem::take(&mut self.words));
        }
    }

    fn forget(&mut self) {
        self.word = None;
        self.words.clear();
    }
}

/// Words that stand before the program that really runs: the shell's own, and programs that start others.
const BEFORE: [&str; 24] = [
    "!", "builtin", "busybox", "chrt", "command", "cttyhack", "do", "elif", "else", "env", "eval",
    "exec", "if", "ionice", "nice", "nohup", "openvt", "setsid", "then", "time", "until", "while",
    "{", "}",
];

/// The program that a command starts, by its path or name, and its arguments.
pub(super) fn program(command: &[String]) -> Option<(&str, &[String])> {
    let mut rest = command;
    let mut options_may_follow = false;
    loop {
        let (first, after) = rest.split_first()?;
        let name = base(first);
        if name == "start-stop-daemon" {
            return daemon(after);
        }
        if BEFORE.contains(&name) {
            options_may_follow = true;
        } else {
            let is_number = first.bytes().all(|b| b.is_ascii_digit());
            let is_option = options_may_follow && (first.starts_with('-') || is_number);
            if !is_option && !is_assignment(first) {
                return Some((first, after));
            }
        }
        rest = after;
    }
}

/// What start-stop-daemon starts, and what it is given.
fn daemon(words: &[String]) -> Option<(&str, &[String])> {
    const STARTED: [&str; 4] = ["-x", "--exec", "-a", "--startas"];
    let stops = words.iter().any(|word| word == "-K" || word == "--stop");
    let at = words
        .iter()
        .position(|word| STARTED.contains(&word.as_str()))?;
    let program = words.get(at + 1).filter(|_| !stops)?;
    Some((program, &words[at + 2..]))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

/// The last component of a path; a login shell's leading `-` is no part of it.
pub(super) fn base(path: &str) -> &str {
    let path = path.rsplit('/').next().unwrap_or(path);
    path.strip_prefix('-')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs(text: &str) -> Vec<String> {
        let found = commands(text);
        let found = found.iter().filter_map(|command| program(command));
        found.map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn commands_end_where_the_shell_ends_them() {
        for (text, names) in [
            ("a b; c && d || e | f &\ng", "a c d e f g"),
            ("# a\nb # c\nd#e", "b d#e"),
            ("echo 'a; b' \"c; d\"; e", "echo e"),
            ("a 2>&1; b", "a b"),
            ("a \\\n b; c", "a c"),
            ("(a; b)", "a b"),
            ("case $1 in\nhttpd) a ;;\nesac", "case a esac"),
            ("x=$(a b); c", "x=$ a c"),
            ("", ""),
            ("'a", "a"),
        ] {
            let names: Vec<&str> = names.split_whitespace().filter(|n| *n != "x=$").collect();
            assert_eq!(programs(text), names, "{text:?}");
        }
    }

    #[test]
    fn what_stands_before_a_program_is_passed_over() {
        for (text, name) in [
            ("exec setsid -c cttyhack /bin/sh -l", "/bin/sh"),
            ("if ! A=b busybox httpd -h /", "httpd"),
            ("nice -n 5 a", "a"),
            (
                "start-stop-daemon --start --exec /usr/sbin/telnetd -- -l x",
                "/usr/sbin/telnetd",
            ),
            ("/sbin/start-stop-daemon -S -b -x dropbear", "dropbear"),
        ] {
            assert_eq!(programs(text), [name], "{text}");
        }
        assert!(programs("start-stop-daemon --stop --exec /bin/x").is_empty());
        assert!(programs("A=b").is_empty());
        assert_eq!(
            (base("/bin/sh"), base("-/bin/sh"), base("-sh"), base("-")),
            ("sh", "sh", "sh", "-")
        );
    }
}
