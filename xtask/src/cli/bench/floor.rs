//! `bench boot`: a recipe's first scenario from QEMU's start to the verdict, beside the same kernel and initramfs started by QEMU itself (`-kernel`),
//! in turns. The latter is the floor: what no firmware, DHCP or boot loader is part of.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::goals::Goal;
use super::{Context, Spread};
use crate::boot::platform::Platform;
use crate::boot::scenario::Scenario;
use crate::boot::{accel, protocol, qemu};
use crate::cli::boot;
use crate::failure::{Failure, Kind, Result};
use crate::report::{Answer, Table};
use crate::tool::{Stdio, Tool};

/// Seconds from QEMU's start to the verdict, on idle cores.
const SECONDS: f64 = 1.8;
/// The same, by what the floor takes.
const TIMES: f64 = 1.8;
/// How long the floor may take to come up.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Serialize)]
struct Figures {
    /// Seconds from QEMU's start to the verdict, over the network.
    pxe: Spread,
    /// Seconds from QEMU's start to the verdict, by `-kernel`; nothing where a machine cannot be started so.
    direct: Option<Spread>,
    /// Seconds that each stage took.
    stages: BTreeMap<String, Spread>,
    goals: Vec<Goal>,
}

pub(super) fn run(context: &Context<'_>, recipe: &str, runs: u32) -> Result<Answer> {
    let built = context.workshop.build(recipe, context.report.listener())?;
    let arch = built.loaded.recipe.arch;
    let scenario = built.loaded.recipe.boot.first().cloned();
    let scenario = scenario
        .unwrap_or_else(|| Scenario::named("plain"))
        .on(arch);
    let start = Direct::find(&built.folder)?;
    let accel = accel::choose(arch, &context.workshop.cache, context.report.listener())?;
    let platform = Platform::of(arch, scenario.route(arch))?;
    let (mut pxe, mut direct) = (Vec::new(), Vec::new());
    let mut stages: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for _ in 0..runs {
        let answer = boot::of_recipe(context, recipe, &boot::Which::First)?;
        let told = &answer.value()[0];
        let seconds = told["seconds"].as_f64();
        pxe.push(seconds.ok_or_else(|| Failure::bug("a boot that passed has no time"))?);
        for stage in told["stages"].as_array().into_iter().flatten() {
            let (name, took) = (stage["stage"].as_str(), stage["took"].as_f64());
            let name = name.unwrap_or_default().to_owned();
            if !order.contains(&name) {
                order.push(name.clone());
            }
            stages.entry(name).or_default().extend(took);
        }
        if let Some(start) = &start {
            direct.push(start.boot(platform.program, &scenario, &accel)?);
        }
    }
    let pxe = Spread::of(pxe);
    let floor = (!direct.is_empty()).then(|| Spread::of(direct));
    let mut goals = vec![Goal::new(
        "seconds to the verdict".to_owned(),
        pxe.median,
        SECONDS,
    )];
    if let Some(floor) = &floor {
        let what = "times what -kernel alone takes".to_owned();
        goals.push(Goal::new(what, pxe.median / floor.median, TIMES));
    }
    let figures = Figures {
        pxe,
        direct: floor,
        stages: stages
            .into_iter()
            .map(|(name, took)| (name, Spread::of(took)))
            .collect(),
        goals,
    };
    Ok(Answer::new(&figures, text(&figures, &order, runs)))
}

fn text(figures: &Figures, order: &[String], runs: u32) -> String {
    let mut table = Table::default();
    table.row(["s", "min", "median", "max"]);
    let mut row = |name: String, spread: &Spread| {
        let cell = |seconds: f64| format!("{seconds:.2}");
        table.row([
            name,
            cell(spread.min),
            cell(spread.median),
            cell(spread.max),
        ]);
    };
    row("over the network, to the verdict".to_owned(), &figures.pxe);
    if let Some(direct) = &figures.direct {
        row("by -kernel, to the verdict".to_owned(), direct);
    }
    for name in order {
        if let Some(spread) = figures.stages.get(name) {
            row(format!("  {name}"), spread);
        }
    }
    let goals: String = figures
        .goals
        .iter()
        .map(|goal| format!("{goal}\n"))
        .collect();
    format!("{runs} runs\n{}{goal}", table.render(), goal = goals)
}

/// What a bundle's PXELINUX starts when nobody types anything.
#[derive(Debug, PartialEq)]
struct Direct {
    kernel: PathBuf,
    initrd: PathBuf,
    arguments: String,
}

