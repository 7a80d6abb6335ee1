//! Which modules an image needs: those that a recipe names, and all that these do not work without.

use std::collections::{BTreeMap, HashMap};

use crate::failure::{self, Failure, Kind, Result};
use crate::text::{counted, nearest};

use super::class::{self, CLASSES, Class};
use super::info::{canonical, normalized};
use super::kernel::Kernel;
use super::pattern::{ModulePattern, is_pattern};

/// What a recipe's `[modules]` says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Names, patterns and classes of modules.
    pub take: &'a [String],
    /// The same of modules that stay out, unless another one depends on them.
    pub exclude: &'a [String],
}

/// Why a module is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The recipe names it: by this name, pattern or class.
    Taken(String),
    /// Another module needs it.
    Needed {
        /// The other one's place in [`Kernel::modules`].
        by: usize,
        /// As what: `module dependency`, `softdep`, `weak dependency`.
        how: &'static str,
    },
}

/// A module that is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    /// Its place in [`Kernel::modules`].
    pub module: usize,
    /// Why.
    pub why: Why,
}

/// Something that the recipe asks for and that is built in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The module's name.
    pub name: String,
    /// The name, pattern or class that asks for it.
    pub by: String,
}

/// What is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Modules, sorted by path.
    pub modules: Vec<Picked>,
    /// What was asked for and needs no file, because the kernel has it built in.
    pub builtin: Vec<Asked>,
    /// What is worth knowing, a sentence each: soft dependencies that are not there, exclusions that exclude nothing.
    pub notes: Vec<String>,
}

/// A module needs another to be loaded.
const HARD: &str = "module dependency";
/// A module wants others to be loaded around it (modprobe.d(5), `softdep`).
const SOFT: &str = "softdep";
/// A module may load another while it runs (modprobe.d(5) of kmod 33, `weakdep`).
const WEAK: &str = "weak dependency";

/// Where modules that soft dependencies know by an alias are looked for: those are algorithms (`crypto-crc32c`). Reading all modules for the sake of names that are in no
/// kernel, which are many, would take longer than all the rest.
const ALGORITHMS: &[&str] = &["{crypto,lib}/**", "arch/*/{crypto,lib}/**"];
/// Where they are looked for when the alias is that of a device (`platform:leds-gpio`): everywhere.
const DEVICES: &[&str] = &["**/*"];

/// Chooses the modules that a recipe wants, and all that they depend on.
///
/// # Errors
/// [`Kind::Recipe`] for names, patterns and classes that fit nothing, all of them at once; [`Kind::Source`] with the chain that led there for a dependency that the kernel does
/// not have; what reading modules fails with.
pub fn choose(kernel: &Kernel, wanted: Wanted<'_>) -> Result<Chosen> {
    let mut chosen = Chosen {
        notes: kernel.notes.clone(),
        ..Chosen::default()
    };
    let out = excluded(kernel, wanted.exclude, &mut chosen.notes)?;
    let mut work = Work {
        kernel,
        out,
        why: BTreeMap::new(),
        queue: Vec::new(),
        aliases: [None, None],
    };
    let mut unknown = Vec::new();
    for take in wanted.take {
        match meant(kernel, take)? {
            Ok(Meant { modules, builtin }) => {
                for module in modules {
                    if !work.out[module] {
                        work.pick(module, Why::Taken(take.clone()));
                    }
                }
                let by = |name| Asked {
                    name,
                    by: take.clone(),
                };
                chosen.builtin.extend(builtin.into_iter().map(by));
            }
            Err(wrong) => unknown.push(failure::Asked {
                table: "modules".to_owned(),
                name: take.clone(),
                wrong,
                help: None,
            }),
        }
    }
    if !unknown.is_empty() {
        return Err(refused(kernel, unknown));
    }
    work.follow(&mut chosen.notes)?;
    chosen.modules = work
        .why
        .into_iter()
        .map(|(module, why)| Picked { module, why })
        .collect();
    Ok(chosen)
}

