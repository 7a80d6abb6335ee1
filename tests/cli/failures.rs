//! Mistakes people make, and what they are told.

use crate::executable::executable;
use crate::support::Tiny;

#[test]
fn an_unknown_recipe_gets_a_suggestion() {
    let said = Tiny::new().fails(2, "build tinny");
    assert!(
        said.contains("tinny") && said.contains("did you mean") && said.contains("tiny"),
        "{said}"
    );
}

#[test]
fn every_mistake_of_a_recipe_is_said_at_once_with_its_place() {
    let tiny = Tiny::new();
    tiny.replace("recipes/tiny.toml", "libc = \"glibc\"", "libc = \"glib\"");
    tiny.replace(
        "recipes/tiny.toml",
        "overlays = [\"base\"]",
        "overlay = [\"base\"]",
    );
    tiny.replace(
        "recipes/tiny.toml",
        "fragments = [\"net.config\"]",
        "fragments = [\"nett.config\"]",
    );
    let said = tiny.fails(3, "build tiny");
    for piece in ["recipes/tiny.toml:", "overlays", "glibc", "net.config"] {
        assert!(said.contains(piece), "{piece}: {said}");
    }
    let ran = tiny.run("build tiny --format json");
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(value["error"]["kind"], "recipe");
    assert_eq!(
        value["error"]["diagnostics"].as_array().unwrap().len(),
        3,
        "{value:#}"
    );
}

#[test]
fn a_compile_error_shows_the_last_lines_the_log_and_a_command_to_paste() {
    let tiny = Tiny::new();
    tiny.replace("sources/linux/Makefile", "if test -e fail;", "if true;");
    let said = tiny.fails(6, "build tiny");
    for piece in [
        "the step kernel failed",
        "init/main.c:1: error: it is broken",
        "full log: [ROOT]",
        "to run it again: cd ",
    ] {
        let said = said.replace(
            &tiny.root().parent().unwrap().display().to_string(),
            "[ROOT]",
        );
        assert!(said.contains(piece), "{piece}: {said}");
    }
    let log = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("full log: "))
        .unwrap();
    let log = log.replace(
        "[ROOT]",
        &tiny.root().parent().unwrap().display().to_string(),
    );
    assert!(
        fs_err::read_to_string(log)
            .unwrap()
            .contains("it is broken")
    );
    let (_, command) = said.split_once("to run it again: ").unwrap();
    let command = command.lines().next().unwrap().replace(
        "[ROOT]",
        &tiny.root().parent().unwrap().display().to_string(),
    );
    let again = tiny.finish(&mut tiny.other("sh", ["-c", &command]));
    assert!(again.stderr.contains("it is broken"), "{again:#?}");
}

#[test]
fn a_requested_symbol_that_did_not_take_effect_is_named_with_what_it_depends_on() {
    let tiny = Tiny::new();
    tiny.write("kernel-configs/net.config", "# no net\nCONFIG_INET=y\n");
    let said = tiny.fails(3, "build tiny");
    for piece in ["kernel-configs/net.config:2:1", "INET", "NET"] {
        assert!(said.contains(piece), "{piece}: {said}");
    }
}

#[test]
fn an_unknown_variable_in_a_template_is_underlined() {
    let tiny = Tiny::new();
    tiny.write("overlays/base/etc/issue.hbs", "Welcome to {{nmae}}\n");
    let said = tiny.fails(3, "build tiny");
    assert!(said.contains("nmae") && said.contains("name"), "{said}");
}

#[test]
fn two_that_claim_one_path_are_both_named() {
    let tiny = Tiny::new();
    tiny.write("overlays/base/usr/bin/wget", "#!/bin/sh\n");
    let said = tiny.fails(3, "build tiny");
    for piece in ["/usr/bin/wget", "overlay", "busybox"] {
        assert!(said.contains(piece), "{piece}: {said}");
    }
}

#[test]
fn an_image_that_the_kernel_cannot_take_is_refused() {
    let tiny = Tiny::new();
    tiny.write("kernel-configs/net.config", "# CONFIG_RD_GZIP is not set\n");
    let said = tiny.fails(3, "build tiny");
    assert!(said.contains("RD_GZIP"), "{said}");
}

