//! A key as `gpg --with-colons` lists it (GnuPG's doc/DETAILS), and whether it may sign a repository. Pure.

use std::fmt;

/// The fewest bits of an RSA key that apt calls strong.
const RSA_BITS: u32 = 3072;

/// OpenPGP's numbers of the algorithms that may sign (RFC 9580, section 9.1): RSA, ECDSA, `EdDSA` as GnuPG 2 has it, Ed25519, Ed448.
const RSA: [u8; 2] = [1, 3];
const CURVES: [u8; 4] = [19, 22, 27, 28];

/// A primary key or a subkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its full fingerprint, upper case.
    pub(super) fingerprint: String,
    /// `r`evoked, `e`xpired, `i`nvalid …: field 2.
    validity: char,
    bits: u32,
    algorithm: u8,
    /// Seconds since 1970.
    created: i64,
    /// What it may do, lower case; those of a primary key are followed by what the whole key may, upper case: field 12.
    may: String,
    /// Whether its private half is here, or on a card that is known here.
    secret: bool,
}

/// Why a key cannot sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    Absent,
    NoSecret,
    Revoked,
    Expired,
    Disabled,
    Future,
    CannotSign,
    Weak(String),
}

impl Unfit {
    /// What to do about it.
    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::Absent => {
                "`gpg --list-keys --with-fingerprint` lists those that are there, `gpg --import` adds one; they are in GNUPGHOME, otherwise in ~/.gnupg"
            }
            Self::NoSecret => {
                "publish where it is, import it with `gpg --import`, or insert the card that it is on and run `gpg --card-status`; `gpg-connect-agent /bye` says whether gpg's agent runs at all"
            }
            Self::Revoked => {
                "make a new key with `gpg --quick-generate-key`, name it in the repository's file, and bring its public half to the clients"
            }
            Self::Expired => {
                "extend it with `gpg --quick-set-expire FINGERPRINT 2y`, and bring its public half to the clients again: theirs has expired, too"
            }
            Self::Disabled => "enable it: `gpg --edit-key FINGERPRINT enable save`",
            Self::Future => "set this machine's clock: the key was made later than it says it is",
            Self::CannotSign => {
                "add a subkey that can: `gpg --quick-add-key FINGERPRINT ed25519 sign`, or name another key"
            }
            Self::Weak(_) => {
                "make a strong one: `gpg --quick-generate-key 'NAME <MAIL>' ed25519 sign never`"
            }
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "gpg does not know it",
            Self::NoSecret => "its private half is not on this machine",
            Self::Revoked => "it is revoked",
            Self::Expired => "it has expired",
            Self::Disabled => "it is disabled",
            Self::Future => "it was made in the future",
            Self::CannotSign => "neither it nor a subkey of it is meant for signing",
            Self::Weak(what) => {
                return write!(f, "{what} is too weak: apt warns of it or refuses it");
            }
        })
    }
}

/// The parts of the first key in a listing, the primary key first. What is not understood is left out.
pub(super) fn parts(listing: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for line in listing.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let field = |number: usize| fields.get(number - 1).copied().unwrap_or_default();
        match field(1) {
            "pub" | "sec" if !parts.is_empty() => break,
            "pub" | "sec" | "sub" | "ssb" => parts.push(Part {
                fingerprint: String::new(),
                validity: field(2).chars().next().unwrap_or('-'),
                bits: field(3).parse().unwrap_or(0),
                algorithm: field(4).parse().unwrap_or(0),
                created: field(6).parse().unwrap_or(0),
                may: field(12).to_owned(),
                // `#` is a stub without the key, other texts are a card's number.
                secret: !matches!(field(15), "" | "#"),
            }),
            "fpr" => {
                if let Some(part) = parts.last_mut().filter(|part| part.fingerprint.is_empty()) {
                    field(10).clone_into(&mut part.fingerprint);
                }
            }
            _ => {}
        }
    }
    parts
}

/// The part that signs for the key `fingerprint`: itself when it is meant for signing, otherwise the newest subkey that is and can.
pub(super) fn signing<'p>(
    parts: &'p [Part],
    fingerprint: &str,
    now: i64,
) -> Result<&'p Part, Unfit> {
    let [primary, subkeys @ ..] = parts else {
        return Err(Unfit::Absent);
    };
    primary.alive(now)?;
    if primary.may.contains('D') {
        return Err(Unfit::Disabled);
    }
    let named = parts.iter().find(|part| part.fingerprint == fingerprint);
    let named = named.ok_or(Unfit::Absent)?;
    if named != primary || named.may.contains('s') {
        return named.fit(now).map(|()| named);
    }
    let mut able: Vec<&Part> = subkeys
        .iter()
        .filter(|part| part.may.contains('s'))
        .collect();
    able.sort_by_key(|part| part.created);
    let newest = *able.last().ok_or(Unfit::CannotSign)?;
    match able.iter().rev().find(|part| part.fit(now).is_ok()) {
        Some(part) => Ok(part),
        None => Err(newest.fit(now).err().unwrap_or(Unfit::CannotSign)),
    }
}

