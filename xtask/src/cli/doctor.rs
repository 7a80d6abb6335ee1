//! `doctor`: whether this host can do the work.

use serde::Serialize;

use super::Context;
use crate::boot::{self, accel};
use crate::failure::{Failure, Kind, Result};
use crate::needs::{self, NEEDS, Need, Purpose, What};
use crate::report::{Answer, Table};
use crate::tool::{self, Tool};

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// What was found about one thing.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    purpose: Option<Purpose>,
    /// `ok`, `missing`, `too old`, or `no` for what one can do without.
    state: &'static str,
    detail: String,
}

impl Finding {
    fn bad(&self) -> bool {
        matches!(self.state, "missing" | "too old")
    }
}

pub(super) fn run(_: &Context<'_>, _: &Args) -> Result<Answer> {
    let mut findings: Vec<Finding> = NEEDS.iter().map(look).collect();
    findings.push(namespaces());
    findings.push(lab()?);
    // The trial needs QEMU.
    if needs::absent(&[Purpose::Boot]).is_empty() {
        findings.push(kvm()?);
    }
    let mut table = Table::default();
    for finding in &findings {
        table.row([finding.state, &finding.what, &finding.detail]);
    }
    let text = table.render();
    let bad: Vec<&Finding> = findings.iter().filter(|finding| finding.bad()).collect();
    if bad.is_empty() {
        return Ok(Answer::new(
            &findings,
            text + "all that is needed is there\n",
        ));
    }
    let mut packages: Vec<&str> = NEEDS
        .iter()
        .filter(|need| bad.iter().any(|finding| finding.what == need.name()))
        .map(|need| need.package)
        .collect();
    packages.dedup();
    let mut failure = Failure::new(
        Kind::Missing,
        format!("{} of {} needs are not met", bad.len(), findings.len()),
    )
    .hint(format!(
        "run: sudo apt-get install --no-install-recommends {}",
        packages.join(" ")
    ));
    for line in text.lines() {
        failure = failure.note(line);
    }
    Err(failure)
}

fn look(need: &Need) -> Finding {
    let finding = |state, detail: String| Finding {
        what: need.name().to_owned(),
        purpose: Some(need.purpose),
        state,
        detail,
    };
    if !need.present() {
        return finding("missing", format!("package {}", need.package));
    }
    let (What::Program(program), Some((argument, minimum))) = (need.what, need.minimum) else {
        return finding("ok", String::new());
    };
    let Ok(said) = Tool::new(program).arg(argument).read() else {
        return finding(
            "missing",
            format!("it does not run: reinstall package {}", need.package),
        );
    };
    let Some(version) = version_in(&said) else {
        return finding("ok", "of unknown version".to_owned());
    };
    if older(&version, minimum) {
        finding(
            "too old",
            format!("{version}; at least {minimum} is needed"),
        )
    } else {
        finding("ok", version)
    }
}

/// The first word of a program's version line that looks like a version.
fn version_in(said: &str) -> Option<String> {
    said.lines()
        .next()?
        .split([' ', '(', ')', ','])
        .find(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_digit()))
        .map(str::to_owned)
}

/// Compares number by number; whatever follows them does not count.
fn older(version: &str, minimum: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        text.split(['.', '-', '+', '~'])
            .map_while(|part| part.parse().ok())
            .collect()
    };
    numbers(version) < numbers(minimum)
}

fn namespaces() -> Finding {
    let works = tool::namespaces();
    Finding {
        what: "build steps without network".to_owned(),
        purpose: Some(Purpose::Build),
        state: if works { "ok" } else { "no" },
        detail: if works {
            String::new()
        } else {
            "no user namespaces here: steps could reach the network".to_owned()
        },
    }
}

fn lab() -> Result<Finding> {
    let (state, detail) = match boot::probe(&super::boot::ourselves()?) {
        Ok(()) => (
            "ok",
            "bridge, tap and servers in namespaces, without root".to_owned(),
        ),
        Err(failure) => (
            "no",
            format!("QEMU's own network is used instead: {failure}"),
        ),
    };
    Ok(Finding {
        what: "lab network".to_owned(),
        purpose: Some(Purpose::Boot),
        state,
        detail,
    })
}

fn kvm() -> Result<Finding> {
    let (state, detail) = if fs_err::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_err()
    {
        (
            "no",
            "software emulation is used: /dev/kvm is not there, or not ours",
        )
    } else if accel::trial("kvm")? {
        ("ok", "a trial boot came up in time")
    } else {
        (
            "no",
            "software emulation is used: /dev/kvm opens, but a trial boot did not come up in time",
        )
    };
    Ok(Finding {
        what: "KVM".to_owned(),
        purpose: Some(Purpose::Boot),
        state,
        detail: detail.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_and_compared() {
        let gcc = "gcc (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright";
        assert_eq!(version_in(gcc).as_deref(), Some("12.2.0-14+deb12u1"));
        assert_eq!(version_in("GNU Make 4.3\n").as_deref(), Some("4.3"));
        assert_eq!(version_in("no version"), None);
        assert!(
            older("4.1", "4.2")
                && older("3.99", "4.2")
                && !older("4.10", "4.2")
                && !older("12.2.0-14", "8.0")
        );
    }
}
