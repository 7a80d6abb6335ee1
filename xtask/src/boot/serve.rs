//! Servers for real machines: DHCP, TFTP and HTTP for a bundle on a network card of this host (`interface`), until somebody says that it is enough.
//! What dnsmasq is told is a pure function; it runs inside a process of its own (`inside`), which has the three capabilities that it takes
//! and ends with whoever started it. HTTP is served by that process itself, and takes what images' reporters tell.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::failure::{Failure, Kind, Result};
use crate::loader::answer::{self, Answer};
use crate::loader::dhcp;
use crate::loader::route::Route;
use crate::tool::{Stdio, Tool};

use super::dnsmasq::{self, Entry};
use super::happening::TransferEnd;
use super::http::{self, Endpoint};
use super::reporter::{self, Report};

mod interface;

pub use interface::Interface;

/// The job's file: by its name the hidden verb knows what it is to do.
pub const JOB: &str = "serve.json";
const CONFIGURATION: &str = "dnsmasq.conf";
/// What dnsmasq needs to be allowed: to answer machines that have no address yet, and ports below 1024.
const CAPABILITIES: &str = "-all,+net_admin,+net_raw,+net_bind_service";
/// Lines of dnsmasq's that are shown when it ends.
const TAIL: usize = 8;

/// What machines are told that say the same in DHCP of what they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The way they boot.
    pub route: Route,
    /// The numbers by which they say so (option 93).
    pub numbers: Vec<u16>,
    /// What they are told.
    pub answer: Answer,
}

/// What is to be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// Where.
    pub interface: Interface,
    /// Whether another server gives addresses, and this one only says what to boot.
    pub proxy: bool,
    /// What TFTP serves.
    pub root: PathBuf,
    /// Who is told what.
    pub clients: Vec<Told>,
}

/// What is told while it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// It serves from now on.
    Ready,
    /// A machine was given an address.
    Lease(String, String),
    /// A machine was told what to boot, where addresses are another's to give.
    Offer(String),
    /// A file was asked for.
    File(String, TransferEnd),
    /// An image's reporter told this of its boot: the machine's MAC address, and what.
    Report(String, Report),
    /// It ended; its last lines.
    Ended(Vec<String>),
}

impl Serving {
    /// Takes in the ways by which machines boot: of several of the same machines, the first. Returns those that can only be told by whoever gives
    /// addresses, where that is another.
    pub fn take(&mut self, routes: &[Route], arch: Arch) -> Vec<Route> {
        let http = format!("http://{}/", self.interface.address);
        let mut left_out = Vec::new();
        for &route in routes {
            let answer = Answer::on(route, arch, &http);
            let Some(client) = answer::Client::of(route, arch).filter(|_| answer.file.is_some())
            else {
                continue;
            };
            if self.proxy && answer.is_by_http() {
                left_out.push(route);
            } else if !self.clients.iter().any(|it| it.numbers == client.numbers) {
                let numbers = client.numbers.to_vec();
                self.clients.push(Told {
                    route,
                    numbers,
                    answer,
                });
            }
        }
        left_out
    }

    /// dnsmasq's configuration. It stays whoever starts it (`no-daemon`): it has no more rights than it takes.
    ///
    /// # Errors
    /// [`Kind::Host`] when a path cannot be written in it.
    pub fn configuration(&self) -> Result<String> {
        let folder = self
            .root
            .to_str()
            .filter(|path| !path.contains(['\n', ',']));
        let folder = folder.ok_or_else(|| {
            let what = format!(
                "dnsmasq cannot serve a folder of this name: {}",
                self.root.display()
            );
            Failure::new(Kind::Host, what)
        })?;
        let Interface { name, address, .. } = &self.interface;
        let mut lines = vec![
            "port=0\nno-hosts\nno-resolv\nno-daemon\nlog-facility=-\nlog-dhcp\npid-file".to_owned(),
            "dhcp-leasefile=leases\nbind-interfaces\nexcept-interface=lo".to_owned(),
            format!("interface={name}\nenable-tftp\ntftp-root={folder}"),
        ];
        if self.proxy {
            lines.push(format!("dhcp-range={},proxy", self.interface.network()));
        } else {
            let (first, last) = self.interface.range();
            let mask = Ipv4Addr::from(self.interface.mask());
            lines.push(format!("dhcp-range={first},{last},{mask},1h"));
            // iPXE's own option 176: it need not wait for a proxy DHCP server.
            lines.push("dhcp-option-force=encap:175,176,1b".to_owned());
        }
        lines.push("dhcp-match=set:ipxe,175".to_owned());
        let line = if self.proxy { offer_beside } else { offer };
        lines.extend(self.clients.iter().flat_map(|told| line(told, *address)));
        Ok(lines.join("\n") + "\n")
    }
}

/// Lines for machines that are given their addresses here.
fn offer(told: &Told, address: Ipv4Addr) -> Vec<String> {
    let Told {
        numbers, answer, ..
    } = told;
    dhcp::dnsmasq_offer(numbers, answer, Some(address))
}