fn refused(kernel: &Kernel, unknown: Vec<failure::Asked>) -> Failure {
    let what = format!(
        "{} of what [modules] takes is not in the kernel {}",
        if unknown.len() == 1 {
            "one".to_owned()
        } else {
            unknown.len().to_string()
        },
        kernel.release
    );
    let failure = Failure::new(Kind::Recipe, what);
    let failure = unknown.into_iter().fold(failure, Failure::asked);
    failure.hint("`take` holds names (`virtio_net`), patterns of paths below kernel/ (`drivers/net/ethernet/**`) and classes (`@pci-network`)")
}

/// What an entry of a recipe means.
struct Meant {
    modules: Vec<usize>,
    builtin: Vec<String>,
}

/// The modules that an entry of a recipe means, or why there are none.
fn meant(kernel: &Kernel, entry: &str) -> Result<Result<Meant, String>> {
    let found = if let Some(name) = entry.strip_prefix(class::MARK) {
        let Some(class) = class_of(name) else {
            let near = nearest(name, CLASSES.iter().map(|class| class.name));
            let all: Vec<&str> = CLASSES.iter().map(|class| class.name).collect();
            let near = near.map_or_else(
                || format!("there are {}", all.join(", ")),
                |near| format!("did you mean `@{near}`?"),
            );
            return Ok(Err(format!("`{entry}` is no class of modules; {near}")));
        };
        let (modules, builtin) = class::members(class, kernel)?;
        Meant { modules, builtin }
    } else if is_pattern(entry) {
        let pattern = ModulePattern::new(entry)?;
        let modules = kernel.modules.iter().enumerate();
        let modules = modules.filter(|(_, module)| pattern.fits(&module.name, &module.path));
        let builtin = kernel.builtin.iter();
        let builtin = builtin.filter(|(name, builtin)| pattern.fits(name, &builtin.path));
        Meant {
            modules: modules.map(|(at, _)| at).collect(),
            builtin: builtin.map(|(name, _)| name.clone()).collect(),
        }
    } else {
        let name = canonical(entry.strip_suffix(".ko").unwrap_or(entry));
        match kernel.find(&name) {
            Some(module) => Meant {
                modules: vec![module],
                builtin: Vec::new(),
            },
            None if kernel.builtin.contains_key(&name) => Meant {
                modules: Vec::new(),
                builtin: vec![name],
            },
            None => return Ok(Err(unknown(kernel, entry))),
        }
    };
    if found.modules.is_empty() && found.builtin.is_empty() {
        return Ok(Err(format!(
            "`{entry}` fits none of the kernel's {}",
            counted(kernel.modules.len(), "module")
        )));
    }
    Ok(Ok(found))
}

fn class_of(name: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|class| class.name == name)
}

fn unknown(kernel: &Kernel, entry: &str) -> String {
    let modules = kernel.modules.iter().map(|module| module.name.as_str());
    let near = nearest(
        entry,
        modules.chain(kernel.builtin.keys().map(String::as_str)),
    );
    let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    format!("`{entry}` is none of the kernel's modules{near}")
}

/// For each module, whether the recipe wants it out.
fn excluded(kernel: &Kernel, entries: &[String], notes: &mut Vec<String>) -> Result<Vec<bool>> {
    let mut out = vec![false; kernel.modules.len()];
    for entry in entries {
        match meant(kernel, entry)? {
            Ok(Meant { modules, .. }) => modules.into_iter().for_each(|module| out[module] = true),
            // A recipe may be for several kernels.
            Err(why) => notes.push(format!("nothing to exclude: {why}")),
        }
    }
    Ok(out)
}

/// What is under way.
struct Work<'a> {
    kernel: &'a Kernel,
    out: Vec<bool>,
    why: BTreeMap<usize, Why>,
    queue: Vec<usize>,
    /// Modules by alias: of algorithms, and of all, once they were needed.
    aliases: [Option<HashMap<String, Vec<usize>>>; 2],
}

