//! The forms that texts in the description of a repository must have. They end up in signed files, command lines, and settings of clients.

use crate::recipe::check::form::{Form, is_relative, is_url, visible};
use crate::source::spec;

/// `Origin` and the like of a Release file, and what apt's pinning names.
pub(super) const ORIGIN: Form = Form {
    what: "origin",
    help: "a name of at most 64 characters, in letters, digits, blanks and `-_.+`, the first and last a letter or digit",
    fits: |text| {
        let inner = |c: char| c.is_ascii_alphanumeric() || " -_.+".contains(c);
        text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(inner)
    },
};

pub(super) const SUITE: Form = Form {
    what: "name of a suite",
    help: "lower-case letters, digits, `-` and `.`, at most 64 of them, the first a letter: `stable`",
    fits: |text| spec::is_suite(text) && text.len() <= 64,
};

pub(super) const COMPONENT: Form = Form {
    what: "name of a component",
    help: "lower-case letters, digits and `-`, at most 64 of them, the first a letter: `main`",
    fits: |text| spec::is_component(text) && text.len() <= 64,
};

/// What clients can be (`dpkg --print-architecture`).
pub(super) const ARCHITECTURE: Form = Form {
    what: "architecture of a client",
    help: "what `dpkg --print-architecture` says there, such as `amd64`; packages for `all` are in the index of each architecture",
    fits: |text| {
        text.len() <= 32
            && spec::is_component(text)
            && !["all", "any", "source", "native"].contains(&text)
    },
};

/// Where clients fetch it from (sources.list(5)).
pub(super) const ADDRESS: Form = Form {
    what: "address of a repository",
    help: "`http://` or `https://`, a host and a path, or `file:///` and a folder's path; without user, password and `?`",
    fits: |text| {
        let file = text.strip_prefix("file:");
        let path = file.map(|path| path.strip_prefix("//").unwrap_or(path));
        let file = path
            .is_some_and(|path| path.starts_with('/') && !path.starts_with("//") && visible(path));
        (file || is_url(text, &["http://", "https://"]))
            && !text.contains(['[', ']', '"', '\'', '?', '#', '%', '\\'])
    },
};

/// A folder of this machine that a server serves.
pub(super) const DIRECTORY: Form = Form {
    what: "folder for a repository",
    help: "an absolute path, or one inside the checkout, without `.` and `..`; `~` and variables are not expanded",
    fits: |text| is_folder(text) || is_relative(text) && is_plain(text),
};

/// A folder of another machine.
pub(super) const REMOTE: Form = Form {
    what: "folder of another machine",
    help: "an absolute path in letters, digits and `/._+-@=,:~`, without `.` and `..`, and not `/` itself",
    fits: |text| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-@=,:~".contains(c);
        is_folder(text) && text.chars().all(plain)
    },
};

/// What `ssh` and `rsync` take for a machine, and neither can take for an option or a path.
pub(super) const MACHINE: Form = Form {
    what: "machine for ssh",
    help: "`host` or `user@host`, in letters, digits, `-`, `_` and `.`; for a port, an address with colons, or other settings give it a name in ~/.ssh/config",
    fits: |text| {
        let (user, host) = text.split_once('@').unwrap_or(("user", text));
        [user, host].iter().all(|name| {
            name.len() <= 253
                && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        })
    },
};

/// The address of an object store.
pub(super) const ENDPOINT: Form = Form {
    what: "address of an object store",
    help: "`https://` and a host, perhaps a port; the bucket has a key of its own",
    fits: |text| {
        let bare = text
            .split_once("://")
            .is_some_and(|(_, host)| !host.contains('/'));
        bare && is_url(text, &["http://", "https://"]) && !text.contains('?')
    },
};

/// The naming rules of S3's general purpose buckets.
pub(super) const BUCKET: Form = Form {
    what: "name of a bucket",
    help: "3 to 63 lower-case letters, digits, `-` and `.`; the first and last a letter or digit, no `..`, not like an IP address",
    fits: |text| {
        let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        (3..=63).contains(&text.len())
            && text.starts_with(ends)
            && text.ends_with(ends)
            && text.chars().all(|c| ends(c) || c == '-' || c == '.')
            && !text.contains("..")
            && !text.starts_with("xn--")
            && text.parse::<std::net::Ipv4Addr>().is_err()
    },
};

/// What stands before the names in a bucket.
pub(super) const PREFIX: Form = Form {
    what: "prefix of names in a bucket",
    help: "a path in letters, digits, `-`, `_` and `.`, without slashes at its ends, `.` and `..`; or nothing",
    fits: |text| {
        let part = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        text.is_empty() || text.len() <= 512 && text.split('/').all(part)
    },
};

pub(super) const REGION: Form = Form {
    what: "name of a region",
    help: "such as `eu-central-1`; a store that has none takes any, and `us-east-1` is usual",
    fits: |text| {
        !text.is_empty()
            && text.len() <= 64
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    },
};

/// A word of a command line.
pub(super) const WORD: Form = Form {
    what: "word of a command",
    help: "each word of the command is a text of its own, such as [\"sudo\", \"/srv/repository/rebuild.sh\"]",
    fits: |text| !text.is_empty() && text.len() <= 4096,
};

/// An absolute path below `/`, in its plainest form.
fn is_folder(text: &str) -> bool {
    let inner = text
        .strip_prefix('/')
        .map(|inner| inner.trim_end_matches('/'));
    inner.is_some_and(|inner| !inner.is_empty() && is_plain(inner)) && text.len() < 4096
}

fn is_plain(path: &str) -> bool {
    let parts = path.trim_end_matches('/').split('/');
    parts
        .into_iter()
        .all(|part| !matches!(part, "" | "." | ".."))
}
