//! What gpg and gpgv say on their status channel (GnuPG's doc/DETAILS): whether a signature is good, and why there is none. Pure.

/// Before each line of the status channel.
const MARK: &str = "[GNUPG:] ";

/// OpenPGP's numbers of the hashes that apt trusts (RFC 9580, section 9.5): SHA-256, SHA-384, SHA-512.
const HASHES: [&str; 3] = ["8", "9", "10"];

/// Why gpg did not sign, by libgpg-error's number: what happened, what to do.
const REASONS: [(&[u32], &str, &str); 6] = [
    (
        &[85, 86, 32849, 32870, 32872, 32817],
        "the key is locked: gpg's agent does not hold its passphrase, and there is no terminal to ask for it on",
        "run this on a terminal, unlock the key there beforehand (`gpg --local-user FINGERPRINT --clearsign /dev/null`), or preset its passphrase (gpg-preset-passphrase(1))",
    ),
    (
        &[99, 198, 62, 177],
        "the key is locked, and its passphrase was not given",
        "run it again, and give the passphrase",
    ),
    (
        &[11, 87],
        "the key is locked, and the passphrase was wrong",
        "run it again; nothing was published",
    ),
    (
        &[16383, 32877, 32794],
        "gpg's agent ended while it was signing",
        "run it again: gpg starts a new agent",
    ),
    (
        &[77, 78, 32793, 32769],
        "gpg's agent is not running, and does not start",
        "see what `gpg-connect-agent /bye` says",
    ),
    (
        &[17, 54],
        "gpg cannot use the private key",
        "see what `gpg --list-secret-keys` says",
    ),
];

/// Why gpg failed: what happened and what to do; nothing where it does not say, or says something unusual.
pub(super) fn reason(lines: &[String]) -> Option<(&'static str, &'static str)> {
    let code = lines.iter().rev().find_map(|line| failure(line))?;
    let found = REASONS.iter().find(|(codes, _, _)| codes.contains(&code));
    found.map(|&(_, what, hint)| (what, hint))
}

/// The number in a line such as `FAILURE sign 67108949` or `ERROR key_generate 33554509`; its upper half says who complained.
fn failure(line: &str) -> Option<u32> {
    let mut words = line.strip_prefix(MARK)?.split_whitespace();
    let known = words
        .next()
        .filter(|word| matches!(*word, "FAILURE" | "ERROR"));
    known?;
    let code: u32 = words.nth(1)?.parse().ok()?;
    Some(code & 0xffff)
}

/// Who signed by a key that gpgv does not have, as the signatures say, which nobody checked: fingerprints where they have them, otherwise key ids.
pub(super) fn strangers(lines: &[String]) -> Vec<String> {
    let mut strangers: Vec<String> = Vec::new();
    for line in lines.iter().filter_map(|line| line.strip_prefix(MARK)) {
        let words: Vec<&str> = line.split(' ').collect();
        // `ERRSIG KEYID KEY-ALGORITHM HASH CLASS TIME WHY FINGERPRINT`
        let ["ERRSIG", id, .., "9", fingerprint] = words[..] else {
            continue;
        };
        let name = if fingerprint == "-" { id } else { fingerprint };
        let plain = name.len() >= 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if plain && !strangers.iter().any(|known| known == name) {
            strangers.push(name.to_owned());
        }
    }
    strangers
}

/// What gpgv found out about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// A key of the keyring signed it, by a hash that holds.
    Good,
    /// There is no signature by our key, but there is one by another.
    Other,
    /// There is no signature.
    Unsigned,
    /// Something else than what is there was signed.
    Changed,
    /// The key, or its signature, has expired.
    Expired,
    /// The key is revoked.
    Revoked,
    /// The signature is by a hash that no longer holds.
    Weak,
}

impl Finding {
    /// As half a sentence.
    pub(super) const fn what(self) -> &'static str {
        match self {
            Self::Good => "its signature is good",
            Self::Other => "another key signed it",
            Self::Unsigned => "it is not signed",
            Self::Changed => "it was changed after it was signed",
            Self::Expired => "the key that signed it has expired",
            Self::Revoked => "the key that signed it is revoked",
            Self::Weak => "it is signed by a hash that no longer holds",
        }
    }
}

