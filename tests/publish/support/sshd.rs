//! A real server of OpenSSH, of a test's own: unpacked, not installed (the package would start one), run for each connection as inetd would
//! (sshd(8), `-i`), in a user namespace in which we are the user `publisher`, whose home is the test's folder.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{cache, must};

/// The server, with keys of its own. What it serves is on this machine.
pub(crate) struct Sshd {
    folder: tempfile::TempDir,
    pub(crate) port: u16,
}

impl Sshd {
    pub(crate) fn start() -> Self {
        Self::with("/bin/sh", "")
    }

    /// One whose user has this login shell, with more lines in its configuration.
    pub(crate) fn with(shell: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for key in ["host", "user"] {
            let args = ["-q", "-t", "ed25519", "-N", "", "-C", key, "-f"];
            must(Command::new("ssh-keygen").args(args).arg(path(key)));
        }
        fs_err::create_dir(path("home")).unwrap();
        let passwd = format!(
            "publisher:x:1000:1000::{}:{shell}\n",
            path("home").display()
        );
        fs_err::write(path("passwd"), passwd).unwrap();
        let program = program();
        fs_err::write(path("config"), configuration(&program, folder.path(), more)).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let known = format!(
            "[127.0.0.1]:{port} {}",
            fs_err::read_to_string(path("host.pub")).unwrap()
        );
        fs_err::write(path("known"), known).unwrap();
        let at = folder.path().to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                serve(&program, &at, client);
            }
        });
        Self { folder, port }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Options with which it is reached at a port: its own, or a proxy's.
    pub(crate) fn options(&self, port: u16) -> Vec<String> {
        let known = format!("-oUserKnownHostsFile={}", self.path("known").display());
        // Through a proxy it is the same server.
        let alias = format!("-oHostKeyAlias=[127.0.0.1]:{}", self.port);
        let key = self.path("user").display().to_string();
        let port = port.to_string();
        let words = [
            "-F",
            "/dev/null",
            "-oIdentitiesOnly=yes",
            "-i",
            &key,
            "-p",
            &port,
            &known,
            &alias,
        ];
        words.map(str::to_owned).to_vec()
    }
}

/// Who connects.
pub(crate) const HOST: &str = "publisher@127.0.0.1";

/// The host's server, or one unpacked.
fn program() -> PathBuf {
    let installed = PathBuf::from("/usr/sbin/sshd");
    if installed.exists() {
        return installed;
    }
    // It wants the libraries it was built for: those of the client's version.
    let client = must(Command::new("dpkg-query").args(["-W", "-f=${Version}", "openssh-client"]));
    let name = format!(
        "openssh-server-{}",
        String::from_utf8(client).unwrap().replace(':', "-")
    );
    cache::once(&name, unpack).join("usr/sbin/sshd")
}

/// Unpacks the server and the libraries that are not installed. As apt only downloads, it need not be root.
fn unpack(into: &Path) {
    let debs = tempfile::tempdir().unwrap();
    let archives = format!("Dir::Cache::archives={}", debs.path().display());
    let options = [
        "--yes",
        "--download-only",
        "--no-install-recommends",
        "-oDebug::NoLocking=1",
        "-oAPT::Sandbox::User=",
    ];
    let mut get = Command::new("apt-get");
    must(
        get.arg("install")
            .args(options)
            .args(["-o", &archives, "openssh-server"]),
    );
    for deb in fs_err::read_dir(debs.path()).unwrap() {
        let deb = deb.unwrap().path();
        if deb.extension().is_some_and(|end| end == "deb") {
            must(Command::new("dpkg-deb").arg("-x").arg(deb).arg(into));
        }
    }
}

fn configuration(program: &Path, folder: &Path, more: &str) -> String {
    let folder = folder.display();
    let mut text = format!(
        "HostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\nStrictModes no\nUsePAM no\nPidFile none\n{more}\n"
    );
    // From 9.8 on the server is more programs than one, at places that were compiled in.
    let beside = program.ancestors().nth(2).unwrap().join("lib/openssh");
    for (option, name) in [
        ("SshdSessionPath", "sshd-session"),
        ("SshdAuthPath", "sshd-auth"),
    ] {
        if beside.join(name).exists() {
            text += &format!("{option} {}/{name}\n", beside.display());
        }
    }
    text
}

/// Serves one connection.
fn serve(program: &Path, folder: &Path, client: TcpStream) {
    let top = program.ancestors().nth(3).unwrap();
    let machine = format!("{}-linux-gnu", std::env::consts::ARCH);
    let libraries =
        ["usr/lib", "lib"].map(|path| top.join(path).join(&machine).display().to_string());
    let outer = r#"mount --bind "$1/passwd" /etc/passwd && exec unshare --user --map-user=1000 --map-group=1000 "$2" -i -e -f "$1/config""#;
    let log = fs_err::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("log"));
    let client = OwnedFd::from(client);
    let child = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            outer,
            "sh",
        ])
        .args([folder, program])
        .env("LD_LIBRARY_PATH", libraries.join(":"))
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::from(client.try_clone().unwrap()))
        .stdout(Stdio::from(client))
        .stderr(Stdio::from(log.unwrap().into_parts().0))
        .spawn();
    let mut child = child.unwrap();
    std::thread::spawn(move || child.wait());
}
