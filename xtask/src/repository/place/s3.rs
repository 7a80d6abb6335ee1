//! A repository in a bucket of an object store that speaks S3, addressed by path. An object appears whole or not at all: the digest of what
//! is sent is part of the signature.
//!
//! Every write says which object it replaces (`If-None-Match`, `If-Match`). So a request that was repeated, or that a dead publisher's
//! network delivers late, changes nothing. Conditional writes are what the lock is made of, too (`lease`).

mod client;
mod keys;
mod lease;
mod refused;
mod sign;
mod write;
mod xml;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use client::{Answer, Ask, Body, Client};
pub use keys::Keys;
use lease::Lease;

use super::{Held, Place, Put, There, checked, owner};
use crate::digest::Digest;
use crate::event::Listen;
use crate::failure::{Failure, Kind, Result};

/// Longest answer that is not a file: a page of a listing has 1000 names of at most 1024 bytes.
const ANSWER: u64 = 16 << 20;
/// The most pages of a listing: ten million names.
const PAGES: u32 = 10_000;
/// How many requests are under way at once.
const SIDE_BY_SIDE: usize = 8;
/// Header of ours with the SHA-256 of what was sent: entity tags are not digests everywhere.
const SHA256: &str = "x-amz-meta-sha256";
/// Header of ours with its length.
const SIZE: &str = "x-amz-meta-size";

/// A bucket, or what has a certain beginning in it.
pub struct S3 {
    client: Arc<Client>,
    /// What stands before every name: nothing, or something with a `/` at its end.
    prefix: String,
    /// The lock, as long as somebody holds it.
    lease: Mutex<Option<Arc<Lease>>>,
}

/// An object that is there.
struct Object {
    size: u64,
    /// Names its state, where the store says so.
    tag: Option<String>,
    /// Digest and length of what was sent, where we sent it.
    sent: Option<(Digest, u64)>,
    /// Whether it was changed in the very second in which the store said so.
    fresh: bool,
}

impl S3 {
    /// What begins with `prefix` in a bucket. Nothing is asked yet.
    ///
    /// # Errors
    /// [`Kind::Recipe`] for an address, name or prefix that is none; [`Kind::Host`] when no certificate authorities are found.
    pub fn new(
        endpoint: &str,
        bucket: &str,
        prefix: &str,
        region: &str,
        keys: Keys,
    ) -> Result<Self> {
        let prefix = match prefix {
            "" => String::new(),
            prefix => format!(
                "{}/",
                checked(prefix).map_err(|failure| failure.kind(Kind::Recipe))?
            ),
        };
        Ok(Self {
            client: Arc::new(Client::new(endpoint, bucket, region, keys)?),
            prefix,
            lease: Mutex::new(None),
        })
    }

    fn key(&self, name: &str) -> Result<String> {
        Ok(format!("{}{}", self.prefix, checked(name)?))
    }

    /// Refuses to write once the lock that was taken is not ours any more.
    fn fenced(&self) -> Result<()> {
        let lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        lease.as_ref().map_or(Ok(()), |lease| lease.in_time())
    }

    fn head(&self, name: &str) -> Result<Option<Object>> {
        let answer = self.client.ask(&Ask {
            method: "HEAD",
            key: Some(&self.key(name)?),
            query: &[],
            headers: &[],
            body: Body::Nothing,
            digest: Digest::of(""),
            limit: ANSWER,
        })?;
        if !answer.granted() {
            return Ok(None);
        }
        object(&answer).map(Some).ok_or_else(|| {
            let what = format!("the object store does not tell the size of {name}");
            Failure::new(Kind::Host, what)
        })
    }

    fn delete(&self, name: &str) -> Result<()> {
        self.fenced()?;
        self.client
            .ask(&Ask {
                method: "DELETE",
                key: Some(&self.key(name)?),
                query: &[],
                headers: &[],
                body: Body::Nothing,
                digest: Digest::of(""),
                limit: ANSWER,
            })
            .map(drop)
    }

