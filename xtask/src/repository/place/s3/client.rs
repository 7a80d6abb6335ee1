//! Requests to an object store: signed, repeated when the network or the store stumbles, and refused in words that help.
//!
//! Every request here may be repeated: it asks, or it says which state of the object it starts from, or it leads to the same state again.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ureq::http::{HeaderMap, Request as HttpRequest, Uri};
use ureq::tls::TlsConfig;

use super::keys::Keys;
use super::refused;
use super::sign::{self, escape};
use crate::date;
use crate::digest::Digest;
use crate::failure::{Failure, Kind, Result};
use crate::source::fetch::trust;
use crate::tool::check_interrupt;

/// How often a request is made before the store is given up on, and how long the first pause is; each is twice the one before.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest silence of the network.
const SILENCE: Duration = Duration::from_secs(30);
/// How often a wait looks whether the user interrupted it.
const LOOK: Duration = Duration::from_millis(50);

/// What is sent.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    Nothing,
    Bytes(&'a [u8]),
    File(&'a Path),
}

/// A request.
pub(super) struct Ask<'a> {
    pub(super) method: &'a str,
    /// The object's whole key; nothing for the bucket itself.
    pub(super) key: Option<&'a str>,
    pub(super) query: &'a [(&'a str, String)],
    /// Besides those that every request has. Lower-case names.
    pub(super) headers: &'a [(&'a str, String)],
    pub(super) body: Body<'a>,
    /// Digest of the body.
    pub(super) digest: Digest,
    /// The most bytes of an answer.
    pub(super) limit: u64,
}

/// An answer: to a request that was granted (2xx), for an object that is not there (404), or in another state (412).
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether there was more than the limit.
    pub(super) cut: bool,
}

impl Answer {
    /// A header's value, where it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// A header's date (RFC 9110, section 5.6.7), in seconds since 1970.
    pub(super) fn date(&self, name: &str) -> Option<i64> {
        let date = self.header(name)?.strip_suffix("GMT")?;
        date::parse_rfc2822(&format!("{date}+0000")).ok()
    }

    pub(super) fn granted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What the body says, where it is text.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A bucket at a store, and who we are there.
pub(super) struct Client {
    agent: ureq::Agent,
    scheme: String,
    /// As the header `host` has it.
    authority: String,
    pub(super) bucket: String,
    region: String,
    keys: Keys,
}

impl Client {
    pub(super) fn new(endpoint: &str, bucket: &str, region: &str, keys: Keys) -> Result<Self> {
        let wrong = |what: String, hint: &str| Err(Failure::new(Kind::Recipe, what).hint(hint));
        let Some((scheme, authority)) = address(endpoint) else {
            let hint = "`endpoint` is like `https://s3.eu-central-1.example.com`, without a path";
            return wrong(
                format!("{endpoint:?} is not the address of an object store"),
                hint,
            );
        };
        let plain = |text: &str, more: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
            !text.is_empty()
                && text.len() <= 255
                && text.chars().all(fits)
                && !text.starts_with('.')
        };
        if !plain(bucket, "-._") {
            let hint = "names of buckets have letters, digits, `-`, `.` and `_`";
            return wrong(format!("{bucket:?} is not the name of a bucket"), hint);
        }
        if !plain(region, "-_") {
            let hint = "regions are like `eu-central-1`; a store without any takes `us-east-1`";
            return wrong(format!("{region:?} is not the name of a region"), hint);
        }
        Ok(Self {
            agent: agent()?,
            scheme,
            authority,
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            keys,
        })
    }

