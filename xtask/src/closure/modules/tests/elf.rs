//! Writes ELF files as modules are.

/// An ELF file to be.
#[derive(Clone)]
pub(super) struct Elf {
    pub(super) modinfo: Vec<u8>,
    pub(super) exports: Vec<String>,
    pub(super) uses: Vec<String>,
    /// How exports are marked: by `__crc_` or `__ksymtab_` symbols, or by their names alone.
    pub(super) mark: Option<&'static str>,
    pub(super) wide: bool,
    pub(super) little: bool,
}

impl Elf {
    pub(super) fn new(info: &[&str]) -> Self {
        let mut modinfo = Vec::new();
        for line in [&["license=GPL"], info].concat() {
            modinfo.extend(line.as_bytes());
            modinfo.push(0);
        }
        Self {
            modinfo,
            exports: Vec::new(),
            uses: Vec::new(),
            mark: Some("__crc_"),
            wide: true,
            little: true,
        }
    }

    pub(super) fn exports(mut self, names: &[&str]) -> Self {
        self.exports = names.iter().map(ToString::to_string).collect();
        self
    }

    pub(super) fn uses(mut self, names: &[&str]) -> Self {
        self.uses = names.iter().map(ToString::to_string).collect();
        self
    }

    fn word(&self, value: u64, size: usize) -> Vec<u8> {
        let bytes = value.to_be_bytes();
        let mut bytes = bytes[8 - size..].to_vec();
        if self.little {
            bytes.reverse();
        }
        bytes
    }

    fn words(&self, fields: &[(u64, usize)]) -> Vec<u8> {
        fields
            .iter()
            .flat_map(|&(value, size)| self.word(value, size))
            .collect()
    }

    /// Symbols and their names.
    fn symbols(&self) -> (Vec<u8>, Vec<u8>) {
        let mut names = vec![0];
        let mut table = vec![0; if self.wide { 24 } else { 16 }];
        let marked = self.mark.iter().flat_map(|mark| {
            self.exports
                .iter()
                .map(move |name| (format!("{mark}{name}"), 0xfff1))
        });
        for (name, section) in marked.chain(self.uses.iter().map(|name| (name.clone(), 0))) {
            let at = names.len() as u64;
            names.extend(name.as_bytes());
            names.push(0);
            let (name, info, other, section) = ((at, 4), (0x10, 1), (0, 1), (section, 2));
            table.extend(if self.wide {
                self.words(&[name, info, other, section, (0, 8), (0, 8)])
            } else {
                self.words(&[name, (0, 4), (0, 4), info, other, section])
            });
        }
        (table, names)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let (symbols, names) = self.symbols();
        let exported: Vec<u8> = self
            .exports
            .iter()
            .flat_map(|name| [name.as_bytes(), b"\0"].concat())
            .collect();
        // Name, type, contents, section that belongs to it, size of an entry.
        let entry = if self.wide { 24 } else { 16 };
        let mut sections = vec![
            ("", 0, Vec::new(), 0, 0),
            (".modinfo", 1, self.modinfo.clone(), 0, 0),
            (".symtab", 2, symbols, 3, entry),
            (".strtab", 3, names, 0, 0),
        ];
        if !self.exports.is_empty() {
            sections.push(("__ksymtab_strings", 1, exported, 0, 0));
        }
        let all: Vec<u8> = sections
            .iter()
            .flat_map(|section| [section.0.as_bytes(), b"\0"].concat())
            .collect();
        sections.push((".shstrtab", 3, [&all[..], b".shstrtab\0"].concat(), 0, 0));
        let (head, width, word) = if self.wide { (64, 64, 8) } else { (52, 40, 4) };
        let (mut data, mut headers, mut name) = (Vec::new(), Vec::new(), 0);
        for (text, kind, content, link, entry) in &sections {
            let offset = (head + data.len()) as u64;
            data.extend(content);
            data.resize(data.len().next_multiple_of(16), 0);
            headers.extend(self.words(&[
                (name, 4),
                (*kind, 4),
                (0, word),
                (0, word),
                (offset, word),
                (content.len() as u64, word),
                (*link, 4),
                (1, 4),
                (1, word),
                (*entry, word),
            ]));
            name += text.len() as u64 + 1;
        }
        let class = if self.wide { 2 } else { 1 };
        let order = if self.little { 1 } else { 2 };
        let machine = if self.wide { 62 } else { 40 };
        let count = sections.len() as u64;
        let mut file = vec![0x7f, b'E', b'L', b'F', class, order, 1];
        file.resize(16, 0);
        file.extend(self.words(&[
            (1, 2),
            (machine, 2),
            (1, 4),
            (0, word),
            (0, word),
            ((head + data.len()) as u64, word),
            (0, 4),
            (head as u64, 2),
            (0, 2),
            (0, 2),
            (width, 2),
            (count, 2),
            (count - 1, 2),
        ]));
        [file, data, headers].concat()
    }
}
