//! What goes wrong in the lab, when, and for how long: `[[boot.fault]]` of a scenario as data, and which of them are on at a
//! moment. No I/O: the judge asks [`Plan`] and gives orders, `inject` carries them out, and the transcript holds what was done.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::happening::{Happening, What};
use super::judge::Order;
use super::timeline::Stage;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fault {
    /// When it begins: the first time that this happens in a run.
    #[serde(default)]
    pub at: Moment,
    /// What goes wrong.
    pub what: Trouble,
    /// Seconds until it is over; it lasts to the end otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
}

/// When something goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Moment {
    /// From the start.
    #[default]
    PowerOn,
    /// Once the boot has come so far.
    Reached(Stage),
    /// Once a machine asks for this file by TFTP, relative to the bundle: in the middle of its transfer. A `*` at its end stands
    /// for whatever follows.
    Asked(String),
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// The machine's cables are pulled out: its cards have no carrier.
    LinkDown,
    /// There is carrier, but the switch forwards nothing: what a port with spanning tree does for some 30 s.
    PortBlocked,
    /// So many of a hundred packets are lost, in each direction.
    Loss(u32),
    /// All the servers end.
    ServerStop,
    /// The DHCP server ends.
    DhcpStop,
    /// The TFTP server ends.
    TftpStop,
    /// This file of the bundle is not there; a `*` at its end stands for whatever follows.
    FileMissing(String),
    /// A file of the bundle has the content of another.
    FileInstead {
        /// The file.
        path: String,
        /// The one whose content it gets, relative to the bundle as well.
        by: String,
    },
}

/// A file of the bundle that a fault names: a plain relative path, with a `*` at its end or not.
const FILE: &str = r"^[A-Za-z0-9._+-][A-Za-z0-9._+/-]*\*?$";

impl Fault {
    /// What goes wrong and when, without a final stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        let what = match &self.what {
            Trouble::LinkDown => "no carrier".to_owned(),
            Trouble::PortBlocked => "the switch forwards nothing".to_owned(),
            Trouble::Loss(percent) => format!("{percent} % of the packets are lost"),
            Trouble::ServerStop => "no server runs".to_owned(),
            Trouble::DhcpStop => "no DHCP server runs".to_owned(),
            Trouble::TftpStop => "no TFTP server runs".to_owned(),
            Trouble::FileMissing(path) => format!("{path} is missing"),
            Trouble::FileInstead { path, by } => format!("{path} is served as {by}"),
        };
        let from = match &self.at {
            Moment::PowerOn => "power-on".to_owned(),
            Moment::Reached(stage) => format!("`{}`", stage.title()),
            Moment::Asked(path) => format!("the transfer of {path}"),
        };
        match self.seconds {
            Some(seconds) => format!("{what} for {seconds} s from {from} on"),
            None => format!("{what} from {from} on"),
        }
    }

    /// Why it cannot be meant, if so.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let file = |path: &str, star: bool| {
            let shape = regex::Regex::new(FILE).is_ok_and(|shape| shape.is_match(path));
            let within = path.split('/').all(|part| part != "..");
            let fits = shape && within && (star || !path.ends_with('*'));
            (!fits).then(|| format!("`{path}` is no file of a bundle"))
        };
        let at = match &self.at {
            Moment::Asked(path) => file(path, true),
            Moment::PowerOn | Moment::Reached(_) => None,
        };
        let what = match &self.what {
            Trouble::Loss(percent) => (!(1..=100).contains(percent))
                .then(|| format!("{percent} % is not within 1 and 100")),
            Trouble::FileMissing(path) => file(path, true),
            Trouble::FileInstead { path, by } => file(path, false).or_else(|| file(by, false)),
            _ => None,
        };
        let never = self.seconds == Some(0);
        at.or(what)
            .or_else(|| never.then(|| "it would last no time".to_owned()))
    }

    /// Whether it drops packets.
    #[must_use]
    pub const fn drops(&self) -> Option<u32> {
        match self.what {
            Trouble::PortBlocked => Some(100),
            Trouble::Loss(percent) => Some(percent),
            _ => None,
        }
    }

    /// Whether it changes what TFTP serves.
    #[must_use]
    pub const fn changes_files(&self) -> bool {
        matches!(
            self.what,
            Trouble::FileMissing(_) | Trouble::FileInstead { .. }
        )
    }
}

/// Whether a path is the one that a fault names.
#[must_use]
pub fn names(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => path.starts_with(beginning),
        None => path == pattern,
    }
}

/// How it stands with a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Waits,
    /// Since when.
    On(f64),
    Over,
}

/// The faults of a scenario, and how it stands with each.
#[derive(Clone, Debug, Default)]
pub struct Plan(Vec<(Fault, State)>);

