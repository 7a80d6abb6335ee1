//! The inside of a lab: a process of its own in user, network and process namespaces of its own, so that all it starts
//! dies with it and nothing it does is seen outside. Its working folder is the lab's own; files are named relative to it.

use std::io::Read;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Kind, Result};
use crate::tool;

use super::disk;
use super::dnsmasq::{self, Entry};
use super::efi::{self, Efi};
use super::fault::{Fault, Moment};
use super::happening::Network;
use super::highbank;
use super::inject::{self, Injector};
use super::machine::{Input, Machine};
use super::network;
use super::openfirmware;
use super::platform::{Firmware, Platform};
use super::qemu;
use super::scenario::Disk;
use super::serve;
use super::servers::{self, Servers};
use super::shell;
use super::transfers;
use super::uboot;
use super::watch::Watch;
use super::wire::{self, LabJob, Mode, Report, WireFailure};

/// How long dnsmasq may take until it serves.
const SERVING: Duration = Duration::from_secs(10);

/// The whole life of a lab. `job` is the job's file; its folder is the lab's.
///
/// # Errors
/// What went wrong, after it was reported.
pub fn main(job: &Path) -> Result<()> {
    if job.ends_with(serve::JOB) {
        return serve::inside(job);
    }
    let work = job.parent().unwrap_or(Path::new("."));
    std::env::set_current_dir(work)?;
    let job: LabJob = serde_json::from_slice(&fs_err::read(job)?)
        .map_err(|error| Failure::bug(format!("the lab cannot read its job: {error}")))?;
    let lived = live(&job, work);
    if let Err(failure) = &lived {
        report(&job, &Report::Failed(WireFailure::from(failure)))?;
    }
    lived
}

fn live(job: &LabJob, work: &Path) -> Result<()> {
    let ipv6 = Path::new("/proc/sys/net/ipv6").exists();
    if job.network == Network::Lab
        && let Err(failure) = network_up(job, ipv6)
    {
        return report(job, &Report::NoNetwork(why(&failure)));
    }
    report(job, &Report::NetworkReady)?;
    if job.mode == Mode::Probe {
        return Ok(());
    }
    let platform = Platform::of(job.arch, job.scenario.route(job.arch))?;
    prepare(job, platform)?;
    let (sender, inputs) = mpsc::channel();
    let keyboard = sender.clone();
    thread::spawn(move || read_input(&keyboard));
    let servers = match job.network {
        Network::Lab => serve(job, work, ipv6, &sender, &inputs)?,
        Network::User => Servers::none(&sender),
    };
    let (scenario, accel) = (&job.scenario, &job.accel);
    let arguments = qemu::arguments(platform, scenario, accel, job.network, &job.loader);
    let started = Instant::now();
    let tool = Machine::tool(platform.program, &arguments).folder(work);
    let mut machine = Machine::start(tool, &sender)?;
    inject::unplug(scenario, &mut machine)?;
    if job.mode == Mode::Shell {
        return shell::relay(machine, &inputs);
    }
    let words = [platform.program.to_owned()].into_iter().chain(arguments);
    let words: Vec<String> = words.map(tool::quote).collect();
    wire::send(&Report::Command(words.join(" ")))?;
    let injector = Injector::new(scenario, servers);
    Watch::new(job, machine, injector, started)?.run(&inputs)
}

/// In a shell, standard output is the console: there the report is left in a file.
fn report(job: &LabJob, report: &Report) -> Result<()> {
    match job.mode {
        Mode::Shell => Ok(fs_err::write(wire::REPORT, wire::line(report)?)?),
        Mode::Boot | Mode::Probe => wire::send(report),
    }
}

fn network_up(job: &LabJob, ipv6: bool) -> Result<()> {
    let scenario = &job.scenario;
    network::commands(network::script(scenario.nics, &scenario.network, ipv6))
}

fn why(failure: &Failure) -> String {
    let tail = failure.tool.as_ref().map(|end| end.tail.join("; "));
    tail.filter(|tail| !tail.is_empty())
        .unwrap_or_else(|| failure.what.clone())
}

/// The files that QEMU wants to find.
fn prepare(job: &LabJob, platform: &Platform) -> Result<()> {
    let disk = match platform.firmware {
        Firmware::Bios => {
            fs_err::write(qemu::SCREEN_PORT_FILE, qemu::SCREEN_PORT)?;
            disk::boot_sector().to_vec()
        }
        Firmware::UBoot(_) => {
            let flash = uboot::flash(&uboot::environment(&job.scenario));
            medium(uboot::FLASH, &flash, uboot::FLASH_SIZE)?;
            uboot::disk(job.arch)
        }
        Firmware::Efi(efi) => {
            let flash = efi.flash(&job.scenario, Path::new(qemu::TFTP))?;
            fs_err::write(efi::FLASH, flash)?;
            Efi::disk(job.arch)
        }
        Firmware::OpenFirmware => openfirmware::disk(),
        Firmware::Highbank => return highbank::prepare(&job.scenario),
    };
    match job.scenario.disk {
        Disk::None => Ok(()),
        Disk::Bootable => medium(qemu::DISK, &disk, disk::SIZE),
    }
}

/// A file of this size that begins with these bytes, and is empty otherwise.
fn medium(path: &str, beginning: &[u8], size: u64) -> Result<()> {
    fs_err::write(path, beginning)?;
    let file = fs_err::OpenOptions::new().write(true).open(path)?;
    Ok(file.set_len(size)?)
}

/// Starts the servers and waits until they serve. What they say meanwhile is kept in a log.
fn serve(
    job: &LabJob,
    work: &Path,
    ipv6: bool,
    sender: &Sender<Input>,
    inputs: &Receiver<Input>,
) -> Result<Servers> {
    let servers = Servers::start(job, work, ipv6, sender)?;
    let until = Instant::now() + SERVING;
    let (mut silent, mut tftp) = (servers.loud(), job.installed.is_none());
    if !tftp {
        servers::ask(sender)?;
    }
    let mut said = Vec::new();
    while !(silent == 0 && tftp) {
        let left = until.saturating_duration_since(Instant::now());
        match inputs.recv_timeout(left) {
            Ok(Input::Server(line) | Input::Rogue(line)) => {
                silent -= usize::from(dnsmasq::parse(&line) == Some(Entry::Serving));
                said.push(line);
            }
            Ok(Input::Answered) => tftp = true,
            Ok(Input::Orphaned) => return Err(tool::interruption()),
            Ok(Input::ServerEnded(_)) | Err(_) => {
                let failure = Failure::new(Kind::Host, "the lab's servers do not start");
                return Err(said.iter().fold(failure, Failure::note));
            }
            Ok(_) => {}
        }
    }
    let asked = |fault: &Fault| matches!(fault.at, Moment::Asked(_));
    if job.installed.is_some() || job.scenario.fault.iter().any(asked) {
        transfers::watch(job.installed.is_some(), sender)?;
    }
    fs_err::write("dnsmasq.log", said.join("\n") + "\n")?;
    Ok(servers)
}

/// Standard input is the life line to whoever started the lab: when it ends, so does the lab.
fn read_input(inputs: &Sender<Input>) {
    let mut stdin = std::io::stdin().lock();
    let mut buffer = [0; 256];
    while let Some(count) = stdin.read(&mut buffer).ok().filter(|&count| count > 0) {
        if inputs.send(Input::Typed(buffer[..count].to_vec())).is_err() {
            return;
        }
    }
    inputs.send(Input::Orphaned).ok();
}
