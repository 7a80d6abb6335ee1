//! What a repository's description may say about another machine: hosts, folders and options of `ssh` that are nothing but that; and
//! what the commands say when they fail, in words that help.

use crate::failure::{Failure, Kind, Result};
use crate::tool::quote;

/// Options of ssh(1) without a value.
const FLAGS: &[&str] = &["-4", "-6", "-C", "-q", "-v"];
/// Options of ssh(1) with a value in the next word.
const WITH_VALUE: &[&str] = &["-b", "-c", "-F", "-i", "-J", "-l", "-m", "-p"];
/// What may be set by `-o`: where to and as whom, not what to run here (`ProxyCommand`, `LocalCommand`, `PKCS11Provider` …).
const SETTINGS: &[&str] = &[
    "addressfamily",
    "bindaddress",
    "certificatefile",
    "checkhostip",
    "ciphers",
    "compression",
    "connecttimeout",
    "connectionattempts",
    "globalknownhostsfile",
    "gssapiauthentication",
    "hostkeyalgorithms",
    "hostkeyalias",
    "hostname",
    "identitiesonly",
    "identityagent",
    "identityfile",
    "kexalgorithms",
    "loglevel",
    "macs",
    "port",
    "preferredauthentications",
    "proxyjump",
    "pubkeyacceptedalgorithms",
    "pubkeyauthentication",
    "serveralivecountmax",
    "serveraliveinterval",
    "stricthostkeychecking",
    "user",
    "userknownhostsfile",
];

/// Nothing, when this names a machine (`user@host`, an address, a name in the user's configuration) and nothing else.
///
/// # Errors
/// For what is not one.
pub(super) fn valid_host(host: &str) -> Result<()> {
    let fits = |c: char| c.is_alphanumeric() || "-._:@%[]+".contains(c);
    if !host.is_empty() && !host.contains("@-") && !host.starts_with('-') && host.chars().all(fits)
    {
        return Ok(());
    }
    let what = format!("{host:?} is not a machine that ssh could connect to");
    Err(Failure::new(Kind::Recipe, what)
        .hint("`host` is like `user@host`, or a `Host` of ~/.ssh/config"))
}

/// Nothing, when this is a folder's absolute path that every login shell reads as we mean it.
///
/// # Errors
/// For what is not one.
pub(super) fn valid_path(path: &str) -> Result<()> {
    let parts = path.strip_prefix('/').unwrap_or_default();
    let below = !parts.is_empty() && !parts.split('/').any(|part| part == "..");
    if below && !path.contains(odd) {
        return Ok(());
    }
    let what = format!("{path:?} is not a folder for a repository on another machine");
    Err(Failure::new(Kind::Recipe, what)
        .hint("`path` is absolute and without `..`, such as `/srv/repository`"))
}

/// What not every shell takes as it stands between single quotes.
fn odd(c: char) -> bool {
    c.is_control() || c == '\\'
}

/// Nothing, when these are words that every login shell takes as they are.
///
/// # Errors
/// For a command with others in it, or whose first word is an option.
pub(super) fn valid_command(words: &[String]) -> Result<()> {
    let first = words
        .first()
        .is_none_or(|word| !word.is_empty() && !word.starts_with('-'));
    if first && !words.iter().any(|word| word.contains(odd)) {
        return Ok(());
    }
    let what = format!("`after` is no command to be run on another machine: {words:?}");
    Err(Failure::new(Kind::Recipe, what)
        .hint("put what is more than a program and plain arguments into a script there"))
}

/// Nothing, when these are options of ssh(1) that say where to connect to and as whom.
///
/// # Errors
/// For others: those that make `ssh` start programs here are the user's to set, in their own configuration.
pub(super) fn valid_options(options: &[String]) -> Result<()> {
    let mut rest = options.iter().map(String::as_str);
    while let Some(option) = rest.next() {
        let fits = match option {
            "-o" => rest.next().is_some_and(valid_setting),
            option if FLAGS.contains(&option) => true,
            option if WITH_VALUE.contains(&option) => rest.next().is_some_and(valid_value),
            _ => option.strip_prefix("-o").is_some_and(valid_setting),
        };
        if !fits {
            let what = format!(
                "`options` of a repository may not have {option:?}, or not with this value"
            );
            return Err(Failure::new(Kind::Recipe, what).hint(format!(
                "they are {} {} and -o with Name=value; set what is more in ~/.ssh/config, under a `Host`",
                FLAGS.join(" "),
                WITH_VALUE.join(" "),
            )));
        }
    }
    Ok(())
}

fn valid_setting(setting: &str) -> bool {
    let Some((name, value)) = setting.split_once('=') else {
        return false;
    };
    SETTINGS.contains(&name.to_ascii_lowercase().as_str()) && valid_value(value)
}

fn valid_value(value: &str) -> bool {
    !value.is_empty() && !value.starts_with('-') && !value.contains(char::is_control)
}

/// The command line that a login shell there is given: a POSIX script of ours, which must have no single quote, and its arguments.
pub(super) fn command(script: &str, args: &[&str]) -> String {
    let args = args.iter().map(|arg| format!(" {}", quote_remote(arg)));
    format!("exec sh -c '{script}' sh{}", args.collect::<String>())
}

/// Always between quotes: what is plain to a POSIX shell (`=`, `%`) need not be so to others.
fn quote_remote(word: &str) -> String {
    match quote(word) {
        quoted if quoted.starts_with('\'') => quoted,
        plain => format!("'{plain}'"),
    }
}

