use super::{GOOD, about};

fn with(kernel: &str, rest: &str) -> String {
    let recipe = GOOD.replace("fragments = [\"x86_64/base.config\"]", kernel);
    format!("{recipe}{rest}")
}

#[test]
fn a_sysroot_says_what_is_taken_from_where() {
    let text = with(
        "fragments = []",
        "[sysroot]\npackages = ['parted', 'gawk']\ncomponents = ['main', 'non-free-firmware']\n",
    );
    assert_eq!(about(&text), "good");
    let text = with(
        "fragments = []",
        "[sysroot]\nsuite = 'bookworm-security'\ncomponents = ['main', 'non free', 'main']\n\
        packages = ['parted=3', 'bash', 'bash']\nwithout = ['bash', '-o']\npolicy = 'freeze'\n",
    );
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has 8 mistakes
    recipes/demo.toml:20:9 «'bookworm-security'» `bookworm-security` is no name of a suite; a codename such as `bookworm`, or `bookworm-backports`; updates and security suites are taken along by themselves
    recipes/demo.toml:21:23 «'non free'» `non free` is no name of a suite's component; `main`, `contrib`, `non-free` or `non-free-firmware`
    recipes/demo.toml:21:35 «'main'» `main` is in this list twice
    recipes/demo.toml:22:13 «'parted=3'» `parted=3` is no name of a Debian package; lower-case letters, digits, `+`, `-` and `.`; at least two of them, the first a letter or digit
    recipes/demo.toml:22:33 «'bash'» `bash` is in this list twice
    recipes/demo.toml:23:12 «'bash'» `bash` is asked for, and is to be left out; leave it out of one of the two lists
    recipes/demo.toml:23:20 «'-o'» `-o` is no name of a Debian package; lower-case letters, digits, `+`, `-` and `.`; at least two of them, the first a letter or digit
    recipes/demo.toml:24:10 «'freeze'» `policy` cannot be `freeze`; it has to be `pin` or `follow`
    "#);
}

#[test]
fn a_sysroot_of_nothing_is_a_mistake() {
    insta::assert_snapshot!(about(&with("", "[sysroot]\n")), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:19:1 «[sysroot]» a sysroot without packages is of no use; name packages (packages = ["parted"]), or leave [sysroot] out
    "#);
    insta::assert_snapshot!(about(&with("", "[sysroot]\npackages = ['parted']\ncomponents = []\n")), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:21:14 «[]» no component is named to take packages from; write components = ["main"], or leave it out
    "#);
}

#[test]
fn a_kernel_from_a_package_needs_nothing_to_be_built_from() {
    let text = with("package = 'linux-image-amd64'", "[sysroot]\n")
        .replace("[sources.linux]", "[sources.other]");
    assert_eq!(about(&text), "good");
    let text = with(
        "package = 'linux-image-amd64'\nbase = 'defconfig'\nfragments = ['x86_64/net.config']\nsource = 'linux'",
        "",
    );
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has 4 mistakes
    recipes/demo.toml:12:11 «'linux-image-amd64'» nothing says where the package `linux-image-amd64` is taken from; add the table [sysroot]: it names the suite, "bookworm" where it says nothing
    recipes/demo.toml:13:1 «base» `base` is for a kernel that is built, and this one comes from the package `linux-image-amd64`; leave it out, or leave out `package`
    recipes/demo.toml:14:1 «fragments» `fragments` is for a kernel that is built, and this one comes from the package `linux-image-amd64`; leave it out, or leave out `package`
    recipes/demo.toml:15:1 «source» `source` is for a kernel that is built, and this one comes from the package `linux-image-amd64`; leave it out, or leave out `package`
    "#);
    let text = with(
        "package = 'linux-image-amd64'",
        "[sysroot]\nwithout = ['linux-image-amd64']\n",
    );
    insta::assert_snapshot!(about(&text), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:20:12 «'linux-image-amd64'» `linux-image-amd64` is asked for, and is to be left out; leave it out of one of the two lists
    "#);
}

#[test]
fn other_machines_have_no_boot_loader_and_no_musl() {
    let arm =
        format!("arch = 'arm64'\n{GOOD}").replace("package = \"pxelinux\"", "package = \"p1\"");
    insta::assert_snapshot!(about(&arm), @r#"
    recipe: the recipe demo has a mistake
    recipes/demo.toml:14:1 «[busybox]» busybox for arm64 cannot be linked with musl, which `libc` is unless something else is said; write libc = "glibc" in [busybox]
    "#);
    let arm = arm.replace("[busybox]", "[busybox]\nlibc = 'glibc'");
    assert_eq!(
        about(
            &arm.replace("pxelinux", "other")
                .replace("syslinux", "another")
        ),
        "good"
    );
}
