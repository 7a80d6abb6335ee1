//! Writing objects: each request says which state of the object it starts from.

use std::time::Duration;

use super::client::{Ask, Body, wait};
use super::{ANSWER, Object, S3, SHA256, SIZE};
use crate::digest::Digest;
use crate::failure::{Failure, Kind, Result};
use crate::repository::place::{Bytes, Nature, Place, Put, other_bytes};

/// The most bytes that can be written in one request.
const LARGEST: u64 = 5 << 30;
/// How often a changing object is tried anew when somebody else's late request came in between.
const TRIES: u32 = 4;

/// What files are, by the ends of their names.
const TYPES: &[(&str, &str)] = &[
    (".deb", "application/vnd.debian.binary-package"),
    (".gz", "application/gzip"),
    (".xz", "application/x-xz"),
    (".zst", "application/zstd"),
    (".json", "application/json"),
    (".gpg", "application/pgp-signature"),
    ("/InRelease", "text/plain; charset=utf-8"),
    ("/Release", "text/plain; charset=utf-8"),
    ("/Packages", "text/plain; charset=utf-8"),
    (".sources", "text/plain; charset=utf-8"),
];

/// What is to be there.
struct Wanted<'a> {
    put: &'a Put,
    digest: Digest,
    size: u64,
}

impl S3 {
    /// Sends an object, if the one that is there is in this state: no other request may have changed it.
    fn send(&self, wanted: &Wanted<'_>, state: Option<(&'static str, String)>) -> Result<bool> {
        self.fenced()?;
        let name = &wanted.put.name;
        let kept = match wanted.put.nature {
            Nature::Changing => "no-cache",
            Nature::Immutable => "public, max-age=31536000, immutable",
        };
        let mut headers = vec![
            ("cache-control", kept.to_owned()),
            ("content-type", media_type(name).to_owned()),
            (SHA256, wanted.digest.to_string()),
            (SIZE, wanted.size.to_string()),
        ];
        headers.extend(state);
        let answer = self.client.ask(&Ask {
            method: "PUT",
            key: Some(&self.key(name)?),
            query: &[],
            headers: &headers,
            body: match &wanted.put.bytes {
                Bytes::Here(bytes) => Body::Bytes(bytes),
                Bytes::Of(path) => Body::File(path),
            },
            digest: wanted.digest,
            limit: ANSWER,
        })?;
        Ok(answer.granted())
    }

    /// Writes an object.
    pub(super) fn put(&self, put: &Put) -> Result<()> {
        let (digest, size) = match &put.bytes {
            Bytes::Here(bytes) => (Digest::of(bytes), bytes.len() as u64),
            Bytes::Of(path) => Digest::of_file(path)?,
        };
        if size > LARGEST {
            let what = format!(
                "{} has {size} bytes: an object store takes {LARGEST} at once",
                put.name
            );
            return Err(Failure::new(Kind::Space, what));
        }
        let wanted = Wanted { put, digest, size };
        for _ in 0..TRIES {
            let there = self.head(&put.name)?;
            if self.settled(&wanted, there.as_ref())? || self.send(&wanted, self.state(there)?)? {
                return Ok(());
            }
            // It is not in the state it was in. Either this very request changed it, and its answer was lost; or somebody's late one did.
        }
        let what = format!(
            "somebody else writes to {} in {} at the same time",
            put.name,
            self.describe()
        );
        Err(Failure::new(Kind::Host, what)
            .hint("find out who publishes there without the lock, then run the same command again"))
    }

    /// Whether an object is as it is wanted already.
    fn settled(&self, wanted: &Wanted<'_>, there: Option<&Object>) -> Result<bool> {
        let Some(there) = there else {
            return Ok(false);
        };
        let name = &wanted.put.name;
        if there.sent == Some((wanted.digest, wanted.size)) && there.size == wanted.size {
            return Ok(true);
        }
        if wanted.put.nature == Nature::Changing {
            return Ok(false);
        }
        match there.sent {
            // A store that does not check what it is sent has kept what a connection delivered before it broke off.
            Some(sent) if sent == (wanted.digest, wanted.size) => Ok(false),
            None if there.size == wanted.size
                && self.hashed(name, there.size)? == Some(wanted.digest) =>
            {
                Ok(true)
            }
            Some(_) | None => Err(other_bytes(name, &self.describe())),
        }
    }

    /// The condition under which this object, or none, is replaced.
    fn state(&self, there: Option<Object>) -> Result<Option<(&'static str, String)>> {
        let Some(there) = there else {
            return Ok(Some(("if-none-match", "*".to_owned())));
        };
        if there.fresh {
            // Clients ask by the time of change, in whole seconds: it has to be another one.
            wait(Duration::from_secs(1))?;
        }
        Ok(there.tag.map(|tag| ("if-match", tag)))
    }

    /// The digest of an object that others wrote.
    fn hashed(&self, name: &str, size: u64) -> Result<Option<Digest>> {
        Ok(self.read(name, size)?.map(Digest::of))
    }
}

fn media_type(name: &str) -> &'static str {
    let known = TYPES.iter().find(|(end, _)| name.ends_with(end));
    known.map_or("application/octet-stream", |(_, media)| *media)
}