impl Plan {
    /// Those of a scenario, none of which has begun.
    #[must_use]
    pub fn new(faults: &[Fault]) -> Self {
        let faults = faults.iter().cloned();
        Self(faults.map(|fault| (fault, State::Waits)).collect())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is to be done now that this has happened; `reached` is how far the boot came.
    pub fn observe(&mut self, happening: &Happening, reached: Option<Stage>) -> Vec<Order> {
        let at = happening.at;
        let mut orders = Vec::new();
        for (number, (fault, state)) in self.0.iter_mut().enumerate() {
            let begins = *state == State::Waits && begins(&fault.at, &happening.what, reached);
            let over = due(fault, *state).is_some_and(|due| due <= at + ROUNDING);
            if begins || over {
                *state = if begins { State::On(at) } else { State::Over };
                orders.push(Order::Fault { number, on: begins });
            }
        }
        orders
    }

    /// When the next one is over, in seconds since QEMU's start.
    #[must_use]
    pub fn due(&self) -> Option<f64> {
        let dues = self
            .0
            .iter()
            .filter_map(|(fault, state)| due(fault, *state));
        dues.min_by(f64::total_cmp)
    }

    /// Those that never began: what they should have shown was not shown.
    #[must_use]
    pub fn unmet(&self) -> Vec<String> {
        let unmet = self.0.iter().filter(|(_, state)| *state == State::Waits);
        unmet.map(|(fault, _)| fault.sentence()).collect()
    }

    /// Those that began, and when.
    #[must_use]
    pub fn met(&self) -> Vec<String> {
        let met = self.0.iter().filter(|(_, state)| *state != State::Waits);
        met.map(|(fault, _)| format!("the lab's fault: {}", fault.sentence()))
            .collect()
    }
}

/// Times are rounded to a thousandth of a second.
const ROUNDING: f64 = 0.001;

fn due(fault: &Fault, state: State) -> Option<f64> {
    match (state, fault.seconds) {
        (State::On(since), Some(seconds)) => Some(since + f64::from(seconds)),
        _ => None,
    }
}

fn begins(at: &Moment, what: &What, reached: Option<Stage>) -> bool {
    match at {
        Moment::PowerOn => matches!(what, What::Started { .. }),
        Moment::Reached(stage) => reached >= Some(*stage),
        Moment::Asked(wanted) => {
            matches!(what, What::Asked { path } if names(wanted, path))
        }
    }
}

/// The nftables rules by which each of these taps loses packets, whatever was lost before; nothing is lost without any loss.
/// `nft -f -` is given them. Both directions, before the bridge sees a packet and after it has let it out.
/// <https://wiki.nftables.org/wiki-nftables/index.php/Nftables_families>
#[must_use]
pub fn rules(taps: &[String], losses: &[u32]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("add table {TABLE}\ndelete table {TABLE}\n");
    if losses.is_empty() {
        return text;
    }
    writeln!(text, "table {TABLE} {{").ok();
    for tap in taps {
        for hook in ["ingress", "egress"] {
            writeln!(text, "chain {tap}-{hook} {{").ok();
            writeln!(text, "type filter hook {hook} device \"{tap}\" priority 0;").ok();
            for loss in losses {
                let share = match loss {
                    100 => String::new(),
                    loss => format!("numgen random mod 100 < {loss} "),
                };
                writeln!(text, "{share}drop").ok();
            }
            text += "}\n";
        }
    }
    text + "}\n"
}

const TABLE: &str = "netdev lab";

#[cfg(test)]
mod tests {
    use super::super::happening::Network;
    use super::*;

    fn fault(text: &str) -> Fault {
        toml::from_str(text).unwrap()
    }

    fn happened(at: f64, what: What) -> Happening {
        Happening { at, what }
    }

    fn started() -> What {
        What::Started {
            wall: 0.0,
            network: Network::Lab,
            accel: String::new(),
        }
    }

    #[test]
    fn a_fault_begins_at_its_moment_and_is_over_after_its_time() {
        let texts = [
            "what = 'link-down'\nseconds = 30",
            "at = { reached = 'linux' }\nwhat = { loss = 20 }",
            "at = { asked = 'vmlinuz-*' }\nwhat = 'tftp-stop'\nseconds = 2",
        ];
        let mut plan = Plan::new(&texts.map(fault));
        let on = |number| Order::Fault { number, on: true };
        let off = |number| Order::Fault { number, on: false };
        assert_eq!(plan.observe(&happened(0.0, started()), None), [on(0)]);
        let asked = |path: &str| What::Asked { path: path.into() };
        assert_eq!(plan.observe(&happened(1.0, asked("x/vmlinuz-1")), None), []);
        assert_eq!(plan.unmet().len(), 2);
        let stage = Some(Stage::Kernel);
        assert_eq!(
            plan.observe(&happened(2.0, asked("vmlinuz-1")), stage),
            [on(2)]
        );
        assert_eq!(plan.due(), Some(4.0));
        assert_eq!(
            plan.observe(&happened(3.9996, What::Deadline), stage),
            [off(2)]
        );
        let stage = Some(Stage::Userspace);
        assert_eq!(plan.observe(&happened(9.0, What::Deadline), stage), [on(1)]);
        assert_eq!(plan.due(), Some(30.0));
        assert_eq!(
            plan.observe(&happened(31.0, What::Deadline), stage),
            [off(0)]
        );
        assert_eq!((plan.due(), plan.unmet().len()), (None, 0));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let bad = [
            "what = { loss = 0 }",
            "what = { loss = 101 }",
            "what = { file-missing = '../x' }",
            "what = { file-missing = '/etc/passwd' }",
            "what = { file-missing = '' }",
            "what = { file-instead = { path = 'a*', by = 'b' } }",
            "what = 'link-down'\nseconds = 0",
            "what = 'link-down'\nat = { asked = 'a/../../b' }",
        ];
        for text in bad {
            assert!(fault(text).problem().is_some(), "{text}");
        }
        let good = fault("what = { file-missing = 'pxelinux.cfg/*' }");
        assert_eq!(good.problem(), None);
    }

    #[test]
    fn packets_are_lost_in_both_directions_and_rules_replace_each_other() {
        let none = rules(&["tap0".into()], &[]);
        assert_eq!(none, "add table netdev lab\ndelete table netdev lab\n");
        let some = rules(&["tap0".into(), "tap1".into()], &[20]);
        assert!(some.starts_with(&none));
        assert_eq!(some.matches("numgen random mod 100 < 20 drop").count(), 4);
        assert!(some.contains("hook egress device \"tap1\""));
    }
}