    /// The store, as the user knows it.
    pub(super) fn store(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// Makes a request, until there is an answer.
    ///
    /// # Errors
    /// When there is none, or the request is refused.
    pub(super) fn ask(&self, ask: &Ask<'_>) -> Result<Answer> {
        let mut pause = FIRST_PAUSE;
        for tried in 1.. {
            check_interrupt()?;
            let last = tried == TRIES;
            match self.once(ask)? {
                Ok(answer) if answer.granted() || answer.status == 412 => return Ok(answer),
                Ok(answer) if answer.status == 404 && !refused::no_bucket(&answer) => {
                    return Ok(answer);
                }
                Ok(answer) if last || !refused::passing(&answer) => {
                    return Err(refused::failure(self, &self.keys, ask, &answer, now()));
                }
                Err(why) if last => return Err(self.unreachable(&why)),
                Ok(_) | Err(_) => wait(pause)?,
            }
            pause *= 2;
        }
        Err(Failure::bug("a request is tried until it is not"))
    }

    fn unreachable(&self, why: &str) -> Failure {
        let what = format!("cannot reach the object store {}", self.store());
        Failure::new(Kind::Host, what)
            .note(self.keys.scrubbed(why))
            .hint("is `endpoint` right, and is it up? Run the same command again: what is published is whole, and the rest is taken up")
    }

    /// Makes a request once. Why there is no answer may pass; other failures do not.
    fn once(&self, ask: &Ask<'_>) -> Result<Result<Answer, String>> {
        let signed = self.signed(ask)?;
        // Opened anew for each try: it is read to its end by each.
        let file = match ask.body {
            Body::File(path) => Some(fs_err::File::open(path)?.into_parts().0),
            Body::Bytes(_) | Body::Nothing => None,
        };
        let answer = match (ask.body, &file) {
            (Body::Bytes(bytes), _) => self.agent.run(signed.map(|()| bytes)),
            (_, Some(file)) => self.agent.run(signed.map(|()| file)),
            (_, None) => self.agent.run(signed),
        };
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let mut body = Vec::new();
        let most = ask.limit.saturating_add(1);
        let read = answer
            .body_mut()
            .as_reader()
            .take(most)
            .read_to_end(&mut body);
        if let Err(error) = read {
            return Ok(Err(error.to_string()));
        }
        Ok(Ok(Answer {
            status: answer.status().as_u16(),
            headers: std::mem::take(answer.headers_mut()),
            cut: body.len() as u64 > ask.limit,
            body,
        }))
    }

    /// The request as it is sent.
    fn signed(&self, ask: &Ask<'_>) -> Result<HttpRequest<()>> {
        let key = ask.key.unwrap_or_default();
        let path = format!("/{}/{}", self.bucket, escape(key, "/"));
        let now = now();
        let mut signed = BTreeMap::from([
            ("host".to_owned(), self.authority.clone()),
            ("x-amz-content-sha256".to_owned(), ask.digest.to_string()),
            ("x-amz-date".to_owned(), sign::stamp(now)),
        ]);
        if let Some(token) = self.keys.token() {
            signed.insert("x-amz-security-token".to_owned(), token.to_owned());
        }
        let ours = ask
            .headers
            .iter()
            .filter(|(name, _)| name.starts_with("x-amz-"));
        signed.extend(ours.map(|(name, value)| ((*name).to_owned(), value.clone())));
        let request = sign::Request {
            method: ask.method,
            path: &path,
            query: ask.query,
            headers: &signed,
            body: ask.digest,
        };
        let authorization = sign::authorization(&request, &self.keys, &self.region, now);
        let mark = if ask.query.is_empty() { "" } else { "?" };
        let address = format!("{}{path}{mark}{}", self.store(), sign::query(ask.query));
        let mut request = HttpRequest::builder().method(ask.method).uri(address);
        let others = ask
            .headers
            .iter()
            .filter(|(name, _)| !name.starts_with("x-amz-"));
        for (name, value) in others {
            request = request.header(*name, value);
        }
        for (name, value) in &signed {
            request = request.header(name, value);
        }
        request
            .header("authorization", authorization)
            .body(())
            .map_err(|_| Failure::bug("a request to an object store is well formed"))
    }
}

/// Scheme and authority of an address that has nothing else, the port left out where it is the scheme's.
fn address(endpoint: &str) -> Option<(String, String)> {
    let uri: Uri = endpoint.parse().ok()?;
    let scheme = uri
        .scheme_str()
        .filter(|scheme| ["http", "https"].contains(scheme))?;
    let authority = uri.authority()?;
    let bare = ["", "/"].contains(&uri.path()) && uri.query().is_none();
    if !bare || authority.as_str().contains('@') || authority.host().is_empty() {
        return None;
    }
    let usual = if scheme == "http" { 80 } else { 443 };
    let authority = match authority.port_u16() {
        Some(port) if port != usual => format!("{}:{port}", authority.host()),
        _ => authority.host().to_owned(),
    };
    Some((scheme.to_owned(), authority))
}

fn agent() -> Result<ureq::Agent> {
    let file = std::env::var_os("SSL_CERT_FILE");
    let roots = trust::authorities(file.as_deref().map(Path::new))?;
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        // A signature is good for one host.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE * 2))
        .timeout_per_read(Some(SILENCE))
        .timeout_per_write(Some(SILENCE))
        .user_agent(concat!("cordwainer/", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(config.into())
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Lets time pass.
///
/// # Errors
/// On Ctrl-C.
pub(super) fn wait(pause: Duration) -> Result<()> {
    let until = Instant::now() + pause;
    loop {
        check_interrupt()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::park_timeout(left.min(LOOK));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let authority = |endpoint| address(endpoint).map(|(_, authority)| authority);
        assert_eq!(authority("https://a.example:443/").unwrap(), "a.example");
        assert_eq!(authority("http://[::1]:9000").unwrap(), "[::1]:9000");
        for bad in [
            "a.example",
            "ftp://a",
            "https://me:key@a",
            "https://a/b",
            "https://a/?b",
            "https://",
            "",
            "https://a b",
        ] {
            assert_eq!(authority(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let keys = Keys::new("a", "b", None).unwrap();
        let new = |bucket: &str, region: &str| {
            Client::new("http://a", bucket, region, keys.clone()).is_ok()
        };
        assert!(new("my-bucket.1", "us-east-1"));
        for bad in ["", "a/b", "..", "a?b", "a\nb", "ü"] {
            assert!(!new(bad, "us-east-1"), "{bad:?}");
            assert!(!new("bucket", bad), "{bad:?}");
        }
    }
}
