//! `/etc/inittab` of busybox (its examples/inittab) and of sysvinit (inittab(5)), which share one form.

/// One line: `id:runlevels:action:process`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The terminal, in busybox; nothing for the console.
    pub(super) id: String,
    /// When it is started.
    pub(super) action: String,
    /// What is started: words, a leading `-` (login shell) or `+` (sysvinit's) taken away.
    pub(super) command: Vec<String>,
}

/// What busybox does without a table (init/init.c, `parse_inittab`), as far as it matters here.
pub(super) const WITHOUT: &str = "::sysinit:/etc/init.d/rcS\n::askfirst:-/bin/sh\n";

impl Line {
    /// Whether what it starts stays on a terminal.
    pub(super) fn is_on_terminal(&self) -> bool {
        matches!(
            self.action.as_str(),
            "respawn" | "askfirst" | "once" | "wait"
        )
    }

    /// Whether it starts something at all.
    pub(super) fn starts(&self) -> bool {
        const ACTIONS: [&str; 13] = [
            "askfirst",
            "boot",
            "bootwait",
            "ctrlaltdel",
            "kbrequest",
            "off",
            "once",
            "powerfail",
            "respawn",
            "restart",
            "shutdown",
            "sysinit",
            "wait",
        ];
        self.action != "off" && ACTIONS.contains(&self.action.as_str())
    }
}

/// Its lines; what is a comment or no line is left out.
pub(super) fn parse(text: &str) -> Vec<Line> {
    text.lines().filter_map(line).collect()
}

fn line(text: &str) -> Option<Line> {
    let text = text.trim();
    if text.starts_with('#') {
        return None;
    }
    let mut fields = text.splitn(4, ':');
    let (id, _) = (fields.next()?, fields.next()?);
    let (action, process) = (fields.next()?, fields.next()?);
    let process = process.strip_prefix(['-', '+']).unwrap_or(process);
    let command: Vec<String> = process.split_whitespace().map(str::to_owned).collect();
    (!command.is_empty()).then(|| Line {
        id: id.to_owned(),
        action: action.trim().to_owned(),
        command,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_both_kinds_are_read() {
        let text = "# x\n::sysinit:/etc/init.d/rcS\ntty1::askfirst:-/bin/sh\nS0:23:respawn:/sbin/getty -L ttyS0 9600\nbad\n\n::off:x y:z\n";
        let lines = parse(text);
        let shown: Vec<String> = lines
            .iter()
            .map(|line| format!("{} {} {}", line.id, line.action, line.command.join(" ")))
            .collect();
        assert_eq!(
            shown,
            [
                " sysinit /etc/init.d/rcS",
                "tty1 askfirst /bin/sh",
                "S0 respawn /sbin/getty -L ttyS0 9600",
                " off x y:z"
            ]
        );
        assert!(lines[1].is_on_terminal() && !lines[0].is_on_terminal());
        assert!(!lines[3].starts());
    }
}
