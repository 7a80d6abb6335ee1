//! The outside of a boot: makes the folder, starts the lab, hears what it reports, judges it, keeps the record.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

use serde::Serialize;

use crate::arch::Arch;
use crate::event::{Event, Listen};
use crate::failure::{Doing, Failure, Kind, Result};
use crate::needs;
use crate::tool::{self, Running, Stdio, Tool};

use super::accel;
use super::checks;
use super::farm;
use super::fault::Fault;
use super::happening::{Happening, Network, What};
use super::inject::NFT;
use super::installed::Installed;
use super::judge::Judge;
use super::platform::Platform;
use super::qemu::TFTP;
use super::record::{self, Workshop};
use super::retry::{Hardware, Retry};
use super::scenario::Scenario;
use super::state::State;
use super::timeline::Timeline;
use super::verdict::Verdict;
use super::wire::{self, JOB, LabJob, Mode, Report};

/// A boot to be made.
#[derive(Clone, Debug)]
pub struct Job {
    /// The folder that TFTP serves.
    pub bundle: PathBuf,
    /// The architecture of the machines it is for.
    pub arch: Arch,
    /// The boot file in it; for U-Boot only its folder counts, and there need not be such a file.
    pub loader: String,
    /// What boots and what is expected of it.
    pub scenario: Scenario,
    /// The folder that the record is kept in; replaced as a whole.
    pub record: PathBuf,
    /// Our own program, whose verb `lab` is the inside of a lab.
    pub xtask: PathBuf,
    /// The cache folder: whether KVM is any good is remembered there.
    pub cache: PathBuf,
    /// The network to use; otherwise the lab's, or QEMU's own where the host does not allow that.
    pub network: Option<Network>,
    /// The system whose own TFTP server serves the folder, in place of the lab's; then the network is the lab's.
    pub installed: Option<Installed>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// The state that it came to, if it came to one.
    pub state: Option<State>,
    /// The attempts before this one, which did not pass, in order.
    pub before: Vec<Attempt>,
    /// When the boot was how far.
    pub timeline: Timeline,
    /// What the lab had let go wrong.
    pub faults: Vec<String>,
    /// Where the record is.
    pub record: PathBuf,
}

/// An attempt that did not pass, and was made again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    /// The verdict.
    pub verdict: Verdict,
    /// The state that it came to, if it came to one.
    pub state: Option<State>,
    /// Where its record is: beside the last one's, with a tilde and a number behind the name, which no scenario's name can have.
    pub record: PathBuf,
}

impl Outcome {
    /// Whether it passed, but not the first time.
    #[must_use]
    pub fn flaky(&self) -> bool {
        self.verdict.passed() && !self.before.is_empty()
    }

    /// Nothing when it passed, else the failure that it is; `scenario` is named in it.
    ///
    /// # Errors
    /// [`Kind::Boot`], unless it passed.
    pub fn into_result(self, scenario: &str) -> Result<()> {
        let faults = self.faults;
        let result = self.verdict.into_result(scenario, &self.record);
        result.map_err(|failure| faults.into_iter().fold(failure, Failure::note))
    }
}

/// Boots and judges, again where the scenario says so. A boot that fails is an outcome, not a failure.
///
/// # Errors
/// When the boot could not be made: a bad scenario, missing programs, a host that refuses.
pub fn run(job: &Job, listen: &dyn Listen) -> Result<Outcome> {
    record::forget_attempts(&job.record)?;
    let mut before = Vec::new();
    loop {
        let outcome = attempt(job, listen)?;
        let made = before.len() as u32 + 1;
        let again = |retry: &Retry| retry.again(Hardware::Virtual, made, &outcome.verdict);
        if !job.scenario.retry.as_ref().is_some_and(again) {
            return Ok(Outcome { before, ..outcome });
        }
        let record = record::set_aside(&job.record, made)?;
        let (name, sentence) = (&job.scenario.name, outcome.verdict.sentence());
        listen.hear(Event::Warning(format!(
            "{name}: attempt {made} did not pass, and is made again: {sentence}"
        )));
        before.push(Attempt {
            verdict: outcome.verdict,
            state: outcome.state,
            record,
        });
    }
}

