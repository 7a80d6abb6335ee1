//! Debian's control format: stanzas of fields (deb822(5)). One parser for indexes, `.dsc`
//! files and apt's `.sources`, and one writer for all that we publish; what the fields mean is for whoever reads or writes them.

use std::fmt;

/// One stanza: its fields in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stanza(Vec<(String, String)>);

impl Stanza {
    /// Adds a field at the end, or replaces the value of the one of this name. Further lines of the value become continuation lines;
    /// in them, an empty one becomes ` .` (Debian Policy 5.6.13). An empty value takes the field away.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        let value = value.trim_end();
        let there = |(field, _): &(String, String)| field.eq_ignore_ascii_case(name);
        match self.0.iter().position(there) {
            Some(at) if value.is_empty() => drop(self.0.remove(at)),
            Some(at) => value.clone_into(&mut self.0[at].1),
            None if value.is_empty() => {}
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// A field's value without white space around it, lines separated by `\n`; names know no case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let same = |(field, _): &&(String, String)| field.eq_ignore_ascii_case(name);
        self.0.iter().find(same).map(|(_, value)| value.trim())
    }

    /// All fields in order: name and value, as [`Stanza::get`] returns it.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.trim()))
    }

    /// A field's words.
    pub fn words(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).unwrap_or_default().split_whitespace()
    }

    /// The source package of a binary package, and that one's version: `Source: glibc (2.36-9)`, without a version where it is the same, and
    /// no field where the name is, too (Debian Policy 5.6.1). Nothing of a stanza without name and version.
    #[must_use]
    pub fn source(&self) -> Option<(&str, &str)> {
        let (package, version) = (self.get("Package")?, self.get("Version")?);
        let mut words = self.words("Source");
        let name = words.next().unwrap_or(package);
        let own = words.next().map(|word| word.trim_matches(['(', ')']));
        Some((name, own.unwrap_or(version)))
    }

    /// A field's lines that are not empty, trimmed.
    pub fn lines(&self, name: &str) -> impl Iterator<Item = &str> {
        let lines = self.get(name).unwrap_or_default().lines();
        lines.map(str::trim).filter(|line| !line.is_empty())
    }
}

/// The stanza as it stands in a file, each line with its end; stanzas are separated by an empty line, which is for whoever writes several.
impl fmt::Display for Stanza {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            let mut lines = value.lines();
            match lines.next().unwrap_or_default() {
                "" => writeln!(f, "{name}:")?,
                first => writeln!(f, "{name}: {first}")?,
            }
            for line in lines {
                match line.trim_end() {
                    "" => writeln!(f, " .")?,
                    line => writeln!(f, " {line}")?,
                }
            }
        }
        Ok(())
    }
}

/// The stanzas of a text. Comments (`#` in the first column) are left out.
///
/// # Errors
/// The number of the first line that is neither a field nor the continuation of one, counted from 1.
pub fn parse(text: &str) -> Result<Vec<Stanza>, usize> {
    let mut stanzas = Vec::new();
    let mut stanza = Stanza::default();
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            finish(&mut stanza, &mut stanzas);
        } else if line.starts_with([' ', '\t']) {
            let (_, value) = stanza.0.last_mut().ok_or(index + 1)?;
            value.push('\n');
            value.push_str(line.trim());
        } else {
            let (name, value) = line.split_once(':').ok_or(index + 1)?;
            if name.is_empty() || !name.bytes().all(|c| c.is_ascii_graphic()) {
                return Err(index + 1);
            }
            stanza.0.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    finish(&mut stanza, &mut stanzas);
    Ok(stanzas)
}

fn finish(stanza: &mut Stanza, stanzas: &mut Vec<Stanza>) {
    if !stanza.0.is_empty() {
        stanzas.push(std::mem::take(stanza));
    }
}

/// The text inside a clear-signed message (RFC 9580, section 7), or all of a text that is none.
/// The signature is not looked at.
#[must_use]
pub fn unsigned(text: &str) -> String {
    let Some(begin) = text.find("-----BEGIN PGP SIGNED MESSAGE-----") else {
        return text.to_owned();
    };
    let armoured = text[begin..].lines().skip(1);
    // Armour headers (`Hash: SHA512`) end with an empty line.
    let body = armoured.skip_while(|line| !line.trim().is_empty()).skip(1);
    let body = body.take_while(|line| !line.starts_with("-----BEGIN PGP SIGNATURE"));
    let mut plain = String::new();
    for line in body {
        plain.push_str(line.strip_prefix("- ").unwrap_or(line));
        plain.push('\n');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn stanzas_fields_continuations_and_comments() {
        let text = "# c\nPackage: a\nFiles:\n x 1\n# c\n\ty 2\n\n \nPackage: b\n";
        let stanzas = parse(text).unwrap();
        assert_eq!(stanzas.len(), 2);
        assert_eq!(
            stanzas[0].lines("files").collect::<Vec<_>>(),
            ["x 1", "y 2"]
        );
        assert_eq!(stanzas[1].get("PACKAGE"), Some("b"));
        assert_eq!(stanzas[1].get("Files"), None);
    }

    #[test]
    fn the_source_package_has_a_version_of_its_own_after_a_rebuild() {
        let read = |source: &str| {
            let stanzas = parse(&format!("Package: a1\nVersion: 1+b2\n{source}"));
            let (name, version) = stanzas.as_ref().unwrap()[0].source().unwrap();
            format!("{name} {version}")
        };
        assert_eq!(read("Source: aa (1)\n"), "aa 1");
        assert_eq!(read("Source: aa\n"), "aa 1+b2");
        assert_eq!(read(""), "a1 1+b2");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let stanza = Stanza::default()
            .with("Package", "a")
            .with("Depends", "b")
            .with("Description", "short\nlong\n\nmore")
            .with("SHA256", "\nabc 1 x\ndef 2 y")
            .with("depends", "");
        let text = stanza.to_string();
        assert_eq!(
            text,
            "Package: a\nDescription: short\n long\n .\n more\nSHA256:\n abc 1 x\n def 2 y\n"
        );
        let read = parse(&text).unwrap();
        assert_eq!(read[0].lines("SHA256").count(), 2);
        assert_eq!(stanza.with("package", "z").get("Package"), Some("z"));
    }

    #[test]
    fn the_wrong_line_is_named() {
        assert_eq!(parse(" continuation of nothing"), Err(1));
        assert_eq!(parse("A: b\n<html>\n"), Err(2));
        assert_eq!(parse("A: b\n: c\n"), Err(2));
    }

    #[test]
    fn clear_signed_text_is_unwrapped() {
        let signed = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nA: b\n- -C: d\n-----BEGIN PGP SIGNATURE-----\nxyz\n-----END PGP SIGNATURE-----\n";
        assert_eq!(unsigned(signed), "A: b\n-C: d\n");
        assert_eq!(unsigned("A: b\n"), "A: b\n");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = parse(&unsigned(&text));
        }
    }
}
