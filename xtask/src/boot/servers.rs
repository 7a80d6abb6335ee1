//! The lab's servers, running: dnsmasq for DHCP and TFTP, and `ntp`. What dnsmasq logs goes to the lab's loop line by line.

use std::io::{BufRead, BufReader, PipeReader};
use std::path::Path;
use std::sync::mpsc::Sender;
use std::thread;

use crate::failure::{Failure, Kind, Result};
use crate::tool::{Running, Stdio, Tool};

use super::dnsmasq;
use super::machine::Input;
use super::ntp;
use super::qemu::TFTP;
use super::wire::LabJob;

/// Starts the servers that the scenario asks for, in the folder `work`. They end at the latest with the lab.
///
/// # Errors
/// When one cannot be started.
pub fn start(job: &LabJob, work: &Path, ipv6: bool, inputs: &Sender<Input>) -> Result<Running> {
    let root = work.join(TFTP);
    let root = root.to_str().ok_or_else(|| {
        Failure::new(
            Kind::Host,
            format!("{} is not UTF-8: dnsmasq cannot serve it", root.display()),
        )
    })?;
    let configuration = dnsmasq::configuration(&job.scenario, &job.loader, root, ipv6);
    fs_err::write("dnsmasq.conf", configuration)?;
    if job.scenario.ntp {
        ntp::serve()?;
    }
    let (ours, theirs) = std::io::pipe()?;
    let stdio = Stdio {
        stderr: Some(theirs),
        ..Stdio::default()
    };
    let dnsmasq = Tool::new("dnsmasq")
        .arg("--conf-file=dnsmasq.conf")
        .folder(work)
        .kind(Kind::Boot);
    let running = dnsmasq.spawn(stdio)?;
    let inputs = inputs.clone();
    thread::spawn(move || read_log(ours, &inputs));
    Ok(running)
}

fn read_log(log: PipeReader, inputs: &Sender<Input>) {
    for line in BufReader::new(log)
        .split(b'\n')
        .map_while(std::result::Result::ok)
    {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if inputs.send(Input::Server(line)).is_err() {
            return;
        }
    }
    inputs.send(Input::ServerEnded).ok();
}