fn attempt(job: &Job, listen: &dyn Listen) -> Result<Outcome> {
    let begun = Instant::now();
    let limit = limit(&job.scenario)?;
    let scenario = prepared(job)?;
    let judge = Judge::new(&scenario, limit)?;
    let step = format!("boot {}", job.scenario.name);
    let title = format!("boot {} in QEMU", job.scenario.name);
    listen.hear(Event::Started {
        step: step.clone(),
        title,
        log: None,
    });
    let workshop = Workshop::open(&job.record)?;
    link_bundle(job, workshop.path())?;
    let accel = accel::choose(job.arch, &job.cache, listen)?;
    let mut hearing = Hearing {
        scenario: &scenario,
        judge,
        happenings: Vec::new(),
        step: step.clone(),
        listen,
    };
    let lab_job = |network| LabJob {
        arch: job.arch,
        scenario: scenario.clone(),
        limit,
        loader: job.loader.clone(),
        network,
        accel: accel.clone(),
        mode: Mode::Boot,
        installed: job.installed.clone(),
    };
    let wish = job.installed.as_ref().map(|_| Network::Lab).or(job.network);
    in_some_network(wish, listen, |network| {
        hearing.lab(job, workshop.path(), &lab_job(network))
    })?;
    let Some(verdict) = hearing.judge.verdict().cloned() else {
        return Err(Failure::bug("the lab ended without a verdict").note(log_tail(workshop.path())));
    };
    let timeline = hearing.judge.timeline().clone();
    record::write(
        workshop.path(),
        &scenario,
        &hearing.happenings,
        &timeline,
        &verdict,
        hearing.judge.state(),
    )?;
    let record = workshop.publish(&job.record)?;
    listen.hear(Event::Finished {
        step,
        took: begun.elapsed(),
    });
    Ok(Outcome {
        verdict,
        state: hearing.judge.state().cloned(),
        before: Vec::new(),
        timeline,
        faults: hearing.judge.faults(),
        record,
    })
}

/// The scenario with the machine that the bundle is booted in, once it is known that it can be.
///
/// # Errors
/// [`Kind::Recipe`] when the scenario asks for a machine that cannot boot it, [`Kind::Usage`] when there is none,
/// [`Kind::Missing`] when the host does not have its firmware.
pub(super) fn prepared(job: &Job) -> Result<Scenario> {
    if let Some(problem) = job.scenario.misfits(job.arch).first() {
        let (name, field) = (&job.scenario.name, problem.field);
        let what = format!("scenario {name}: {field}: {}", problem.message);
        return Err(Failure::new(Kind::Recipe, what));
    }
    Platform::of(job.arch, job.scenario.route(job.arch))?.require()?;
    let (network, faults) = (&job.scenario.network, &job.scenario.fault);
    if faults.iter().any(|fault| fault.drops().is_some()) && needs::find(NFT).is_none() {
        return Err(needs::missing(NFT));
    }
    let elsewhere = !network.hosts().is_empty() || faults.iter().any(Fault::changes_files);
    if job.installed.is_some() && elsewhere {
        let what = "other servers, and faults of files, are not to be had with an installed server";
        return Err(Failure::new(Kind::Usage, what));
    }
    Ok(job.scenario.clone().on(job.arch))
}

