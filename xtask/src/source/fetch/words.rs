//! Addresses and sizes as people read them.

use crate::text::bytes;

/// An address without the user's name and password in it.
pub(super) fn shown(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

/// The host of an address, with its port; nothing where it names none.
pub(super) fn host(address: &str) -> Option<String> {
    let shown = shown(address);
    let (_, rest) = shown.split_once("://")?;
    let host = rest.split('/').next().filter(|host| !host.is_empty());
    host.map(str::to_lowercase)
}

/// One line of progress.
pub(super) fn progress(name: &str, size: Option<u64>, done: u64, address: &str) -> String {
    let of = size.map_or(String::new(), |size| format!(" of {}", bytes(size)));
    let host = host(address);
    format!(
        "{name}: {}{of} from {}",
        bytes(done),
        host.as_deref().unwrap_or("this machine")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(shown("https://me:secret@h:8/x@y"), "https://h:8/x@y");
        assert_eq!(shown("file:/x"), "file:/x");
    }

    #[test]
    fn progress_has_sizes_and_host() {
        let line = progress("a.deb", Some(139_331_676), 1_240_000, "http://u:p@h:8/x");
        assert_eq!(line, "a.deb: 1.2 MB of 139.3 MB from h:8");
        assert_eq!(
            progress("a", None, 0, "file:/x"),
            "a: 0 B from this machine"
        );
    }
}