/// A word as rsync's `--rsh` takes it: there is no shell, but quotes count, and are doubled within.
pub(super) fn quote_rsh(word: &str) -> String {
    format!("'{}'", word.replace('\'', "''"))
}

/// What the commands say, and what to do then. The first that fits.
const HINTS: &[(&str, &str)] = &[
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "somebody may be between you and it, or it was installed anew: ask who runs it, then `ssh-keygen -R` with its name, and connect once by hand",
    ),
    (
        "Host key verification failed",
        "its key is not known here: connect once by hand with `ssh`, and compare the fingerprint with what those who run it say",
    ),
    (
        "Permission denied (",
        "it does not know your key: add the public one to ~/.ssh/authorized_keys there, and load the private one with `ssh-add` (nothing can be asked for here)",
    ),
    (
        "Too many authentication failures",
        "the agent has too many keys: choose one with options = [\"-o\", \"IdentitiesOnly=yes\", \"-i\", \"…\"]",
    ),
    (
        "Could not resolve hostname",
        "is `host` right? It is looked for as `ssh` does, in ~/.ssh/config too",
    ),
    (
        "Connection refused",
        "is an SSH server running there, and is the port right?",
    ),
    (
        "timed out",
        "is it up, and does a firewall let SSH through?",
    ),
    (
        "No route to host",
        "is it up, and does a firewall let SSH through?",
    ),
    (
        "missing-program rsync",
        "install rsync there: `apt-get install rsync`",
    ),
    (
        "not-ours",
        "the folder there is neither empty nor a repository: name another; nothing was changed",
    ),
    (
        "missing-program",
        "it needs rsync, util-linux, coreutils and findutils as Debian has them",
    ),
    (
        "rsync: not found",
        "install rsync there: `apt-get install rsync`",
    ),
    (
        "rsync: command not found",
        "install rsync there: `apt-get install rsync`",
    ),
    (
        "No space left on device",
        "free some space there, then run the same command again",
    ),
    (
        "Read-only file system",
        "the folder there is on a file system that cannot be written to",
    ),
    (
        "Permission denied",
        "the user you are there may not write into that folder",
    ),
];

/// What to do about a failure, by what was said.
pub(super) fn hint(said: &[String]) -> Option<&'static str> {
    let fits = |(words, _): &&(&str, &str)| said.iter().any(|line| line.contains(words));
    HINTS.iter().find(fits).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn hosts() {
        for host in [
            "a",
            "me@a.example",
            "[fe80::1%eth0]",
            "me@10.0.0.1",
            "müller@a",
        ] {
            assert!(valid_host(host).is_ok(), "{host}");
        }
        for host in [
            "",
            "-oProxyCommand=id",
            "me@-x",
            "a;id",
            "$(id)",
            "a b",
            "a\nb",
            "`id`",
            "a/b",
        ] {
            assert!(valid_host(host).is_err(), "{host:?}");
        }
    }

    #[test]
    fn paths() {
        for path in ["/srv/repository", "/a b/$(id);x", "/it's", "/-x"] {
            assert!(valid_path(path).is_ok(), "{path}");
        }
        for path in [
            "", "/", "srv", "~/x", "-x", "/a/../b", "/a\nb", "/a\\b", "/a\0",
        ] {
            assert!(valid_path(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn options_that_start_programs_here_are_refused() {
        let good = words(&[
            "-p",
            "22",
            "-4",
            "-i",
            "/a b",
            "-oPort=2",
            "-o",
            "UserKnownHostsFile=/x",
        ]);
        assert!(valid_options(&good).is_ok());
        let bad: &[&[&str]] = &[
            &["-oProxyCommand=id"],
            &["-o", "ProxyCommand=id"],
            &["-o", "Port 2"],
            &["-o", "Match=x"],
            &["-o"],
            &["-p"],
            &["-p", "-x"],
            &["-i", "a\nProxyCommand id"],
            &["-w"],
            &["host"],
            &["-D1"],
            &["--"],
            &[""],
        ];
        for options in bad {
            assert!(valid_options(&words(options)).is_err(), "{options:?}");
        }
    }

    #[test]
    fn commands_are_words() {
        assert!(
            valid_command(&words(&[
                "sudo",
                "/x/rebuild.sh",
                "; rm -rf $HOME",
                "--all"
            ]))
            .is_ok()
        );
        assert!(valid_command(&[]).is_ok());
        for bad in [&["-x"][..], &["", "x"], &["a", "b\nc"], &["a", "\\"]] {
            assert!(valid_command(&words(bad)).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_a_shell_is_given_is_quoted() {
        assert_eq!(
            command("cd \"$1\"", &["/it's $(id)", ""]),
            r#"exec sh -c 'cd "$1"' sh '/it'\''s $(id)' ''"#
        );
        assert_eq!(quote_rsh("/it's"), "'/it''s'");
    }

    #[test]
    fn the_first_hint_that_fits_is_given() {
        let said = words(&["me@host: Permission denied (publickey)."]);
        assert!(hint(&said).unwrap().contains("ssh-add"));
        let said = words(&["mkdir: cannot create directory: Permission denied"]);
        assert!(hint(&said).unwrap().contains("may not write"));
        assert_eq!(hint(&words(&["what?"])), None);
    }
}
