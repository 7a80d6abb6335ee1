//! What a DHCP server has to be told so that machines boot from a bundle: snippets for dnsmasq and ISC dhcpd,
//! with comments on what to change. Of several routes that look the same to the server, the first is offered, and the others stand there as comments.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::address::Address;
use super::answer::{Answer, Client};
use super::bundle::{Boot, BundleText, Node};
use super::openfirmware;
use super::reader::Reader;
use super::route::Route;
use super::{TextFile, render};
use crate::arch::Arch;
use crate::failure::Result;

/// The snippets, by path inside the bundle, with their templates and who writes statements for them.
const SNIPPETS: [(&str, &str, &str, Statements); 2] = [
    (
        "dhcp/dnsmasq.conf",
        "dnsmasq.conf.hbs",
        include_str!("templates/dnsmasq.conf.hbs"),
        dnsmasq,
    ),
    (
        "dhcp/dhcpd.conf",
        "dhcpd.conf.hbs",
        include_str!("templates/dhcpd.conf.hbs"),
        dhcpd,
    ),
];

/// The statements of a server by which a kind of client is given an answer.
type Statements = fn(&Client, &Answer, spares_disks: bool) -> Vec<String>;

/// The address of the server in the snippets (RFC 5737).
const SERVER: &str = "192.0.2.1";
/// PXELINUX's magic number (RFC 5071), which it wants to see before the path's prefix.
const MAGIC: &str = "f1:00:74:7e";

#[derive(Serialize)]
struct Data<'a> {
    name: &'a str,
    /// A file of the bundle by which its folder is known.
    mark: &'a str,
    clients: Vec<Asked>,
    /// Whether there are addresses on an HTTP server among the files.
    http: bool,
    /// Whether firmware may be iPXE.
    ipxe: bool,
    /// Whether option 210 is used.
    prefix: bool,
    /// Whether machines that boot their own disk have to be told from others.
    spares_disks: bool,
    nodes: Vec<Host<'a>>,
}

/// A kind of client that asks.
#[derive(Serialize)]
struct Asked {
    tag: &'static str,
    /// What dhcpd calls it.
    class: String,
    who: &'static str,
    numbers: Vec<Number>,
    /// The first one alone is no comment.
    offers: Vec<Offer>,
    /// Whether it looks for configurations beside the file that it is told.
    is_told_folder: bool,
    /// Whether it finds all by itself.
    is_told_nothing: bool,
}

#[derive(Serialize)]
struct Number {
    tag: &'static str,
    decimal: u16,
    /// For dhcpd: two bytes in hexadecimal.
    bytes: String,
    is_first: bool,
}

/// A route that the client can be given.
#[derive(Serialize)]
struct Offer {
    route: &'static str,
    statements: Vec<Statement>,
}

#[derive(Serialize)]
struct Statement {
    text: String,
    active: bool,
}

#[derive(Serialize)]
struct Host<'a> {
    name: &'a str,
    mac: Option<String>,
    ip: Option<String>,
    /// Whether it boots its own disk, and has to be told from others for that.
    spared: bool,
    /// The script of its own that Open Firmware has to be told.
    script: Option<String>,
}

/// The snippets of a bundle. The description is taken to be right: see [`super::check::mistakes`].
///
/// # Errors
/// Only for a bug.
pub fn files(bundle: &BundleText) -> Result<Vec<TextFile>> {
    let routes = &bundle.routes;
    let has_disk = |node: &Node| node.boot != Boot::Image;
    let unified = bundle.readers().contains(&Reader::Unified);
    let spares_disks = unified && bundle.nodes.iter().any(has_disk);
    let nodes = bundle.nodes.iter().map(|node| Host {
        name: &node.name,
        mac: matches!(node.address, Address::Mac(_)).then(|| node.address.to_string()),
        ip: matches!(node.address, Address::Ip(_)).then(|| node.address.to_string()),
        spared: spares_disks && has_disk(node),
        script: (routes.contains(&Route::OpenFirmware)).then(|| openfirmware::script(node)),
    });
    let snippet = |(path, name, template, statements): (&str, &str, &str, Statements)| {
        let starts = |route: &&Route| Answer::starts(**route, bundle.arch);
        let data = Data {
            name: &bundle.name,
            mark: match routes.iter().find(starts) {
                Some(route) => route.file(bundle.arch),
                None => "pxelinux.cfg",
            },
            clients: clients(bundle, statements, spares_disks),
            http: (routes.iter()).any(|&route| answer(bundle, route).is_by_http()),
            ipxe: bundle.arch == Arch::Amd64,
            prefix: routes.contains(&Route::Lpxelinux),
            spares_disks,
            nodes: nodes.clone().collect(),
        };
        Ok(TextFile {
            path: path.to_owned(),
            content: render(name, template, &data)?,
            reason: "to be taken over into the DHCP server's configuration".to_owned(),
        })
    };
    SNIPPETS.into_iter().map(snippet).collect()
}

