//! The host's apt lists (sources.list(5)): which archives it takes packages from. Pure parsers, forgiving
//! as apt is not: what they cannot read they leave out, for the lists are the host's and not ours to judge.

use crate::debian::deb822::{self, Stanza};

/// One archive that the host takes packages from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub uri: String,
    /// The suite.
    pub suite: String,
    /// Its components, such as `main`.
    pub components: Vec<String>,
    /// What its signatures are checked against: paths of keyrings, fingerprints, or a key itself.
    pub signed_by: Option<String>,
}

/// The entries of a file in one-line format (`*.list`): `deb [option=value …] uri suite component…`.
#[must_use]
pub fn one_line(text: &str) -> Vec<Entry> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Entry> {
    let line = line.split('#').next()?.trim();
    let (kind, rest) = line.split_once(char::is_whitespace)?;
    if !matches!(kind, "deb" | "deb-src") {
        return None;
    }
    let (options, rest) = match rest.trim_start().strip_prefix('[') {
        Some(options) => options.split_once(']')?,
        None => ("", rest),
    };
    let signed_by = options
        .split_whitespace()
        .filter_map(|option| option.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("signed-by"))
        .map(|(_, value)| value.to_owned());
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(Entry {
        uri: words.next()?,
        suite: words.next()?,
        components: words.collect(),
        signed_by,
    })
}

/// The entries of a file in deb822 format (`*.sources`), one for each address and suite.
#[must_use]
pub fn deb822(text: &str) -> Vec<Entry> {
    let stanzas = deb822::parse(text).unwrap_or_default();
    stanzas
        .iter()
        .filter(|s| enabled(s))
        .flat_map(entries)
        .collect()
}

fn enabled(stanza: &Stanza) -> bool {
    let no = |word: &str| {
        matches!(
            word.to_ascii_lowercase().as_str(),
            "no" | "false" | "0" | "off" | "without" | "disable"
        )
    };
    !stanza.words("Enabled").any(no) && stanza.words("Types").any(|kind| kind.starts_with("deb"))
}

fn entries(stanza: &Stanza) -> Vec<Entry> {
    let components: Vec<String> = stanza.words("Components").map(str::to_owned).collect();
    let entry = |uri: &str, suite: &str| Entry {
        uri: uri.to_owned(),
        suite: suite.to_owned(),
        components: components.clone(),
        signed_by: stanza.get("Signed-By").map(str::to_owned),
    };
    stanza
        .words("URIs")
        .flat_map(|uri| stanza.words("Suites").map(move |suite| (uri, suite)))
        .map(|(uri, suite)| entry(uri, suite))
        .collect()
}

/// The addresses in a list of mirrors (apt-transport-mirror(1)): one a line, options after a tab.
#[must_use]
pub fn mirror_list(text: &str) -> Vec<String> {
    let address = |line: &str| {
        let line = line.split('#').next()?;
        let word = line.split_whitespace().next()?;
        word.contains(':').then(|| word.to_owned())
    };
    text.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn one_line_entries_with_and_without_options() {
        let text = "# deb http://no/ x main\n\
            deb http://a/debian bookworm main contrib # why\n\
            deb-src [ arch=amd64 signed-by=/k.gpg ] https://b/debian bookworm-updates main\n\
            deb [broken http://c x main\nrpm http://d x\ndeb http://e\n";
        let entries = one_line(text);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].components, ["main", "contrib"]);
        assert_eq!(entries[0].signed_by, None);
        assert_eq!(entries[1].uri, "https://b/debian");
        assert_eq!(entries[1].signed_by.as_deref(), Some("/k.gpg"));
    }

    #[test]
    fn deb822_entries_multiply_out() {
        let text = "Types: deb\n# snapshot\nURIs: http://a/debian http://b/debian\nSuites: x x-updates\nComponents: main\nSigned-By: /k.gpg\n\nEnabled: no\nTypes: deb\nURIs: http://c\nSuites: y\n";
        let entries = deb822(text);
        assert_eq!(entries.len(), 4);
        assert_eq!(
            (entries[3].uri.as_str(), entries[3].suite.as_str()),
            ("http://b/debian", "x-updates")
        );
    }

    #[test]
    fn mirror_lists_have_options_and_comments() {
        let text = "# c\nhttp://a/debian\tpriority:1\n\nfile:/srv/b # c\n";
        assert_eq!(mirror_list(text), ["http://a/debian", "file:/srv/b"]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            drop((one_line(&text), deb822(&text), mirror_list(&text)));
        }
    }
}
