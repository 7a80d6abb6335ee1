//! Programs that load a library while they run: `pthread_cancel` wants `libgcc_s`, which nothing in the program names.

use libtest_mimic::{Failed, Trial};
use xtask::arch::Arch;
use xtask::tool::Tool;

use crate::lab::{PROMPT, passes, typed};
use crate::project::Project;

const SOURCE: &str = r#"
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *waits(void *nothing) {
    for (;;)
        pause();
    return nothing;
}

int main(void) {
    pthread_t thread;
    void *result;
    pthread_create(&thread, NULL, waits, NULL);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    puts(result == PTHREAD_CANCELED ? "it was cancelled" : "it was not");
    return 0;
}
"#;

/// An image, by what stays out of it, and what the program says in it.
struct Image {
    name: &'static str,
    exclude: &'static str,
    says: &'static str,
}

const IMAGES: &[Image] = &[
    Image {
        name: "a thread is cancelled",
        exclude: "[]",
        says: r"^it was cancelled",
    },
    Image {
        name: "without libgcc a thread is not cancelled",
        exclude: r#"["**/libgcc_s.so.1"]"#,
        says: r"^libgcc_s\.so\.1 must be installed for pthread_cancel to work",
    },
];

pub(crate) fn all() -> Vec<Trial> {
    let trials = IMAGES.iter().map(|image| {
        let name = format!("threads::{}", image.name.replace(' ', "_"));
        Trial::test(name, || run(image))
    });
    trials.collect()
}

fn run(image: &Image) -> Result<(), Failed> {
    let project = Project::demo(&format!(
        "[sources.fixture]\nkind = \"directory\"\npath = \"fixture\"\n\
         [copy.cancels]\nfrom = [\"fixture\", \"host\"]\nfiles = [\"/usr/bin/cancels\"]\nexclude = {}\n",
        image.exclude
    ));
    project.write("cancels.c", SOURCE);
    project.write("fixture/usr/bin/cancels", "");
    let gcc = Tool::new("gcc").args(["-O1", "-pthread", "-o"]);
    gcc.arg(project.path("fixture/usr/bin/cancels"))
        .arg(project.path("cancels.c"))
        .run()
        .map_err(|failure| format!("{failure:#?}"))?;
    let bundle = project.build("demo")?;
    passes(
        &bundle,
        Arch::Amd64,
        typed(PROMPT, "cancels", &[image.says]),
        None,
    )
}
