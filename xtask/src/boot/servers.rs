//! The lab's servers, running: dnsmasq for DHCP and TFTP, busybox's ntpd for the time. What they log goes to the lab's
//! loop line by line, and to files beside the record.

use std::io::{BufRead, BufReader, PipeReader};
use std::path::Path;
use std::sync::mpsc::Sender;
use std::thread;

use crate::failure::{Failure, Kind, Result};
use crate::tool::{Running, Stdio, Tool};

use super::dnsmasq;
use super::machine::Input;
use super::qemu::TFTP;
use super::wire::LabJob;

/// dnsmasq's name in happenings.
pub const DNSMASQ: &str = "dnsmasq";
/// The NTP server's name in happenings.
pub const NTPD: &str = "ntpd";

/// Starts the servers that the scenario asks for, in the folder `work`. They end when what is returned is dropped.
///
/// # Errors
/// When one cannot be started.
pub fn start(
    job: &LabJob,
    work: &Path,
    ipv6: bool,
    inputs: &Sender<Input>,
) -> Result<Vec<Running>> {
    let root = work.join(TFTP);
    let root = root.to_str().ok_or_else(|| {
        Failure::new(
            Kind::Host,
            format!("{} is not UTF-8: dnsmasq cannot serve it", root.display()),
        )
    })?;
    let configuration = dnsmasq::configuration(&job.scenario, &job.loader, root, ipv6);
    fs_err::write("dnsmasq.conf", configuration)?;
    let dnsmasq = Tool::new("dnsmasq").args(["--conf-file=dnsmasq.conf"]);
    let mut servers = vec![spawn(dnsmasq, DNSMASQ, work, inputs)?];
    if job.scenario.ntp {
        // In the foreground, as a server only: it tells the host's time.
        let ntpd = Tool::new("busybox").args(["ntpd", "-n", "-l"]);
        servers.push(spawn(ntpd, NTPD, work, inputs)?);
    }
    Ok(servers)
}

fn spawn(tool: Tool, name: &'static str, work: &Path, inputs: &Sender<Input>) -> Result<Running> {
    let (ours, theirs) = std::io::pipe()?;
    let stdio = Stdio {
        stderr: Some(theirs),
        ..Stdio::default()
    };
    let running = tool.folder(work).kind(Kind::Boot).spawn(stdio)?;
    let inputs = inputs.clone();
    thread::spawn(move || read_log(ours, name, &inputs));
    Ok(running)
}

fn read_log(log: PipeReader, name: &'static str, inputs: &Sender<Input>) {
    for line in BufReader::new(log)
        .split(b'\n')
        .map_while(std::result::Result::ok)
    {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if inputs.send(Input::Server(name, line)).is_err() {
            return;
        }
    }
    inputs.send(Input::ServerEnded(name)).ok();
}
