//! Chromium without a screen, and what it notices of a page.

use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Failed;
use serde_json::Value;
use xtask::needs;

/// What is asked of a page, with all of it unfolded: how much there is of what, and what is wider than the window and cannot be scrolled by itself.
const MEASURE: &str = r##"
<script>
window.alerts = 0;
for (const it of document.querySelectorAll("details")) it.open = true;
const count = what => document.querySelectorAll(what).length;
const scrolled = it => it.closest(".scroll") && !it.matches(".scroll");
const wide = [...document.querySelectorAll("body, body *")]
    .filter(it => !scrolled(it) && !it.matches(".skip") && it.getBoundingClientRect().right > innerWidth + 1)
    .map(it => it.tagName + "." + it.className);
if (document.documentElement.scrollWidth > innerWidth) wide.push("the page");
const told = { rows: count(".matrix tbody tr"), chips: count(".matrix .chip"), scripts: count("script") - 1,
    pictures: [...document.images].filter(it => it.naturalWidth > 0).length, alerts: window.alerts, wide };
document.documentElement.innerHTML = "<pre>" + btoa(JSON.stringify(told)) + "</pre>";
</script>
"##;

/// What a page has in it, and what was noticed when it was opened.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) rows: usize,
    pub(super) chips: usize,
    /// Pictures that could be drawn.
    pub(super) pictures: usize,
    pub(super) scripts: usize,
    pub(super) alerts: usize,
    /// What is wider than the window.
    pub(super) wide: Vec<String>,
    /// Lines of its console.
    pub(super) errors: Vec<String>,
    /// Addresses that were asked for anything.
    pub(super) requests: Vec<String>,
}

/// A browser with a profile of its own.
pub(super) struct Browser {
    folder: tempfile::TempDir,
}

impl Browser {
    pub(super) fn new() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        Ok(Self { folder })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a browser that is looked at from outside"
    )]
    fn run(&self, page: &Path, width: u32, arguments: &[&str]) -> Result<Output, Failed> {
        let name = "chromium-headless-shell";
        let program = needs::find(name).ok_or_else(|| needs::missing(name).to_string())?;
        let output = Command::new(program)
            .args([
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .arg(format!(
                "--user-data-dir={}",
                self.folder.path().join("profile").display()
            ))
            .arg(format!("--window-size={width},2400"))
            .args(arguments)
            .arg(format!("file://{}", page.display()))
            .output()?;
        if output.status.success() {
            return Ok(output);
        }
        Err(format!("{output:?}").into())
    }

    /// Opens a page as it is, and once more with what measures it.
    pub(super) fn open(&self, page: &Path, width: u32) -> Result<Seen, Failed> {
        let log = self.folder.path().join("net.json");
        let log_argument = format!("--log-net-log={}", log.display());
        let said = self.run(
            page,
            width,
            &["--enable-logging=stderr", &log_argument, "--dump-dom"],
        )?;
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        let errors = said.lines().filter(|line| line.contains(":CONSOLE"));
        let told = self.measured(page, width)?;
        let number = |name: &str| told[name].as_u64().map_or(usize::MAX, |it| it as usize);
        let wide = told["wide"].as_array().into_iter().flatten();
        Ok(Seen {
            rows: number("rows"),
            chips: number("chips"),
            pictures: number("pictures"),
            scripts: number("scripts"),
            alerts: number("alerts"),
            wide: wide.map(ToString::to_string).collect(),
            errors: errors.map(str::to_owned).collect(),
            requests: requests(&log)?,
        })
    }

    fn measured(&self, page: &Path, width: u32) -> Result<Value, Failed> {
        // The page allows no scripts: this one is let in here.
        let text =
            fs_err::read_to_string(page)?.replace("http-equiv=\"Content-Security-Policy\"", "");
        let copy = page.with_file_name("measured.html");
        fs_err::write(&copy, text + MEASURE)?;
        let dom = self.run(&copy, width, &["--dump-dom"])?;
        fs_err::remove_file(copy)?;
        let dom = String::from_utf8(dom.stdout)?;
        let told = dom
            .split_once("<pre>")
            .and_then(|(_, rest)| rest.split_once("</pre>"));
        let (told, _) = told.ok_or_else(|| format!("it was not measured: {dom}"))?;
        let decoded = STANDARD.decode(told)?;
        Ok(serde_json::from_slice(&decoded)?)
    }

    /// Takes a picture of a page.
    pub(super) fn picture(&self, page: &Path, width: u32, to: &Path) -> Result<(), Failed> {
        let to = format!("--screenshot={}", to.display());
        self.run(page, width, &[&to]).map(drop)
    }
}

/// Addresses in a log of Chromium's network, but for files.
fn requests(log: &Path) -> Result<Vec<String>, Failed> {
    let log: Value = serde_json::from_slice(&fs_err::read(log)?)?;
    let events = log["events"].as_array().ok_or("no events in the log")?;
    let urls = events
        .iter()
        .filter_map(|event| event["params"]["url"].as_str());
    let outside = urls.filter(|url| !url.starts_with("file:") && !url.starts_with("data:"));
    let mut outside: Vec<String> = outside.map(str::to_owned).collect();
    outside.sort();
    outside.dedup();
    Ok(outside)
}
