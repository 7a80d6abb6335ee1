//! `bench initramfs`: the same content made by Cordwainer and by others, side by side. Every round runs each of them once, so that what
//! else the machine does meets all alike; the first round warms the caches and is not counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::content::{self, Kernel, PROGRAMS};
use super::goals::{self, Goal};
use super::meter::{self, Job, Program, Took};
use super::ours::Assembly;
use super::peers::{self, Contender, Skipped, Wish, ZSTD};
use super::{Args, Spread};
use crate::cli::{Context, boot};
use crate::event::Event;
use crate::failure::Result;
use crate::image::compress::Compression;
use crate::image::tree::Node;
use crate::inspect;
use crate::report::{Answer, Table};

/// Who we are in the table.
pub(super) const OURS: &str = "cordwainer";

/// The recipe whose kernel has modules, where the host's has none and nobody names one.
const RECIPE: &str = "lava-master";

/// What one of them took, and made.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) compression: &'static str,
    /// Processor time, in seconds.
    pub(super) cpu: Spread,
    /// Wall-clock time, in seconds.
    pub(super) wall: Spread,
    /// Processor time, in seconds, of what is not in these figures: what a build does before such a step.
    pub(super) apart: Spread,
    /// The most memory that one process had, in bytes.
    pub(super) memory: u64,
    /// Processes and threads, where they can be counted.
    pub(super) tasks: Option<u64>,
    /// The image's size, in bytes.
    pub(super) bytes: u64,
    #[serde(flatten)]
    pub(super) made: Made,
}

/// What is in an image, as our own reader sees it.
#[derive(Debug, Serialize)]
pub(super) struct Made {
    /// Its size unpacked, in bytes: that of all files' contents.
    pub(super) unpacked: u64,
    pub(super) files: usize,
    pub(super) modules: usize,
    /// How many of the programs are in it.
    pub(super) programs: usize,
}

#[derive(Debug, Serialize)]
struct Found<'a> {
    kernel: &'a Kernel,
    modules: usize,
    programs: usize,
    runs: u32,
    rows: Vec<Row>,
    skipped: Vec<Skipped>,
    goals: Vec<Goal>,
}

pub(super) fn run(context: &Context<'_>, args: &Args) -> Result<Answer> {
    content::check_programs()?;
    let recipe = args.recipe.as_deref().unwrap_or(RECIPE);
    let kernel = Kernel::find(context, args.kernel.as_deref(), recipe)?;
    let modules = kernel.modules()?;
    let scratch = tempfile::tempdir()?;
    let (contenders, skipped) = contenders(context, &kernel, &modules, scratch.path())?;
    for Skipped { name, why } in &skipped {
        let text = format!("{name} is not measured: {why}");
        context.report.listener().hear(Event::Warning(text));
    }
    let rows = measure(&contenders, args.runs, scratch.path())?;
    let found = Found {
        kernel: &kernel,
        modules: modules.len(),
        programs: PROGRAMS.len(),
        runs: args.runs,
        goals: goals::of(&rows),
        rows,
        skipped,
    };
    Ok(Answer::new(&found, told(&found)))
}

/// All that are measured, ours first, and those that cannot be.
fn contenders(
    context: &Context<'_>,
    kernel: &Kernel,
    modules: &[String],
    folder: &Path,
) -> Result<(Vec<Contender>, Vec<Skipped>)> {
    let plain = ours(kernel, Compression::None, folder)?;
    // Others are given the files of an image of ours.
    let image = folder.join("first.img");
    once(&plain, folder)?;
    fs_err::rename(&plain.output, &image)?;
    let wish = Wish {
        kernel,
        modules,
        folder,
    };
    let all = [
        Ok(plain),
        peers::gen_init_cpio(context, folder, &image)?,
        peers::dracut(&wish, false)?,
        Ok(ours(kernel, Compression::Zstd, folder)?),
        peers::mkinitramfs(&wish)?,
        peers::dracut(&wish, true)?,
    ];
    fs_err::remove_file(image)?;
    let mut contenders = Vec::new();
    let mut skipped: BTreeMap<&str, Skipped> = BTreeMap::new();
    for one in all {
        match one {
            Ok(contender) => contenders.push(contender),
            Err(why) => drop(skipped.insert(why.name, why)),
        }
    }
    Ok((contenders, skipped.into_values().collect()))
}

fn ours(kernel: &Kernel, compression: Compression, folder: &Path) -> Result<Contender> {
    let (called, level) = match compression {
        Compression::Zstd => ("zstd -9", Some(ZSTD)),
        _ => ("none", None),
    };
    let name = compression.name();
    let output = folder.join(format!("cordwainer-{name}.img"));
    let job = folder.join(format!("cordwainer-{name}.json"));
    let apart = folder.join(format!("cordwainer-{name}-apart.json"));
    let assembly = Assembly {
        kernel: kernel.clone(),
        compression,
        level,
        folder: folder.join(format!("cordwainer-{name}")),
        output: output.clone(),
        apart: apart.clone(),
    };
    meter::write(&job, &Job::Assemble(assembly))?;
    let mut argv = vec![boot::ourselves()?.to_string_lossy().into_owned()];
    argv.extend(meter::command(&job));
    Ok(Contender {
        name: OURS,
        compression: called,
        argv,
        output,
        is_stdout: false,
        apart: Some(apart),
    })
}

