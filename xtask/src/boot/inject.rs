//! Makes things go wrong, and right again: carries out what `fault` says, by servers, packet filter, the machine's protocol and the folder
//! that TFTP serves.

use std::collections::BTreeMap;
use std::path::Path;

use crate::failure::{Failure, Kind, Result};
use crate::tool::Tool;

use super::farm::{self, Changed};
use super::fault::{self, Trouble};
use super::machine::Machine;
use super::network::tap;
use super::qemu::TFTP;
use super::qmp::Command;
use super::scenario::Scenario;
use super::servers::{Servers, Which};

/// Drops packets.
pub const NFT: &str = "nft";

/// Everything in a lab that can go wrong.
pub struct Injector {
    scenario: Scenario,
    servers: Servers,
    /// The faults that are on, by number; with the files that one changed.
    on: BTreeMap<usize, Changed>,
}

impl Injector {
    /// For this scenario, in the lab's folder.
    #[must_use]
    pub fn new(scenario: &Scenario, servers: Servers) -> Self {
        Self {
            scenario: scenario.clone(),
            servers,
            on: BTreeMap::new(),
        }
    }

    /// Begins a fault, or ends it.
    ///
    /// # Errors
    /// When the host does not let us, and [`Kind::Recipe`] when it names a file that the bundle does not have.
    pub fn set(&mut self, number: usize, on: bool, machine: &mut Machine) -> Result<()> {
        let fault = self.scenario.fault.get(number).cloned();
        let fault = fault.ok_or_else(|| Failure::bug(format!("there is no fault {number}")))?;
        let folder = Path::new(TFTP);
        let before = self.on.remove(&number);
        if on {
            let changed = match &fault.what {
                Trouble::FileMissing(path) => farm::remove(folder, path)?,
                Trouble::FileInstead { path, by } => farm::replace(folder, path, by)?,
                _ => Changed::default(),
            };
            self.on.insert(number, changed);
        } else {
            before.map_or(Ok(()), farm::restore)?;
        }
        match fault.what {
            Trouble::LinkDown => plug(&self.scenario, !on, machine),
            Trouble::PortBlocked | Trouble::Loss(_) => self.filter(),
            Trouble::ServerStop => self.servers.set(Which::All, !on),
            Trouble::DhcpStop => self.servers.set(Which::Dhcp, !on),
            Trouble::TftpStop => self.servers.set(Which::Tftp, !on),
            Trouble::FileMissing(_) | Trouble::FileInstead { .. } => Ok(()),
        }
    }

    /// The packet filter for all the faults that are on.
    fn filter(&self) -> Result<()> {
        let faults = self.on.keys().filter_map(|&it| self.scenario.fault.get(it));
        let losses: Vec<u32> = faults.filter_map(fault::Fault::drops).collect();
        let taps: Vec<String> = (0..self.scenario.nics).map(tap).collect();
        Tool::new(NFT)
            .args(["-f", "-"])
            .stdin(fault::rules(&taps, &losses))
            .kind(Kind::Host)
            .run()
    }
}

/// Plugs the network cards in that have a cable, or out.
fn plug(scenario: &Scenario, up: bool, machine: &mut Machine) -> Result<()> {
    let cards = 0..scenario.nics;
    let mut cabled = cards.filter(|&card| scenario.network.bridge(card).is_some());
    cabled.try_for_each(|card| machine.command(Command::Link(card, up)))
}

/// Pulls the plugs of cards that are in no network.
///
/// # Errors
/// When it cannot be sent.
pub fn unplug(scenario: &Scenario, machine: &mut Machine) -> Result<()> {
    let cards = 0..scenario.nics;
    let mut loose = cards.filter(|&card| scenario.network.bridge(card).is_none());
    loose.try_for_each(|card| machine.command(Command::Link(card, false)))
}
