//! Digests the crate's own sources and the versions of its dependencies, so that results of its in-process steps are made anew when the code that
//! makes them changed. FNV-1a is enough: the digest tells versions apart, it protects nothing.

use std::fs;
use std::path::{Path, PathBuf};

/// The versions of all that is linked in.
const LOCK: &str = "../Cargo.lock";

fn main() {
    // At every start, the loader would relocate the tables of a large program: a third of what `xtask --version` takes.
    println!("cargo::rustc-link-arg-bins=-no-pie");
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed={LOCK}");
    // What compressors write depends on their versions.
    let mut files = vec![PathBuf::from(LOCK)];
    collect(Path::new("src"), &mut files);
    files.sort();
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        let text = fs::read(&file).expect("a source file can be read");
        for byte in file
            .to_string_lossy()
            .bytes()
            .chain([0])
            .chain(text)
            .chain([0])
        {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    println!("cargo::rustc-env=CORDWAINER_SOURCE_DIGEST={state:016x}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
