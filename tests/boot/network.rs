//! What machines do in networks that are not as they should be, and when something goes wrong: servers apart, unwanted, dead, dying and
//! back again; cables, loss and small blocks; several network cards; menus; images that boot again and again. Each with what the machine
//! must do, within the time limit of its scenario, or with the verdict that says what broke.

use libtest_mimic::{Failed, Trial};
use xtask::boot::scenario::Scenario;
use xtask::boot::verdict::Verdict;

use crate::lab::{Copy, told};
use crate::project::Project;

/// One boot: what is done to the bundle, the scenario as recipes write it, and the verdict that this must give.
struct Case {
    name: &'static str,
    bundle: fn(&Copy),
    scenario: &'static str,
    expect: fn(&Verdict) -> bool,
}

/// Those that run always.
const QUICK: &[Case] = &[
    Case {
        name: "DHCP and TFTP on different hosts",
        bundle: as_it_is,
        scenario: "network = { servers = 'apart' }\nlease = true\nconfig-search = 'standard'",
        expect: Verdict::passed,
    },
    Case {
        name: "a proxy DHCP server",
        bundle: as_it_is,
        scenario: "network = { servers = 'proxy' }\nlease = true\nconfig-search = 'standard'",
        expect: Verdict::passed,
    },
    Case {
        name: "a rogue DHCP server that answers first",
        bundle: as_it_is,
        scenario: "network = { rogue = { answers = 'first', boot-file = 'evil.0' } }",
        expect: |verdict| matches!(verdict, Verdict::RogueDhcp { server, .. } if server == "10.77.0.66"),
    },
    Case {
        name: "a router that gives addresses first",
        bundle: as_it_is,
        scenario: "network = { rogue = { answers = 'first' } }",
        expect: |verdict| matches!(verdict, Verdict::RogueDhcp { ip, .. } if ip.starts_with("10.77.0.2")),
    },
    Case {
        name: "a rogue DHCP server that answers last",
        bundle: as_it_is,
        scenario: "network = { rogue = { answers = 'last', boot-file = 'evil.0' } }\nlease = true",
        expect: Verdict::passed,
    },
    Case {
        name: "a TFTP server that dies with the kernel half sent",
        bundle: as_it_is,
        scenario: "fault = [{ at = { asked = 'vmlinuz-*' }, what = 'tftp-stop' }]\ntimeout = 6",
        expect: |verdict| matches!(verdict, Verdict::TimedOut { .. }),
    },
    Case {
        name: "a network that falls silent for two seconds with the kernel half sent",
        bundle: as_it_is,
        scenario: "fault = [{ at = { asked = 'vmlinuz-*' }, what = 'port-blocked', seconds = 2 }]",
        expect: Verdict::passed,
    },
    Case {
        name: "a fault whose moment never comes",
        bundle: as_it_is,
        scenario: "fault = [{ at = { asked = 'nobody-asks' }, what = 'tftp-stop' }]",
        expect: |verdict| matches!(verdict, Verdict::FaultNotMet { .. }),
    },
    Case {
        name: "no configuration",
        bundle: as_it_is,
        scenario: "fault = [{ what = { file-missing = 'pxelinux.cfg/*' } }]",
        expect: |verdict| matches!(verdict, Verdict::LoadFailed { line, .. } if line.contains("configuration")),
    },
    Case {
        name: "no kernel, and a configuration that falls back",
        bundle: |copy| configure(copy, "ONERROR localboot"),
        scenario: "fault = [{ what = { file-missing = 'vmlinuz-*' } }]\ndisk = 'bootable'\nend = 'local-boot'",
        expect: Verdict::passed,
    },
    Case {
        name: "no kernel, and no fall-back",
        bundle: as_it_is,
        scenario: "fault = [{ what = { file-missing = 'vmlinuz-*' } }]\ntimeout = 5",
        expect: |verdict| matches!(verdict, Verdict::LoadFailed { missing, .. } if missing.iter().any(|path| path.starts_with("vmlinuz-"))),
    },
    Case {
        name: "no carrier for three seconds when Linux starts",
        bundle: as_it_is,
        scenario: "fault = [{ at = { reached = 'linux' }, what = 'link-down', seconds = 3 }]\nlease = true",
        expect: Verdict::passed,
    },
    Case {
        name: "no carrier for longer than the image waits",
        bundle: |copy| copy.append("carrier_wait=1"),
        scenario: "fault = [{ at = { reached = 'linux' }, what = 'link-down' }]",
        expect: |verdict| matches!(verdict, Verdict::GuestFailed { step, code: 30, .. } if step == "carrier"),
    },
    Case {
        name: "a switch that does not forward for three seconds when Linux starts",
        bundle: as_it_is,
        scenario: "fault = [{ at = { reached = 'linux' }, what = 'port-blocked', seconds = 3 }]\nlease = true",
        expect: Verdict::passed,
    },
    Case {
        name: "two of five packets lost when Linux starts",
        bundle: as_it_is,
        scenario: "fault = [{ at = { reached = 'linux' }, what = { loss = 40 } }]\nlease = true",
        expect: Verdict::passed,
    },
    Case {
        name: "every packet lost when Linux starts",
        bundle: |copy| copy.append("dhcp_wait=2"),
        scenario: "fault = [{ at = { reached = 'linux' }, what = { loss = 100 } }]",
        expect: |verdict| matches!(verdict, Verdict::GuestFailed { step, code: 40, .. } if step == "dhcp"),
    },
    Case {
        name: "two cards, the first in another network",
        bundle: as_it_is,
        scenario: "nics = 2\nnetwork = { boot-nic = 1, other-nics = 'elsewhere' }\nlease = true\nconfig-search = 'standard'
                   expect = ['step interface ok eth1', 'BOOTIF=01-52-54-00-12-34-57']",
        expect: Verdict::passed,
    },
    Case {
        name: "three cards, the last one plugged in",
        bundle: as_it_is,
        scenario: "nics = 3\nnetwork = { boot-nic = 2, other-nics = 'unplugged' }\nlease = true\nexpect = ['step interface ok eth2']",
        expect: Verdict::passed,
    },
    Case {
        name: "two cards, and nobody says from which it booted",
        bundle: |copy| {
            edit(copy, |text| text.replace("  IPAPPEND 2\n", ""));
            copy.append("dhcp_wait=2");
        },
        scenario: "nics = 2\nnetwork = { boot-nic = 1, other-nics = 'elsewhere' }",
        expect: |verdict| matches!(verdict, Verdict::GuestFailed { step, .. } if step == "dhcp"),
    },
    Case {
        name: "a configuration by UUID",
        bundle: |copy| {
            copy.rename("default", "33221100-5544-7766-8899-aabbccddeeff");
        },
        scenario: "uuid = '00112233-4455-6677-8899-AABBCCDDEEFF'
                   config-search = { exactly = ['33221100-5544-7766-8899-aabbccddeeff'] }",
        expect: Verdict::passed,
    },
    Case {
        name: "a configuration by a part of the address",
        bundle: |copy| copy.rename("default", "0A4D"),
        scenario: "config-search = 'standard'\nexpect = ['verdict ready']",
        expect: Verdict::passed,
    },
    Case {
        name: "a menu where a key is pressed",
        bundle: |copy| menu(copy, "timeout = 30"),
        scenario: "answer = [{ when = 'Automatic boot in', type = \"\\u001b[B\\r\" }]\ndisk = 'bootable'\nend = 'local-boot'\ntimeout = 15",
        expect: Verdict::passed,
    },
    Case {
        name: "a menu where nobody chooses",
        bundle: |copy| menu(copy, "timeout = 1\nontimeout = 'localboot'"),
        scenario: "disk = 'bootable'\nend = 'local-boot'\ntimeout = 15",
        expect: Verdict::passed,
    },
    Case {
        name: "a menu where somebody presses keys and goes away",
        bundle: |copy| {
            menu(copy, "timeout = 300\nontimeout = 'localboot'");
            edit(copy, |text| format!("TOTALTIMEOUT 30\n{text}"));
        },
        scenario: "answer = [{ when = 'Automatic boot in', type = \"\\u001b[B\\u001b[A\" }]\ndisk = 'bootable'\nend = 'local-boot'\ntimeout = 15",
        expect: Verdict::passed,
    },
    Case {
        name: "a menu that waits for ever",
        bundle: |copy| menu(copy, "timeout = 0"),
        scenario: "timeout = 4",
        expect: |verdict| matches!(verdict, Verdict::TimedOut { .. }),
    },
    Case {
        name: "an image that installs, and a server that lets the disk boot then",
        bundle: installer,
        scenario: "own-resets = 1\ndisk = 'bootable'\nend = 'local-boot'
                   fault = [{ at = { reached = 'linux' }, what = { file-instead = { path = 'pxelinux.cfg/default', by = 'pxelinux.cfg/localboot' } } }]",
        expect: Verdict::passed,
    },
    Case {
        name: "an image that installs again and again",
        bundle: installer,
        scenario: "own-resets = 2\ndisk = 'bootable'\nend = 'local-boot'",
        expect: |verdict| matches!(verdict, Verdict::Loop { boots: 3, .. }),
    },
    Case {
        name: "an image that resets the machine where it should not",
        bundle: installer,
        scenario: "",
        expect: |verdict| matches!(verdict, Verdict::ResetItself { .. }),
    },
];

