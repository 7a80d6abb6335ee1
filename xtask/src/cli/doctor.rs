//! `doctor`: whether this host can do the work.

use serde::Serialize;

use super::Context;
use crate::boot::{self, accel};
use crate::failure::{Failure, Kind, Result};
use crate::needs::{self, NEEDS, Need, Purpose};
use crate::recipe::repository;
use crate::report::{Answer, Table};
use crate::repository::sign::gpg::Gpg;
use crate::tool;
use crate::tool::version::{self, Standing};

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

pub(super) fn run(context: &Context<'_>, _: &Args) -> Result<Answer> {
    // Cross compilers are missed only where a recipe is for such a machine.
    let arches = context.workshop.arches(false);
    let needs = NEEDS.iter().filter(|need| need.concerns(&arches));
    let mut findings: Vec<Finding> = needs.map(look).collect::<Result<_>>()?;
    findings.push(namespaces());
    findings.push(lab()?);
    // The trial needs QEMU.
    if needs::absent(&[Purpose::Boot], &arches).is_empty() {
        findings.push(kvm()?);
    }
    if needs::absent(&[Purpose::Publish], &[]).is_empty() {
        let names = repository::names(&context.workshop.checkout);
        findings.extend(names.iter().map(|name| keys(context, name)));
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
    let failure = Failure::new(
        Kind::Missing,
        format!("{} of {} needs are not met", bad.len(), findings.len()),
    )
    .hint(format!(
        "run: sudo apt-get install --no-install-recommends {}",
        packages.join(" ")
    ));
    Err(failure.after(text, serde_json::json!(findings)))
}

fn look(need: &Need) -> Result<Finding> {
    let standing = version::standing(need)?;
    let (state, detail) = match &standing {
        Standing::Met(version) => ("ok", version.clone().unwrap_or_default()),
        Standing::Missing if need.optional => (
            "no",
            format!("package {}; one can do without it", need.package),
        ),
        Standing::Missing if need.purpose == Purpose::BootArm => (
            "no",
            format!("package {}; only for booting bundles for ARM", need.package),
        ),
        Standing::Missing if need.purpose == Purpose::BootPower => (
            "no",
            format!(
                "package {}; only for booting bundles for POWER",
                need.package
            ),
        ),
        Standing::Missing if need.purpose == Purpose::BootEfi => (
            "no",
            format!("package {}; only for booting by UEFI", need.package),
        ),
        Standing::Missing if need.purpose == Purpose::Firmware => (
            "no",
            format!(
                "package {}; only for building the firmware of boards",
                need.package
            ),
        ),
        Standing::Missing if need.purpose == Purpose::Publish => (
            "no",
            format!("package {}; only for publishing packages", need.package),
        ),
        Standing::Missing => ("missing", format!("package {}", need.package)),
        Standing::Broken => (
            "missing",
            format!("it does not run: reinstall package {}", need.package),
        ),
        Standing::TooOld(_) => {
            let minimum = need.minimum.map_or("", |(_, minimum)| minimum);
            (
                "too old",
                format!("{standing}; at least {minimum} is needed"),
            )
        }
    };
    Ok(Finding {
        what: need.name().to_owned(),
        purpose: Some(need.purpose),
        state,
        detail,
    })
}

/// Whether a repository's key is there and can sign. Nobody is asked for a passphrase.
fn keys(context: &Context<'_>, name: &str) -> Finding {
    let looked = || {
        let repository = repository::load(&context.workshop.checkout, name)?;
        let key = Gpg::open(&repository.key, None)?.after(&repository.former_keys)?;
        key.can_sign().map(|()| repository.key)
    };
    let (state, detail) = match looked() {
        Ok(key) => ("ok", format!("its key {key} is here and can sign")),
        Err(failure) => ("no", failure.to_string()),
    };
    Finding {
        what: format!("repository {name}"),
        purpose: Some(Purpose::Publish),
        state,
        detail,
    }
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
