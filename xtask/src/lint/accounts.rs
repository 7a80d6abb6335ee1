//! Accounts and their passwords: `/etc/passwd` and `/etc/shadow` (passwd(5), shadow(5), crypt(5)).

use sha_crypt::{PasswordHashRef, PasswordVerifier, ShaCrypt};

use super::Finding;
use super::facts::Facts;
use super::rules::{EMPTY_PASSWORD, KNOWN_PASSWORD, LOGIN_SHELL, WEAK_HASH};
use crate::image::path::ImagePath;

/// Passwords that are tried first; the account's own name is tried, too.
const TRIED: [&str; 16] = [
    "", "1234", "12345", "123456", "12345678", "admin", "changeme", "debian", "default", "guest",
    "lab", "password", "root", "secret", "test", "toor",
];

/// A hash that takes longer than this many rounds is not tried.
const ROUNDS: u32 = 100_000;

/// As many accounts are looked at: hashing takes time.
const ACCOUNTS: usize = 200;

/// Shells that let nobody in.
const CLOSED: [&str; 4] = ["false", "nologin", "sync", "true"];

pub(super) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if let Some((path, text)) = facts.text("/etc/passwd") {
        for line in lines(&text) {
            password(&path, &line, findings);
            shell(facts, &path, &line, findings);
        }
    }
    if let Some((path, text)) = facts.text("/etc/shadow") {
        for line in lines(&text) {
            password(&path, &line, findings);
        }
    }
}

fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .filter(|fields| fields.len() > 1 && !fields[0].is_empty() && !fields[0].starts_with('#'))
        .take(ACCOUNTS)
}

fn password(path: &ImagePath, fields: &[&str], findings: &mut Vec<Finding>) {
    let (name, hash) = (fields[0], fields[1]);
    let shown = name.escape_default();
    if hash.is_empty() {
        let what = format!("{shown} logs in without a password");
        findings.push(EMPTY_PASSWORD.at(path, what));
    } else if let Some(kind) = weak(hash) {
        let what =
            format!("the password of {shown} is hashed with {kind}, which is tried out in no time");
        findings.push(WEAK_HASH.at(path, what));
    } else if is_known(name, hash) {
        let what = format!("the password of {shown} is one of those that are tried first");
        findings.push(KNOWN_PASSWORD.at(path, what));
    }
}

/// The name of a weak kind of hash. What is locked (`!` in front) is none.
fn weak(hash: &str) -> Option<&'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
    match hash {
        _ if hash.starts_with("$1$") => Some("MD5"),
        _ if hash.starts_with("$md5") => Some("MD5 (Sun's)"),
        _ if hash.starts_with("$3$") => Some("NTHASH"),
        _ if hash.len() == 13 && hash.bytes().all(plain) => Some("DES"),
        _ if hash.len() == 20 && hash.starts_with('_') => Some("DES (BSDI's)"),
        _ => None,
    }
}

fn is_known(name: &str, hash: &str) -> bool {
    if !hash.starts_with("$5$") && !hash.starts_with("$6$") {
        return false;
    }
    let rounds = hash
        .split('$')
        .find_map(|field| field.strip_prefix("rounds="))
        .map_or(Some(0), |rounds| rounds.parse().ok());
    if rounds.is_none_or(|rounds: u32| rounds > ROUNDS) {
        return false;
    }
    let Ok(hash) = PasswordHashRef::new(hash) else {
        return false;
    };
    TRIED.iter().chain([&name]).any(|tried| {
        ShaCrypt::default()
            .verify_password(tried.as_bytes(), hash)
            .is_ok()
    })
}

/// A shell that is not there lets nobody in, which is seldom meant.
fn shell(facts: &Facts<'_>, path: &ImagePath, fields: &[&str], findings: &mut Vec<Finding>) {
    let Some(shell) = fields.get(6).filter(|shell| !shell.is_empty()) else {
        return;
    };
    let is_closed = shell
        .rsplit('/')
        .next()
        .is_some_and(|name| CLOSED.contains(&name));
    if !is_closed && !facts.is_program(shell) {
        let what = format!(
            "{} has the shell {}, which is not in the image",
            fields[0].escape_default(),
            shell.escape_default()
        );
        findings.push(LOGIN_SHELL.at(path, what));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ids, image};

    fn with(passwd: &str, shadow: &str) -> Vec<&'static str> {
        let tree = image(&[
            ("/bin/sh", "x!"),
            ("/etc/passwd", passwd),
            ("/etc/shadow", shadow),
        ]);
        ids(&tree)
            .into_iter()
            .filter(|id| *id != "shadow-mode")
            .collect()
    }

    #[test]
    fn empty_passwords_are_found_in_both_tables() {
        assert_eq!(with("root::0:0:root:/root:/bin/sh", ""), ["empty-password"]);
        assert_eq!(
            with("root:x:0:0:root:/root:/bin/sh", "root::1:::::"),
            ["empty-password"]
        );
    }

    #[test]
    fn weak_hashes_are_found() {
        for hash in [
            "ab01FAX.bQRSU",
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
            "_J9..rasmBYk8r9AiWNc",
        ] {
            assert_eq!(
                with("", &format!("root:{hash}:1:::::")),
                ["weak-hash"],
                "{hash}"
            );
        }
    }

    #[test]
    fn passwords_that_are_tried_first_are_found() {
        // `openssl passwd -6 -salt saltsalt toor` and `openssl passwd -5 -salt saltsalt alice`.
        const TOOR: &str = "$6$saltsalt$imNpoTToxg0uElWe0jkumPeYaSbMjdfpMltx4ujhl6fBM0Kbfp4goTvuYuH/9J.53A/DGQiRrlELi.Z/L.rQo/";
        const ALICE: &str = "$5$saltsalt$WMwgXxKa8IW5sEttnrWNoDAXoLeUPte0nOOB5H64xG8";
        assert_eq!(with("", &format!("root:{TOOR}:1:::::")), ["known-password"]);
        assert_eq!(
            with("", &format!("alice:{ALICE}:1:::::")),
            ["known-password"]
        );
        assert!(with("", &format!("root:{ALICE}:1:::::")).is_empty());
    }

    #[test]
    fn locked_accounts_and_good_hashes_are_fine() {
        for hash in [
            "*",
            "!",
            "!$1$salt$qJH7.N4xYta3aEG/dfqo/0",
            "x",
            "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
            "$6$rounds=999999999$saltsalt$abc",
            "$6$",
            "$5$$",
            "$6$rounds=x$a$b",
        ] {
            assert!(
                with("", &format!("root:{hash}:1:::::")).is_empty(),
                "{hash}"
            );
        }
    }

    #[test]
    fn shells_have_to_be_there() {
        assert_eq!(with("a:*:1:1::/:/bin/zsh", ""), ["login-shell"]);
        assert!(
            with(
                "a:*:1:1::/:/usr/sbin/nologin\nb:*:2:2::/:/bin/sh\nc:*:3:3::/:",
                ""
            )
            .is_empty()
        );
    }
}
