//! What machines need that install from a repository, and a look at the repository as such a machine sees it: the text that names it to apt, a
//! package that brings it, and apt itself. Publishing is `publish`'s.

pub mod apt;
pub mod keyring;

use super::spec::Repository;
use crate::debian::deb822::Stanza;

/// `/etc/apt/sources.list.d/NAME.sources` (deb822 format of sources.list(5)): the address with the key in it, so that no other file is needed. apt
/// understands it since 2.4. `public_key` is armoured, `address` where this client finds the repository.
///
/// A repository for one architecture is named with it: where others are configured, too (`dpkg --add-architecture`), apt would say at each update that it skips
/// them. Of several nothing is said: each client would fetch all that are named, those that it does not have, too.
#[must_use]
pub fn sources(repository: &Repository, public_key: &str, address: &str) -> String {
    // The armour begins on a line of its own; its empty line becomes ` .`.
    let key = format!("\n{}", public_key.trim());
    let stanza = Stanza::default()
        .with("Types", "deb")
        .with("URIs", address)
        .with("Suites", &repository.suite)
        .with("Components", &repository.component);
    let stanza = match &repository.architectures[..] {
        [only] => stanza.with("Architectures", only),
        _ => stanza,
    };
    stanza.with("Signed-By", key).to_string()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::repository::spec::Where;

    /// A repository as a test needs it.
    pub(crate) fn repository() -> Repository {
        Repository {
            description: "netboot images".to_owned(),
            origin: "Example".to_owned(),
            suite: "stable".to_owned(),
            component: "main".to_owned(),
            architectures: vec!["amd64".to_owned()],
            key: "0123456789ABCDEF0123456789ABCDEF01234567".to_owned(),
            former_keys: Vec::new(),
            place: Where::Directory {
                path: "/srv/repository".into(),
            },
            url: None,
            retain: None,
            grace_hours: 24,
            valid_days: None,
        }
    }

    #[test]
    fn the_key_is_folded_into_the_sources() {
        let two = Repository {
            architectures: vec!["amd64".to_owned(), "arm64".to_owned()],
            ..repository()
        };
        assert!(!sources(&two, "", "").contains("Architectures"));
        let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDME\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n";
        assert_eq!(
            sources(&repository(), key, "https://apt.example.org/a"),
            "Types: deb\nURIs: https://apt.example.org/a\nSuites: stable\nComponents: main\nArchitectures: amd64\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME\n =abcd\n -----END PGP PUBLIC KEY BLOCK-----\n"
        );
    }
}