fn once(contender: &Contender, folder: &Path) -> Result<Took> {
    meter::run(Program {
        argv: contender.argv.clone(),
        folder: folder.to_owned(),
        stdout: contender.is_stdout.then(|| contender.output.clone()),
        counts: false,
        apart: contender.apart.clone(),
    })
}

fn measure(contenders: &[Contender], runs: u32, folder: &Path) -> Result<Vec<Row>> {
    let mut took: Vec<Vec<Took>> = vec![Vec::new(); contenders.len()];
    let mut made: Vec<(u64, Made)> = Vec::new();
    for round in 0..=runs {
        for (contender, took) in contenders.iter().zip(&mut took) {
            let one = once(contender, folder)?;
            if round == 0 {
                made.push(look(&contender.output)?);
            } else {
                took.push(one);
            }
            // Everybody begins without an image to replace.
            fs_err::remove_file(&contender.output)?;
        }
    }
    let rows = contenders.iter().zip(took).zip(made);
    Ok(rows
        .map(|((contender, took), (bytes, made))| row(contender, &took, bytes, made))
        .collect())
}

fn row(contender: &Contender, took: &[Took], bytes: u64, made: Made) -> Row {
    Row {
        name: contender.name,
        compression: contender.compression,
        cpu: Spread::of(took.iter().map(|took| took.cpu)),
        wall: Spread::of(took.iter().map(|took| took.wall)),
        apart: Spread::of(took.iter().map(|took| took.apart)),
        memory: took.iter().map(|took| took.memory).max().unwrap_or(0),
        tasks: took.iter().filter_map(|took| took.tasks).max(),
        bytes,
        made,
    }
}

/// An image's size, and what is in it.
fn look(output: &PathBuf) -> Result<(u64, Made)> {
    let bytes = fs_err::metadata(output)?.len();
    let image = inspect::Image::of_file(output.to_string_lossy(), output)?;
    let mut made = Made {
        unpacked: 0,
        files: 0,
        modules: 0,
        programs: 0,
    };
    let mut names: Vec<&str> = Vec::new();
    for (path, entry) in image.tree().iter() {
        let Node::File(content) = &entry.node else {
            continue;
        };
        made.files += 1;
        let detail = image.archive.details.get(path);
        // A file with several names is there once.
        if detail.is_none_or(|detail| detail.linked.is_none()) {
            made.unpacked += content.size();
        }
        made.modules += usize::from(path.as_str().ends_with(".ko"));
        names.extend(path.as_str().rsplit('/').next());
    }
    let programs = PROGRAMS.iter().filter(|(program, _)| {
        let name = program.rsplit('/').next();
        name.is_some_and(|name| names.contains(&name))
    });
    made.programs = programs.count();
    Ok((bytes, made))
}

fn told(found: &Found<'_>) -> String {
    let mut table = Table::default();
    table.row([
        "",
        "compression",
        "CPU s min",
        "median",
        "max",
        "wall s",
        "bytes",
        "peak MB",
        "tasks",
        "unpacked",
        "files",
        "modules",
        "programs",
    ]);
    for row in &found.rows {
        let seconds = |seconds: f64| format!("{seconds:.3}");
        table.row([
            row.name.to_owned(),
            row.compression.to_owned(),
            seconds(row.cpu.min),
            seconds(row.cpu.median),
            seconds(row.cpu.max),
            seconds(row.wall.median),
            row.bytes.to_string(),
            (row.memory >> 20).to_string(),
            row.tasks.map_or("?".to_owned(), |tasks| tasks.to_string()),
            row.made.unpacked.to_string(),
            row.made.files.to_string(),
            row.made.modules.to_string(),
            row.made.programs.to_string(),
        ]);
    }
    let mut text = format!(
        "{} runs, {} modules of {} with what they need, {} programs with theirs\n{}",
        found.runs,
        found.modules,
        found.kernel.release,
        found.programs,
        table.render()
    );
    let mut ours = found.rows.iter().filter(|row| row.name == OURS);
    if let Some(ours) = ours.next() {
        text += &format!(
            "{OURS} is measured as the step of a build: finding what is needed, archive, listing and packages. Not in its figures, and done once for all of a \
             build's steps: planning, which reads what is taken from the host and looks up its packages, and digesting the kernel's modules before they are used ({:.3} s of processor time)\n",
            ours.apart.median
        );
    }
    for goal in &found.goals {
        text += &format!("{goal}\n");
    }
    for Skipped { name, why } in &found.skipped {
        text += &format!("{name} is not measured: {why}\n");
    }
    text
}
