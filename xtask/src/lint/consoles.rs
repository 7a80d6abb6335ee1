//! Consoles without a login, and programs that inittab starts and the image lacks.

use super::Finding;
use super::facts::{Facts, Script};
use super::inittab::{self, Line};
use super::rules::{INITTAB_PROGRAM, OPEN_CONSOLE};
use super::shell::{base, commands, program};
use crate::image::path::ImagePath;

const SHELLS: [&str; 8] = ["ash", "bash", "dash", "hush", "ksh", "mksh", "sh", "zsh"];

pub(super) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let Some((path, lines)) = &facts.inittab else {
        without(facts, findings);
        return;
    };
    for line in lines {
        findings.extend(missing(facts, path, line));
        if !line.is_on_terminal() {
            continue;
        }
        if let Some(how) = open(facts, &line.command) {
            let terminal = if line.id.is_empty() || !has_terminals(facts) {
                "the console".to_owned()
            } else {
                line.id.clone()
            };
            findings.push(OPEN_CONSOLE.at(path, format!("whoever sits at {terminal} {how}")));
        }
    }
}

/// Whether ids are terminals: sysvinit's are not.
fn has_terminals(facts: &Facts<'_>) -> bool {
    facts.is_busybox("/init") || facts.is_busybox("/sbin/init")
}

/// busybox gives shells to everybody when there is no table.
fn without(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if !facts.is_busybox("/init") {
        return;
    }
    for line in inittab::parse(inittab::WITHOUT) {
        if line.is_on_terminal() && open(facts, &line.command).is_some() {
            let what = "there is no /etc/inittab, and without one busybox's init starts shells on the console and on tty2 to tty4";
            findings.push(OPEN_CONSOLE.everywhere(what));
        }
    }
}

fn missing(facts: &Facts<'_>, path: &ImagePath, line: &Line) -> Option<Finding> {
    let name = line.command.first().filter(|_| line.starts())?;
    // A command with a shell's own characters is handed to a shell (init/init.c).
    let is_plain = !line.command.iter().any(|word| {
        word.contains([
            '~', '`', '!', '$', '^', '&', '*', '(', ')', '=', '|', '\\', '{', '}', '[', ']', ';',
            '"', '\'', '<', '>', '?',
        ])
    });
    let is_there = facts.is_program(name) || facts.program(name).is_some();
    (is_plain && !is_there).then(|| {
        let what = format!("inittab starts {name}, and the image has no such program");
        INITTAB_PROGRAM.at(path, what)
    })
}

/// How a command lets somebody in without asking who it is: the end of a sentence.
fn open(facts: &Facts<'_>, command: &[String]) -> Option<String> {
    let (name, arguments) = program(command)?;
    if let Some(how) = by_itself(name, arguments) {
        return Some(how);
    }
    // What getty starts in place of login may be a script, too.
    if let Some(program) = in_place_of_login(name, arguments) {
        return open(facts, &[program.to_owned()]);
    }
    // A script that ends in a shell is one.
    let path = facts.program(name)?;
    let script = facts.scripts.get(&path)?;
    let shell = shell_in(script)?;
    Some(format!("gets a shell: {path} starts {shell}"))
}

fn by_itself(name: &str, arguments: &[String]) -> Option<String> {
    let has = |wanted: &[&str]| arguments.iter().any(|word| wanted.contains(&word.as_str()));
    match base(name) {
        // With an argument that is no option it runs a script or a command.
        shell
            if is_shell(shell)
                && arguments
                    .iter()
                    .all(|word| matches!(word.as_str(), "-l" | "-i" | "-" | "--login")) =>
        {
            Some(format!("gets a shell, {name}"))
        }
        "login" if has(&["-f"]) => {
            Some("is logged in without a password, by `login -f`".to_owned())
        }
        "sulogin" if has(&["-e", "--force"]) => Some("gets a shell, by `sulogin -e`".to_owned()),
        "getty" | "agetty" | "mingetty" => {
            let automatic = arguments
                .iter()
                .any(|word| matches!(word.as_str(), "-a") || word.starts_with("--autologin"));
            let program = in_place_of_login(name, arguments).map(base);
            if automatic && base(name) != "getty" {
                Some(format!("is logged in without a password, by {name}"))
            } else if program.is_some_and(|program| SHELLS.contains(&program)) {
                Some(format!(
                    "gets a shell, which {name} starts in place of login"
                ))
            } else {
                None
            }
        }
        _ => None,
    }
}

