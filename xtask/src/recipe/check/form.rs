//! The forms that texts in a recipe must have: a table of predicates, with what would be right in words.

use std::net::Ipv4Addr;
use std::path::{Component, Path};

use crate::source::spec;

/// A form of texts.
pub(crate) struct Form {
    /// What such a text is, after "is no".
    pub(crate) what: &'static str,
    /// What would be right.
    pub(crate) help: &'static str,
    /// Whether a text has the form.
    pub(crate) fits: fn(&str) -> bool,
}

/// Debian Policy 5.6.1 and 5.6.7.
pub(crate) const PACKAGE: Form = Form {
    what: "name of a Debian package",
    help: "lower-case letters, digits, `+`, `-` and `.`; at least two of them, the first a letter or digit",
    fits: |text| spec::is_package(text) && text.len() <= 128,
};

/// Names that a recipe gives to its parts; they become parts of step and file names.
pub(crate) const NAME: Form = Form {
    what: "name",
    help: "letters, digits, `-`, `_` and `.`, at most 64 of them, the first a letter or digit",
    fits: |text| {
        let (first, others) = first_and_others(text);
        first.is_some_and(|c| c.is_ascii_alphanumeric())
            && text.len() <= 64
            && others
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    },
};

/// A suite or codename, without the archive areas that are taken along anyway.
pub(crate) const SUITE: Form = Form {
    what: "name of a suite",
    help: "a codename such as `bookworm`, or `bookworm-backports`; updates and security suites are taken along by themselves",
    fits: |text| {
        spec::is_suite(text)
            && text.len() <= 64
            && !["-security", "-updates"]
                .iter()
                .any(|end| text.ends_with(end))
    },
};

/// Debian Policy 2.2.
pub(crate) const COMPONENT: Form = Form {
    what: "name of a suite's component",
    help: "`main`, `contrib`, `non-free` or `non-free-firmware`",
    fits: |text| spec::is_component(text) && text.len() <= 64,
};

/// RFC 3986, as far as a download needs it; no user and password, which would end up in logs.
pub(crate) const URL: Form = Form {
    what: "address of a download",
    help: "`http://` or `https://`, a host, a path; without user, password and `#`",
    fits: |text| is_url(text, &["http://", "https://"]),
};

/// What apt takes as a mirror (sources.list(5)).
pub(crate) const MIRROR: Form = Form {
    what: "address of a Debian mirror",
    help: "`http://`, `https://` or `file:///`, a host, a path; without user and password",
    fits: |text| {
        let file = text.strip_prefix("file://");
        let file = file.is_some_and(|path| path.starts_with('/') && visible(path));
        (file || is_url(text, &["http://", "https://"])) && !text.contains(['[', ']', '"', '\''])
    },
};

/// IEEE 802, one machine's address: not a group's, not all zeros.
pub(crate) const MAC: Form = Form {
    what: "MAC address of a machine",
    help: "six pairs of hexadecimal digits, such as `52:54:00:12:34:56`; the first pair is even, or it is the address of a group",
    fits: |text| mac(text).is_some_and(|octets| octets[0] & 1 == 0 && octets != [0; 6]),
};

/// RFC 791, one machine's address.
pub(crate) const IPV4: Form = Form {
    what: "IPv4 address of a machine",
    help: "four numbers from 0 to 255, such as `192.0.2.7`",
    fits: |text| {
        text.parse().is_ok_and(|ip: Ipv4Addr| {
            !(ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast() || ip.is_loopback())
        })
    },
};

/// A host name (RFC 1123) or an address. It ends up in shell scripts of the image.
pub(crate) const HOST: Form = Form {
    what: "host name or address",
    help: "a name such as `ntp.example.org`, or an address",
    fits: |text| {
        text.parse::<std::net::IpAddr>().is_ok()
            || (text.len() <= 253 && text.split('.').all(is_host_label))
    },
};

/// chmod(1)'s octal modes.
pub(crate) const MODE: Form = Form {
    what: "octal mode",
    help: "three or four octal digits in quotes, such as \"0755\"",
    fits: |text| {
        let digits = text.strip_prefix('0').unwrap_or(text);
        (3..=4).contains(&digits.len())
            && text.len() <= 5
            && digits.bytes().all(|b| (b'0'..=b'7').contains(&b))
    },
};

