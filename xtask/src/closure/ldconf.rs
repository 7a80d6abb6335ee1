//! `etc/ld.so.conf` of a root: the folders that `ldconfig` looks into, in its order.
//!
//! What programs really use is `ld.so.cache`, which `ldconfig` makes of these folders. It is not read here: an unpacked root has none, and
//! one that is there may be older than the folders. ldconfig(8), and `parse_conf` in glibc's `elf/ldconfig.c`.

use crate::failure::Result;

use super::glob;
use super::root::Root;

const CONF: &str = "etc/ld.so.conf";
/// Files that include each other end somewhere.
const DEEPEST: usize = 16;
/// The longest such file that is read.
const LONGEST: u64 = 1024 * 1024;

/// The folders it names, each once.
///
/// # Errors
/// What reading fails with.
pub fn folders(root: &Root) -> Result<Vec<String>> {
    let mut folders = Vec::new();
    add(root, CONF, 0, &mut folders)?;
    Ok(folders)
}

fn add(root: &Root, path: &str, depth: usize, folders: &mut Vec<String>) -> Result<()> {
    let found = root.find(path)?;
    let Some(file) = found.file().filter(|file| file.size <= LONGEST) else {
        return Ok(());
    };
    let bytes = fs_err::read(&file.on_disk)?;
    for line in String::from_utf8_lossy(&bytes).lines() {
        let line = line.split('#').next().unwrap_or("").trim();
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["include", ref patterns @ ..] => {
                for file in included(root, path, patterns)? {
                    if depth < DEEPEST {
                        add(root, &file, depth + 1, folders)?;
                    }
                }
            }
            // What is left of `hwcap 0 name` does nothing any more.
            [] | ["hwcap", ..] => {}
            _ => {
                // A type behind `=` is from the days of libc5.
                let folder = line.split('=').next().unwrap_or("").trim();
                let folder = format!("/{}", folder.trim_matches('/'));
                if line.starts_with('/') && !folders.contains(&folder) {
                    folders.push(folder);
                }
            }
        }
    }
    Ok(())
}

/// The files that patterns in a configuration file name; relative ones lie beside it.
fn included(root: &Root, path: &str, patterns: &[&str]) -> Result<Vec<String>> {
    let beside = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut files = Vec::new();
    for pattern in patterns {
        let pattern = match pattern.strip_prefix('/') {
            Some(_) => (*pattern).to_owned(),
            None => format!("{beside}/{pattern}"),
        };
        files.extend(glob::expand(root, &pattern)?);
    }
    Ok(files)
}
