//! The lab's servers, running: dnsmasq for DHCP and TFTP, or a TFTP server of an installed system's, and `ntp`. What they log goes to the
//! lab's loop line by line.

use std::io::{BufRead, BufReader, PipeReader, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::failure::{Doing, Failure, Kind, Result};
use crate::tool::{Running, Stdio, Tool};

use super::dnsmasq::{self, Part};
use super::fault::{Fault, Trouble};
use super::http;
use super::installed::{self, Installed, TftpServer};
use super::machine::Input;
use super::mailbox::Mailbox;
use super::namespace::Namespace;
use super::network::{self, ADDRESS};
use super::ntp;
use super::qemu::TFTP;
use super::topology::{self, Serves};
use super::transfers::PORT;
use super::wire::LabJob;

/// Its configuration, in the lab's folder.
const CONFIGURATION: &str = "dnsmasq.conf";
/// The program.
const DNSMASQ: &str = "dnsmasq";
/// How long a TFTP server that is about to serve may take to answer before it is asked again.
const AGAIN: Duration = Duration::from_millis(50);

/// One server, which may be stopped and started again.
struct Server {
    tool: Tool,
    input: String,
    name: String,
    /// DHCP, TFTP.
    serves: (bool, bool),
    /// Where it runs, and whether it is one that nobody wants.
    host: Option<(Arc<Namespace>, bool)>,
    running: Option<Up>,
}

/// A server that runs, and whether it is meant to end.
struct Up {
    process: Running,
    stopped: Arc<AtomicBool>,
}

/// The servers of a lab. They end at the latest with the lab.
pub struct Servers {
    all: Vec<Server>,
    inputs: Sender<Input>,
}

/// Which servers are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those that serve DHCP.
    Dhcp,
    /// Those that serve TFTP.
    Tftp,
}

impl Servers {
    /// None.
    #[must_use]
    pub fn none(inputs: &Sender<Input>) -> Self {
        Self {
            all: Vec::new(),
            inputs: inputs.clone(),
        }
    }