/// Sees whether this host allows the lab's network.
///
/// # Errors
/// [`Kind::Host`] with the reason when it does not; [`Kind::Missing`] when a program for it is missing.
pub fn probe(xtask: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let job = LabJob {
        arch: Arch::Amd64,
        scenario: Scenario::named("probe"),
        limit: 0.0,
        loader: String::new(),
        network: Network::Lab,
        accel: String::new(),
        mode: Mode::Probe,
        installed: None,
    };
    let (lab, _alive, reports) = start_lab(xtask, folder.path(), &job)?;
    let line = BufReader::new(reports).lines().next().transpose()?;
    lab.wait()?;
    tool::check_interrupt()?;
    let why = match line.map(|line| wire::parse(&line)).transpose()? {
        Some(Report::NetworkReady) => return Ok(()),
        Some(Report::NoNetwork(why)) => why,
        Some(Report::Failed(failure)) => return Err(failure.into()),
        Some(_) | None => log_tail(folder.path()),
    };
    Err(Failure::new(Kind::Host, REFUSAL).note(why))
}

/// Seconds that each boot of a scenario may take on this host.
///
/// # Errors
/// [`Kind::Usage`] when `CORDWAINER_TIMEOUT_FACTOR` is not a number above 0.
fn limit(scenario: &Scenario) -> Result<f64> {
    let name = "CORDWAINER_TIMEOUT_FACTOR";
    let factor = std::env::var(name).map_or(Some(1.0), |text| text.parse().ok());
    let factor = factor.filter(|factor: &f64| factor.is_finite() && *factor > 0.0);
    let factor = factor
        .ok_or_else(|| Failure::new(Kind::Usage, format!("{name} must be a number above 0")))?;
    Ok(f64::from(scenario.timeout) * factor)
}

/// Makes what TFTP serves known in the lab's folder.
///
/// # Errors
/// [`Kind::Usage`] when the bundle has no such boot file.
pub(super) fn link_bundle(job: &Job, work: &Path) -> Result<()> {
    let bundle = fs_err::canonicalize(&job.bundle)?;
    if !Platform::of(job.arch, job.scenario.route(job.arch))?.boots(&bundle, &job.loader) {
        let (folder, what) = (
            job.bundle.display(),
            match job.loader.as_str() {
                "" => "no folder pxelinux.cfg".to_owned(),
                loader => format!("no boot file {loader}"),
            },
        );
        return Err(Failure::new(Kind::Usage, format!("{folder} has {what}")));
    }
    if job.scenario.fault.iter().any(Fault::changes_files) {
        return farm::plant(&bundle, &work.join(TFTP));
    }
    Ok(fs_err::os::unix::fs::symlink(bundle, work.join(TFTP))?)
}

const REFUSAL: &str = "this host does not allow the lab's network";

/// Why this host does not allow the lab's network, once that is known.
static REFUSED: OnceLock<String> = OnceLock::new();

/// Runs `lab` in the wanted network; without a wish, in the lab's, and where the host refuses that, in QEMU's own, which is
/// said once. `lab` returns why it was refused.
///
/// # Errors
/// Those of `lab`, and [`Kind::Host`] when the lab's network was wished for and is refused.
pub(super) fn in_some_network(
    wish: Option<Network>,
    listen: &dyn Listen,
    mut lab: impl FnMut(Network) -> Result<Option<String>>,
) -> Result<()> {
    if wish != Some(Network::User) && REFUSED.get().is_none() {
        let Some(why) = lab(Network::Lab)? else {
            return Ok(());
        };
        if wish == Some(Network::Lab) {
            return Err(Failure::new(Kind::Host, REFUSAL).note(why));
        }
        let first = REFUSED.set(why.clone()).is_ok();
        if first {
            listen.hear(Event::Note(format!(
                "QEMU's own network is used, which is slower and shows neither DHCP nor TFTP: this host does not allow the lab's ({why})"
            )));
        }
    }
    match lab(Network::User)? {
        None => Ok(()),
        Some(why) => Err(Failure::bug("QEMU's own network was refused").note(why)),
    }
}

