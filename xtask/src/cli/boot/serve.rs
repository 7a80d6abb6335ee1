//! `boot --serve`: leaves DHCP, TFTP and HTTP up for real machines, until Ctrl-C.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};

use serde_json::json;

use super::{Args, ourselves};
use crate::boot::happening::TransferEnd;
use crate::boot::serve::{self, Interface, JOB, Said, Serving};
use crate::cli::Context;
use crate::event::{Event, Listen};
use crate::failure::{Failure, Kind, Result};
use crate::needs;
use crate::report::Answer;
use crate::text::counted;
use crate::tool::{self, Stdio, Tool};

/// What was served.
#[derive(Default)]
struct Served {
    machines: BTreeMap<String, String>,
    files: usize,
}

pub(super) fn run(context: &Context<'_>, args: &Args, interface: &str) -> Result<Answer> {
    let [recipe] = args.recipe.as_slice() else {
        let what = "--serve serves one recipe's bundle: name one";
        return Err(Failure::new(Kind::Usage, what));
    };
    // What cannot be served is said before anything is built.
    context.workshop.recipe(recipe)?;
    let addresses = Tool::new("ip").args(["-json", "-4", "address", "show"]);
    let interface = Interface::find(interface, &addresses.kind(Kind::Host).read()?)?;
    let root = rustix::process::geteuid().is_root();
    if !root && needs::find("sudo").is_none() {
        let what = "DHCP and TFTP need ports below 1024 and CAP_NET_ADMIN, and there is no sudo to get them by";
        return Err(Failure::new(Kind::Host, what).hint(
            "run the same command as root; only dnsmasq and what starts it uses these rights",
        ));
    }
    let listen = context.report.listener();
    let built = context.workshop.build(recipe, listen)?;
    let (arch, bundle) = (built.loaded.recipe.arch, &built.loaded.recipe.bundle);
    let mut serving = Serving {
        clients: Vec::new(),
        interface,
        proxy: args.proxy,
        root: fs_err::canonicalize(&built.folder)?,
    };
    for route in serving.take(&bundle.routes(arch), arch) {
        listen.hear(Event::Warning(format!(
            "{route} is not offered: only the server that gives addresses can say where HTTP is"
        )));
    }
    announce(&serving, recipe, root, listen);
    let served = serve(&serving, root, listen)?;
    let text = format!(
        "served {} to {}\n",
        counted(served.files, "file"),
        counted(served.machines.len(), "machine")
    );
    let value = json!({ "files": served.files, "machines": served.machines });
    Ok(Answer::new(&value, text))
}

fn announce(serving: &Serving, recipe: &str, root: bool, listen: &dyn Listen) {
    let Interface { name, address, .. } = &serving.interface;
    let (first, last) = serving.interface.range();
    let dhcp = if serving.proxy {
        "what to boot, beside the DHCP server that is there".to_owned()
    } else {
        format!("addresses from {first} to {last}")
    };
    let files = serving.clients.iter().map(|it| {
        format!(
            "{} by {}",
            it.answer.file.as_deref().unwrap_or("nothing"),
            it.route
        )
    });
    let files: Vec<String> = files.collect();
    let mut lines = vec![
        format!(
            "{recipe} on {name} ({address}), until Ctrl-C: by DHCP {dhcp}; by TFTP and HTTP {}",
            serving.root.display()
        ),
        format!("boot files: {}", files.join(", ")),
    ];
    if !serving.proxy {
        lines.push(
            "a network must have only one DHCP server: where there is one already, use --proxy"
                .to_owned(),
        );
    }
    if !root {
        lines.push("sudo gives dnsmasq CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE; all of it runs as you".to_owned());
    }
    lines
        .into_iter()
        .for_each(|line| listen.hear(Event::Note(line)));
}

/// Serves until Ctrl-C.
fn serve(serving: &Serving, root: bool, listen: &dyn Listen) -> Result<Served> {
    let folder = tempfile::tempdir()?;
    let job = folder.path().join(JOB);
    let text = serde_json::to_vec(serving).map_err(|error| Failure::bug(error.to_string()))?;
    fs_err::write(&job, text)?;
    let (user, group) = (
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
    );
    let guard = serve::guard(root, user, group);
    let (stdin, alive) = std::io::pipe()?;
    let (said, stdout) = std::io::pipe()?;
    let log = folder.path().join("serve.log");
    let inside = Tool::new(&guard[0])
        .args(&guard[1..])
        .arg(ourselves()?)
        .arg("lab")
        .arg(&job)
        .pass("CORDWAINER_PATH")
        .folder(folder.path())
        .log(&log)
        .kind(Kind::Host)
        .spawn(Stdio {
            stdin: Some(stdin),
            stdout: Some(stdout),
            ..Stdio::default()
        })?;
    let mut served = Served::default();
    for line in BufReader::new(said).lines() {
        let said = serde_json::from_str(&line?).map_err(|error| Failure::bug(error.to_string()))?;
        served.hear(said, listen)?;
    }
    drop(alive);
    inside.wait()?;
    if tool::interrupted() {
        return Ok(served);
    }
    let log = fs_err::read_to_string(&log).unwrap_or_default();
    let what = "the servers ended by themselves";
    let failure = Failure::new(Kind::Host, what);
    Err(match log.lines().last() {
        Some(last) => failure.note(last),
        None => failure,
    })
}

impl Served {
    fn hear(&mut self, said: Said, listen: &dyn Listen) -> Result<()> {
        let told = match said {
            Said::Ready => "serving".to_owned(),
            Said::Lease(ip, mac) => {
                let told = format!("{ip} is {mac}");
                self.machines.insert(mac, ip);
                told
            }
            Said::Offer(mac) => {
                let told = format!("{mac} was told what to boot");
                self.machines.entry(mac).or_default();
                told
            }
            Said::File(path, TransferEnd::Sent) => {
                self.files += 1;
                format!("sent {path}")
            }
            Said::Report(mac, report) => format!("{mac} tells: {report}"),
            Said::File(path, TransferEnd::Missing) => format!("there is no {path}"),
            Said::File(path, TransferEnd::Failed) => format!("could not send {path}"),
            Said::Ended(tail) => {
                let failure = Failure::new(Kind::Host, "dnsmasq ended by itself")
                    .hint("another DHCP or TFTP server may have the port: see `ss -lunp`");
                return Err(tail.into_iter().fold(failure, Failure::note));
            }
        };
        listen.hear(Event::Note(told));
        Ok(())
    }
}
