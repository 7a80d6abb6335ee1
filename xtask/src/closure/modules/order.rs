//! The order of modules in the indexes, and all that each of them depends on, as depmod works them out.

use crate::failure::{Failure, Kind, Result};

use super::choose::Chosen;
use super::kernel::Kernel;

/// The chosen modules in the order of the indexes. Numbers below are places in here.
pub(super) struct Order {
    /// Places in [`Kernel::modules`].
    pub(super) modules: Vec<usize>,
    /// How many of them `modules.order` has: the first ones.
    pub(super) listed: usize,
    /// What each module depends on, directly.
    direct: Vec<Vec<usize>>,
    /// The place of each in a sequence where everything comes before what it depends on.
    before: Vec<usize>,
}

impl Order {
    /// Sorts as `modules.order` has them (the kernel's own priority when an alias fits several), others behind by path.
    ///
    /// # Errors
    /// [`Kind::Source`] when modules depend on each other in a circle, so that none of them could ever be loaded.
    pub(super) fn new(kernel: &Kernel, chosen: &Chosen) -> Result<Self> {
        let modules: Vec<usize> = chosen.modules.iter().map(|picked| picked.module).collect();
        let mut ranked: Vec<(usize, usize)> =
            kernel.ranks(&modules).into_iter().zip(modules).collect();
        ranked.sort_unstable();
        let listed = ranked.partition_point(|(rank, _)| *rank < usize::MAX);
        let modules: Vec<usize> = ranked.into_iter().map(|(_, module)| module).collect();
        let mut place = vec![None; kernel.modules.len()];
        for (at, &module) in modules.iter().enumerate() {
            place[module] = Some(at);
        }
        let mut direct = Vec::with_capacity(modules.len());
        for &module in &modules {
            let mut needed: Vec<usize> = Vec::new();
            for name in &kernel.info(module)?.depends {
                if let Some(at) = kernel.find(name).and_then(|found| place[found])
                    && !needed.contains(&at)
                {
                    needed.push(at);
                }
            }
            direct.push(needed);
        }
        let before = topological(&direct).map_err(|circle| {
            let names: Vec<&str> = circle.iter().map(|&at| kernel.modules[modules[at]].name.as_str()).collect();
            Failure::new(
                Kind::Source,
                format!("modules of the kernel {} depend on each other in a circle, so that none can be loaded", kernel.release),
            )
            .note(names.join(", "))
            .hint("exclude them, or take another kernel")
        })?;
        Ok(Self {
            modules,
            listed,
            direct,
            before,
        })
    }

    /// All that a module depends on, directly or not, in the order of `modules.dep`: what has to be loaded first comes last.
    pub(super) fn needed(&self, at: usize) -> Vec<usize> {
        let mut seen = vec![false; self.modules.len()];
        seen[at] = true;
        let mut found = vec![at];
        let mut next = 0;
        while let Some(&one) = found.get(next) {
            next += 1;
            for &needed in &self.direct[one] {
                if !std::mem::replace(&mut seen[needed], true) {
                    found.push(needed);
                }
            }
        }
        found.remove(0);
        found.sort_unstable_by_key(|&needed| self.before[needed]);
        found
    }
}

/// Kahn's algorithm, with a stack as depmod has it; what is left over is in or behind a circle.
fn topological(direct: &[Vec<usize>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut users = vec![0_usize; direct.len()];
    for &needed in direct.iter().flatten() {
        users[needed] += 1;
    }
    let mut roots: Vec<usize> = (0..direct.len()).filter(|&at| users[at] == 0).collect();
    let mut before = vec![usize::MAX; direct.len()];
    let mut sorted = 0;
    while let Some(at) = roots.pop() {
        before[at] = sorted;
        sorted += 1;
        for &needed in &direct[at] {
            users[needed] -= 1;
            if users[needed] == 0 {
                roots.push(needed);
            }
        }
    }
    if sorted < direct.len() {
        return Err((0..direct.len()).filter(|&at| users[at] > 0).collect());
    }
    Ok(before)
}