/// Lines for machines that another server gives addresses to.
fn offer_beside(told: &Told, address: Ipv4Addr) -> Vec<String> {
    let file = told.answer.file.as_deref().unwrap_or_default();
    let numbers = told.numbers.iter();
    numbers
        .map(|number| format!("pxe-service={number},\"Cordwainer\",{file},{address}"))
        .collect()
}

/// The process that serves, in front of `xtask`'s own arguments: as ourselves, with the capabilities that it takes and no others.
/// Whoever is root needs none given; whoever is not has to be helped by `sudo`.
#[must_use]
pub fn guard(root: bool, user: u32, group: u32) -> Vec<String> {
    let own = ["setpriv", "--pdeathsig", "KILL", "--"].map(str::to_owned);
    if root {
        return own.to_vec();
    }
    let inherit = format!("--inh-caps={CAPABILITIES}");
    let ambient = format!("--ambient-caps={CAPABILITIES}");
    let (user, group) = (format!("--reuid={user}"), format!("--regid={group}"));
    let become_us = [
        "sudo",
        "--",
        "setpriv",
        &user,
        &group,
        "--init-groups",
        &inherit,
        &ambient,
        "--",
    ];
    let become_us = become_us.into_iter().map(str::to_owned);
    become_us.chain(own).collect()
}

/// What comes in from outside.
enum Input {
    /// A line of dnsmasq's log.
    Line(String),
    /// Something was fetched, or told, by HTTP.
    Http(Said),
    /// dnsmasq is gone.
    Gone,
    /// Whoever started us is.
    Orphaned,
}

/// The inside: serves until standard input ends. `job` is the job's file; its folder is for the work.
///
/// # Errors
/// When dnsmasq cannot be started.
pub fn inside(job: &Path) -> Result<()> {
    let folder = job.parent().unwrap_or(Path::new("."));
    let serving: Serving = serde_json::from_slice(&fs_err::read(job)?)
        .map_err(|error| Failure::bug(error.to_string()))?;
    fs_err::write(folder.join(CONFIGURATION), serving.configuration()?)?;
    let (sender, inputs) = mpsc::channel();
    files(&serving, &sender)?;
    let (log, stderr) = std::io::pipe()?;
    let dnsmasq = Tool::new("setpriv")
        .args(["--pdeathsig", "KILL", "--", "dnsmasq"])
        .arg(format!("--conf-file={CONFIGURATION}"))
        .folder(folder)
        .kind(Kind::Host)
        .spawn(Stdio {
            stderr: Some(stderr),
            ..Stdio::default()
        })?;
    let lines = sender.clone();
    thread::spawn(move || read(BufReader::new(log), &lines));
    thread::spawn(move || {
        std::io::stdin().lock().read_to_end(&mut Vec::new()).ok();
        sender.send(Input::Orphaned).ok();
    });
    let mut kept = fs_err::File::create(folder.join("dnsmasq.log"))?;
    let mut tail: Vec<String> = Vec::new();
    for input in inputs {
        let line = match input {
            Input::Line(line) => line,
            Input::Http(said) => {
                tell(&said)?;
                continue;
            }
            Input::Gone => return tell(&Said::Ended(tail)),
            Input::Orphaned => break,
        };
        writeln!(kept, "{line}")?;
        if let Some(said) = understood(&line, &serving.root) {
            tell(&said)?;
        }
        tail.push(line);
        let old = tail.len().saturating_sub(TAIL);
        tail.drain(..old);
    }
    drop(dnsmasq);
    Ok(())
}

/// Serves the bundle by HTTP.
fn files(serving: &Serving, inputs: &Sender<Input>) -> Result<()> {
    let address = serving.interface.address;
    let listener = TcpListener::bind((address, http::PORT)).map_err(|error| {
        let what = format!("cannot serve HTTP on {address}: {error}");
        Failure::new(Kind::Host, what).hint(
            "another server may have the port: `ss -ltnp`; stop it for as long as this one runs",
        )
    })?;
    let mailbox = Mailbox(Mutex::new(inputs.clone()));
    let inputs = Mutex::new(inputs.clone());
    let tell = move |path, end| send(&inputs, Said::File(path, end));
    http::serve(listener, &serving.root, Box::new(mailbox), Box::new(tell))
}

/// Where images' reporters leave what they have to tell.
struct Mailbox(Mutex<Sender<Input>>);

impl Endpoint for Mailbox {
    fn post(&self, path: &str, body: &[u8]) -> u16 {
        match reporter::parse(path, body) {
            Ok(posted) => {
                send(&self.0, Said::Report(posted.mac, posted.report));
                204
            }
            Err(refusal) => refusal as u16,
        }
    }
}

fn send(inputs: &Mutex<Sender<Input>>, said: Said) {
    let inputs = inputs.lock().unwrap_or_else(PoisonError::into_inner);
    // A loop that is over wants to know nothing more.
    inputs.send(Input::Http(said)).ok();
}

fn read(lines: impl BufRead, inputs: &Sender<Input>) {
    let lines = lines.split(b'\n').map_while(std::result::Result::ok);
    for line in lines {
        let line = String::from_utf8_lossy(&line).into_owned();
        if inputs.send(Input::Line(line)).is_err() {
            return;
        }
    }
    inputs.send(Input::Gone).ok();
}