/// A path in the image.
pub(crate) const IMAGE_PATH: Form = Form {
    what: "path in the image",
    help: "it begins with `/`, holds neither `.` nor `..` nor `//`, and does not end in `/`",
    fits: |text| {
        text.len() < 4096
            && text.strip_prefix('/').is_some_and(|inner| {
                inner
                    .split('/')
                    .all(|part| !matches!(part, "" | "." | "..") && part.len() <= 255)
            })
    },
};

/// A path below some folder.
pub(crate) const RELATIVE: Form = Form {
    what: "path inside the checkout",
    help: "it does not begin with `/` and holds no `..`",
    fits: |text| is_relative(text),
};

/// A folder of the host.
pub(crate) const ABSOLUTE: Form = Form {
    what: "absolute path",
    help: "it begins with `/`; `~` and variables are not expanded",
    fits: |text| Path::new(text).is_absolute() && text.len() < 4096 && !text.contains("/../"),
};

/// A path inside a package.
pub(crate) const MEMBER: Form = Form {
    what: "path inside a package",
    help: "without a leading `/`, and without `..`: `usr/src/linux-source-6.1.tar.xz`",
    fits: |text| is_relative(text),
};

/// What a template calls a setting: `{{settings.time-zone}}`.
pub(crate) const SETTING: Form = Form {
    what: "name of a setting",
    help: "lower-case letters, digits and `-`, at most 64 of them, the first a letter",
    fits: |text| {
        text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= 64
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    },
};

/// A setting's value. Templates put it between quotes, in scripts too: there it must not end them, nor run anything.
pub(crate) const SETTING_VALUE: Form = Form {
    what: "value of a setting",
    help: "a line of at most 1024 characters, without quotes, backslashes and backticks",
    fits: |text| {
        text.len() <= 1024
            && !text.contains(['"', '\'', '\\', '`'])
            && !text.contains(char::is_control)
    },
};

/// One argument on a kernel command line, as loaders of all kinds pass it on unchanged.
pub(crate) const ARGUMENT: Form = Form {
    what: "kernel argument",
    help: "one argument each, of visible ASCII characters, without blanks and quotes",
    fits: |text| !text.is_empty() && visible(text) && !text.contains(['"', '\'', '\\', '`']),
};

/// The kernel's name of a serial line or terminal (`console=` in its `kernel-parameters.txt`).
pub(crate) const CONSOLE: Form = Form {
    what: "console device",
    help: "the kernel's name without `/dev/`, such as `ttyS0`",
    fits: |text| {
        let (first, others) = first_and_others(text);
        first.is_some_and(|c| c.is_ascii_alphabetic())
            && text.len() <= 16
            && others.chars().all(|c| c.is_ascii_alphanumeric())
    },
};

/// The six octets of a MAC address, written with `:` or `-`.
pub(crate) fn mac(text: &str) -> Option<[u8; 6]> {
    let separator = text.chars().find(|c| matches!(c, ':' | '-'))?;
    let mut octets = [0; 6];
    let mut pairs = text.split(separator);
    for octet in &mut octets {
        let pair = pairs.next()?;
        let hexadecimal = pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
        *octet = hexadecimal
            .then(|| u8::from_str_radix(pair, 16).ok())
            .flatten()?;
    }
    pairs.next().is_none().then_some(octets)
}

fn first_and_others(text: &str) -> (Option<char>, &str) {
    let mut chars = text.chars();
    (chars.next(), chars.as_str())
}

