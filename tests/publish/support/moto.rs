//! moto, a server of Amazon's interfaces of the Python package index: it checks signatures with Amazon's own code.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

use xtask::repository::place::s3::Keys;

use super::{cache, must};

const VERSION: &str = "5.2.5";
/// What its S3 server is, and no more of its hundred services.
const PACKAGES: &[&str] = &["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"];

/// The bucket that is there.
pub(crate) const BUCKET: &str = "repositories";

/// A running server.
pub(crate) struct Moto {
    pub(crate) port: u16,
    id: String,
    secret: String,
    child: Child,
    /// It ends when this is closed.
    _stdin: ChildStdin,
}

/// The one that runs, as long as a test uses it.
static RUNNING: Mutex<Weak<Moto>> = Mutex::new(Weak::new());

impl Moto {
    /// The server that other tests use, or a new one.
    pub(crate) fn shared() -> Arc<Self> {
        let mut running = RUNNING.lock().unwrap();
        if let Some(moto) = running.upgrade() {
            return moto;
        }
        let moto = Arc::new(Self::start());
        *running = Arc::downgrade(&moto);
        moto
    }

    fn start() -> Self {
        let python = must(
            Command::new("/usr/bin/python3")
                .args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]),
        );
        let name = format!(
            "moto-{VERSION}-python{}",
            String::from_utf8(python).unwrap().trim()
        );
        let modules = cache::once(&name, install);
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/publish/support/serve_moto.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .env("PYTHONPATH", modules)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut keys = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut keys)
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let port = port(&mut said);
        // What nobody reads would stop it.
        std::thread::spawn(move || said.read_to_end(&mut Vec::new()));
        let (id, secret) = keys.trim().split_once(' ').unwrap();
        Self {
            port,
            id: id.to_owned(),
            secret: secret.to_owned(),
            _stdin: child.stdin.take().unwrap(),
            child,
        }
    }

    /// Keys that may do everything.
    pub(crate) fn keys(&self) -> Keys {
        Keys::new(&self.id, &self.secret, None).unwrap()
    }

    /// The right name with a wrong secret.
    pub(crate) fn wrong_keys(&self) -> Keys {
        Keys::new(&self.id, "wrong", None).unwrap()
    }
}

/// The port that it says it listens at.
fn port(said: &mut impl BufRead) -> u16 {
    let mut all = String::new();
    loop {
        let mut line = String::new();
        assert!(
            said.read_line(&mut line).unwrap() > 0,
            "moto does not start: {all}"
        );
        if let Some((_, port)) = line.trim().split_once("http://127.0.0.1:") {
            return port.parse().unwrap();
        }
        all += &line;
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn install(into: &Path) {
    let options = [
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--target",
    ];
    must(
        Command::new("/usr/bin/pip3")
            .arg("install")
            .args(options)
            .arg(into)
            .args(PACKAGES),
    );
}
