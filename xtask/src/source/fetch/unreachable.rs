//! Hosts that no connection could be made to. Every try costs up to a minute of retries, so that one that failed speaks for all
//! other files of the same run. What the host answered, and what becomes of it, is left to `fetch`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::words;

/// What hosts could not be reached so far, and why. One for all that a process fetches.
#[derive(Debug, Default)]
pub struct Unreachable(Mutex<BTreeMap<String, String>>);

/// How apt's methods say that there is no connection (apt's `methods/connect.cc`).
const APT: [&str; 8] = [
    "Could not connect to ",
    "Unable to connect to ",
    "Cannot initiate the connection to ",
    "Could not create a socket for ",
    "Could not resolve ",
    "Temporary failure resolving ",
    "System error resolving ",
    "Something wicked happened resolving ",
];

impl Unreachable {
    /// Why the host of an address could not be reached before.
    pub(super) fn why(&self, address: &str) -> Option<String> {
        let host = words::host(address)?;
        self.lock().get(&host).cloned()
    }

    /// Remembers that the host of an address could not be reached. Files of this machine have none.
    pub(super) fn note(&self, address: &str, why: &str) {
        if let Some(host) = words::host(address) {
            self.lock().entry(host).or_insert_with(|| why.to_owned());
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether apt says that there was no connection.
pub(super) fn says_apt(complaint: &str) -> bool {
    APT.iter().any(|words| complaint.starts_with(words))
}

/// Whether a request failed for want of a connection. One that was redirected speaks for the host that was asked: it is the way to the file.
pub(super) fn says_http(error: &ureq::Error) -> bool {
    use std::io::ErrorKind as E;
    use ureq::Timeout;
    match error {
        ureq::Error::HostNotFound
        | ureq::Error::ConnectionFailed
        | ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        ureq::Error::Io(error) => matches!(
            error.kind(),
            E::ConnectionRefused | E::HostUnreachable | E::NetworkUnreachable | E::NetworkDown
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_port_of_a_name_whoever_asks_for_whatever() {
        let unreachable = Unreachable::default();
        unreachable.note("http://me:secret@a:1/x", "refused");
        unreachable.note("http://a:1/x", "later");
        unreachable.note("file:///x", "no host");
        assert_eq!(unreachable.why("https://a:1/y").as_deref(), Some("refused"));
        for other in ["http://a:2/x", "http://a/x", "http://b:1/x", "file:///x"] {
            assert_eq!(unreachable.why(other), None, "{other}");
        }
    }

    #[test]
    fn want_of_a_connection_is_told_from_what_a_server_answers() {
        for complaint in [
            "Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)",
            "Could not resolve 'nosuch.invalid'",
        ] {
            assert!(says_apt(complaint));
        }
        for complaint in ["404 Not Found [IP: 127.0.0.1 80]", "Connection failed", ""] {
            assert!(!says_apt(complaint), "{complaint}");
        }
        assert!(says_http(&ureq::Error::HostNotFound));
        assert!(!says_http(&ureq::Error::StatusCode(500)));
        assert!(!says_http(&ureq::Error::Timeout(
            ureq::Timeout::RecvResponse
        )));
    }
}
