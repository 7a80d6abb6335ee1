use super::{Root, sample};
use crate::closure::modules::{CLASSES, Chosen, Kernel, Why};
use crate::failure::Kind;

fn why(kernel: &Kernel, chosen: &Chosen, name: &str) -> String {
    let picked = chosen
        .modules
        .iter()
        .find(|picked| kernel.modules[picked.module].name == name)
        .unwrap();
    match &picked.why {
        Why::Taken(entry) => format!("taken by {entry}"),
        Why::Needed { by, how } => format!("{how} of {}", kernel.modules[*by].name),
    }
}

#[test]
fn a_module_comes_with_all_that_it_needs_and_each_says_why() {
    let (kernel, chosen) = sample().choose(&["nic"], &[]).unwrap();
    let says = |name| why(&kernel, &chosen, name);
    assert_eq!(says("nic"), "taken by nic");
    assert_eq!(says("mii"), "module dependency of nic");
    assert_eq!(says("mdio_bus"), "module dependency of libphy");
    assert_eq!(says("later"), "softdep of nic");
    assert_eq!(says("crc32c_generic"), "softdep of nic");
    assert_eq!(says("realtek"), "weak dependency of libphy");
    assert_eq!(chosen.modules.len(), 7);
    assert_eq!(chosen.notes.len(), 1, "{:?}", chosen.notes);
    assert!(chosen.notes[0].contains("absent"), "{:?}", chosen.notes);
}

#[test]
fn modules_are_named_with_dashes_or_underscores() {
    assert_eq!(
        sample().chosen(&["own_thing", "mdio-bus"], &[]),
        ["own_thing", "mdio_bus"]
    );
    assert_eq!(sample().chosen(&["own-thing.ko"], &[]), ["own_thing"]);
}

#[test]
fn patterns_are_of_names_or_of_paths_below_kernel() {
    let all = sample().chosen(&["**"], &[]);
    assert_eq!(all.len(), 10);
    assert_eq!(sample().chosen(&["extra/**"], &[]), ["own_thing"]);
    assert_eq!(sample().chosen(&["mdio*"], &[]), ["mdio_bus"]);
    assert_eq!(sample().chosen(&["drivers/net/*"], &[]), ["mii"]);
}

#[test]
fn a_class_takes_by_place_and_alias() {
    let names = sample().chosen(&["@pci-network"], &[]);
    assert!(
        names.contains(&"nic".to_owned()) && names.contains(&"realtek".to_owned()),
        "{names:?}"
    );
    assert!(
        !names.contains(&"radio".to_owned()) && !names.contains(&"tun".to_owned()),
        "{names:?}"
    );
    assert_eq!(sample().chosen(&["@wireless"], &[]), ["radio"]);
    assert_eq!(sample().chosen(&["@filesystem"], &[]), ["later"]);
}

#[test]
fn classes_are_sorted_and_can_be_told_apart() {
    assert!(CLASSES.is_sorted_by(|one, other| one.name < other.name));
    assert!(CLASSES.iter().all(|class| !class.about.is_empty()));
}

#[test]
fn what_is_built_in_needs_no_file_and_says_so() {
    let (_, chosen) = sample().choose(&["virtio_pci", "@virtio"], &[]).unwrap();
    let asked: Vec<(&str, &str)> = chosen
        .builtin
        .iter()
        .map(|asked| (asked.name.as_str(), asked.by.as_str()))
        .collect();
    assert_eq!(
        asked,
        [("virtio_pci", "virtio_pci"), ("virtio_pci", "@virtio")]
    );
    assert!(chosen.modules.is_empty());
    let root = Root::new()
        .module("kernel/a.ko", &["depends=built-in"])
        .list("modules.builtin", "kernel/built_in.ko\n");
    assert_eq!(root.chosen(&["a"], &[]), ["a"]);
}

#[test]
fn all_unknown_names_are_told_at_once() {
    let failure = sample()
        .choose(
            &["nick", "@pci-net", "drivers/nothing/**", "nic", "zzzzzzzz"],
            &[],
        )
        .unwrap_err();
    assert_eq!(failure.kind, Kind::Recipe);
    assert_eq!(
        failure.notes,
        [
            "[modules]: `nick` is none of the kernel's modules; did you mean `nic`?",
            "[modules]: `@pci-net` is no class of modules; there are crypto, filesystem, keyboard, pci-graphics, pci-network, pci-storage, raid, soc-network, soc-storage, usb-host, usb-network, usb-storage, virtio, wireless",
            "[modules]: `drivers/nothing/**` fits none of the kernel's 10 modules",
            "[modules]: `zzzzzzzz` is none of the kernel's modules",
        ]
    );
}

#[test]
fn what_is_excluded_stays_out_unless_a_module_depends_on_it() {
    let names = sample().chosen(&["nic"], &["mii", "realtek", "later", "crypto/**"]);
    assert_eq!(names, ["nic", "mii", "libphy", "mdio_bus"]);
    let (_, chosen) = sample().choose(&["nic"], &["nonsense"]).unwrap();
    assert!(
        chosen.notes.iter().any(|note| note.contains("nonsense")),
        "{:?}",
        chosen.notes
    );
}

#[test]
fn a_missing_dependency_shows_the_chain_that_led_there() {
    let root = Root::new()
        .module("kernel/a.ko", &["depends=b"])
        .module("kernel/b.ko", &["depends=gone"]);
    let failure = root.choose(&["kernel/a"], &[]).unwrap_err();
    assert_eq!(
        failure.what,
        "the module b needs gone, which the kernel 6.1.0-9-test neither has as a module nor built in"
    );
    assert_eq!(
        failure.notes,
        [
            "a needs b (module dependency)",
            "[modules] takes `kernel/a`, which a belongs to"
        ]
    );
}

#[test]
fn a_module_for_another_kernel_is_noted() {
    let other = ["vermagic=6.1.0-8-test SMP mod_unload "];
    let root = Root::new()
        .module("kernel/a.ko", &other)
        .module("kernel/b.ko", &other);
    let (_, chosen) = root.choose(&["a", "b"], &[]).unwrap();
    assert_eq!(
        chosen.notes,
        ["a and 1 more: built for the kernel 6.1.0-8-test, not for 6.1.0-9-test"]
    );
}

#[test]
fn a_softdep_on_a_device_is_looked_for_everywhere() {
    let root = Root::new()
        .module(
            "kernel/drivers/platform/x86/board.ko",
            &["softdep=pre: platform:leds-gpio"],
        )
        .module(
            "kernel/drivers/leds/leds-gpio.ko",
            &["alias=platform:leds-gpio"],
        );
    assert_eq!(root.chosen(&["board"], &[]), ["leds_gpio", "board"]);
}
