//! temp
use super::oracle;
use crate::closure::{Root, Settings};
#[test]
fn measure() {
    let names = [
        "bash", "parted", "curl", "ssh", "tar", "gzip", "xz", "mount", "ip", "lsblk", "find",
        "grep", "sed", "gawk", "python3", "perl", "openssl", "dd", "ps", "fdisk",
    ];
    let root = Root::of("host", "/").unwrap();
    let have: Vec<&str> = names
        .iter()
        .copied()
        .filter(|n| {
            ["bin", "sbin"]
                .iter()
                .any(|d| std::path::Path::new(&format!("/usr/{d}/{n}")).exists())
        })
        .collect();
    for _ in 0..5 {
        let root2 = Root::of("host", "/").unwrap();
        let t = std::time::Instant::now();
        let c = oracle::of(&root2, &have, &Settings::default()).unwrap();
        println!(
            "{} names {} entries {} libs {:?}",
            have.len(),
            c.tree.len(),
            oracle::libraries(&c).len(),
            t.elapsed()
        );
    }
    let _ = root;
}
