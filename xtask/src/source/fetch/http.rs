//! One file over HTTP: continues what is there, follows redirects, and gives up on answers that stall, trickle
//! or never end (RFC 9110; ranges: section 14). Digests are the caller's.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Instant;

use ureq::Body;
use ureq::http::Response;
use ureq::tls::TlsConfig;

use super::{Fetcher, Limits, PROGRESS, Why, trust, unreachable};
use crate::failure::Result;
use crate::source::resolve::File;
use crate::tool;

/// How often an address is asked again for the rest after its answer broke off with something gained.
const TRIES: u32 = 8;

/// Gets what is at `address` into `data`, from where `data` ends. On success the answer was whole,
/// which is not to say right.
pub(super) fn get(fetcher: &Fetcher, address: &str, file: &File, data: &Path) -> Result<(), Why> {
    let agent = agent(&fetcher.limits)?;
    let mut tries = 0;
    loop {
        let before = length(data);
        let answer = ask(fetcher, &agent, address, file, data);
        tries += 1;
        let gained = length(data) > before;
        match answer {
            Err(Why::Broken(_)) if gained && tries < TRIES => {}
            answer => return answer,
        }
    }
}

fn agent(limits: &Limits) -> Result<ureq::Agent> {
    let file = std::env::var_os("SSL_CERT_FILE");
    let roots = trust::authorities(file.as_deref().map(Path::new))?;
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .timeout_connect(Some(limits.silence))
        .timeout_recv_response(Some(limits.silence))
        .timeout_per_read(Some(limits.silence))
        .user_agent(concat!("cordwainer/", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(config.into())
}

fn length(data: &Path) -> u64 {
    data.metadata().map_or(0, |meta| meta.len())
}

fn ask(
    fetcher: &Fetcher,
    agent: &ureq::Agent,
    address: &str,
    file: &File,
    data: &Path,
) -> Result<(), Why> {
    let had = length(data);
    let mut request = agent.get(address);
    if had > 0 {
        request = request.header("Range", format!("bytes={had}-"));
    }
    let mut response = request.call().map_err(|error| {
        let why = error.to_string();
        if unreachable::says_http(&error) {
            Why::Unreachable(why)
        } else {
            Why::Bad(why)
        }
    })?;
    let start = match response.status().as_u16() {
        200 => 0,
        206 if had > 0 && range_start(&response) == Some(had) => had,
        // It has less than we have, or another range than we asked for: all of it then.
        206 | 416 if had > 0 => {
            fs_err::remove_file(data)?;
            return ask(fetcher, agent, address, file, data);
        }
        404 | 410 => return Err(Why::Absent(format!("HTTP {}", response.status()))),
        _ => return Err(Why::Bad(format!("HTTP {}", response.status()))),
    };
    let whole = response.body().content_length().map(|rest| start + rest);
    if let (Some(size), Some(whole)) = (file.size, whole)
        && size != whole
    {
        return Err(Why::Bad(format!("it has {whole} bytes, not {size}")));
    }
    let out = fs_err::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(data)?;
    out.set_len(start)?;
    copy(fetcher, address, file, &mut response, out, start)
}

/// The first byte's position in an answer to a range request: `Content-Range: bytes 5-9/10`.
fn range_start(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    let positions = range.strip_prefix("bytes ")?;
    positions.split('-').next()?.trim().parse().ok()
}

fn copy(
    fetcher: &Fetcher,
    address: &str,
    file: &File,
    response: &mut Response<Body>,
    mut out: fs_err::File,
    start: u64,
) -> Result<(), Why> {
    let most = file.size.unwrap_or(fetcher.limits.most);
    let mut body = response.body_mut().as_reader();
    let mut pace = Pace::new(&fetcher.limits);
    let mut told = Instant::now();
    let mut buffer = vec![0; 128 << 10];
    let mut length = start;
    out.seek(SeekFrom::Start(start))?;
    loop {
        tool::check_interrupt()?;
        let count = match body.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) => return Err(broken(length, &error)),
        };
        length += count as u64;
        if length > most {
            return Err(Why::Bad(format!("it has more than {most} bytes")));
        }
        out.write_all(&buffer[..count])?;
        pace.gained(count as u64).map_err(Why::Bad)?;
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            fetcher.progress(file, address, length);
        }
    }
}

/// Silence is not worth a second try; a connection that was cut is.
fn broken(length: u64, error: &std::io::Error) -> Why {
    let why = format!("after {length} bytes: {error}");
    match error.kind() {
        std::io::ErrorKind::TimedOut => Why::Bad(why),
        _ => Why::Broken(why),
    }
}

/// Watches that enough arrives in each window of time.
struct Pace<'a> {
    limits: &'a Limits,
    since: Instant,
    gained: u64,
}

impl<'a> Pace<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            since: Instant::now(),
            gained: 0,
        }
    }

    fn gained(&mut self, bytes: u64) -> Result<(), String> {
        self.gained += bytes;
        if self.since.elapsed() < self.limits.window {
            return Ok(());
        }
        if self.gained < self.limits.least {
            return Err(format!(
                "too slow: {} bytes in {} s",
                self.gained,
                self.limits.window.as_secs()
            ));
        }
        *self = Self::new(self.limits);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_trickle_is_given_up_on_and_a_stream_is_not() {
        let limits = Limits {
            window: Duration::ZERO,
            least: 10,
            ..Limits::default()
        };
        assert!(Pace::new(&limits).gained(10).is_ok());
        assert!(
            Pace::new(&limits)
                .gained(9)
                .unwrap_err()
                .contains("too slow")
        );
        let patient = Limits {
            window: Duration::MAX,
            ..limits
        };
        assert!(Pace::new(&patient).gained(1).is_ok());
    }
}
