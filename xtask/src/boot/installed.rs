//! A system that is installed in a folder and serves by TFTP as it is configured: what the lab starts of it in place of its own server.
//! Starting is `servers`'. Such servers give up their rights as they do elsewhere, which takes a root that is not only the lab's.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind, Result};

/// Such a system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Its root folder.
    pub root: PathBuf,
    /// Which of its servers serves.
    pub server: TftpServer,
}

/// A TFTP server of Debian's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TftpServer {
    /// dnsmasq, which gives addresses as well; beside the others, the lab's own does that.
    Dnsmasq,
    /// tftpd-hpa.
    TftpdHpa,
    /// atftpd.
    Atftpd,
}

/// As Debian's scripts start it, but for the range of addresses, which the lab adds on standard input (dnsmasq(8)).
pub const DNSMASQ: &[&str] = &[
    "/usr/sbin/dnsmasq",
    "--conf-file=/etc/dnsmasq.conf",
    "--conf-dir=/etc/dnsmasq.d,.dpkg-dist,.dpkg-old,.dpkg-new",
    "--conf-file=-",
];

impl TftpServer {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dnsmasq, Self::TftpdHpa, Self::Atftpd];

    /// The Debian package that it is in.
    #[must_use]
    pub const fn package(self) -> &'static str {
        match self {
            Self::Dnsmasq => "dnsmasq",
            Self::TftpdHpa => "tftpd-hpa",
            Self::Atftpd => "atftpd",
        }
    }
}

impl Installed {
    /// The command line of a server that does TFTP alone, as its script in `/etc/init.d` makes it; nothing for dnsmasq.
    ///
    /// # Errors
    /// [`Kind::Usage`] when the system does not say which folder it serves, or where it says so cannot be read.
    pub fn tftpd(&self) -> Result<Option<Vec<String>>> {
        if self.server == TftpServer::Dnsmasq {
            return Ok(None);
        }
        let path = Path::new("etc/default").join(self.server.package());
        let path = self.root.join(path);
        let text = fs_err::read_to_string(&path)?;
        let line = command(self.server, &text).ok_or_else(|| {
            let what = format!("{} does not name a folder to serve", path.display());
            Failure::new(Kind::Usage, what)
        })?;
        Ok(Some(line))
    }
}

/// A server's command line by its file in `/etc/default`.
fn command(server: TftpServer, text: &str) -> Option<Vec<String>> {
    let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let words = |name: &str| -> Vec<String> {
        let value = setting(text, name).unwrap_or_default();
        value.split_whitespace().map(str::to_owned).collect()
    };
    let line: Vec<Vec<String>> = match server {
        TftpServer::Dnsmasq => return None,
        TftpServer::TftpdHpa => vec![
            owned(&["/usr/sbin/in.tftpd", "--foreground", "--user"]),
            words("TFTP_USERNAME"),
            owned(&["--address"]),
            words("TFTP_ADDRESS"),
            words("TFTP_OPTIONS"),
            words("TFTP_DIRECTORY"),
        ],
        TftpServer::Atftpd => vec![
            owned(&["/usr/sbin/atftpd", "--daemon", "--no-fork"]),
            words("OPTIONS"),
        ],
    };
    line.last()?.last()?;
    Some(line.concat())
}

/// What a file of shell variables sets this one to.
fn setting<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut values = text.lines().filter_map(|line| {
        let value = line.trim_start().strip_prefix(name)?.strip_prefix('=')?;
        Some(value.trim().trim_matches(['"', '\'']))
    });
    values.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_started_as_their_settings_say() {
        let hpa = "# x\nTFTP_USERNAME=\"tftp\"\nTFTP_DIRECTORY=\"/srv/tftp\"\nTFTP_ADDRESS=\":69\"\nTFTP_OPTIONS=\"--secure -4\"\n";
        let line = command(TftpServer::TftpdHpa, hpa).unwrap().join(" ");
        assert_eq!(
            line,
            "/usr/sbin/in.tftpd --foreground --user tftp --address :69 --secure -4 /srv/tftp"
        );
        let atftpd = "USE_INETD=true\nOPTIONS=\"--retry-timeout 5 /srv/tftp\"\n";
        let line = command(TftpServer::Atftpd, atftpd).unwrap().join(" ");
        assert_eq!(
            line,
            "/usr/sbin/atftpd --daemon --no-fork --retry-timeout 5 /srv/tftp"
        );
        assert_eq!(command(TftpServer::TftpdHpa, "TFTP_OPTIONS=-s\n"), None);
        assert_eq!(command(TftpServer::Atftpd, ""), None);
    }
}
