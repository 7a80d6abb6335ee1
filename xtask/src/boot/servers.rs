//! The lab's servers, running: dnsmasq for DHCP and TFTP, or a TFTP server of an installed system's, and `ntp`. What they log goes to the
//! lab's loop line by line.

use std::io::{BufRead, BufReader, PipeReader, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::failure::{Doing, Failure, Kind, Result};
use crate::tool::{Running, Stdio, Tool};

use super::dnsmasq::{self, Part};
use super::http;
use super::installed::{self, Installed, TftpServer};
use super::machine::Input;
use super::mailbox::Mailbox;
use super::network::ADDRESS;
use super::ntp;
use super::qemu::TFTP;
use super::transfers::PORT;
use super::wire::LabJob;

/// Its configuration, in the lab's folder.
const CONFIGURATION: &str = "dnsmasq.conf";
/// How long a TFTP server that is about to serve may take to answer before it is asked again.
const AGAIN: Duration = Duration::from_millis(50);

/// Starts the servers that the scenario asks for, in the folder `work`. They end at the latest with the lab.
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
    let part = match &job.installed {
        None => Part::All(root),
        Some(system) if system.server == TftpServer::Dnsmasq => Part::Addition,
        Some(_) => Part::Dhcp,
    };
    let configuration = dnsmasq::configuration(&job.scenario, &job.loader, part, ipv6);
    fs_err::write(CONFIGURATION, &configuration)?;
    if job.scenario.ntp {
        ntp::serve()?;
    }
    if job.installed.is_none() {
        files(root, inputs)?;
    }
    let own = Tool::new("dnsmasq").arg(format!("--conf-file={CONFIGURATION}"));
    let own = own.folder(work);
    let Some(system) = &job.installed else {
        return Ok(vec![run(own, "", "dnsmasq", inputs)?]);
    };
    let Some(tftpd) = system.tftpd()? else {
        let dnsmasq = inside(system, installed::DNSMASQ);
        return Ok(vec![run(dnsmasq, &configuration, "dnsmasq", inputs)?]);
    };
    let words: Vec<&str> = tftpd.iter().map(String::as_str).collect();
    let tftpd = inside(system, &words);
    Ok(vec![
        run(own, "", "dnsmasq", inputs)?,
        run(tftpd, "", system.server.package(), inputs)?,
    ])
}

/// Serves the folder by HTTP.
fn files(root: &str, inputs: &Sender<Input>) -> Result<()> {
    let listener =
        TcpListener::bind((ADDRESS, http::PORT)).doing(|| "cannot listen for HTTP".to_owned())?;
    let mailbox = Mailbox::new(inputs.clone());
    let inputs = Mutex::new(inputs.clone());
    let tell = move |path, end| {
        // A loop that is over wants to know nothing more.
        let inputs = inputs.lock().unwrap_or_else(PoisonError::into_inner);
        inputs.send(Input::Http(path, end)).ok();
    };
    http::serve(listener, Path::new(root), Box::new(mailbox), Box::new(tell))
}

fn inside(system: &Installed, words: &[&str]) -> Tool {
    Tool::new("chroot").arg(&system.root).args(words)
}

/// Starts a server that is given this on standard input.
fn run(tool: Tool, input: &str, name: &str, inputs: &Sender<Input>) -> Result<Running> {
    let (log, stderr) = std::io::pipe()?;
    let (stdin, mut theirs) = std::io::pipe()?;
    // It fits into what a pipe holds.
    theirs.write_all(input.as_bytes())?;
    let stdio = Stdio {
        stdin: Some(stdin),
        stderr: Some(stderr),
        ..Stdio::default()
    };
    let running = tool.kind(Kind::Boot).spawn(stdio)?;
    let (inputs, name) = (inputs.clone(), name.to_owned());
    thread::spawn(move || read_log(log, name, &inputs));
    Ok(running)
}

/// Asks the TFTP server of this network until it answers, whatever that is.
///
/// # Errors
/// When there is no socket for it.
pub fn ask(inputs: &Sender<Input>) -> Result<()> {
    let socket = UdpSocket::bind((ADDRESS, 0))?;
    socket.set_read_timeout(Some(AGAIN))?;
    let inputs = inputs.clone();
    thread::spawn(move || {
        loop {
            // Refused while nobody listens, which is no other answer than none.
            socket.send_to(b"\0\x01.\0octet\0", (ADDRESS, PORT)).ok();
            if socket.recv_from(&mut [0; 600]).is_ok() {
                return inputs.send(Input::Answered);
            }
        }
    });
    Ok(())
}

fn read_log(log: PipeReader, name: String, inputs: &Sender<Input>) {
    for line in BufReader::new(log)
        .split(b'\n')
        .map_while(std::result::Result::ok)
    {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if inputs.send(Input::Server(line)).is_err() {
            return;
        }
    }
    inputs.send(Input::ServerEnded(name)).ok();
}
