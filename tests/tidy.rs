//! The rules of the house that no compiler checks, each a function over a text, each seen to fail on a planted fault.
//!
//! - `source`: a file, with comments and strings told apart from code; tokens; use trees
//! - `layers`: lower layers know nothing of higher ones
//! - `shape`: sizes, first lines, names, tables of contents, `lib.rs`
//! - `words`: where `unsafe`, loom, executors and sleeps may be named
//! - `rules`: the numbered rules of `docs/semantics.md` and who cites them
//! - `walks`: the walks through the engine that `docs/internals.md` draws
//! - `capabilities`: what `docs/capabilities.md` says of rules and tests
//! - `machinery`: `ci/*.sh` and who calls them

#[path = "tidy/capabilities.rs"]
mod capabilities;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/machinery.rs"]
mod machinery;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/source.rs"]
mod source;
#[path = "tidy/walks.rs"]
mod walks;
#[path = "tidy/words.rs"]
mod words;

use source::{Fault, Source};

/// The layers, lowest first. A module may name its own layer and those above it in this table.
const LAYERS: &[&[&str]] = &[
    &[
        "std_or_loom",
        "panic",
        "log",
        "park",
        "order",
        "turn",
        "shows",
    ],
    &["error", "context", "token", "depth"],
    &["spawner", "clock", "blocked", "limiter"],
    &["group"],
    &["scope", "gather", "tasks"],
    &["program", "sync", "threads", "bridge"],
    &["testing"],
    // Faces: functions of one line, re-exports and pages; and a macro, which the compiler puts at the root.
    &[
        "__literal_vec",
        "calls",
        "cancel",
        "inline",
        "kind",
        "literal",
        "local",
        "parallel",
        "types",
        "docs",
    ],
];

/// The wings of the group, lowest first.
const WINGS: &[&[&str]] = &[
    &["cell"],
    &["queues"],
    &["sched"],
    &["engine"],
    &["shield"],
    &["handle"],
    &["owner"],
    &["proofs"],
];

/// The wings of gathering, lowest first: values in call order, then the first of several calls, then many items.
const GATHER_WINGS: &[&[&str]] = &[
    &["site", "tuples", "each"],
    &[
        "mode",
        "in_order",
        "in_place",
        "calls",
        "call_list",
        "form",
        "body",
        "options",
    ],
    &["optional"],
    &["race"],
    &["map"],
];

/// The arrows between wings that still run up: a file, and the wing that it names. The cell has one door upwards, which says
/// what its unsafe code asks of the group; there are to be no others.
const WINGS_UP: &[(&str, &str)] = &[("src/group/cell/upcalls.rs", "engine")];

/// The modules with `unsafe` in them: a file, or a folder with a slash at its end.
const UNSAFE: &[&str] = &["src/group/cell/"];

/// Where `cfg(loom)` and loom's types may be named: the facade, the models, and where adapters and tests are left out whose
/// executor does not build under loom.
const LOOM: &[&str] = &[
    "src/std_or_loom.rs",
    "src/depth.rs",
    "src/group/mod.rs",
    "src/group/proofs/mod.rs",
    "src/group/proofs/models/",
    "src/scope/mod.rs",
    "src/gather/in_place/mod.rs",
    "src/gather/in_place/models.rs",
    "src/scope/models.rs",
    "src/spawner/executors/mod.rs",
    "src/spawner/from_fn.rs",
    "src/spawner/from_spawn.rs",
    "src/spawner/mod.rs",
    "src/clock/mod.rs",
    "src/program/mod.rs",
    "src/types.rs",
    "src/lib.rs",
    "src/turn/mod.rs",
];

/// Where an executor may be named.
const EXECUTORS: &[&str] = &["src/spawner/", "src/turn/", "src/bridge/runner/on_tokio.rs"];

/// Where a test may sleep: where it waits for a hung test, where sleeps are what is tested, and where time is virtual, so that
/// they are steps of a trace; never to order events.
const SLEEPERS: &[&str] = &[
    "tests/threading/bridge_cells.rs",
    "tests/threading/bridge_run_sync.rs",
    "tests/threading/bridge_torture.rs",
    "tests/processes/exits.rs",
    "tests/processes/forks.rs",
    "tests/cancels/cleanup.rs",
    "tests/cancels/deadline_ends.rs",
    "tests/program/draining.rs",
    "tests/cancels/grace_ends.rs",
    "tests/cancels/holds.rs",
    "tests/cancels/local_clocks.rs",
    "tests/scopes/limits_ends.rs",
    "tests/joins/map_cuts.rs",
    "tests/cancels/one_child.rs",
    "tests/engine/random_trees.rs",
    "tests/cancels/shield_crowds.rs",
    "tests/cancels/shield_ends.rs",
    "tests/support/watchdog.rs",
    "tests/program/testing/",
    "tests/cancels/time.rs",
    "tests/cancels/timeouts.rs",
    "tests/programs/",
];

/// Examples of what must not be: they hold planted faults and cite no rule.
const TIDY: &[&str] = &["tests/tidy.rs", "tests/tidy/"];

