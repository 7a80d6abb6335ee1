//! QEMU's machine protocol (QMP): one JSON object a line. Commands to text, text to messages; the socket is
//! `lab`'s. <https://www.qemu.org/docs/master/interop/qmp-spec.html>

use serde_json::{Value, json};

use super::record;
use crate::date;

/// What QEMU says.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Its greeting: the first line.
    Greeting,
    /// The machine was reset; whether it did that itself.
    Reset(bool),
    /// The machine is about to end; whether it did that itself.
    Shutdown(bool),
    /// The battery clock, in seconds since 1970.
    Rtc(i64),
    /// A command was refused.
    Refused(String),
    /// Something that is of no interest.
    Other,
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Leaves the negotiation that every connection begins with.
    Begin,
    /// Resets the machine, as its reset button does.
    Reset,
    /// Asks for the battery clock.
    ReadRtc,
    /// Takes a picture of the display (PNG: since QEMU 7.1).
    Picture,
    /// Plugs a network card in or out: its number, and whether it has carrier then.
    Link(u32, bool),
    /// Ends QEMU.
    Quit,
}

impl Command {
    /// The line to send.
    #[must_use]
    pub fn line(self) -> String {
        let value = match self {
            Self::Begin => json!({"execute": "qmp_capabilities"}),
            Self::Reset => json!({"execute": "system_reset"}),
            Self::ReadRtc => json!({
                "execute": "qom-get",
                "arguments": {"path": "/machine", "property": "rtc-time"},
            }),
            Self::Picture => json!({
                "execute": "screendump",
                "arguments": {"filename": record::SCREENSHOT, "format": "png"},
            }),
            Self::Link(card, up) => json!({
                "execute": "set_link",
                "arguments": {"name": format!("net{card}"), "up": up},
            }),
            Self::Quit => json!({"execute": "quit"}),
        };
        format!("{value}\n")
    }
}

/// Understands a line.
#[must_use]
pub fn parse(line: &str) -> Message {
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return Message::Other;
    };
    let by_guest = value["data"]["guest"].as_bool().unwrap_or(false);
    if value.get("QMP").is_some() {
        return Message::Greeting;
    }
    if let Some(text) = value["error"]["desc"].as_str() {
        return Message::Refused(text.to_owned());
    }
    if let Some(time) = broken_down(&value["return"]) {
        return Message::Rtc(time);
    }
    match value["event"].as_str() {
        Some("RESET") => Message::Reset(by_guest),
        Some("SHUTDOWN") => Message::Shutdown(by_guest),
        _ => Message::Other,
    }
}

/// A `struct tm` as QEMU writes it: years from 1900, months from 0.
fn broken_down(tm: &Value) -> Option<i64> {
    let field = |name: &str| tm[name].as_i64();
    let (year, month, day) = (
        field("tm_year")? + 1900,
        field("tm_mon")? + 1,
        field("tm_mday")?,
    );
    let (hour, minute, second) = (field("tm_hour")?, field("tm_min")?, field("tm_sec")?);
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    date::parse_rfc3339(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart() {
        let reset = r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "RESET", "data": {"guest": true, "reason": "guest-reset"}}"#;
        assert_eq!(parse(reset), Message::Reset(true));
        let rtc = r#"{"return": {"tm_year": 101, "tm_sec": 7, "tm_hour": 0, "tm_min": 0, "tm_mon": 0, "tm_mday": 1}}"#;
        assert_eq!(parse(rtc), Message::Rtc(978_307_207));
        let refused = r#"{"error": {"class": "GenericError", "desc": "no"}}"#;
        assert_eq!(parse(refused), Message::Refused("no".to_owned()));
        assert_eq!(parse(r#"{"return": {}}"#), Message::Other);
        assert_eq!(parse(r#"{"QMP": {"version": {}}}"#), Message::Greeting);
        assert_eq!(parse("{"), Message::Other);
    }

    #[test]
    fn commands_are_single_lines() {
        assert_eq!(Command::Quit.line(), "{\"execute\":\"quit\"}\n");
    }
}