/// What gpgv's status lines, with a keyring that holds one key, say. The worst of several signatures counts; those by keys that are not in
/// the keyring count only where there are no others.
pub(super) fn finding(lines: &[String]) -> Finding {
    let mut worst: Option<Finding> = None;
    let (mut good, mut valid) = (0, 0);
    for line in lines.iter().filter_map(|line| line.strip_prefix(MARK)) {
        let words: Vec<&str> = line.split(' ').collect();
        let found = match words[0] {
            "BADSIG" => Finding::Changed,
            "EXPKEYSIG" | "EXPSIG" => Finding::Expired,
            "REVKEYSIG" => Finding::Revoked,
            // `VALIDSIG FINGERPRINT DATE TIME EXPIRES VERSION 0 KEY-ALGORITHM HASH CLASS PRIMARY`
            "VALIDSIG" if !words.get(8).is_some_and(|hash| HASHES.contains(hash)) => Finding::Weak,
            "VALIDSIG" => {
                valid += 1;
                continue;
            }
            "GOODSIG" => {
                good += 1;
                continue;
            }
            // A hash that gpgv itself refuses is algorithm 1, 2 or 3 here; `9` says that the key is missing.
            "ERRSIG" if words.get(3).is_some_and(|hash| !HASHES.contains(hash)) => Finding::Weak,
            "ERRSIG" | "NO_PUBKEY" => {
                worst.get_or_insert(Finding::Other);
                continue;
            }
            _ => continue,
        };
        worst = Some(found);
    }
    match worst {
        Some(found) if found != Finding::Other => found,
        _ if good > 0 && good == valid => Finding::Good,
        Some(other) => other,
        None => Finding::Unsigned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(|line| format!("{MARK}{line}")).collect()
    }

    #[test]
    fn only_whole_and_strong_signatures_are_good() {
        let good = "NEWSIG\nGOODSIG 1 A <a>\nVALIDSIG F 2026-11-20 1 0 4 0 22 10 01 F\n";
        let other = "NEWSIG\nERRSIG 2 22 10 01 1 9 F\nNO_PUBKEY 2\n";
        for (said, found) in [
            (good.to_owned(), Finding::Good),
            (format!("{other}{good}"), Finding::Good),
            (other.to_owned(), Finding::Other),
            (String::new(), Finding::Unsigned),
            ("NODATA 4\n".to_owned(), Finding::Unsigned),
            (format!("{good}BADSIG 1 A <a>\n"), Finding::Changed),
            (good.replace("GOODSIG", "EXPKEYSIG"), Finding::Expired),
            (good.replace("GOODSIG", "REVKEYSIG"), Finding::Revoked),
            (good.replace("22 10 01", "22 2 01"), Finding::Weak),
            ("ERRSIG 2 22 2 01 1 5 F\n".to_owned(), Finding::Weak),
            ("GOODSIG 1 A <a>\n".to_owned(), Finding::Unsigned),
            (
                "VALIDSIG F 2026-11-20 1 0 4 0 22 10 01 F\n".to_owned(),
                Finding::Unsigned,
            ),
        ] {
            assert_eq!(finding(&lines(&said)), found, "{said}");
        }
        // What a user id says is no status.
        let forged = vec!["gpgv: [GNUPG:] GOODSIG 1".to_owned()];
        assert_eq!(finding(&forged), Finding::Unsigned);
    }

    #[test]
    fn strangers_are_called_by_their_fingerprints_or_ids() {
        let (id, fingerprint) = ("0123456789ABCDEF", "A".repeat(40));
        let by = |name: &str| format!("ERRSIG {id} 22 10 01 1 9 {name}\n");
        let said = format!("{}{}", by(&fingerprint), by("-")).repeat(2);
        assert_eq!(strangers(&lines(&said)), [&fingerprint, id]);
        for other in [
            "ERRSIG",
            "ERRSIG 2 22 10 01 1 9 \x1b[0m",
            "ERRSIG 2 22 2 01 1 5 F",
        ] {
            assert!(strangers(&lines(other)).is_empty(), "{other}");
        }
    }

    #[test]
    fn reasons_have_words() {
        let what = |said: &str| reason(&lines(said)).map(|(what, _)| what);
        assert!(
            what("FAILURE sign 83918950")
                .unwrap()
                .contains("no terminal")
        );
        assert!(
            what("INV_SGNR 9 F\nFAILURE sign 33570815")
                .unwrap()
                .contains("agent ended")
        );
        assert_eq!(what("FAILURE sign 1"), None);
        assert_eq!(what("FAILURE sign x"), None);
        assert_eq!(what("FAILURE"), None);
    }
}
