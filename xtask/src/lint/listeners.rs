//! Servers that are started at boot: looked for in inittab, init and all scripts that these name, however far.

use std::collections::BTreeSet;

use super::Finding;
use super::facts::Facts;
use super::resolve::Found;
use super::rules::LISTENER;
use super::shell::{Command, base, commands, program};
use crate::image::path::ImagePath;
use crate::image::pattern::{Pattern, is_pattern};

/// Programs that wait for connections.
const SERVERS: [&str; 38] = [
    "apache2",
    "dhcpd",
    "distccd",
    "dnsmasq",
    "dropbear",
    "fakeidentd",
    "ftpd",
    "httpd",
    "in.ftpd",
    "in.telnetd",
    "in.tftpd",
    "inetd",
    "iscsid",
    "lighttpd",
    "lpd",
    "mini_httpd",
    "nbd-server",
    "nginx",
    "portmap",
    "proftpd",
    "pure-ftpd",
    "rpc.mountd",
    "rpc.nfsd",
    "rpcbind",
    "rsyncd",
    "smbd",
    "snmpd",
    "sshd",
    "tcpsvd",
    "telnetd",
    "tftpd",
    "thttpd",
    "udhcpd",
    "udpsvd",
    "vsftpd",
    "xinetd",
    "uhttpd",
    "unfsd",
];

/// Programs that do so when they are told to, and how.
const TOLD: [(&str, &[&str]); 6] = [
    ("nc", &["-l", "-ll", "-lp", "-llp", "-lk"]),
    ("ncat", &["-l", "-lk"]),
    ("netcat", &["-l", "-lp"]),
    ("ntpd", &["-l"]),
    ("rsync", &["--daemon"]),
    ("syslogd", &["-r"]),
];

/// Words that say that only the machine itself can connect.
const LOCAL: [&str; 4] = ["127.", "localhost", "[::1]", "::1"];

pub(super) fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut walk = Walk {
        facts,
        seen: BTreeSet::new(),
        todo: Vec::new(),
    };
    walk.begin();
    if let Some((path, lines)) = &facts.inittab {
        let started = lines.iter().filter(|line| line.starts());
        walk.commands(path, started.map(|line| &line.command), findings);
    }
    while let Some(path) = walk.todo.pop() {
        if let Some(script) = facts.scripts.get(&path) {
            walk.commands(&path, commands(&script.text).iter(), findings);
        }
    }
}

struct Walk<'f> {
    facts: &'f Facts<'f>,
    seen: BTreeSet<ImagePath>,
    todo: Vec<ImagePath>,
}

impl Walk<'_> {
    /// What starts by itself: init, and what busybox starts without a table.
    fn begin(&mut self) {
        self.mention("/init");
        if self.facts.inittab.is_none() {
            self.mention("/etc/init.d/rcS");
        }
    }

    fn commands<'c>(
        &mut self,
        path: &ImagePath,
        commands: impl Iterator<Item = &'c Command>,
        findings: &mut Vec<Finding>,
    ) {
        for command in commands {
            if let Some(server) = listens(command) {
                let what = format!("{path} starts {server}, which listens on the network");
                findings.push(LISTENER.at(path, what));
            }
            let runs_folders = command.iter().any(|word| base(word) == "run-parts");
            for word in command {
                self.mention(word);
                if runs_folders {
                    self.scripts(&format!("{}/*", word.trim_end_matches('/')));
                }
            }
        }
    }

    /// A path that may be a script, or a pattern of them.
    fn mention(&mut self, word: &str) {
        if word.contains('/') && is_pattern(word) {
            self.scripts(word);
        } else if word.contains('/')
            && let Found::Entry(path, _) = self.facts.find(word)
        {
            self.visit(path);
        }
    }

    fn scripts(&mut self, wanted: &str) {
        let facts = self.facts;
        // What is no pattern, for all it looks like one, fits nothing.
        let Ok(wanted) = Pattern::new(wanted) else {
            return;
        };
        for path in facts.scripts.keys() {
            if wanted.matches(path.as_str()) {
                self.visit((*path).clone());
            }
        }
    }

    fn visit(&mut self, path: ImagePath) {
        if self.facts.scripts.contains_key(&path) && self.seen.insert(path.clone()) {
            self.todo.push(path);
        }
    }
}

/// The server that a command starts.
fn listens(command: &Command) -> Option<String> {
    let (name, arguments) = program(command)?;
    let name = base(name);
    let is_told = TOLD.iter().any(|(program, options)| {
        *program == name
            && arguments
                .iter()
                .any(|word| options.contains(&word.as_str()))
    });
    let is_server = SERVERS.contains(&name) || is_told;
    let is_local = arguments
        .iter()
        .any(|word| LOCAL.iter().any(|local| word.starts_with(local)));
    (is_server && !is_local).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{findings, ids, image};

    #[test]
    fn servers_are_found_wherever_booting_leads() {
        let tree = image(&[
            (
                "/etc/inittab",
                "::sysinit:/etc/init.d/rcS\n::respawn:/usr/sbin/telnetd -F\n",
            ),
            ("/usr/sbin/telnetd", "x!"),
            ("/bin/sh", "x!"),
            (
                "/etc/init.d/rcS",
                "#!/bin/sh\nfor i in /etc/rc.d/S*; do $i; done\nrun-parts /etc/up\n!",
            ),
            ("/etc/rc.d/S20web", "#!/bin/sh\nbusybox httpd -h /srv\n!"),
            ("/etc/up/a", "#!/bin/sh\nnc -l -p 9 &\n!"),
        ]);
        let what: Vec<String> = findings(&tree).into_iter().map(|f| f.what).collect();
        assert_eq!(what.len(), 3, "{what:?}");
        assert!(what.iter().all(|what| what.contains("listens")), "{what:?}");
    }

    #[test]
    fn what_is_not_started_or_only_local_is_not() {
        let tree = image(&[
            ("/bin/sh", "x!"),
            (
                "/init",
                "#!/bin/sh\n# httpd\nhttpd -p 127.0.0.1:80\nkillall httpd\nnc host 9\n\
                case $1 in httpd) ;; esac\n[ -x /usr/sbin/telnetd ] && echo telnetd\n!",
            ),
            ("/etc/init.d/not-started", "#!/bin/sh\ntelnetd\n!"),
        ]);
        assert!(ids(&tree).is_empty());
    }

    #[test]
    fn without_a_table_rcs_is_started() {
        let tree = image(&[
            ("/bin/sh", "x!"),
            ("/init", "x!"),
            ("/etc/init.d/rcS", "#!/bin/sh\ndropbear -R\n!"),
        ]);
        assert_eq!(ids(&tree), ["listener"]);
    }
}