    /// One page of a listing, and what asks for the next one.
    fn page(&self, beginning: &str, next: Option<String>) -> Result<(Vec<There>, Option<String>)> {
        let mut query = vec![
            ("list-type", "2".to_owned()),
            ("encoding-type", "url".to_owned()),
            ("prefix", beginning.to_owned()),
        ];
        query.extend(next.map(|next| ("continuation-token", next)));
        let answer = self.client.ask(&Ask {
            method: "GET",
            key: None,
            query: &query,
            headers: &[],
            body: Body::Nothing,
            digest: Digest::of(""),
            limit: ANSWER,
        })?;
        let broken = || {
            Failure::new(
                Kind::Host,
                format!("{} answers with no list of objects", self.describe()),
            )
        };
        let text = answer.text();
        if !answer.granted() || answer.cut || !text.contains("ListBucketResult") {
            return Err(broken());
        }
        let mut page = Vec::new();
        for object in xml::elements(&text, "Contents") {
            let size = xml::text(object, "Size")
                .and_then(|size| size.parse().ok())
                .ok_or_else(broken)?;
            let key = xml::text(object, "Key").ok_or_else(broken)?;
            let key = xml::unescape(&key).ok_or_else(broken)?;
            let name = key
                .strip_prefix(&self.prefix)
                .ok_or_else(broken)?
                .to_owned();
            // Some tools make objects that stand for folders.
            if !super::is_unfinished(&name) && !name.ends_with('/') {
                page.push(There { name, size });
            }
        }
        let more = xml::text(&text, "IsTruncated").is_some_and(|more| more == "true");
        let next = xml::text(&text, "NextContinuationToken").filter(|_| more);
        if more && next.is_none() {
            return Err(broken());
        }
        Ok((page, next))
    }
}

/// What an answer to HEAD says about an object.
fn object(answer: &Answer) -> Option<Object> {
    let digest = answer.header(SHA256).and_then(|digest| digest.parse().ok());
    let size = answer.header(SIZE).and_then(|size| size.parse().ok());
    let changed = answer.date("last-modified");
    Some(Object {
        size: answer.header("content-length")?.parse().ok()?,
        tag: answer.header("etag").map(str::to_owned),
        sent: digest.zip(size),
        fresh: changed.is_some() && changed >= answer.date("date"),
    })
}

/// Does something for each, several at once. The first failure ends it.
fn side_by_side<T: Sync>(items: &[T], each: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(failure) = each(item) {
                next.store(items.len(), Ordering::Relaxed);
                return Err(failure);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (1..items.len().min(SIDE_BY_SIDE))
            .map(|_| scope.spawn(work))
            .collect();
        let ours = work();
        let ended = threads.into_iter().map(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(crate::failure::panicked()))
        });
        ended.fold(ours, Result::and)
    })
}

impl Place for S3 {
    fn describe(&self) -> String {
        let at = format!(
            "{}/{}/{}",
            self.client.store(),
            self.client.bucket,
            self.prefix
        );
        at.trim_end_matches('/').to_owned()
    }

    fn lock(&self, listen: &dyn Listen) -> Result<Box<dyn Held>> {
        let held = lease::take(&self.client, &self.prefix, &owner(), listen)?;
        let mut lease = self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        *lease = Some(held.lease());
        Ok(Box::new(held))
    }

    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let answer = self.client.ask(&Ask {
            method: "GET",
            key: Some(&self.key(name)?),
            query: &[],
            headers: &[],
            body: Body::Nothing,
            digest: Digest::of(""),
            limit,
        })?;
        match answer {
            answer if !answer.granted() => Ok(None),
            answer if answer.cut => Err(super::too_long(name, limit)),
            answer => Ok(Some(answer.body)),
        }
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        Ok(self.head(name)?.map(|object| object.size))
    }

    /// What the store checked when it was sent.
    fn digest(&self, name: &str) -> Result<Option<Digest>> {
        let object = self.head(name)?;
        let sent = object.and_then(|object| object.sent.filter(|(_, size)| *size == object.size));
        Ok(sent.map(|(digest, _)| digest))
    }

    fn write(&self, puts: &[Put]) -> Result<()> {
        side_by_side(puts, |put| self.put(put))
    }

    fn list(&self, folder: &str) -> Result<Vec<There>> {
        let beginning = format!("{}/", self.key(folder)?);
        let (mut list, mut next) = self.page(&beginning, None)?;
        for _ in 0..PAGES {
            let Some(token) = next.take() else { break };
            let (page, after) = self.page(&beginning, Some(token))?;
            list.extend(page);
            next = after;
        }
        if next.is_some() {
            let what = format!("{} lists objects without end", self.describe());
            return Err(Failure::new(Kind::Host, what));
        }
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(list)
    }

    fn remove(&self, names: &[String]) -> Result<()> {
        side_by_side(names, |name| self.delete(name))
    }

    fn finish(&self, _: &dyn Listen) -> Result<()> {
        Ok(())
    }
}