/// Those that take minutes: with `CORDWAINER_TESTS=all`.
const SLOW: &[Case] = &[
    Case {
        name: "servers that come back",
        bundle: as_it_is,
        scenario: "fault = [{ what = 'server-stop', seconds = 20 }]\nfirmware-retry = 1",
        expect: Verdict::passed,
    },
    Case {
        name: "a TFTP server that is dead, and a local disk",
        bundle: as_it_is,
        scenario: "fault = [{ what = 'tftp-stop' }]\ndisk = 'bootable'\nend = 'local-boot'",
        expect: Verdict::passed,
    },
    Case {
        name: "no carrier for thirty seconds from power-on",
        bundle: as_it_is,
        scenario: "fault = [{ what = 'link-down', seconds = 30 }]\nfirmware-retry = 1\ntimeout = 90",
        expect: Verdict::passed,
    },
    Case {
        name: "a switch with spanning tree from power-on",
        bundle: as_it_is,
        scenario: "fault = [{ what = 'port-blocked', seconds = 30 }]\nfirmware-retry = 1\ntimeout = 90",
        expect: Verdict::passed,
    },
    Case {
        name: "no carrier for thirty seconds when Linux starts",
        bundle: as_it_is,
        scenario: "fault = [{ at = { reached = 'linux' }, what = 'link-down', seconds = 30 }]\nlease = true\ntimeout = 90",
        expect: Verdict::passed,
    },
    Case {
        name: "one of twenty packets lost",
        bundle: as_it_is,
        scenario: "fault = [{ what = { loss = 5 } }]\ntimeout = 900",
        expect: Verdict::passed,
    },
    Case {
        name: "one of five packets lost, and a local disk",
        bundle: as_it_is,
        scenario: "fault = [{ what = { loss = 20 } }]\nconfig = 'pxelinux.cfg/localboot'\ndisk = 'bootable'\nend = 'local-boot'\ntimeout = 600",
        expect: Verdict::passed,
    },
    Case {
        name: "two of five packets lost, and a local disk",
        bundle: as_it_is,
        scenario: "fault = [{ what = { loss = 40 } }]\nconfig = 'pxelinux.cfg/localboot'\ndisk = 'bootable'\nend = 'local-boot'\ntimeout = 900",
        expect: Verdict::passed,
    },
    Case {
        name: "an image of 33 MiB in blocks of 512 bytes",
        bundle: |copy| copy.pad(33 << 20),
        scenario: "network = { large-blocks = false }\nmemory = 512\ntimeout = 300",
        expect: Verdict::passed,
    },
    // PXELINUX gives up after 135 s, whatever its configuration says for errors, and waits for a key or five minutes; then it resets.
    Case {
        name: "a TFTP server that dies with the kernel half sent, until the boot loader gives up",
        bundle: |copy| configure(copy, "ONERROR localboot"),
        scenario: "fault = [{ at = { asked = 'vmlinuz-*' }, what = 'tftp-stop' }]\ndisk = 'bootable'\nend = 'local-boot'\ntimeout = 300",
        expect: |verdict| matches!(verdict, Verdict::NothingToBoot { line } if line.starts_with("Boot failed")),
    },
    Case {
        name: "servers that die with the kernel half sent, and come back",
        bundle: as_it_is,
        scenario: "fault = [{ at = { asked = 'vmlinuz-*' }, what = 'server-stop', seconds = 30 }]\nfirmware-retry = 1\ntimeout = 600",
        expect: Verdict::passed,
    },
    Case {
        name: "two cards that are tried one after the other",
        bundle: as_it_is,
        scenario: "nics = 2\nnetwork = { boot-nic = 1, other-nics = 'elsewhere', tries-all-nics = true }\nlease = true\ntimeout = 120",
        expect: Verdict::passed,
    },
];

