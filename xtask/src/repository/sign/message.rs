//! Clear-signed messages (RFC 9580, section 7) in the one form that we write: nothing before, beside or after what is signed, and nothing in
//! it that readers could understand differently. Pure; whether the signature is good is for `gpg` to find out.

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// The text in a message.
///
/// # Errors
/// What is wrong with its form, as half a sentence.
pub(super) fn text(message: &[u8]) -> Result<String, &'static str> {
    let message = std::str::from_utf8(message).map_err(|_| "it is no UTF-8 text")?;
    if message.contains(['\r', '\0']) {
        return Err("it holds control characters");
    }
    let message = message
        .strip_suffix('\n')
        .ok_or("its last line has no end: it is cut off")?;
    let mut lines = message.split('\n');
    if lines.next() != Some(BEGIN) {
        return Err("it does not begin as a signed message does");
    }
    headers(&mut lines)?;
    let text = body(&mut lines)?;
    signature(&mut lines)?;
    Ok(text)
}

/// Whether each line of a text is signed as it is: signatures do not cover white space at the ends of lines.
pub(super) fn is_signable(text: &str) -> bool {
    let clean = |line: &str| !line.ends_with([' ', '\t', '\r']) && !line.contains('\0');
    text.ends_with('\n') && text.split('\n').all(clean)
}

fn headers<'m>(lines: &mut impl Iterator<Item = &'m str>) -> Result<(), &'static str> {
    for line in lines {
        if line.is_empty() {
            return Ok(());
        }
        if !line.starts_with("Hash: ") {
            return Err("its head holds more than the names of hashes");
        }
    }
    Err("it ends within its head")
}

fn body<'m>(lines: &mut impl Iterator<Item = &'m str>) -> Result<String, &'static str> {
    let mut text = String::new();
    for line in lines {
        if line == SIGNATURE {
            return Ok(text);
        }
        let plain = match line.strip_prefix("- ") {
            Some(plain) => plain,
            None if line.starts_with('-') => {
                return Err("a line of it begins with a dash that is not escaped");
            }
            None => line,
        };
        if plain.ends_with([' ', '\t']) {
            return Err("a line of it ends in white space, which no signature covers");
        }
        text.push_str(plain);
        text.push('\n');
    }
    Err("it has no signature")
}

fn signature<'m>(lines: &mut impl Iterator<Item = &'m str>) -> Result<(), &'static str> {
    // Armour headers, such as `Version: …`, end with an empty line.
    let mut inside = lines.skip_while(|line| !line.is_empty());
    let base64 = |c: u8| c.is_ascii_alphanumeric() || b"+/=".contains(&c);
    let last = inside.find(|line| !line.bytes().all(base64));
    if last != Some(END) {
        return Err("its signature is damaged");
    }
    match inside.next() {
        None => Ok(()),
        Some(_) => Err("something stands behind its signature"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::proptest;

    const GOOD: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\na: b\n c\n- -d\n-----BEGIN PGP SIGNATURE-----\n\nwjUEARYI\n=njUN\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn the_text_is_what_was_signed() {
        assert_eq!(text(GOOD.as_bytes()).unwrap(), "a: b\n c\n-d\n");
        let versioned = GOOD.replace("SIGNATURE-----\n\n", "SIGNATURE-----\nVersion: x\n\n");
        assert!(text(versioned.as_bytes()).is_ok());
    }

    #[test]
    fn nothing_may_stand_beside_it() {
        for (from, to) in [
            ("-----BEGIN PGP SIGNED", "x\n-----BEGIN PGP SIGNED"),
            ("-----BEGIN PGP SIGNED", "\n-----BEGIN PGP SIGNED"),
            ("END PGP SIGNATURE-----\n", "END PGP SIGNATURE-----\nx\n"),
            ("END PGP SIGNATURE-----\n", "END PGP SIGNATURE-----\n\n"),
            ("END PGP SIGNATURE-----\n", "END PGP SIGNATURE-----"),
            ("Hash: SHA512\n", "Hash: SHA512\nComment: x\n"),
            ("a: b\n", "a: b \n"),
            ("a: b\n", "a: b\r\n"),
            ("- -d\n", "-d\n"),
            ("=njUN\n", "=njUN\n-----BEGIN PGP SIGNATURE-----\n"),
            ("=njUN\n", "=nj UN\n"),
            ("-----BEGIN PGP SIGNATURE-----", ""),
        ] {
            assert!(GOOD.contains(from));
            assert!(text(GOOD.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
        assert!(text(GOOD.repeat(2).as_bytes()).is_err());
        assert!(text(b"").is_err() && text(b"\xff\n").is_err());
    }

    #[test]
    fn each_cut_is_noticed() {
        assert!((0..GOOD.len()).all(|end| text(&GOOD.as_bytes()[..end]).is_err()));
    }

    #[test]
    fn white_space_at_the_end_of_a_line_cannot_be_signed() {
        assert!(is_signable("a\n b\n") && !is_signable("a \n") && !is_signable("a"));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_signable(message in "(-----BEGIN PGP SIGNED MESSAGE-----\\n)?(Hash: a\\n)?\\n(- |-|a|\\n| |\\r){0,9}\\n(-----BEGIN PGP SIGNATURE-----\\n\\na\\n-----END PGP SIGNATURE-----\\n){0,2}") {
            if let Ok(text) = text(message.as_bytes()) {
                assert!(is_signable(&text) || text.is_empty());
            }
        }
    }
}
