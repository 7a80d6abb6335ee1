//! A running QEMU with its lines to the lab: two serial ports and QMP. The lab listens and QEMU connects, so that
//! nothing is missed and nobody has to wait for a socket to appear.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;

use crate::failure::{Failure, Kind, Result};
use crate::tool::{self, Running, Stdio, Tool};

use super::happening::{Port, TransferEnd};
use super::qemu;
use super::qmp::{self, Command, Message};
use super::reporter::Posted;

/// Something that came in from outside, for the lab's loop.
#[derive(Debug)]
pub enum Input {
    /// QEMU connected a serial port; this is the way to write to it.
    Port(Port, UnixStream),
    /// QEMU connected its machine protocol.
    Control(UnixStream),
    /// Bytes from a serial port.
    Bytes(Port, Vec<u8>),
    /// A serial port was closed: nothing more comes from it.
    Closed(Port),
    /// QEMU said something.
    Message(Message),
    /// QEMU ended: how, and whether well.
    Ended(String, bool),
    /// A line of a server's log.
    Server(String),
    /// A line of the log of a DHCP server that nobody wants.
    Rogue(String),
    /// A file is asked for by TFTP, seen on the wire: its name.
    Asked(String),
    /// The TFTP server answers.
    Answered,
    /// This server ended.
    ServerEnded(String),
    /// A file was asked for by TFTP, seen on the wire: its name, and what became of it.
    Transfer(String, TransferEnd),
    /// Something that the image's reporter posted.
    Reported(Posted),
    /// A file was asked for by HTTP: its path, and what became of it.
    Http(String, TransferEnd),
    /// Bytes from whoever started the lab, for the console.
    Typed(Vec<u8>),
    /// Nobody is there any more who wants to know.
    Orphaned,
}

/// A running QEMU. Dropping it ends it.
pub struct Machine {
    _process: Arc<Running>,
    console: Option<UnixStream>,
    screen: Option<UnixStream>,
    control: Option<UnixStream>,
    unsent: Vec<Command>,
}

impl Machine {
    /// The program with its arguments. The guard of `setpriv` ends QEMU when the lab is killed.
    #[must_use]
    pub fn tool(program: &str, arguments: &[String]) -> Tool {
        Tool::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", program])
            .args(arguments)
            .log("qemu.log")
            .kind(Kind::Boot)
    }

    /// Starts QEMU in the folder `work`; what comes from it goes to `inputs`.
    ///
    /// # Errors
    /// When the sockets cannot be made or QEMU cannot be started.
    pub fn start(tool: Tool, inputs: &Sender<Input>) -> Result<Self> {
        for (port, path) in [(Port::Console, qemu::CONSOLE), (Port::Screen, qemu::SCREEN)] {
            let listener = UnixListener::bind(path)?;
            let inputs = inputs.clone();
            thread::spawn(move || read_port(&listener, port, &inputs));
        }
        let listener = UnixListener::bind(qemu::QMP)?;
        let control = inputs.clone();
        thread::spawn(move || read_control(&listener, &control));

        let process = Arc::new(tool.spawn(Stdio::default())?);
        let (waiting, inputs) = (Arc::clone(&process), inputs.clone());
        thread::spawn(move || {
            let (end, well) = match waiting.wait() {
                Ok(status) => (tool::describe(status), status.success()),
                Err(failure) => (failure.to_string(), false),
            };
            inputs.send(Input::Ended(end, well)).ok();
        });
        let (console, screen, control) = (None, None, None);
        Ok(Self {
            _process: process,
            console,
            screen,
            control,
            unsent: Vec::new(),
        })
    }

    /// Takes over a serial port.
    pub fn connect(&mut self, port: Port, stream: UnixStream) {
        match port {
            Port::Console => self.console = Some(stream),
            Port::Screen => self.screen = Some(stream),
        }
    }

    /// Takes over the machine protocol, and sends what waited for it.
    ///
    /// # Errors
    /// When QEMU does not listen.
    pub fn control(&mut self, stream: UnixStream) -> Result<()> {
        self.control = Some(stream);
        self.command(Command::Begin)?;
        let unsent = std::mem::take(&mut self.unsent);
        unsent
            .into_iter()
            .try_for_each(|command| self.command(command))
    }

    /// Sends a command. A QEMU that is gone is told by [`Input::Ended`].
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn command(&mut self, command: Command) -> Result<()> {
        match &mut self.control {
            Some(stream) => tolerate_gone(stream.write_all(command.line().as_bytes())),
            None => {
                self.unsent.push(command);
                Ok(())
            }
        }
    }

    /// Types at a serial port.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn keys(&mut self, port: Port, keys: &[u8]) -> Result<()> {
        let stream = match port {
            Port::Console => &mut self.console,
            Port::Screen => &mut self.screen,
        };
        stream
            .as_mut()
            .map_or(Ok(()), |stream| tolerate_gone(stream.write_all(keys)))
    }
}

/// Whoever is gone does not hear us; that it is gone is noticed elsewhere.
fn tolerate_gone(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::from(error)),
        _ => Ok(()),
    }
}

fn read_port(listener: &UnixListener, port: Port, inputs: &Sender<Input>) -> Option<()> {
    let (mut stream, _) = listener.accept().ok()?;
    inputs
        .send(Input::Port(port, stream.try_clone().ok()?))
        .ok()?;
    let mut buffer = [0; 4096];
    while let Some(count) = stream.read(&mut buffer).ok().filter(|&count| count > 0) {
        inputs
            .send(Input::Bytes(port, buffer[..count].to_vec()))
            .ok()?;
    }
    inputs.send(Input::Closed(port)).ok()
}

fn read_control(listener: &UnixListener, inputs: &Sender<Input>) -> Option<()> {
    let (stream, _) = listener.accept().ok()?;
    inputs.send(Input::Control(stream.try_clone().ok()?)).ok()?;
    let mut lines = BufReader::new(stream).lines();
    loop {
        inputs
            .send(Input::Message(qmp::parse(&lines.next()?.ok()?)))
            .ok()?;
    }
}