fn tell(said: &Said) -> Result<()> {
    let line = serde_json::to_string(said).map_err(|error| Failure::bug(error.to_string()))?;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}

/// A line of dnsmasq's that somebody wants to know.
fn understood(line: &str, root: &Path) -> Option<Said> {
    if let Some((_, rest)) = line.split_once("]: ")
        && rest.contains(" PXE(")
        && let Some(mac) = rest
            .split_whitespace()
            .find(|word| word.len() == 17 && word.matches(':').count() == 5)
    {
        return Some(Said::Offer(mac.to_lowercase()));
    }
    Some(match dnsmasq::parse(line)? {
        Entry::Serving => Said::Ready,
        Entry::Lease(ip, mac) => Said::Lease(ip, mac),
        Entry::Transfer(path, end) => {
            let path = Path::new(&path);
            let path = path.strip_prefix(root).unwrap_or(path);
            Said::File(path.display().to_string(), end)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving(proxy: bool, routes: &[Route]) -> Serving {
        let mut serving = Serving {
            interface: Interface {
                name: "eth0".to_owned(),
                address: Ipv4Addr::new(192, 168, 5, 77),
                prefix: 24,
            },
            proxy,
            root: "/b".into(),
            clients: Vec::new(),
        };
        let left_out = serving.take(routes, Arch::Amd64);
        assert!(proxy || left_out.is_empty());
        serving
    }

    const ALL: [Route; 5] = [
        Route::Pxelinux,
        Route::Lpxelinux,
        Route::EfiSyslinux,
        Route::EfiIpxe,
        Route::EfiHttp,
    ];

    #[test]
    fn dnsmasq_takes_what_it_is_told() {
        let routes = [&ALL[..], &[Route::Lpxelinux], &[Route::Ipxe]];
        for (proxy, routes) in [false, true]
            .into_iter()
            .flat_map(|proxy| routes.map(|it| (proxy, it)))
        {
            let file = tempfile::NamedTempFile::new().unwrap();
            let mut serving = serving(proxy, routes);
            serving.root = "/".into();
            fs_err::write(file.path(), serving.configuration().unwrap()).unwrap();
            let test = Tool::new("dnsmasq")
                .arg("--test")
                .arg(format!("--conf-file={}", file.path().display()));
            test.run().unwrap();
        }
    }

    #[test]
    fn each_client_is_told_its_own_file() {
        let text = serving(false, &ALL).configuration().unwrap();
        for line in [
            "dhcp-match=set:client7,option:client-arch,7\n",
            "dhcp-match=set:client7,option:client-arch,9\n",
            "dhcp-boot=tag:client0,pxelinux.0,,192.168.5.77\n",
            "dhcp-boot=tag:client7,efi64/syslinux.efi,,192.168.5.77\n",
            "dhcp-option-force=tag:client16,60,HTTPClient\n",
            "dhcp-boot=tag:client16,http://192.168.5.77/image.efi\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        let ipxe = serving(false, &[Route::Ipxe]).configuration().unwrap();
        let script = "dhcp-boot=tag:client0,tag:ipxe,http://192.168.5.77/boot.ipxe\n";
        assert!(ipxe.contains(script), "{ipxe}");
        let by_http = serving(false, &[Route::Lpxelinux]).configuration().unwrap();
        let prefix = "dhcp-option-force=tag:client0,210,http://192.168.5.77/\n";
        assert!(by_http.contains(prefix), "{by_http}");
        let proxy = serving(true, &ALL).configuration().unwrap();
        assert!(proxy.contains("dhcp-range=192.168.5.0,proxy\n") && !proxy.contains("dhcp-boot"));
        let mut odd = serving(false, &ALL);
        odd.root = "/a\nuser=x".into();
        assert_eq!(odd.configuration().unwrap_err().kind, Kind::Host);
    }

    #[test]
    fn who_is_not_root_gets_three_capabilities_and_no_more() {
        let words = guard(false, 1000, 100).join(" ");
        assert!(words.starts_with("sudo -- setpriv --reuid=1000 --regid=100 --init-groups --inh-caps=-all,+net_admin,+net_raw,+net_bind_service"));
        assert!(words.ends_with("-- setpriv --pdeathsig KILL --"));
        assert_eq!(guard(true, 0, 0)[0], "setpriv");
    }

    #[test]
    fn what_happens_is_told() {
        let at = "Nov 20 06:37:23 ";
        let told = |line: &str| understood(&format!("{at}{line}"), Path::new("/b"));
        assert_eq!(
            told("dnsmasq-tftp[5]: sent /b/a/x to 10.0.0.2"),
            Some(Said::File("a/x".to_owned(), TransferEnd::Sent))
        );
        assert_eq!(
            told("dnsmasq-dhcp[5]: 12 PXE(eth0) 52:54:00:AA:00:01 proxy"),
            Some(Said::Offer("52:54:00:aa:00:01".to_owned()))
        );
        assert_eq!(told("dnsmasq-dhcp[5]: 12 vendor class: PXEClient"), None);
    }
}
