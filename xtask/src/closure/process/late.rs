//! What a process loads while it runs: by its own account (`.note.dlopen`), and by the C library's habits.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::closure::Dlopen;
use crate::closure::elf::{Feature, Takes};
use crate::closure::nss;
use crate::closure::search::Outcome;
use crate::failure::Result;

use super::{Answer, Ask, Object, Process};

/// What glibc unwinds with.
const UNWINDER: &str = "libgcc_s.so.1";

impl Process<'_, '_> {
    /// What an object loads while it runs.
    pub(super) fn opened(&mut self, by: usize) -> Result<()> {
        let elf = Rc::clone(&self.objects[by].elf);
        for feature in &elf.dlopen {
            let wanted = self.search.settings.dlopen;
            if wanted == Dlopen::None || feature.priority > wanted {
                let why = format!("it is {} only", feature.priority.name());
                self.leave_out(by, described(feature), &why);
            } else {
                self.feature(by, feature)?;
            }
        }
        Ok(())
    }

    fn feature(&mut self, by: usize, feature: &Feature) -> Result<()> {
        let mut missing = Outcome::default();
        for name in &feature.soname {
            let how = format!("library {name}, loaded while it runs");
            let ask = Ask {
                by,
                loader: by,
                name,
                how,
            };
            match self.ask(&ask)? {
                Answer::Fine => return Ok(()),
                Answer::Missing(outcome) => {
                    missing.wrong.extend(outcome.wrong);
                    missing.folders = outcome.folders;
                }
            }
        }
        if feature.priority == Dlopen::Required {
            self.lack(by, described(feature), &feature.soname, missing);
        } else {
            self.leave_out(by, described(feature), "it is not there");
        }
        Ok(())
    }

    /// What glibc loads for functions of its own.
    pub(super) fn by_libc(&mut self) -> Result<()> {
        let is_libc = |object: &Object| object.elf.soname.as_deref() == Some("libc.so.6");
        let Some(libc) = self.objects.iter().position(is_libc) else {
            return Ok(());
        };
        // Each library once, for the first that takes it.
        let mut unwinders: Option<(usize, &str, bool)> = None;
        let mut modules: BTreeMap<String, (usize, &str)> = BTreeMap::new();
        for (by, object) in self.objects.iter().enumerate() {
            for import in &object.elf.imports {
                match import.takes {
                    Takes::Unwinder if !unwinders.is_some_and(|(_, _, must)| must) => {
                        unwinders = Some((by, import.name, true));
                    }
                    Takes::UnwinderIfThere if unwinders.is_none() => {
                        unwinders = Some((by, import.name, false));
                    }
                    Takes::Unwinder | Takes::UnwinderIfThere => {}
                    Takes::Names(databases) => {
                        let services = databases.iter().flat_map(|name| self.services.of(name));
                        for service in services {
                            modules.entry(service).or_insert((by, import.name));
                        }
                    }
                }
            }
        }
        if let Some((by, function, must)) = unwinders {
            self.libc_loads(libc, by, function, UNWINDER, must)?;
        }
        let has_nss = self.objects[libc].elf.has_nss;
        for (service, (by, function)) in modules {
            let built_in = nss::is_built_in(&service);
            if !(built_in && has_nss) {
                self.libc_loads(libc, by, function, &nss::module(&service), built_in)?;
            }
        }
        Ok(())
    }

    fn libc_loads(
        &mut self,
        libc: usize,
        by: usize,
        function: &str,
        name: &str,
        must: bool,
    ) -> Result<()> {
        let how = format!("library {name}, for {function}");
        let ask = Ask {
            by,
            loader: libc,
            name,
            how: how.clone(),
        };
        match self.ask(&ask)? {
            Answer::Fine => {}
            Answer::Missing(outcome) if must => {
                let how = format!("{name} (for {function})");
                self.lack(by, how, &[name.to_owned()], outcome);
            }
            Answer::Missing(_) => self.leave_out(by, how, "it is not there"),
        }
        Ok(())
    }
}

fn described(feature: &Feature) -> String {
    let names = feature.soname.join(" or ");
    match feature.feature.as_str() {
        "" => names,
        feature => format!("{names} (for {feature})"),
    }
}
