//! What goes wrong outside of the guest, and that nothing is left of it.

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use xtask::boot::verdict::Verdict;
use xtask::boot::{accel, foreign, probe, run};
use xtask::event::{Deaf, Event, Listen};
use xtask::failure::Kind;

use crate::support::{XTASK, job, place};

/// The processes whose working folder is below this one, by what the kernel says of them.
fn processes_in(folder: &Path) -> Vec<String> {
    let processes = fs_err::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let inside = processes.filter(|process| {
        std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    });
    inside
        .filter_map(|process| Some(process.file_name()?.to_str()?.to_owned()))
        .collect()
}

/// Tells when the console says something.
struct Hearer(Sender<()>);

impl Listen for Hearer {
    fn hear(&self, event: Event) {
        if matches!(event, Event::Progress { ref line, .. } if line.contains("hello")) {
            self.0.send(()).ok();
        }
    }
}

/// Boots something that says hello and no more, and calls `strike` with its place as soon as it did.
fn struck(fields: &str, strike: impl FnOnce(&Path)) -> (tempfile::TempDir, Verdict) {
    let place = place("hello");
    let (sender, said_hello) = channel();
    let job = job(place.path(), fields);
    let booting = thread::spawn(move || run(&job, &Hearer(sender)).unwrap());
    said_hello.recv().unwrap();
    strike(place.path());
    let verdict = booting.join().unwrap().verdict;
    (place, verdict)
}

fn kill(program: &str, place: &Path) {
    for pid in processes_in(place) {
        let name = fs_err::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if name.trim().starts_with(program) {
            let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
    }
}

#[test]
fn a_dead_qemu_is_noticed_at_once() {
    let (_place, verdict) = struck("", |place| kill("qemu-system", place));
    assert!(
        matches!(&verdict, Verdict::QemuDied { end, .. } if end == "signal 9"),
        "{verdict:?}"
    );
}

#[test]
fn a_dead_server_is_noticed_at_once() {
    let (_place, verdict) = struck("", |place| kill("dnsmasq", place));
    assert!(
        matches!(&verdict, Verdict::ServerDied { .. }),
        "{verdict:?}"
    );
}

#[test]
fn nothing_is_left_but_the_record() {
    let (place, _) = struck("timeout = 5", |_| ());
    assert_eq!(processes_in(place.path()), Vec::<String>::new());
    let left: Vec<_> = fs_err::read_dir(place.path().join("records"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["test"]);
}

#[test]
fn labs_do_not_disturb_each_other() {
    let boot = || {
        let place = place("cordwainer: step dhcp ok 10.77.0.10/24\ncordwainer: verdict ready");
        run(&job(place.path(), "lease = true"), &Deaf)
            .unwrap()
            .verdict
    };
    let boots: Vec<_> = (0..3).map(|_| thread::spawn(boot)).collect();
    for booted in boots {
        assert_eq!(booted.join().unwrap(), Verdict::Passed);
    }
}

#[test]
fn two_boots_can_share_a_record() {
    let place = place("cordwainer: verdict ready");
    let boot = || run(&job(place.path(), ""), &Deaf).unwrap().verdict;
    thread::scope(|scope| {
        let both = [scope.spawn(boot), scope.spawn(boot)];
        assert!(
            both.map(|booted| booted.join().unwrap())
                .iter()
                .all(Verdict::passed)
        );
    });
    assert!(place.path().join("records/test/verdict.json").is_file());
}

#[test]
fn a_boot_file_that_is_not_there_is_a_mistake_of_the_command_line() {
    let place = place("");
    let mut job = job(place.path(), "");
    job.loader = "other".to_owned();
    assert_eq!(run(&job, &Deaf).unwrap_err().kind, Kind::Usage);
}

#[test]
fn a_boot_file_that_is_unreadable_is_a_load_that_failed() {
    use std::os::unix::fs::PermissionsExt;
    let place = place("cordwainer: verdict ready");
    let path = place.path().join("bundle/nbp");
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let verdict = run(&job(place.path(), ""), &Deaf).unwrap().verdict;
    assert!(
        matches!(&verdict, Verdict::LoadFailed { missing, .. } if missing == &["nbp"]),
        "{verdict:?}"
    );
}

#[test]
fn a_bundle_of_somebody_else_is_booted_by_what_it_shows() {
    let place = place("Welcome to the installer");
    let bundle = place.path().join("bundle");
    fs_err::rename(bundle.join("nbp"), bundle.join("pxelinux.0")).unwrap();
    let mut job = job(place.path(), "");
    let foreign = foreign::look(&bundle, &["^Welcome".to_owned()]).unwrap();
    (job.loader, job.scenario) = (foreign.loader, foreign.scenario);
    assert_eq!(run(&job, &Deaf).unwrap().verdict, Verdict::Passed);
}

#[test]
fn this_host_allows_the_lab_and_its_trial_works() {
    probe(Path::new(XTASK)).unwrap();
    assert!(accel::trial("tcg").unwrap());
}