/// Starts a lab in its folder; returns it with the pipe that holds it alive and the pipe it reports on.
///
/// # Errors
/// When it cannot be started.
pub(super) fn start_lab(
    xtask: &Path,
    work: &Path,
    job: &LabJob,
) -> Result<(Running, std::io::PipeWriter, std::io::PipeReader)> {
    let path = work.join(JOB);
    let text = serde_json::to_vec(job).map_err(|error| Failure::bug(error.to_string()))?;
    fs_err::write(&path, text)?;
    // Killed with us, each by the one before: setpriv, which becomes unshare; its child, the first process of a process
    // namespace; and with that one all others.
    let user: &[&str] = match job.installed {
        None => &["--user", "--map-root-user"],
        Some(_) => &[],
    };
    let namespaces: Vec<&str> = match job.network {
        Network::Lab => [
            &["unshare"],
            user,
            &["--net", "--pid", "--fork", "--kill-child", "--"],
        ]
        .concat(),
        Network::User => Vec::new(),
    };
    let (stdin, alive) = std::io::pipe()?;
    let (reports, stdout) = std::io::pipe()?;
    let lab = Tool::new("setpriv")
        .args(["--pdeathsig", "KILL", "--no-new-privs", "--"])
        .args(namespaces)
        .arg(xtask)
        .arg("lab")
        .arg(&path)
        .pass("CORDWAINER_PATH")
        .folder(work)
        .log(work.join("lab.log"))
        .kind(Kind::Boot)
        .spawn(Stdio {
            stdin: Some(stdin),
            stdout: Some(stdout),
            ..Stdio::default()
        })?;
    Ok((lab, alive, reports))
}

/// What the lab's own standard error ends with.
#[must_use]
pub(super) fn log_tail(work: &Path) -> String {
    let text = fs_err::read(work.join("lab.log")).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().last().unwrap_or("it said nothing").to_owned()
}

/// Hears what a lab reports.
struct Hearing<'a> {
    scenario: &'a Scenario,
    judge: Judge,
    happenings: Vec<Happening>,
    step: String,
    listen: &'a dyn Listen,
}

impl Hearing<'_> {
    /// One lab from its start to its end; returns why the host refuses its network, if it does.
    fn lab(&mut self, job: &Job, work: &Path, lab_job: &LabJob) -> Result<Option<String>> {
        let (lab, alive, reports) = start_lab(&job.xtask, work, lab_job)?;
        let mut began = false;
        for line in BufReader::new(reports).lines() {
            let line = line.doing(|| "cannot hear the lab".to_owned())?;
            match wire::parse(&line)? {
                Report::NetworkReady => began = true,
                Report::NoNetwork(why) => return Ok(Some(why)),
                Report::Command(command) => fs_err::write(work.join("command"), command + "\n")?,
                Report::Happened(happening) => self.hear(happening),
                Report::Failed(failure) => return Err(failure.into()),
            }
        }
        drop(alive);
        lab.wait()?;
        tool::check_interrupt()?;
        // Where the namespaces themselves are refused, the lab never comes to speak.
        Ok((!began).then(|| log_tail(work)))
    }

    fn hear(&mut self, happening: Happening) {
        let line = match &happening.what {
            What::Line { text, .. } => Some(text.clone()),
            What::Tftp { path, .. } => Some(format!("TFTP: {path}")),
            What::Http { path, .. } => Some(format!("HTTP: {path}")),
            What::Lease { ip, .. } => Some(format!("DHCP: {ip}")),
            _ => None,
        };
        if let Some(line) = line {
            let line = format!("{:.2} s: {line}", happening.at);
            self.listen.hear(Event::Progress {
                step: self.step.clone(),
                line,
            });
        }
        if let What::Started { network, .. } = happening.what {
            let unseen = checks::not_to_be_seen(self.scenario, network);
            if !unseen.is_empty() {
                let fields = unseen.join(", ");
                let what = format!(
                    "{}: not checked in QEMU's own network: {fields}",
                    self.scenario.name
                );
                self.listen.hear(Event::Warning(what));
            }
        }
        self.judge.observe(&happening);
        self.happenings.push(happening);
    }
}
