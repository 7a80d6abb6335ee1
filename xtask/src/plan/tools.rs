//! Who the tools are: the version each says it has, which enters the keys of the steps that use it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::digest::Digest;
use crate::failure::Result;
use crate::needs;
use crate::tool::Tool;

/// How a tool's identity is found.
#[derive(Clone, Copy, Debug)]
enum Identity {
    /// The first line of what it prints with `--version`.
    Version(&'static str),
    /// The digest of a file that is linked into what is built.
    File(&'static str),
}

use Identity::{File, Version};

/// What compiles a kernel. `bc`, `perl` and the like only compute constants that any version computes alike.
const KERNEL: &[(&str, Identity)] = &[
    ("bison", Version("bison")),
    ("flex", Version("flex")),
    ("gcc", Version("gcc")),
    ("ld", Version("ld")),
    ("make", Version("make")),
    ("xz", Version("xz")),
    ("zstd", Version("zstd")),
];

const BUSYBOX: &[(&str, Identity)] = &[
    ("gcc", Version("gcc")),
    ("ld", Version("ld")),
    ("make", Version("make")),
];

const MUSL: &[(&str, Identity)] = &[("libc", File("/usr/lib/x86_64-linux-musl/libc.a"))];
const GLIBC: &[(&str, Identity)] = &[("libc", File("/usr/lib/x86_64-linux-gnu/libc.a"))];

/// Tools and their versions. One that is missing has the version `missing`: planning goes on,
/// and the step that needs it fails with what to install.
pub type Tools = BTreeMap<String, String>;

/// Both sets of tools.
#[must_use]
pub fn both(mut tools: Tools, others: Tools) -> Tools {
    tools.extend(others);
    tools
}

/// What the kernel is built with.
///
/// # Errors
/// When the host fails.
pub fn kernel() -> Result<Tools> {
    identify(KERNEL)
}

/// What busybox is built with.
///
/// # Errors
/// When the host fails.
pub fn busybox(libc: crate::recipe::schema::Libc) -> Result<Tools> {
    use crate::recipe::schema::Libc;
    let mut tools = identify(BUSYBOX)?;
    tools.extend(identify(match libc {
        Libc::Musl => MUSL,
        Libc::Glibc => GLIBC,
    })?);
    Ok(tools)
}

/// Our own code, for steps that run in it and are quick: whatever changes in it runs them again.
#[must_use]
pub fn ours() -> Tools {
    [(
        "cordwainer".to_owned(),
        env!("CORDWAINER_SOURCE_DIGEST").to_owned(),
    )]
    .into()
}

/// Our own code, for steps too long to run again at every change of it: a number, raised by hand when the step changes.
#[must_use]
pub fn revision(number: u32) -> Tools {
    [("cordwainer".to_owned(), format!("revision {number}"))].into()
}

fn identify(tools: &[(&str, Identity)]) -> Result<Tools> {
    // Side by side: each is a process, and there are ten of them.
    std::thread::scope(|scope| {
        let asked: Vec<_> = tools
            .iter()
            .map(|&(name, identity)| (name, scope.spawn(move || identity.find())))
            .collect();
        asked
            .into_iter()
            .map(|(name, answer)| {
                let answer = answer
                    .join()
                    .map_err(|_| crate::failure::Failure::bug("asking a tool panicked"))??;
                Ok((name.to_owned(), answer))
            })
            .collect()
    })
}

impl Identity {
    fn find(self) -> Result<String> {
        match self {
            Self::Version(program) if needs::find(program).is_some() => {
                let said = Tool::new(program).arg("--version").read()?;
                Ok(said.lines().next().unwrap_or("").trim().to_owned())
            }
            Self::File(path) if Path::new(path).exists() => {
                Ok(Digest::of_file(Path::new(path))?.0.to_string())
            }
            Self::Version(_) | Self::File(_) => Ok("missing".to_owned()),
        }
    }
}
