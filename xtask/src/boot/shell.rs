//! A boot to be used: the machine's console on somebody's terminal.

use std::io::Write;
use std::sync::mpsc::Receiver;

use crate::failure::{Failure, Result};

use super::happening::Port;
use super::machine::{Input, Machine};
use super::qmp::Command;

/// The lab's side: keys go in on standard input, the console comes out on standard output. The screen is shown until the
/// console says something; then keys go to the console.
///
/// # Errors
/// When the outer side is gone.
pub fn relay(mut machine: Machine, inputs: &Receiver<Input>) -> Result<()> {
    let mut front = Port::Screen;
    let mut greeted = false;
    loop {
        let input = inputs
            .recv()
            .map_err(|_| Failure::bug("the lab's threads are gone"))?;
        match input {
            Input::Port(port, stream) => machine.connect(port, stream),
            Input::Control(stream) => machine.control(stream)?,
            Input::Bytes(port, bytes) => {
                if port == Port::Console {
                    front = port;
                }
                if port == front {
                    show(&bytes)?;
                }
                // iPXE's banner waits for a key.
                if port == Port::Screen && !greeted {
                    greeted = true;
                    machine.keys(port, b" ")?;
                }
            }
            Input::Typed(keys) => machine.keys(front, &keys)?,
            Input::Orphaned => machine.command(Command::Quit)?,
            Input::Ended(..) => return Ok(()),
            Input::Closed(_) | Input::Message(_) | Input::Server(_) | Input::ServerEnded => {}
        }
    }
}

fn show(bytes: &[u8]) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}
