//! Servers for real machines: DHCP and TFTP for a bundle on a network card of this host, until somebody says that it is enough. What
//! dnsmasq is told is a pure function; it runs inside a process of its own (`inside`), which has the three capabilities that it takes
//! and ends with whoever started it.
//!
//! Files that are fetched by HTTP are not served here: routes that need them are left out, and that is said.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::failure::{Failure, Kind, Result};
use crate::tool::{Stdio, Tool};

use super::dnsmasq::{self, Entry};
use super::happening::TransferEnd;

/// The job's file: by its name the hidden verb knows what it is to do.
pub const JOB: &str = "serve.json";
const CONFIGURATION: &str = "dnsmasq.conf";
/// What dnsmasq needs to be allowed: to answer machines that have no address yet, and ports below 1024.
const CAPABILITIES: &str = "-all,+net_admin,+net_raw,+net_bind_service";
/// Lines of dnsmasq's that are shown when it ends.
const TAIL: usize = 8;

/// A network card of this host with an IPv4 address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// How many bits of that are the network's.
    pub prefix: u8,
}

/// What machines that say the same number in DHCP (option 93) are told to fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The number.
    pub code: u16,
    /// The boot file, relative to the bundle.
    pub file: String,
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
    pub clients: Vec<Client>,
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
    /// It ended; its last lines.
    Ended(Vec<String>),
}

impl Interface {
    /// Finds one by what `ip -json -4 address show` says.
    ///
    /// # Errors
    /// [`Kind::Usage`] when there is none of this name, it is the loopback, it is down, or it has no IPv4 address that others can have one beside.
    pub fn find(name: &str, said: &str) -> Result<Self> {
        let all: Vec<Value> =
            serde_json::from_str(said).map_err(|error| Failure::bug(error.to_string()))?;
        let wrong = |what: String| Failure::new(Kind::Usage, what);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let Some(it) = all.iter().find(|it| it["ifname"] == name) else {
            let names: Vec<String> = all.iter().map(|it| text(&it["ifname"])).collect();
            let what = format!("there is no network interface {name:?} with an IPv4 address");
            return Err(wrong(what)
                .note(format!("with one there are: {}", names.join(", ")))
                .hint(format!(
                    "give it an address of its own: `ip address add 10.99.0.1/24 dev {name}`, `ip link set {name} up`"
                )));
        };
        let has = |flag: &str| {
            let mut flags = it["flags"].as_array().into_iter().flatten();
            flags.any(|it| it == flag)
        };
        if has("LOOPBACK") {
            return Err(wrong(format!(
                "no machine boots from {name}: it leads nowhere else"
            ))
            .hint("name the interface of the network that the machines are in"));
        }
        if !has("UP") {
            return Err(wrong(format!("{name} is down")).hint(format!("`ip link set {name} up`")));
        }
        let addresses = it["addr_info"].as_array().into_iter().flatten();
        let mut ours = addresses.filter_map(|it| {
            let prefix = u8::try_from(it["prefixlen"].as_u64()?).ok()?;
            Some((it["local"].as_str()?.parse().ok()?, prefix))
        });
        match ours.find(|(_, prefix)| (8..=29).contains(prefix)) {
            Some((address, prefix)) => Ok(Self {
                name: name.to_owned(),
                address,
                prefix,
            }),
            None => Err(wrong(format!(
                "{name} has no IPv4 address in a network of 8 addresses or more"
            ))
            .hint(format!("`ip address add 10.99.0.1/24 dev {name}`"))),
        }
    }

    fn mask(&self) -> u32 {
        u32::MAX << (32 - u32::from(self.prefix))
    }

    /// The network's own address.
    fn network(&self) -> Ipv4Addr {
        Ipv4Addr::from(self.address.to_bits() & self.mask())
    }

    /// The addresses that are given to machines: the upper half of the network.
    #[must_use]
    pub fn range(&self) -> (Ipv4Addr, Ipv4Addr) {
        let (first, size) = (self.network().to_bits(), !self.mask());
        (
            Ipv4Addr::from(first + size / 2 + 1),
            Ipv4Addr::from(first + size - 1),
        )
    }
}

impl Serving {
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
        for Client { code, file } in &self.clients {
            if self.proxy {
                lines.push(format!(
                    "pxe-service={code},\"Cordwainer\",{file},{address}"
                ));
            } else {
                lines.push(format!(
                    "dhcp-match=set:client{code},option:client-arch,{code}"
                ));
                lines.push(format!("dhcp-boot=tag:client{code},{file},,{address}"));
            }
        }
        Ok(lines.join("\n") + "\n")
    }
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
    let (sender, inputs) = mpsc::channel();
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

    const ADDRESSES: &str = r#"[
        {"ifname": "lo", "flags": ["LOOPBACK", "UP"], "addr_info": [{"local": "127.0.0.1", "prefixlen": 8}]},
        {"ifname": "eth0", "flags": ["UP"], "addr_info": [{"local": "192.168.5.77", "prefixlen": 24}]},
        {"ifname": "eth1", "flags": [], "addr_info": [{"local": "10.0.0.1", "prefixlen": 24}]},
        {"ifname": "ppp0", "flags": ["UP"], "addr_info": [{"local": "10.0.0.1", "prefixlen": 32}]}
    ]"#;

    fn serving(proxy: bool) -> Serving {
        Serving {
            interface: Interface::find("eth0", ADDRESSES).unwrap(),
            proxy,
            root: "/b".into(),
            clients: vec![
                Client {
                    code: 0,
                    file: "pxelinux.0".to_owned(),
                },
                Client {
                    code: 7,
                    file: "efi64/syslinux.efi".to_owned(),
                },
            ],
        }
    }

    #[test]
    fn only_an_interface_with_room_for_machines_will_do() {
        let why = |name| {
            let failure = Interface::find(name, ADDRESSES).unwrap_err();
            assert!(failure.hint.is_some());
            failure.what.clone()
        };
        assert!(why("lo").contains("leads nowhere else"));
        assert!(why("eth1").contains("is down"));
        assert!(why("ppp0").contains("no IPv4 address in a network"));
        assert!(why("eth9").contains("there is no network interface"));
        let range = serving(false).interface.range();
        assert_eq!(
            range,
            (
                "192.168.5.128".parse().unwrap(),
                "192.168.5.254".parse().unwrap()
            )
        );
    }

    #[test]
    fn dnsmasq_takes_what_it_is_told() {
        for proxy in [false, true] {
            let file = tempfile::NamedTempFile::new().unwrap();
            let mut serving = serving(proxy);
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
        let text = serving(false).configuration().unwrap();
        assert!(text.contains("dhcp-match=set:client7,option:client-arch,7\ndhcp-boot=tag:client7,efi64/syslinux.efi,,192.168.5.77\n"));
        let proxy = serving(true).configuration().unwrap();
        assert!(proxy.contains("dhcp-range=192.168.5.0,proxy\n") && !proxy.contains("dhcp-boot"));
        let mut odd = serving(false);
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