    /// Starts the servers that the scenario asks for, in the folder `work`.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn start(job: &LabJob, work: &Path, ipv6: bool, inputs: &Sender<Input>) -> Result<Self> {
        let root = work.join(TFTP);
        let root = root.to_str().ok_or_else(|| {
            Failure::new(
                Kind::Host,
                format!("{} is not UTF-8: dnsmasq cannot serve it", root.display()),
            )
        })?;
        if job.scenario.ntp {
            ntp::serve()?;
        }
        if job.installed.is_none() {
            files(root, inputs)?;
        }
        let mut servers = Self {
            all: match &job.installed {
                None => ours(job, work, root, ipv6)?,
                Some(system) => installed(job, work, system, ipv6)?,
            },
            inputs: inputs.clone(),
        };
        servers.all.extend(hosts(job, work, root)?);
        servers.set(Which::All, true)?;
        Ok(servers)
    }

    /// How many say in their log when they serve.
    #[must_use]
    pub fn loud(&self) -> usize {
        let loud = self.all.iter().filter(|server| server.name == DNSMASQ);
        loud.count()
    }

    /// Stops servers, or starts them again. Nobody's rogue goes on.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn set(&mut self, which: Which, on: bool) -> Result<()> {
        for server in &mut self.all {
            let rogue = matches!(server.host, Some((_, true)));
            let meant = match which {
                Which::All => true,
                Which::Dhcp => server.serves.0,
                Which::Tftp => server.serves.1,
            };
            match (meant, on) {
                (true, true) if server.running.is_none() => {
                    server.running = Some(server.run(&self.inputs)?);
                }
                (true, false) if !rogue => server.stop(),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Server {
    fn new(tool: Tool, name: &str, serves: (bool, bool)) -> Self {
        Self {
            tool,
            input: String::new(),
            name: name.to_owned(),
            serves,
            host: None,
            running: None,
        }
    }

    fn stop(&mut self) {
        if let Some(up) = self.running.take() {
            up.stopped.store(true, Ordering::Relaxed);
            drop(up.process);
        }
    }

    fn run(&self, inputs: &Sender<Input>) -> Result<Up> {
        let (read, stderr) = std::io::pipe()?;
        let (stdin, mut theirs) = std::io::pipe()?;
        // It fits into what a pipe holds.
        theirs.write_all(self.input.as_bytes())?;
        let stdio = Stdio {
            stdin: Some(stdin),
            stderr: Some(stderr),
            ..Stdio::default()
        };
        let tool = self.tool.clone().kind(Kind::Boot);
        let process = match &self.host {
            None => tool.spawn(stdio),
            Some((namespace, _)) => namespace.inside(|| tool.spawn(stdio)),
        }?;
        let stopped = Arc::new(AtomicBool::new(false));
        let log = Log {
            name: self.name.clone(),
            rogue: matches!(self.host, Some((_, true))),
            stopped: Arc::clone(&stopped),
            inputs: inputs.clone(),
        };
        thread::spawn(move || log.read(read));
        Ok(Up { process, stopped })
    }
}

/// What this lab itself serves: DHCP and TFTP by one program, unless one of them is to end without the other.
fn ours(job: &LabJob, work: &Path, root: &str, ipv6: bool) -> Result<Vec<Server>> {
    let scenario = &job.scenario;
    let single = |fault: &Fault| matches!(fault.what, Trouble::DhcpStop | Trouble::TftpStop);
    let parts = match scenario.network.servers {
        topology::Servers::Apart | topology::Servers::Proxy => vec![Part::Dhcp],
        topology::Servers::Together if scenario.fault.iter().any(single) => {
            vec![Part::Dhcp, Part::Tftp(root)]
        }
        topology::Servers::Together => vec![Part::All(root)],
    };
    let server = |part: Part<'_>| {
        let configuration = dnsmasq::configuration(scenario, job.arch, &job.loader, part, ipv6);
        let file = match part {
            Part::Tftp(_) => "dnsmasq.tftp.conf",
            Part::All(_) | Part::Dhcp | Part::Addition => CONFIGURATION,
        };
        let serves = (
            !matches!(part, Part::Tftp(_)),
            matches!(part, Part::Tftp(_) | Part::All(_)),
        );
        dnsmasq(work, file, &configuration, serves)
    };
    parts.into_iter().map(server).collect()
}

fn dnsmasq(work: &Path, file: &str, configuration: &str, serves: (bool, bool)) -> Result<Server> {
    fs_err::write(work.join(file), configuration)?;
    let tool = Tool::new(DNSMASQ).arg(format!("--conf-file={file}"));
    Ok(Server::new(tool.folder(work), DNSMASQ, serves))
}

/// The hosts beside the lab itself, each plugged into its network.
fn hosts(job: &LabJob, work: &Path, root: &str) -> Result<Vec<Server>> {
    let topology = &job.scenario.network;
    let hosts = topology.hosts().into_iter();
    let server = hosts.map(|host| {
        let namespace = Namespace::new()?;
        let script = host.script(std::process::id());
        namespace.inside(|| network::commands(script))?;
        network::commands(host.plug())?;
        let configuration = host.configuration(topology, root, &job.loader);
        let file = format!("dnsmasq.{}.conf", host.name);
        let rogue = matches!(host.serves, Serves::Rogue(_));
        let serves = (host.serves != Serves::Tftp, !rogue);
        let mut server = dnsmasq(work, &file, &configuration, serves)?;
        server.host = Some((Arc::new(namespace), rogue));
        Ok(server)
    });
    server.collect()
}

fn installed(job: &LabJob, work: &Path, system: &Installed, ipv6: bool) -> Result<Vec<Server>> {
    let part = match system.server {
        TftpServer::Dnsmasq => Part::Addition,
        _ => Part::Dhcp,
    };
    let configuration = dnsmasq::configuration(&job.scenario, job.arch, &job.loader, part, ipv6);
    let inside = |words: &[&str]| Tool::new("chroot").arg(&system.root).args(words);
    let Some(tftpd) = system.tftpd()? else {
        fs_err::write(work.join(CONFIGURATION), &configuration)?;
        let mut server = Server::new(inside(installed::DNSMASQ), DNSMASQ, (true, true));
        server.input = configuration;
        return Ok(vec![server]);
    };
    let words: Vec<&str> = tftpd.iter().map(String::as_str).collect();
    let tftpd = Server::new(inside(&words), system.server.package(), (false, true));
    let own = dnsmasq(work, CONFIGURATION, &configuration, (true, false))?;
    Ok(vec![own, tftpd])
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

/// What a server says goes to the lab's loop.
struct Log {
    name: String,
    rogue: bool,
    stopped: Arc<AtomicBool>,
    inputs: Sender<Input>,
}

impl Log {
    fn read(self, log: PipeReader) {
        let lines = BufReader::new(log).split(b'\n');
        for line in lines.map_while(std::result::Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let input = match self.rogue {
                true => Input::Rogue(line),
                false => Input::Server(line),
            };
            if self.inputs.send(input).is_err() {
                return;
            }
        }
        if !self.stopped.load(Ordering::Relaxed) {
            self.inputs.send(Input::ServerEnded(self.name)).ok();
        }
    }
}