const FILE_LINES: usize = 500;
const FOLDER_FILES: usize = 15;
const ROOT_LINES: usize = 120;
const BANNED_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common"];

fn in_each(folders: &[&str], check: impl Fn(&Source) -> Vec<Fault>) {
    let files: Vec<_> = folders.iter().flat_map(|f| source::rust_files(f)).collect();
    assert!(!files.is_empty(), "{folders:?} holds no Rust file");
    report(files.iter().flat_map(check).collect());
}

fn report(faults: Vec<Fault>) {
    let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} found:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

#[test]
fn no_arrow_runs_up() {
    in_each(&["src"], |file| {
        layers::arrows_up(file, &[], LAYERS, &[], &mut Vec::new())
    });
}

#[test]
fn no_arrow_runs_up_between_the_wings_of_the_group() {
    let mut used = Vec::new();
    // The proofs stand beside the others and may name all that a user may.
    let files = source::rust_files("src/group").into_iter();
    let check = |file: Source| match file.is_in(&["src/group/proofs/"]) {
        true => Vec::new(),
        false => layers::arrows_up(&file, &["group"], WINGS, WINGS_UP, &mut used),
    };
    report(files.flat_map(check).collect());
    let stale: Vec<_> = WINGS_UP.iter().filter(|&up| !used.contains(up)).collect();
    assert!(
        stale.is_empty(),
        "no longer needed, strike them out: {stale:?}"
    );
}

#[test]
fn no_arrow_runs_up_between_the_wings_of_gathering() {
    in_each(&["src/gather"], |file| {
        layers::arrows_up(file, &["gather"], GATHER_WINGS, &[], &mut Vec::new())
    });
}

#[test]
fn files_are_short() {
    in_each(&["src", "tests"], |file| shape::too_long(file, FILE_LINES));
}

#[test]
fn files_say_what_they_do() {
    in_each(
        &["src", "tests", "examples", "benches"],
        shape::no_first_line,
    );
}

#[test]
fn folders_have_a_table_of_contents() {
    report(shape::unlisted_children(&source::rust_files("src")));
}

#[test]
fn folders_are_small() {
    report(shape::too_full(&source::rust_files("src"), FOLDER_FILES));
}

#[test]
fn no_circle_runs_between_wings() {
    // What names only what is lower makes no circle, and no two wings are at the same height. So a circle of files in different
    // wings goes by way of an arrow up, of which there is one.
    assert!(WINGS.iter().all(|floor| floor.len() == 1));
    assert!(
        WINGS_UP
            .iter()
            .all(|(from, _)| *from == "src/group/cell/upcalls.rs")
    );
}

#[test]
fn names_say_something() {
    in_each(&["src"], |file| shape::empty_name(file, BANNED_NAMES));
}

#[test]
fn the_root_is_a_list() {
    report(shape::root(&source::read("src/lib.rs"), ROOT_LINES));
}

#[test]
fn unsafe_code_is_where_it_is_named() {
    in_each(&["src"], |file| words::stray_unsafe(file, UNSAFE));
    report(words::stale_unsafe(&source::rust_files("src"), UNSAFE));
    report(words::unsafe_not_denied(&source::read("Cargo.toml")));
}

#[test]
fn loom_is_behind_one_facade() {
    in_each(&["src"], |file| words::stray_loom(file, LOOM));
}

#[test]
fn only_adapters_name_an_executor() {
    in_each(&["src"], |file| words::stray_executor(file, EXECUTORS));
}

#[test]
fn nothing_is_left_undone() {
    in_each(&["src"], words::left_undone);
}

#[test]
fn no_test_sleeps() {
    in_each(&["tests"], |file| words::sleeps(file, SLEEPERS));
}

#[test]
fn rules_are_kept_by_tests() {
    let rules = source::read("docs/semantics.md");
    let mut files = source::rust_files("tests");
    files.retain(|file| !file.is_in(TIDY));
    report(rules::uncited(&rules, &files));
    files.extend(source::rust_files("src"));
    report(rules::unknown(&rules, &files));
}

#[test]
fn walks_go_where_they_say() {
    let page = source::read("docs/internals.md");
    report(walks::lost(&page, &source::rust_files("src/group")));
    report(walks::bent(&page, WINGS));
}

#[test]
fn capabilities_are_kept_by_tests() {
    let page = source::read("docs/capabilities.md");
    let tests = source::rust_files("tests");
    report(capabilities::untrue(
        &page,
        &source::read("docs/semantics.md"),
        &tests,
    ));
}

#[test]
fn scripts_are_called() {
    let mut scripts = source::files("ci", "sh");
    report(scripts.iter().flat_map(machinery::without_reason).collect());
    let workflow = source::read(".github/workflows/ci.yml");
    report(machinery::uncalled(&scripts, &workflow));
    let is_module = |suite: &str, module: &str| {
        std::path::Path::new(&format!("tests/{suite}/{module}.rs")).exists()
    };
    report(machinery::idle_filters(&workflow, is_module));
    // Runs the suite again and again, for which a local run has no time.
    scripts.retain(|script| script.path != "ci/flakes.sh");
    report(machinery::uncalled(&scripts, &source::read(".ci/run")));
}
