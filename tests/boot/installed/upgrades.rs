//! Real nodes boot over and over while the packages are upgraded, downgraded and activated: each comes up with one version, kernel and image alike.

use libtest_mimic::{Failed, Trial};
use regex::Regex;
use xtask::boot::installed::TftpServer;
use xtask::boot::scenario::End;

use super::boots::boot;
use super::packages::{self, VERSIONS};
use super::system::System;
use super::{demo_server, while_changing, with_each};
use crate::lab::told;

/// One server that is given links, and one that is given copies.
const SERVERS: &[TftpServer] = &[TftpServer::Dnsmasq, TftpServer::TftpdHpa];

const BOOTS: usize = 8;

pub(super) fn all() -> Vec<Trial> {
    with_each("boots_during_upgrades", SERVERS, upgrades)
}

fn upgrades(server: TftpServer) -> Result<(), Failed> {
    let system = demo_server(server, VERSIONS[0])?;
    system.offer(&packages::packages(VERSIONS[1])?)?;
    while_changing(&system, BOOTS, || node(&system, server))
}

/// Boots one, which must say that its kernel is of its image's version.
fn node(system: &System, server: TftpServer) -> Result<(), Failed> {
    let record = tempfile::tempdir()?;
    let outcome = boot(system, server, End::Ready, &record.path().join("record"))?;
    let console = fs_err::read_to_string(outcome.record.join("console.log"))?;
    let said = Regex::new(r"image name=demo version=(\S+) .* kernel=\S*-demo-(\S+)")?;
    let same = said
        .captures(&console)
        .is_some_and(|said| said[1] == said[2] && VERSIONS.contains(&&said[1]));
    if outcome.verdict.passed() && same {
        return Ok(());
    }
    Err(told(&outcome))
}