pub(crate) fn visible(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

pub(crate) fn is_relative(text: &str) -> bool {
    let path = Path::new(text);
    !text.is_empty()
        && text.len() < 4096
        && path
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
}

fn is_host_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

pub(crate) fn is_url(text: &str, schemes: &[&str]) -> bool {
    let Some(rest) = schemes.iter().find_map(|scheme| text.strip_prefix(scheme)) else {
        return false;
    };
    let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, "80"),
    };
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host_fits = match bracketed {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => (HOST.fits)(host) && !host.contains(':'),
    };
    host_fits && port.parse::<u16>().is_ok() && visible(rest) && !rest.contains(['#', '"', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_take_what_fits_and_nothing_else() {
        let long = "a".repeat(5000);
        let table: &[(&Form, &[&str], &[&str])] = &[
            (
                &PACKAGE,
                &["linux-source-6.1", "g++", "0ad"],
                &["", "a", "Demo", "-a", "a_b", "a b", "é0", &long],
            ),
            (
                &NAME,
                &["dhcp", "n-1_x.y", "A"],
                &["", "-a", "a/b", "..", "a b", &long],
            ),
            (
                &SUITE,
                &["bookworm", "bookworm-backports"],
                &[
                    "",
                    "Sid",
                    "bookworm-security",
                    "trixie-updates",
                    "a b",
                    "../x",
                    "a/updates",
                ],
            ),
            (
                &URL,
                &[
                    "https://example.org/a.tar.gz",
                    "http://[2001:db8::1]:8080/a?b=c",
                    "http://127.0.0.1:80",
                ],
                &[
                    "",
                    "ftp://example.org/a",
                    "https://",
                    "https:///a",
                    "http://u:p@h/a",
                    "http://h/a b",
                    "http://h/a\n",
                    "http://h:99999/",
                    "http://h/#x",
                    "http://[::/",
                    "http://a:b:80/",
                ],
            ),
            (
                &MIRROR,
                &["http://mirror.example/debian", "file:///srv/debian"],
                &["file://x", "file:///a b", "copy:/x", ""],
            ),
            (
                &MAC,
                &["52:54:00:12:34:56", "52-54-00-ab-CD-ef"],
                &[
                    "",
                    "52:54:00:12:34",
                    "52:54:00:12:34:56:78",
                    "52:54-00:12:34:56",
                    "525400123456",
                    "01:00:00:00:00:00",
                    "00:00:00:00:00:00",
                    "5:54:00:12:34:56",
                    "+5:54:00:12:34:56",
                ],
            ),
            (
                &IPV4,
                &["192.0.2.7"],
                &[
                    "",
                    "192.0.2",
                    "192.0.2.256",
                    "0.0.0.0",
                    "255.255.255.255",
                    "224.0.0.1",
                    "127.0.0.1",
                    "::1",
                    "192.0.2.007",
                ],
            ),
            (
                &HOST,
                &["ntp.example.org", "localhost", "192.0.2.1", "2001:db8::1"],
                &["", "a b", "a;b", "$(x)", "-a", "a..b", "a_b", &long],
            ),
            (
                &MODE,
                &["0755", "755", "4755", "04755", "0000"],
                &[
                    "", "0", "75", "0888", "rwx", "0o755", "77777", "000755", "é55",
                ],
            ),
            (
                &IMAGE_PATH,
                &["/dev", "/dev/console", "/a b"],
                &["", "/", "dev", "/dev/", "/a//b", "/a/../b", "/./a", &long],
            ),
            (
                &RELATIVE,
                &["debian/changelog", "a"],
                &["", "/a", "../a", "a/../b", &long],
            ),
            (
                &ARGUMENT,
                &["quiet", "root=/dev/ram0", "a=b,c"],
                &["", "a b", "a\"b", "a'b", "é", "a\n", "\0", "a\\"],
            ),
            (
                &SETTING,
                &["ntp", "enroll-url", "a1"],
                &["", "Ntp", "1a", "-a", "a_b", "a.b", "é", &long],
            ),
            (
                &SETTING_VALUE,
                &["", "http://h/a?b=c&d=$e", "a b", "é"],
                &["a'b", "a\"b", "a\\b", "`reboot`", "a\nb", "\0", &long],
            ),
            (
                &CONSOLE,
                &["ttyS0", "hvc0", "tty1"],
                &["", "/dev/ttyS0", "ttyS0,115200", "0", "tty S"],
            ),
        ];
        for (form, good, bad) in table {
            for text in *good {
                assert!((form.fits)(text), "{text:?} is {}", form.what);
            }
            for text in *bad {
                assert!(!(form.fits)(text), "{text:?} is no {}", form.what);
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn hostile_texts_never_panic(text in "\\PC{0,40}|[:\\-0-9a-f./\u{0}\u{7}é\\[\\]]{0,24}") {
            for form in [&PACKAGE, &NAME, &SUITE, &URL, &MIRROR, &MAC, &IPV4, &HOST, &MODE, &IMAGE_PATH, &RELATIVE, &MEMBER, &ARGUMENT, &CONSOLE, &SETTING, &SETTING_VALUE] {
                let _ = (form.fits)(&text);
            }
        }
    }
}
