//! What goes between the two sides of a boot: the outer side, which was called, and the lab, a process of its own inside
//! its namespaces. One job goes in as a file; reports come out, one JSON object a line.

use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result, ToolEnd};

use super::happening::{Happening, Network};
use super::installed::Installed;
use super::scenario::Scenario;

/// The job's file, in the folder that the lab runs in.
pub const JOB: &str = "job.json";

/// In a shell, the file with the lab's last report.
pub const REPORT: &str = "report.json";

/// What the lab is to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabJob {
    /// The bundle's architecture.
    pub arch: Arch,
    /// The scenario.
    pub scenario: Scenario,
    /// Seconds that each boot may take.
    pub limit: f64,
    /// The boot file, relative to what TFTP serves.
    pub loader: String,
    /// The network to use.
    pub network: Network,
    /// QEMU's word for the accelerator.
    pub accel: String,
    /// What for.
    pub mode: Mode,
    /// The system whose own TFTP server serves, in place of the lab's.
    pub installed: Option<Installed>,
}

/// What a lab is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A boot to be judged: reports on standard output.
    Boot,
    /// A boot to be used: the console on standard input and output.
    Shell,
    /// Only to see whether the network can be made.
    Probe,
}

/// What the lab reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// The network is there.
    NetworkReady,
    /// This host does not allow the lab's network; why.
    NoNetwork(String),
    /// QEMU's command line.
    Command(String),
    /// Something happened.
    Happened(Happening),
    /// The lab itself failed.
    Failed(WireFailure),
}

/// A failure on its way between processes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireFailure {
    kind: String,
    what: String,
    notes: Vec<String>,
    hint: Option<String>,
    tool: Option<[String; 3]>,
}

impl From<&Failure> for WireFailure {
    fn from(failure: &Failure) -> Self {
        let tool = failure.tool.as_ref();
        Self {
            kind: failure.kind.name().to_owned(),
            what: failure.what.clone(),
            notes: failure.notes.clone(),
            hint: failure.hint.clone(),
            tool: tool.map(|end| [end.end.clone(), end.tail.join("\n"), end.paste.clone()]),
        }
    }
}

impl From<WireFailure> for Failure {
    fn from(wire: WireFailure) -> Self {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == wire.kind);
        let mut failure = Self::new(kind.unwrap_or(Kind::Bug), wire.what);
        failure.notes = wire.notes;
        failure.hint = wire.hint;
        failure.tool = wire.tool.map(|[end, tail, paste]| ToolEnd {
            end,
            tail: tail.lines().map(str::to_owned).collect(),
            log: None,
            paste,
        });
        failure
    }
}

/// Writes one report to standard output, for the outer side to read at once.
///
/// # Errors
/// When nobody reads it any more.
pub fn send(report: &Report) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(line(report)?.as_bytes())?;
    Ok(stdout.flush()?)
}

/// A report as a line.
///
/// # Errors
/// When it cannot be written as JSON, which is a bug.
pub fn line(report: &Report) -> Result<String> {
    let text = serde_json::to_string(report).map_err(|error| Failure::bug(error.to_string()))?;
    Ok(text + "\n")
}

/// Reads a line.
///
/// # Errors
/// When it is no report, which is a bug.
pub fn parse(line: &str) -> Result<Report> {
    serde_json::from_str(line).map_err(|error| {
        Failure::bug(format!("the lab does not speak clearly: {error}")).note(line)
    })
}

#[cfg(test)]
mod tests {
    use super::super::happening::What;
    use super::*;

    #[test]
    fn a_failure_survives_the_way() {
        let tool = ToolEnd {
            end: "exit status 1".into(),
            tail: vec!["a".into(), "b".into()],
            ..ToolEnd::default()
        };
        let failure = Failure::new(Kind::Missing, "x")
            .note("n")
            .hint("h")
            .tool(tool);
        let json = serde_json::to_string(&Report::Failed((&failure).into())).unwrap();
        let Report::Failed(wire) = serde_json::from_str(&json).unwrap() else {
            panic!("{json}")
        };
        let back = Failure::from(wire);
        assert_eq!(
            (back.kind, back.what.as_str(), back.notes.len()),
            (Kind::Missing, "x", 1)
        );
        assert_eq!(back.tool.as_ref().unwrap().tail, ["a", "b"]);
    }

    #[test]
    fn reports_are_lines() {
        let report = Report::Happened(Happening {
            at: 0.5,
            what: What::Rtc { time: 7 },
        });
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(json, r#"{"happened":{"at":0.5,"what":"rtc","time":7}}"#);
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }
}
