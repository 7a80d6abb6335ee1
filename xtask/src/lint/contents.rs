//! What a file's bytes alone tell: private keys, paths of the building host, what kernel a module is for.

use regex::bytes::Regex;

use super::{Finding, rules};
use crate::image::path::ImagePath;

/// PEM (RFC 7468, and OpenSSH's and OpenSSL's own kinds): the line that begins a private key, and a line of its contents. Programs that know
/// these lines have no contents after them.
const PEM: &str = r"(?m)^-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----\r?\n(?:[A-Za-z-]+:[^\n]*\n|\r?\n)*[A-Za-z0-9+/=]{16,}";

/// Other kinds of keys, by how their files begin.
const KEYS: [(&[u8], &str); 3] = [
    (b"PuTTY-User-Key-File-", "PuTTY"),
    (b"(11:private-key", "GnuPG"),
    (b"(21:protected-private-key", "GnuPG"),
];

/// Names of key types as dropbear's own format begins with them, after their length (its signkey.c).
const DROPBEAR: [&[u8]; 6] = [
    b"ssh-rsa",
    b"ssh-dss",
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
];

/// What all files are searched for.
pub(super) struct Search {
    pem: Regex,
    places: Option<Regex>,
}

impl Search {
    pub(super) fn new(places: &[String]) -> Self {
        let escaped: Vec<String> = places
            .iter()
            .map(|place| place.trim_end_matches('/'))
            .filter(|place| is_telling(place))
            .map(regex::escape)
            .collect();
        // What stands before and after must not make another path of it.
        let places = format!(
            r"(?-u)(?:^|[^A-Za-z0-9._/+-])((?:{})(?:/[!-~&&[^:;,\x22'()<>]]*)?)(?:$|[^A-Za-z0-9._+-])",
            escaped.join("|")
        );
        Self {
            pem: Regex::new(PEM).expect("the pattern is a constant"),
            places: (!escaped.is_empty())
                .then(|| Regex::new(&places).expect("escaped text is a pattern")),
        }
    }

    pub(super) fn look(&self, path: &ImagePath, bytes: &[u8], findings: &mut Vec<Finding>) {
        if let Some(kind) = self.key(bytes) {
            findings
                .push(rules::PRIVATE_KEY.at(path, format!("{path} holds a private key ({kind})")));
        }
        let found = self
            .places
            .as_ref()
            .and_then(|places| places.captures(bytes));
        if let Some(place) = found.and_then(|found| found.get(1)) {
            let place = String::from_utf8_lossy(place.as_bytes());
            let place: String = place.chars().take(120).collect();
            let what = format!("{path} holds a path of the building host: {place}");
            findings.push(rules::BUILD_PATH.at(path, what));
        }
    }

    fn key(&self, bytes: &[u8]) -> Option<&'static str> {
        let dropbear = bytes
            .split_first_chunk::<4>()
            .is_some_and(|(length, rest)| {
                let length = u32::from_be_bytes(*length) as usize;
                DROPBEAR
                    .iter()
                    .any(|name| name.len() == length && rest.starts_with(name))
            });
        if dropbear {
            return Some("dropbear");
        }
        if let Some((_, kind)) = KEYS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return Some(kind);
        }
        self.pem.is_match(bytes).then_some("PEM")
    }
}

/// Whether a path can only be one of the building host: `/root` or `/usr/src` are in images, too.
fn is_telling(place: &str) -> bool {
    const USUAL: [&str; 4] = ["/usr/src", "/usr/local", "/var/cache", "/var/tmp"];
    place.starts_with('/') && place.matches('/').count() > 1 && !USUAL.contains(&place)
}

/// What a kernel module says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Module {
    /// The kernel that it is for: the first word of `vermagic`.
    pub(super) release: Option<String>,
    /// Whether a signature is appended (Documentation/admin-guide/module-signing.rst).
    pub(super) is_signed: bool,
}

/// Reads a module; nothing where a file is none by its name.
pub(super) fn module(path: &ImagePath, bytes: &[u8]) -> Option<Module> {
    const MAGIC: &str = r"(?-u)\x00vermagic=([!-~]{1,128})";
    if !path.name().ends_with(".ko") {
        return None;
    }
    let magic = Regex::new(MAGIC).expect("the pattern is a constant");
    let release = magic
        .captures(bytes)
        .map(|found| String::from_utf8_lossy(&found[1]).into_owned());
    Some(Module {
        release,
        is_signed: bytes.ends_with(b"~Module signature appended~\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(places: &[&str], bytes: &[u8]) -> Vec<String> {
        let places: Vec<String> = places.iter().map(|&place| place.to_owned()).collect();
        let mut findings = Vec::new();
        Search::new(&places).look(&"/x".parse().unwrap(), bytes, &mut findings);
        findings.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn private_keys_of_all_kinds_are_found() {
        let pem = "cert\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEowIBAAKCAQEAxyz\n";
        let openssh = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n";
        for key in [
            pem.as_bytes(),
            openssh.as_bytes(),
            b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBGTheQABCADVz12345\n",
            b"\0\0\0\x0bssh-ed25519\0\0\0\x40abc",
            b"PuTTY-User-Key-File-3: ssh-ed25519\n",
        ] {
            assert_eq!(found(&[], key).len(), 1, "{key:?}");
        }
    }

    #[test]
    fn what_only_knows_of_keys_is_none() {
        for harmless in [
            &b"\0-----BEGIN RSA PRIVATE KEY-----\0-----END RSA PRIVATE KEY-----\0"[..],
            b"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n",
            b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI root@host\n",
            b"grep -- '-----BEGIN PRIVATE KEY-----' x\n",
        ] {
            assert_eq!(found(&[], harmless), Vec::<String>::new(), "{harmless:?}");
        }
    }

    #[test]
    fn paths_of_the_building_host_are_found_where_they_are_whole() {
        let places = ["/home/me/checkout", "/root"];
        for (bytes, count) in [
            (&b"\0/home/me/checkout/src/a.c\0"[..], 1),
            (b"dir=/home/me/checkout", 1),
            (b"/home/me/checkout2/x", 0),
            (b"/mnt/home/me/checkout/x", 0),
            (b"/root/.profile", 0),
            (b"\xff\xfe", 0),
        ] {
            assert_eq!(found(&places, bytes).len(), count, "{bytes:?}");
        }
        let what = &found(&places, b"\0/home/me/checkout/src/a.c\0")[0];
        assert!(what.ends_with("host: /home/me/checkout/src/a.c"), "{what}");
    }

    #[test]
    fn modules_say_what_they_are_for() {
        let path = "/lib/modules/6.1/a.ko".parse().unwrap();
        let bytes = b"\x7fELF\0license=GPL\0vermagic=6.1.0-9 SMP mod_unload \0~Module signature appended~\n";
        let read = module(&path, bytes).unwrap();
        assert_eq!(read.release.as_deref(), Some("6.1.0-9"));
        assert!(read.is_signed);
        assert_eq!(module(&path, b"").unwrap(), Module::default());
        assert_eq!(module(&"/a.so".parse().unwrap(), bytes), None);
    }
}