impl Direct {
    /// Nothing where the bundle has no such configuration, or not of the common form.
    fn find(bundle: &Path) -> Result<Option<Self>> {
        let path = bundle.join("pxelinux.cfg/default");
        if !path.is_file() {
            return Ok(None);
        }
        Ok(Self::of(&fs_err::read_to_string(path)?, bundle))
    }

    fn of(text: &str, bundle: &Path) -> Option<Self> {
        let lines = text.lines().map(str::trim);
        let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim().to_owned());
        let wanted = lines.clone().find_map(|line| value(line, "DEFAULT "))?;
        let mut of = lines.skip_while(|line| value(line, "LABEL ").as_ref() != Some(&wanted));
        of.next()?;
        let of: Vec<&str> = of.take_while(|line| !line.starts_with("LABEL ")).collect();
        let find = |key: &str| of.iter().find_map(|line| value(line, key));
        let append = find("APPEND ")?;
        let (initrd, others): (Vec<&str>, Vec<&str>) = append
            .split_whitespace()
            .partition(|word| word.starts_with("initrd="));
        Some(Self {
            kernel: bundle.join(find("LINUX ")?),
            initrd: bundle.join(initrd.first()?.strip_prefix("initrd=")?),
            arguments: others.join(" "),
        })
    }

    /// Boots it, in QEMU's own network, and returns the seconds until it says that it is ready.
    fn boot(&self, program: &str, scenario: &Scenario, accel: &str) -> Result<f64> {
        let (ours, theirs) = std::io::pipe()?;
        let mac = scenario.mac_of(0);
        // What PXELINUX adds for IPAPPEND 2.
        let arguments = format!("{} BOOTIF=01-{}", self.arguments, mac.replace(':', "-"));
        let since = Instant::now();
        let machine = Tool::new("setpriv")
            .args([
                "--pdeathsig",
                "KILL",
                "--",
                program,
                "-nodefaults",
                "-no-user-config",
            ])
            .args([
                "-display",
                "none",
                "-vga",
                "none",
                "-serial",
                "stdio",
                "-no-reboot",
            ])
            .args([
                "-machine",
                &scenario.machine().to_string(),
                "-accel",
                &qemu::accelerator(accel),
            ])
            .args([
                "-smp",
                &scenario.cpus.to_string(),
                "-m",
                &format!("{}M", scenario.memory),
            ])
            .args(["-netdev", "user,id=net0"])
            .args([
                "-device",
                &format!("{},netdev=net0,mac={mac},romfile=", scenario.nic()),
            ])
            .arg("-kernel")
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(&self.initrd)
            .args(["-append", &arguments])
            .kind(Kind::Boot)
            .spawn(Stdio {
                stdout: Some(theirs),
                ..Stdio::default()
            })?;
        let (sender, seen) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(ours)
                .split(b'\n')
                .map_while(std::result::Result::ok);
            let mut lines = lines.map(|line| String::from_utf8_lossy(&line).trim().to_owned());
            let is_verdict =
                |line: &String| matches!(protocol::parse(line), Some(protocol::Word::Verdict(_)));
            sender
                .send(lines.find(is_verdict).map(|_| since.elapsed()))
                .ok();
        });
        let took = seen.recv_timeout(PATIENCE).ok().flatten();
        drop(machine);
        crate::tool::check_interrupt()?;
        took.map(|took| took.as_secs_f64()).ok_or_else(|| {
            let what = "the kernel that QEMU started by itself did not come up";
            Failure::new(Kind::Boot, what).note(format!("{}", Value::from(arguments)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_started_when_nobody_types_is_found() {
        let text = "DEFAULT b\nLABEL a\n  LINUX x\n  APPEND initrd=y\nLABEL b\n  LINUX k\n  APPEND initrd=i console=ttyS0 quiet\n  IPAPPEND 2\n";
        let found = Direct::of(text, Path::new("/b"));
        let expected = Direct {
            kernel: "/b/k".into(),
            initrd: "/b/i".into(),
            arguments: "console=ttyS0 quiet".to_owned(),
        };
        assert_eq!(found, Some(expected));
        for none in [
            "",
            "DEFAULT x\n",
            "DEFAULT vesamenu.c32\nLABEL a\n LINUX x\n",
            "DEFAULT a\nLABEL a\n LOCALBOOT 0\n",
        ] {
            assert_eq!(Direct::of(none, Path::new("/b")), None, "{none}");
        }
    }
}
