//! A small tree, a configuration, and what is said about it.

use std::collections::BTreeMap;

use super::*;

const KCONFIG: &str = r#"
config MODULES
	bool "Modules"
config PCI
	bool "PCI"
menuconfig NET
	bool "Networking"
menuconfig NETDEVICES
	bool "Devices"
	depends on NET
if NETDEVICES
config ETHERNET
	bool "Ethernet"
if ETHERNET
config E1000
	tristate "Intel"
	depends on PCI && (X86 || ARM) && $(cc-option,-m32)
	select CRC32 if PCI
endif
endif
config CRC32
	tristate
config DEBUG
	bool "Debug" if EXPERT
config EXPERT
	bool "Expert"
choice
	prompt "Compression"
config ZSTD
	bool "zstd"
config GZIP
	bool "gzip"
endchoice
config CPUS
	int "CPUs"
	depends on SMP
config SMP
	bool "SMP"
config AUTO
	def_bool y
"#;

fn explained(config: &str, symbol: &str, value: &str) -> String {
    let variables = BTreeMap::new();
    let tree = Tree::parse("Kconfig", &variables, &mut |_| Some(KCONFIG.to_owned()));
    let wanted = Assignment {
        symbol: symbol.to_owned(),
        value: Value::parse(value).unwrap(),
    };
    explain(&tree, &Config::parse(config), &wanted)
}

#[test]
fn unmet_dependencies_are_followed_to_their_root() {
    assert_eq!(
        explained("CONFIG_PCI=y\nCONFIG_X86=y\n", "E1000", "y"),
        "E1000 depends on NETDEVICES [n], ETHERNET [n], PCI [y], (X86 || ARM) [y], $(cc-option,-m32) [?]; \
         NETDEVICES depends on NET [n]; ETHERNET depends on NETDEVICES [n]"
    );
}

#[test]
fn a_module_is_not_enough_where_y_is_wanted() {
    let config = "CONFIG_NETDEVICES=y\nCONFIG_ETHERNET=y\nCONFIG_PCI=m\nCONFIG_ARM=y\n";
    assert!(explained(config, "E1000", "y").starts_with("E1000 depends on PCI [m], "));
}

#[test]
fn other_reasons_are_named() {
    for (config, symbol, value, why) in [
        (
            "",
            "E100",
            "y",
            "there is no symbol E100 in this source tree; did you mean E1000?",
        ),
        (
            "",
            "BOGOMIPS",
            "y",
            "there is no symbol BOGOMIPS in this source tree",
        ),
        ("", "NET", "m", "NET is a bool: y or n"),
        (
            "",
            "E1000",
            "m",
            "E1000=m is a module, and MODULES is not set",
        ),
        ("CONFIG_SMP=y\n", "CPUS", "\"8\"", "CPUS is a number"),
        ("", "CPUS", "8", "CPUS depends on SMP [n]"),
        (
            "",
            "CRC32",
            "y",
            "CRC32 cannot be set by hand: it is selected by E1000 [n]",
        ),
        (
            "CONFIG_E1000=m\nCONFIG_PCI=y\nCONFIG_CRC32=m\n",
            "CRC32",
            "n",
            "CRC32 is selected by E1000",
        ),
        ("", "DEBUG", "y", "DEBUG is asked for only if EXPERT [n]"),
        (
            "CONFIG_GZIP=y\n",
            "ZSTD",
            "y",
            "ZSTD is one of a choice, and GZIP is chosen",
        ),
        (
            "CONFIG_GZIP=y\n",
            "GZIP",
            "n",
            "GZIP is what is left of a choice: request another of its symbols",
        ),
        (
            "CONFIG_AUTO=y\n",
            "AUTO",
            "n",
            "AUTO is not asked for in this configuration: its default decides",
        ),
        (
            "CONFIG_SMP=y\nCONFIG_CPUS=4\n",
            "CPUS",
            "8",
            "CPUS depends on SMP [y], and all of that is set",
        ),
    ] {
        assert_eq!(explained(config, symbol, value), why);
    }
}