/// A shell, or a variable that holds one by its name.
fn is_shell(name: &str) -> bool {
    let variable = name.strip_prefix('$').map(str::to_ascii_lowercase);
    SHELLS.contains(&name) || variable.is_some_and(|name| name.contains("shell"))
}

/// The program that a getty is told to start in place of login.
fn in_place_of_login<'c>(name: &str, arguments: &'c [String]) -> Option<&'c str> {
    let is_getty = matches!(base(name), "getty" | "agetty" | "mingetty");
    arguments
        .windows(2)
        .filter(|_| is_getty)
        .find(|pair| matches!(pair[0].as_str(), "-l" | "--login-program"))
        .map(|pair| pair[1].as_str())
}

/// The shell that a script hands its terminal to.
fn shell_in(script: &Script) -> Option<String> {
    commands(&script.text).iter().find_map(|command| {
        let is_handed = command
            .iter()
            .any(|word| matches!(base(word), "exec" | "cttyhack"));
        let (name, arguments) = program(command).filter(|_| is_handed)?;
        by_itself(name, arguments)?;
        Some(name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ids, image};

    const SHELL: (&str, &str) = ("/bin/sh", "x!");

    fn with(inittab: &str) -> Vec<&'static str> {
        ids(&image(&[
            SHELL,
            ("/sbin/getty", "x!"),
            ("/bin/login", "x!"),
            ("/etc/inittab", inittab),
            (
                "/sbin/console-shell",
                "#!/bin/sh\nread x\nexec cttyhack /bin/sh -l\n!",
            ),
            ("/sbin/job", "#!/bin/sh\nexec sh -c true\n!"),
        ]))
    }

    #[test]
    fn shells_without_a_login_are_found() {
        for line in [
            "tty1::askfirst:-/bin/sh",
            "::respawn:-/bin/sh",
            "::respawn:/bin/sh -l",
            "::respawn:/sbin/console-shell",
            "::respawn:/sbin/getty -n -l /bin/sh 115200 ttyS0",
            "::respawn:/sbin/getty -n -l /sbin/console-shell 9600 ttyS0",
            "::respawn:/bin/login -f root",
        ] {
            assert_eq!(with(line), ["open-console"], "{line}");
        }
    }

    #[test]
    fn consoles_with_a_login_are_not() {
        for line in [
            "::respawn:/sbin/getty -L ttyS0 115200 vt100",
            "::respawn:/bin/login",
            "::sysinit:/bin/sh -c true",
            "::once:/sbin/job",
            "::ctrlaltdel:/bin/login",
            "# ::respawn:-/bin/sh",
        ] {
            assert!(with(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn without_a_table_busybox_starts_shells() {
        let busybox = ("/bin/busybox", "x!");
        let without = [
            busybox,
            ("/init", "-> bin/busybox"),
            ("/bin/sh", "-> busybox"),
        ];
        assert_eq!(ids(&image(&without)), ["open-console"]);
        assert!(ids(&image(&[SHELL, ("/init", "x!")])).is_empty());
    }

    #[test]
    fn programs_that_inittab_starts_have_to_be_there() {
        assert_eq!(with("::sysinit:/etc/init.d/rcS"), ["inittab-program"]);
        assert_eq!(with("::respawn:agetty 115200 ttyS0"), ["inittab-program"]);
        assert!(with("::once:/run/made-later").is_empty());
        assert!(with("::once:getty 115200 ttyS0").is_empty());
    }
}