/// The kinds of clients that the bundle's routes have, in the order of the routes.
fn clients(bundle: &BundleText, statements: Statements, spares_disks: bool) -> Vec<Asked> {
    let mut asked: Vec<(&Client, Asked)> = Vec::new();
    for &route in &bundle.routes {
        let Some(client) = Client::of(route, bundle.arch) else {
            continue;
        };
        let answer = answer(bundle, route);
        let spares = spares_disks && Reader::of(route) == Reader::Unified;
        let place = asked.iter().position(|(other, _)| *other == client);
        let statement = |text| Statement {
            text,
            active: place.is_none(),
        };
        let offer = Offer {
            route: route.name(),
            statements: (statements(client, &answer, spares).into_iter())
                .map(statement)
                .collect(),
        };
        match place {
            Some(place) => asked[place].1.offers.push(offer),
            None => asked.push((client, first(bundle, client, offer, (route, &answer)))),
        }
    }
    asked.into_iter().map(|(_, asked)| asked).collect()
}

/// The answer on a route of the bundle.
fn answer(bundle: &BundleText, route: Route) -> Answer {
    let http = format!("http://{SERVER}/{}/", bundle.name);
    Answer::on(route, bundle.arch, &http)
}

/// A kind of client with the first thing that it can be offered.
fn first(
    bundle: &BundleText,
    client: &Client,
    offer: Offer,
    (route, answer): (Route, &Answer),
) -> Asked {
    let number = |(index, &decimal): (usize, &u16)| Number {
        tag: client.tag,
        decimal,
        bytes: format!("{:02x}:{:02x}", decimal >> 8, decimal & 0xff),
        is_first: index == 0,
    };
    Asked {
        tag: client.tag,
        class: format!("{}-{}", bundle.name, client.tag),
        who: client.who,
        numbers: client.numbers.iter().enumerate().map(number).collect(),
        offers: vec![offer],
        is_told_folder: !Answer::starts(route, bundle.arch) && answer.file.is_some(),
        is_told_nothing: answer.file.is_none(),
    }
}

/// In dnsmasq's configuration.
fn dnsmasq(client: &Client, answer: &Answer, spares_disks: bool) -> Vec<String> {
    let spared = if spares_disks { ",tag:!own-disk" } else { "" };
    dnsmasq_lines(client.tag, answer, spared, None)
}

/// Lines of dnsmasq's configuration that give this answer to machines with a tag. `but` is put behind the tag where the boot file is named; `server` has that
/// file, where dnsmasq is to say so.
fn dnsmasq_lines(tag: &str, answer: &Answer, but: &str, server: Option<Ipv4Addr>) -> Vec<String> {
    let option = |option: &str| format!("dhcp-option-force=tag:{tag},{option}");
    let mut lines = Vec::new();
    if let Some(class) = &answer.class {
        lines.push(option(&format!("60,{class}")));
    }
    if let Some(script) = &answer.script {
        lines.push(format!("dhcp-boot=tag:{tag},tag:ipxe,{script}"));
    }
    if let Some(file) = &answer.file {
        let others = answer.script.as_ref().map_or("", |_| ",tag:!ipxe");
        // An HTTP address says where it is by itself.
        let server = server.filter(|_| answer.class.is_none());
        let server = server.map_or(String::new(), |server| format!(",,{server}"));
        lines.push(format!("dhcp-boot=tag:{tag}{others}{but},{file}{server}"));
    }
    if let Some(prefix) = &answer.prefix {
        lines.push(option(&format!("208,{MAGIC}")));
        lines.push(option(&format!("210,{prefix}")));
    }
    lines
}

/// Lines of dnsmasq's configuration that give this answer to machines which say one of these numbers (option 93); `server` is as above. What
/// machines are iPXE has to be said elsewhere, by the tag `ipxe`.
#[must_use]
pub fn dnsmasq_offer(numbers: &[u16], answer: &Answer, server: Option<Ipv4Addr>) -> Vec<String> {
    let tag = format!("client{}", numbers.first().copied().unwrap_or_default());
    let matches = numbers.iter();
    let matches = matches.map(|number| format!("dhcp-match=set:{tag},option:client-arch,{number}"));
    matches
        .chain(dnsmasq_lines(&tag, answer, "", server))
        .collect()
}

/// In a class of dhcpd's configuration.
fn dhcpd(_: &Client, answer: &Answer, _: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(class) = &answer.class {
        lines.push(format!("option vendor-class-identifier \"{class}\";"));
    }
    match (&answer.file, &answer.script) {
        (Some(file), Some(script)) => lines.extend([
            "if exists user-class and option user-class = \"iPXE\" {".to_owned(),
            format!("  filename \"{script}\";"),
            "} else {".to_owned(),
            format!("  filename \"{file}\";"),
            "}".to_owned(),
        ]),
        (Some(file), None) => lines.push(format!("filename \"{file}\";")),
        (None, _) => {}
    }
    if let Some(prefix) = &answer.prefix {
        lines.extend([
            format!("option pxelinux-magic {MAGIC};"),
            format!("option pxelinux-prefix \"{prefix}\";"),
            // Firmware does not ask for these.
            "option dhcp-parameter-request-list = concat(option dhcp-parameter-request-list, d0, d2);"
                .to_owned(),
        ]);
    }
    lines
}

#[cfg(test)]
#[path = "dhcp_tests.rs"]
mod tests;
