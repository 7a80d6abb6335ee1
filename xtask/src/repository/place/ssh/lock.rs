//! The lock on a repository's folder on another machine: flock(2) on the folder, held by a process there for as long as it hears from us.
//! When we die, or the connection does, so does the lock. It is the lock that publishers on that machine itself take.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::connection::{Connection, cannot};
use super::session::{Answer, Session};
use super::words;
use crate::event::{Event, Listen};
use crate::failure::{Failure, Result};
use crate::repository::place::Held;
use crate::repository::place::beat::Beat;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the other side hears from us; it gives the lock up after `SILENCE` seconds.
const PAUSE: Duration = Duration::from_secs(30);
/// As an argument of timeout(1). More than `PAUSE` and `PATIENCE` together.
const SILENCE: &str = "120";

/// Arguments: the folder, whose lock it is, seconds of silence after which we are taken for dead, where unfinished files are to be.
const LOCK: &str = r#"
umask 022;
for program in flock timeout head find stat sha256sum xargs sync rsync; do
  command -v "$program" >/dev/null || { echo "missing-program $program"; exit 3; };
done;
mkdir -p -- "$1" && cd -- "$1" && exec 9<. || exit 3;
if ! flock -n 9; then
  echo "waiting $(head -n 1 .new-lock 2>/dev/null | head -c 200)";
  flock 9 || exit 3;
fi;
ls dists/*/InRelease >/dev/null 2>&1 || {
  other=$(ls -A | grep -v -x -e dists -e pool -e lost+found -e "[.]new-.*" | head -n 1);
  [ -z "$other" ] || { echo "not-ours $other"; exit 3; };
};
rm -rf .new-files && mkdir -p "$4" && echo "$2" >.new-lock || exit 3;
echo held;
while line=$(timeout "$3" head -n 1) && [ -n "$line" ]; do echo "$line"; done;
rm -rf .new-lock .new-files
"#;

/// The lock, as long as it is not dropped.
pub(super) struct Lock {
    // First to be dropped: it uses the session.
    _beat: Beat,
    line: Arc<Mutex<Line>>,
}

/// The line to the process that holds the lock.
struct Line {
    session: Session,
    connection: Arc<Connection>,
    asked: u64,
    /// Once it was lost it is lost.
    lost: bool,
}

/// Waits for the lock.
pub(super) fn take(
    connection: &Arc<Connection>,
    path: &str,
    owner: &str,
    listen: &dyn Listen,
) -> Result<Lock> {
    // Line ends of ours are for us to read.
    let script = LOCK.replace('\n', " ");
    let tool = connection.script(&script, &[path, owner, SILENCE, &connection.staging]);
    let mut session = Session::start(tool, &connection.private("lock"))?;
    loop {
        match session.line(PATIENCE)? {
            Answer::Line(line) if line == "held" => break,
            Answer::Line(line) => match line.strip_prefix("waiting ") {
                Some(whose) => listen.hear(Event::Note(waiting(connection.host(), whose))),
                None => return Err(refused(connection, &session, Some(line))),
            },
            Answer::Late if connection.alive() => {}
            Answer::Late | Answer::Ended => return Err(refused(connection, &session, None)),
        }
    }
    let line = Arc::new(Mutex::new(Line {
        session,
        connection: Arc::clone(connection),
        asked: 0,
        lost: false,
    }));
    let kept = Arc::clone(&line);
    let beat = Beat::every(PAUSE, move || ask(&kept).is_ok())?;
    Ok(Lock { _beat: beat, line })
}

fn waiting(host: &str, whose: &str) -> String {
    let whose: String = whose.chars().filter(|c| !c.is_control()).collect();
    match whose.trim() {
        "" => format!("waiting for another publisher to finish on {host}"),
        whose => format!("waiting for another publisher to finish on {host}: {whose}"),
    }
}

fn refused(connection: &Connection, session: &Session, line: Option<String>) -> Failure {
    let said: Vec<String> = session.said().into_iter().chain(line).collect();
    let failure = cannot(connection.host(), "lock the repository on");
    let failure = said.iter().fold(failure, Failure::note);
    match words::hint(&said) {
        Some(hint) => failure.hint(hint),
        None => failure.hint("run the same command again"),
    }
}

/// Asks the process that holds the lock whether it is there.
fn ask(line: &Mutex<Line>) -> Result<()> {
    let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
    let line = &mut *line;
    line.asked += 1;
    let question = format!("there {}", line.asked);
    let there = !line.lost && {
        line.session.say(&question);
        line.session.line(PATIENCE)? == Answer::Line(question)
    };
    if there {
        return Ok(());
    }
    line.lost = true;
    Err(
        refused(&line.connection, &line.session, None).while_doing(format!(
            "the lock on the repository on {} was lost",
            line.connection.host()
        )),
    )
}

impl Held for Lock {
    fn check(&self) -> Result<()> {
        ask(&self.line)
    }
}