impl Part {
    fn alive(&self, now: i64) -> Result<(), Unfit> {
        match self.validity {
            'r' => Err(Unfit::Revoked),
            'e' => Err(Unfit::Expired),
            'd' => Err(Unfit::Disabled),
            _ if self.created > now => Err(Unfit::Future),
            _ => Ok(()),
        }
    }

    fn fit(&self, now: i64) -> Result<(), Unfit> {
        self.alive(now)?;
        if !self.may.contains('s') {
            return Err(Unfit::CannotSign);
        }
        self.strong()?;
        match self.secret {
            true => Ok(()),
            false => Err(Unfit::NoSecret),
        }
    }

    fn strong(&self) -> Result<(), Unfit> {
        match self.algorithm {
            algorithm if CURVES.contains(&algorithm) => Ok(()),
            algorithm if RSA.contains(&algorithm) && self.bits >= RSA_BITS => Ok(()),
            algorithm if RSA.contains(&algorithm) => {
                let what = format!("RSA with {} bits, less than {RSA_BITS},", self.bits);
                Err(Unfit::Weak(what))
            }
            17 => Err(Unfit::Weak("DSA".to_owned())),
            other => Err(Unfit::Weak(format!("OpenPGP's algorithm {other}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    const NOW: i64 = 2_000;

    /// A key in gpg's words, a part each `KIND:VALIDITY:BITS:ALGORITHM:CREATED:MAY:SECRET`; their fingerprints are `AAA…`, `BBB…` and so on.
    fn listing(lines: &[&str]) -> String {
        let line = |(letter, line): (char, &&str)| {
            let mut fields = [""; 21];
            let places = [0, 1, 2, 3, 5, 11, 14];
            for (place, word) in places.into_iter().zip(line.split(':')) {
                fields[place] = word;
            }
            let print = letter.to_string().repeat(40);
            format!("{}\nfpr:::::::::{print}:\n", fields.join(":"))
        };
        ('A'..).zip(lines).map(line).collect()
    }

    fn chosen(lines: &[&str], named: char) -> Result<String, Unfit> {
        let parts = parts(&listing(lines));
        let named = named.to_string().repeat(40);
        signing(&parts, &named, NOW).map(|part| part.fingerprint[..1].to_owned())
    }

    #[test]
    fn the_key_that_can_sign_is_chosen() {
        let ed = "pub:u:255:22:1:scSC:+";
        assert_eq!(chosen(&[ed], 'A').unwrap(), "A");
        let offline = "pub:u:255:22:1:cSC:#";
        let old = "sub:u:255:22:2:s:+";
        let new = "sub:u:4096:1:3:s:+";
        let lost = "sub:u:255:22:4:s:#";
        assert_eq!(chosen(&[offline, new, old, lost], 'A').unwrap(), "B");
        assert_eq!(chosen(&[offline, new, old, lost], 'C').unwrap(), "C");
        assert_eq!(
            chosen(&[ed.replace('+', "D2760001240103").as_str()], 'A').unwrap(),
            "A"
        );
    }

    #[test]
    fn keys_that_cannot_sign_are_told_apart() {
        for (lines, why) in [
            (vec![], Unfit::Absent),
            (vec!["pub:r:255:22:1:sc:+"], Unfit::Revoked),
            (vec!["pub:e:255:22:1:sc:+"], Unfit::Expired),
            (vec!["pub:i:255:22:3000:sc:+"], Unfit::Future),
            (vec!["pub:u:255:22:1:scSCD:+"], Unfit::Disabled),
            (vec!["pub:u:255:22:1:sc:#"], Unfit::NoSecret),
            (vec!["pub:u:255:22:1:sc:"], Unfit::NoSecret),
            (vec!["pub:u:4096:1:1:c:+"], Unfit::CannotSign),
            (
                vec!["pub:u:4096:1:1:c:+", "sub:u:4096:1:1:e:+"],
                Unfit::CannotSign,
            ),
            (
                vec!["pub:u:4096:1:1:c:+", "sub:e:4096:1:1:s:+"],
                Unfit::Expired,
            ),
            (
                vec!["pub:r:4096:1:1:c:+", "sub:u:4096:1:1:s:+"],
                Unfit::Revoked,
            ),
        ] {
            assert_eq!(chosen(&lines, 'A'), Err(why), "{lines:?}");
        }
        for weak in ["pub:u:2048:1:1:sc:+", "pub:u:3072:17:1:sc:+"] {
            assert!(matches!(chosen(&[weak], 'A'), Err(Unfit::Weak(_))));
        }
    }

    proptest! {
        #[test]
        fn hostile_listings_never_panic(text in "(pub|sub|fpr|[:\\nes1#+]|:::|\\PC){0,60}") {
            let _ = signing(&parts(&text), "A", NOW);
        }
    }
}