#[test]
fn a_missing_program_is_named_with_its_package() {
    let tiny = Tiny::new();
    let ran = tiny.finish(
        tiny.command(["build", "tiny"])
            .env("CORDWAINER_PATH", "/nonexistent"),
    );
    assert_eq!(ran.code, Some(4), "{ran:#?}");
    assert!(
        ran.stderr.contains("make") && ran.stderr.contains("apt-get install"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_source_that_was_never_recorded_is_said_to_be() {
    let tiny = Tiny::new();
    tiny.replace(
        "recipes/tiny.toml",
        "kind = \"directory\"\npath = \"sources/linux\"",
        "kind = \"debian-binary\"\npackage = \"linux-source-6.1\"\nmember = \"usr/src/linux-source-6.1.tar.xz\"",
    );
    let said = tiny.fails(5, "plan tiny");
    assert!(
        said.contains("has nothing for the source `linux`")
            && said.contains("cargo xtask update tiny"),
        "{said}"
    );
}

#[test]
fn a_folder_that_is_no_checkout_is_said_to_be_none() {
    let tiny = Tiny::new();
    let ran = tiny.finish(&mut tiny.command(["list", "--root", "/proc"]));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("is not a checkout"), "{}", ran.stderr);
}

#[test]
fn exit_codes_are_documented() {
    let help = Tiny::new().ok("--help");
    assert!(help.contains("  130  interrupted"), "{help}");
}

/// A folder in the checkout with the host's tools in it, to be changed by a test.
fn own_tools(tiny: &Tiny) -> std::path::PathBuf {
    let folder = tiny.path("tools");
    fs_err::create_dir(&folder).unwrap();
    for place in ["/usr/sbin", "/usr/bin"] {
        for entry in fs_err::read_dir(place).unwrap() {
            let entry = entry.unwrap();
            // The same name in both: the first one counts, as on the search path.
            std::os::unix::fs::symlink(entry.path(), folder.join(entry.file_name())).unwrap_or(());
        }
    }
    folder
}

fn replace_tool(folder: &std::path::Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs_err::remove_file(&path).unwrap();
    executable(&path, text);
}

#[test]
fn a_tool_that_is_too_old_is_refused_before_anything_is_compiled() {
    let tiny = Tiny::new();
    let tools = own_tools(&tiny);
    replace_tool(&tools, "make", "#!/bin/sh\necho GNU Make 3.81\n");
    let ran = tiny.finish(
        tiny.command(["build", "tiny"])
            .env("CORDWAINER_PATH", &tools),
    );
    assert_eq!(ran.code, Some(4), "{ran:#?}");
    for piece in ["make", "3.81", "at least 4.2", "apt-get install"] {
        assert!(ran.stderr.contains(piece), "{piece}: {}", ran.stderr);
    }
}

#[test]
fn a_program_that_cannot_be_run_is_said_to_be_one() {
    let tiny = Tiny::new();
    let tools = own_tools(&tiny);
    replace_tool(&tools, "make", "\x7fELF, but not really");
    let ran = tiny.finish(
        tiny.command(["build", "tiny"])
            .env("CORDWAINER_PATH", &tools),
    );
    assert_eq!(ran.code, Some(4), "{ran:#?}");
    assert!(ran.stderr.contains("make does not run"), "{}", ran.stderr);
}

#[test]
fn a_full_disk_is_said_to_be_full_and_nothing_is_half_done() {
    let tiny = Tiny::new();
    // A file system of a few pages, in namespaces of this test alone.
    let script = format!(
        "mkdir -p {cache} && mount -t tmpfs -o size=40k none {cache} && exec {xtask} build tiny --root {root}",
        cache = tiny.cache().display(),
        xtask = env!("CARGO_BIN_EXE_xtask"),
        root = tiny.root().display(),
    );
    let mut command = tiny.other(
        "unshare",
        ["--user", "--map-root-user", "--mount", "sh", "-c", &script],
    );
    let ran = tiny.finish(&mut command);
    assert_eq!(ran.code, Some(9), "{ran:#?}");
    assert!(
        ran.stderr.contains("No space left on device"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("free some space"), "{}", ran.stderr);
    assert!(!tiny.path("out").exists());
    tiny.ok("build tiny");
}