impl Work<'_> {
    fn pick(&mut self, module: usize, why: Why) {
        if let std::collections::btree_map::Entry::Vacant(free) = self.why.entry(module) {
            free.insert(why);
            self.queue.push(module);
        }
    }

    /// Follows dependencies, breadth first so that the chains that `why` shows are short. Each module is looked at once: cycles end by themselves.
    fn follow(&mut self, notes: &mut Vec<String>) -> Result<()> {
        let kernel = self.kernel;
        let mut next = 0;
        // Modules by the other kernel that they were built for.
        let mut strangers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        while let Some(&module) = self.queue.get(next) {
            next += 1;
            let info = kernel.info(module)?;
            let name = &kernel.modules[module].name;
            for needed in &info.depends {
                match kernel.find(needed) {
                    Some(found) => self.pick(
                        found,
                        Why::Needed {
                            by: module,
                            how: HARD,
                        },
                    ),
                    None if kernel.builtin.contains_key(needed) => {}
                    None => return Err(self.lacking(module, needed)),
                }
            }
            for (names, how) in [(&info.soft, SOFT), (&info.weak, WEAK)] {
                for needed in names {
                    self.hint(module, needed, how, notes)?;
                }
            }
            let built_for = info.vermagic.as_deref();
            let built_for = built_for.and_then(|magic| magic.split(' ').next());
            if let Some(built_for) = built_for.filter(|release| *release != kernel.release) {
                strangers.entry(built_for).or_default().push(name);
            }
        }
        for (built_for, names) in strangers {
            let others = match names.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            notes.push(format!(
                "{}{others}: built for the kernel {built_for}, not for {}",
                names[0], kernel.release
            ));
        }
        Ok(())
    }

    /// What is good to have: modules by name or by alias; that they are not there is worth a note.
    fn hint(
        &mut self,
        by: usize,
        needed: &str,
        how: &'static str,
        notes: &mut Vec<String>,
    ) -> Result<()> {
        let kernel = self.kernel;
        let found = match kernel.find(needed) {
            Some(found) => vec![found],
            None if kernel.builtin.contains_key(&canonical(needed)) => return Ok(()),
            None => {
                let alias = normalized(needed).unwrap_or_default();
                let built_in = |alias: &str| {
                    kernel
                        .builtin
                        .values()
                        .flat_map(|builtin| &builtin.info.aliases)
                        .any(|has| canonical(has) == alias)
                };
                let found = self.with_alias(&alias)?;
                if found.is_empty() && !built_in(&alias) {
                    notes.push(format!(
                        "the module {} would have {needed} beside it ({how}), which is not there",
                        kernel.modules[by].name
                    ));
                }
                found
            }
        };
        for module in found {
            if !self.out[module] {
                self.pick(module, Why::Needed { by, how });
            }
        }
        Ok(())
    }

    /// Modules with this very alias, dashes aside.
    fn with_alias(&mut self, alias: &str) -> Result<Vec<usize>> {
        let (known, places) = match &mut self.aliases {
            [_, devices] if alias.contains(':') => (devices, DEVICES),
            [algorithms, _] => (algorithms, ALGORITHMS),
        };
        if known.is_none() {
            let patterns: Vec<ModulePattern> = places
                .iter()
                .map(|text| ModulePattern::new(text))
                .collect::<Result<_>>()?;
            let mut aliases: HashMap<String, Vec<usize>> = HashMap::new();
            for (at, module) in self.kernel.modules.iter().enumerate() {
                if patterns
                    .iter()
                    .any(|pattern| pattern.fits(&module.name, &module.path))
                {
                    for alias in &self.kernel.info(at)?.aliases {
                        aliases.entry(canonical(alias)).or_default().push(at);
                    }
                }
            }
            *known = Some(aliases);
        }
        Ok(known
            .as_ref()
            .and_then(|aliases| aliases.get(alias))
            .cloned()
            .unwrap_or_default())
    }

    /// The failure that a dependency is not there, with the chain that led there.
    fn lacking(&self, module: usize, needed: &str) -> Failure {
        let name = |module: usize| self.kernel.modules[module].name.as_str();
        let mut failure = Failure::new(
            Kind::Source,
            format!(
                "the module {} needs {needed}, which the kernel {} neither has as a module nor built in",
                name(module),
                self.kernel.release
            ),
        );
        let mut at = module;
        loop {
            match self.why.get(&at) {
                Some(Why::Needed { by, how }) => {
                    failure = failure.note(format!("{} needs {} ({how})", name(*by), name(at)));
                    at = *by;
                }
                Some(Why::Taken(entry)) => {
                    failure = failure.note(format!(
                        "[modules] takes `{entry}`, which {} belongs to",
                        name(at)
                    ));
                    break;
                }
                None => break,
            }
        }
        failure.hint("the kernel's package is incomplete: some kernels have a package of further modules beside them")
    }
}