fn as_it_is(_: &Copy) {}

fn edit(copy: &Copy, how: impl FnOnce(&str) -> String) {
    let path = copy.bundle().join("pxelinux.cfg/default");
    let text = fs_err::read_to_string(&path).unwrap();
    fs_err::write(path, how(&text)).unwrap();
}

/// A configuration with these lines, and with the local disk to choose.
fn configure(copy: &Copy, lines: &str) {
    edit(copy, |text| {
        format!("{lines}\n{text}\nLABEL localboot\n  LOCALBOOT 0\n")
    });
}

/// The demo with a menu of the image and the local disk.
fn menu(copy: &Copy, lines: &str) {
    let menu = format!("[bundle.menu]\ntitle = \"Who boots what\"\n{lines}\n");
    let project = Project::demo(&menu);
    copy.take(&project.build("demo").unwrap());
}

/// An image that resets the machine as soon as it can, as one does that has installed a system.
fn installer(copy: &Copy) {
    copy.append("rdinit=/sbin/reboot -- -f");
    edit(copy, |text| {
        text.replace(" -- -f", "")
            .replace("no_timer_check", "no_timer_check -- -f")
    });
}

pub(crate) fn all() -> Vec<Trial> {
    let all = std::env::var("CORDWAINER_TESTS").is_ok_and(|value| value == "all");
    let quick = QUICK.iter().map(trial);
    if !all {
        left_out();
    }
    let slow = SLOW.iter().filter(|_| all).map(trial);
    quick.chain(slow).collect()
}

