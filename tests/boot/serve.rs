//! `boot --serve`, in namespaces of its own: a server's, and a client's at the other end of a pair of network cards.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};

use libtest_mimic::{Failed, Trial};

use crate::lab::bundle;
use crate::project::root;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        Trial::test("serve::addresses_and_files", || {
            serves(&[], "lease of 10.99.0.")
        }),
        Trial::test("serve::beside_another_server", || serves(&["--proxy"], "")),
        Trial::test("serve::where_no_machine_is", refuses),
    ]
}

/// A program.
#[expect(
    clippy::disallowed_methods,
    reason = "the program as its users run it, and what machines run"
)]
fn program(name: &str) -> Command {
    Command::new(name)
}

/// A process that holds a network namespace, until its input ends.
struct Space(Child);

impl Space {
    /// A user namespace in which we are root, with a network of its own; or, in that of another, one more network.
    fn new(beside: Option<&Self>) -> Result<Self, Failed> {
        let mut command = match beside {
            None => {
                let mut unshare = program("unshare");
                unshare.args(["--user", "--map-root-user", "--net", "--", "cat"]);
                unshare
            }
            Some(space) => {
                let mut enter = space.enter("unshare");
                enter.args(["--net", "--", "cat"]);
                enter
            }
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // It answers when it is where it is to be.
        child.stdin.as_mut().unwrap().write_all(b"x")?;
        child.stdout.as_mut().unwrap().read_exact(&mut [0])?;
        Ok(Self(child))
    }

    fn enter(&self, inner: &str) -> Command {
        let mut command = program("nsenter");
        command
            .args(["--user", "--net", "--preserve-credentials", "--target"])
            .arg(self.0.id().to_string())
            .args(["--", inner]);
        command
    }

    fn ip(&self, batch: &str) -> Result<(), Failed> {
        let mut ip = self
            .enter("ip")
            .args(["-batch", "-"])
            .stdin(Stdio::piped())
            .spawn()?;
        ip.stdin.take().unwrap().write_all(batch.as_bytes())?;
        match ip.wait()?.success() {
            true => Ok(()),
            false => Err(format!("ip does not do: {batch}").into()),
        }
    }

    fn serve(&self, interface: &str, more: &[&str]) -> Command {
        let mut command = self.enter(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(["boot", "demo", "--serve", interface])
            .args(more)
            .env("CORDWAINER_ROOT", root())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        self.0.stdin.take();
        self.0.wait().ok();
    }
}

/// Two networks with a cable between them; the server's end has an address.
fn network() -> Result<(Space, Space), Failed> {
    let server = Space::new(None)?;
    let client = Space::new(Some(&server))?;
    server.ip(&format!(
        "link set lo up\nlink add lan0 type veth peer name far0\nlink set far0 netns {}\n\
         address add 10.99.0.1/24 broadcast + dev lan0\nlink set lan0 up\n",
        client.0.id()
    ))?;
    client.ip("link set lo up\nlink set far0 up\n")?;
    Ok((server, client))
}

/// Reads on until this was said.
fn hear(said: &mut impl BufRead, heard: &mut String, what: &str) -> Result<(), Failed> {
    while !heard.contains(what) {
        if said.read_line(heard)? == 0 {
            return Err(format!("`{what}` is not said: {heard}").into());
        }
    }
    Ok(())
}

/// A machine asks, is told, and fetches; then Ctrl-C ends all of it.
fn serves(more: &[&str], leased: &str) -> Result<(), Failed> {
    let folder = bundle("demo")?;
    let (server, client) = network()?;
    let mut serving = server.serve("lan0", more).spawn()?;
    let mut said = BufReader::new(serving.stderr.take().unwrap());
    let mut heard = String::new();
    hear(&mut said, &mut heard, "note serving\n")?;
    let asked = if leased.is_empty() {
        None
    } else {
        // What a PC with BIOS says of itself: option 93, 0.
        let mut udhcpc = client.enter("busybox");
        udhcpc.args([
            "udhcpc",
            "-f",
            "-q",
            "-n",
            "-i",
            "far0",
            "-s",
            "/bin/true",
            "-x",
            "0x5d:0000",
        ]);
        let asked = udhcpc.output()?;
        let text = String::from_utf8_lossy(&asked.stderr).into_owned();
        assert!(text.contains(leased), "{text}");
        Some(text)
    };
    client.ip("address add 10.99.0.200/24 dev far0\n")?;
    let fetched = tempfile::NamedTempFile::new()?;
    let mut tftp = client.enter("busybox");
    tftp.args(["tftp", "-g", "-r", "pxelinux.0", "-l"])
        .arg(fetched.path())
        .arg("10.99.0.1");
    let tftp: Output = tftp.output()?;
    assert!(tftp.status.success(), "{tftp:?}");
    assert_eq!(
        fs_err::read(fetched.path())?,
        fs_err::read(folder.join("pxelinux.0"))?
    );

    let http = |words: &[&str]| {
        client
            .enter("busybox")
            .args(["wget", "-q", "-O", "-"])
            .args(words)
            .output()
    };
    let page = http(&["http://10.99.0.1/boot/../pxelinux.0"])?;
    assert!(!page.status.success(), "{page:?}");
    let sums = http(&["http://10.99.0.1/SHA256SUMS"])?;
    assert_eq!(sums.stdout, fs_err::read(folder.join("SHA256SUMS"))?);
    let report = "http://10.99.0.1/report/52:54:00:00:00:01/state";
    let told = http(&["--post-data", "ready", report])?;
    assert!(told.status.success(), "{told:?}");

    // What dnsmasq says of its files comes by another way than what was fetched.
    for line in [
        "note sent pxelinux.0\n",
        "note sent SHA256SUMS\n",
        "note 52:54:00:00:00:01 tells: ",
    ] {
        hear(&mut said, &mut heard, line)?;
    }
    let interrupted = program("kill")
        .args(["-INT", &serving.id().to_string()])
        .status()?;
    assert!(interrupted.success());
    said.read_to_string(&mut heard)?;
    let mut told = String::new();
    serving.stdout.take().unwrap().read_to_string(&mut told)?;
    assert!(serving.wait()?.success(), "{heard}");
    assert!(heard.contains("10.99.0."), "{heard}");
    let machines = if asked.is_some() {
        "1 machine"
    } else {
        "0 machines"
    };
    assert_eq!(told, format!("served 2 files to {machines}\n"));
    // Nobody answers any more.
    let mut again = client.enter("busybox");
    again.args([
        "udhcpc",
        "-f",
        "-q",
        "-n",
        "-t",
        "1",
        "-T",
        "1",
        "-i",
        "far0",
        "-s",
        "/bin/true",
    ]);
    assert!(!again.output()?.status.success(), "somebody still answers");
    Ok(())
}

/// What cannot be served on is refused, with what to do about it.
fn refuses() -> Result<(), Failed> {
    let (server, _client) = network()?;
    server.ip("link add bare0 type bridge\nlink set bare0 up\n")?;
    for (interface, why, hint) in [
        (
            "lo",
            "no machine boots from lo",
            "name the interface of the network",
        ),
        (
            "bare0",
            "there is no network interface \"bare0\" with an IPv4 address",
            "ip address add",
        ),
    ] {
        let output = server.serve(interface, &[]).output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(why) && text.contains(hint), "{text}");
    }
    Ok(())
}