#[expect(
    clippy::print_stderr,
    reason = "a test that is not run has to be heard of"
)]
fn left_out() {
    let count = SLOW.len();
    eprintln!(
        "*** {count} BOOTS IN BAD NETWORKS THAT TAKE MINUTES ARE LEFT OUT: `cargo xtask test --all` runs them. ***"
    );
}

fn trial(case: &'static Case) -> Trial {
    let name = case.name.replace(' ', "_").replace(',', "");
    Trial::test(format!("network::{name}"), || run(case))
}

fn run(case: &Case) -> Result<(), Failed> {
    let copy = Copy::new()?;
    (case.bundle)(&copy);
    let scenario: Scenario = toml::from_str(&format!("name = 'network'\n{}", case.scenario))?;
    let outcome = copy.boot(scenario);
    tell(case.name, &outcome);
    if (case.expect)(&outcome.verdict) {
        return Ok(());
    }
    Err(told(&outcome))
}

#[expect(
    clippy::print_stdout,
    reason = "what a machine did, and when, is worth knowing of a test that passes, too"
)]
fn tell(name: &str, outcome: &xtask::boot::Outcome) {
    let boots = &outcome.timeline.boots;
    let last = boots.last().unwrap();
    let at = last.from + last.marks.last().map_or(0.0, |mark| mark.at);
    let (boots, said) = (boots.len(), outcome.verdict.sentence());
    println!("{name}: {said}; {at:.1} s, {boots} boots");
}
