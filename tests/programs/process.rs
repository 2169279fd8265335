//! Runs one program, in this process or in one of its own that may abort, and shrinks one that fails.

use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio, exit};
use std::rc::Rc;
use std::time::Duration;

use async_executor::LocalExecutor;
use ingather::testing::TestExecutor;

use super::books::World;
use super::face::Unit;
use super::home::{self, Home};
use super::interpret::Stays;
use super::program::Program;
use super::{accounts, generate, hook, interpret, shrink};
use crate::support::spawners::{Host, Kind};
use crate::support::watchdog::watched_for;

/// Says to a process which programs it runs.
pub(crate) const PART: &str = "INGATHER_PROGRAM";

/// The test that runs what `PART` says.
pub(crate) const PART_OF: &str = "one_process_of_programs";

/// One run: a program by its seed and cuts, an order of the test executor, or a spawner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    /// In virtual time, in the order of this seed; or on a spawner.
    pub(crate) on: On,
    pub(crate) cuts: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Order(u64),
    Spawner(Kind),
}

/// The spawners of `ci/random.sh`, beside the orders of virtual time.
pub(crate) const SPAWNERS: [Kind; 7] = [
    Kind::Embedded,
    Kind::TokioOne,
    Kind::TokioMany,
    Kind::Smol,
    Kind::FuturesPool,
    Kind::Own,
    Kind::Hostile,
];

impl Case {
    pub(crate) fn program(&self) -> Program {
        let mut program = generate::program(self.seed);
        for number in &self.cuts {
            program = shrink::cut(&program, *number).expect("the cuts are those of this program");
        }
        program
    }

    /// The text from which it can be read again.
    pub(crate) fn text(&self) -> String {
        let on = match self.on {
            On::Order(order) => order.to_string(),
            On::Spawner(kind) => format!("{kind:?}"),
        };
        let cuts: Vec<_> = self.cuts.iter().map(ToString::to_string).collect();
        format!("{}/{on}/{}", self.seed, cuts.join(","))
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('/');
        let seed = parts.next()?.parse().ok()?;
        let on = parts.next()?;
        let on = match on.parse() {
            Ok(order) => On::Order(order),
            Err(_) => {
                let found = SPAWNERS.iter().find(|kind| format!("{kind:?}") == on);
                On::Spawner(*found?)
            }
        };
        let cuts = parts.next()?.split(',').filter(|cut| !cut.is_empty());
        let cuts = cuts.map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { seed, on, cuts })
    }

    /// Runs it here, and says what was wrong.
    pub(crate) fn run(&self) -> Vec<String> {
        let program = self.program();
        if std::env::var_os("TRACE").is_some() {
            eprintln!("{program}");
        }
        match self.on {
            On::Order(order) => in_virtual_time(program, order),
            On::Spawner(kind) => on_spawner(program, kind),
        }
    }
}

fn in_virtual_time(program: Program, order: u64) -> Vec<String> {
    let drivers =
        std::num::NonZeroUsize::MIN.saturating_add(usize::try_from(order % 3).expect("it fits"));
    let executor = TestExecutor::seeded(order)
        .with_parallelism(drivers)
        .with_gathers_in_place(program.bare)
        .with_step_limit(50_000);
    let unit = Unit(Duration::from_millis(10));
    let clock = executor.clone();
    let now = move || u64::try_from(clock.elapsed().as_millis() / 10).expect("it fits");
    let world = World::new(program.bare, Some(Box::new(now)));
    let ears = world.clone();
    hook::collect(move |told| accounts::heard(&ears, told));
    let run = AssertUnwindSafe(|| {
        executor.block_on(interpret::run(
            program,
            world.clone(),
            unit,
            Stays::Everything,
        ))
    });
    let _settled = home::settle(Home::Test(executor.clone()));
    let ended = catch_unwind(run);
    report(&world, ended)
}

/// A unit of real time.
const REAL: Unit = Unit(Duration::from_millis(1));

fn on_spawner(program: Program, kind: Kind) -> Vec<String> {
    let world = World::new(program.bare, None);
    let ears = world.clone();
    hook::collect(move |told| accounts::heard(&ears, told));
    let ended = watched_for(60, "a random program", || {
        let host = Host::start(kind);
        let stays = kind.is_one_thread();
        if program.local && !stays {
            return at_home(program, world.clone(), &host);
        }
        let (tell, told) = std::sync::mpsc::channel();
        let (spawner, world) = (host.spawner.clone(), world.clone());
        let inside = home::entered(host.spawner.clone(), async move {
            let _settled = stays.then(|| home::settle(Home::Jobs(spawner)));
            let stays = if stays {
                Stays::Everything
            } else {
                Stays::Nothing
            };
            interpret::run(program, world, REAL, stays).await;
        });
        let job = async move {
            let _ = tell.send(futures::FutureExt::catch_unwind(AssertUnwindSafe(inside)).await);
        };
        let spawned = ingather::Spawner::spawn(&host.spawner, Box::pin(job));
        spawned.expect("a spawner that loses nothing takes it");
        told.recv().expect("a spawner that loses nothing runs it")
    });
    report(&world, ended)
}

/// On this thread, whatever is not `Send`; the rest on the spawner.
fn at_home(program: Program, world: World, host: &Host) -> std::thread::Result<()> {
    let executor = Rc::new(LocalExecutor::new());
    let _settled = home::settle(Home::Executor(Rc::clone(&executor)));
    let _entered = ingather::spawner::enter(&host.spawner);
    let inside = AssertUnwindSafe(interpret::run(program, world, REAL, Stays::Itself));
    futures::executor::block_on(executor.run(futures::FutureExt::catch_unwind(inside)))
}

fn report(world: &World, ended: std::thread::Result<()>) -> Vec<String> {
    if std::env::var_os("TRACE").is_some() {
        eprintln!("{}", world.books().trace.join("\n"));
    }
    if let Err(payload) = ended {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| {
            payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
        });
        let text = text.unwrap_or_else(|| "a payload that is not a text".to_owned());
        let rule = if text.contains("eadlock") || text.contains("wake") {
            "Hang"
        } else {
            "Panic"
        };
        let first = text.lines().next().unwrap_or_default().to_owned();
        world.trace(|| text.clone());
        return vec![format!("{rule}: {first}")];
    }
    accounts::close(world);
    world.books().faults.clone()
}

/// What a process says of its programs: those that it began, and the faults of the one with which it stopped.
pub(crate) fn part(cases: &str) {
    std::panic::set_hook(Box::new(|_| {}));
    for case in cases.split(' ') {
        let case = Case::read(case).expect("it is a case");
        say(&format!("begin {}", case.text()));
        for fault in case.run() {
            say(&format!("fault {fault}"));
        }
        say("end");
    }
}

fn say(line: &str) {
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "@{line}");
    let _ = out.flush();
}

/// What was wrong with a case.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) case: Case,
    pub(crate) faults: Vec<String>,
}

impl Failure {
    /// The rules that were broken.
    pub(crate) fn rules(&self) -> Vec<&str> {
        self.faults
            .iter()
            .filter_map(|fault| fault.split(':').next())
            .collect()
    }
}

/// Runs cases in a process of their own, which may abort or hang, and gives those that failed.
pub(crate) fn in_process(cases: &[Case]) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut rest = cases;
    while !rest.is_empty() {
        let done = one_process(rest, &mut failures);
        rest = &rest[done..];
    }
    failures
}

/// How many cases a process was through, the one among them with which it died.
fn one_process(cases: &[Case], failures: &mut Vec<Failure>) -> usize {
    let texts: Vec<_> = cases.iter().map(Case::text).collect();
    let mut process = Command::new(std::env::current_exe().expect("this is a program"))
        .args([PART_OF, "--exact", "--nocapture", "--test-threads=1"])
        .env(PART, texts.join(" "))
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process can be started");
    let lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
    let (mut through, mut is_open, mut faults) = (0, false, Vec::new());
    for line in lines.map_while(Result::ok) {
        if line.starts_with("@begin") {
            is_open = true;
        } else if let Some(fault) = line.strip_prefix("@fault ") {
            faults.push(fault.to_owned());
        } else if line == "@end" {
            if !faults.is_empty() {
                let faults = std::mem::take(&mut faults);
                failures.push(Failure {
                    case: cases[through].clone(),
                    faults,
                });
            }
            is_open = false;
            through += 1;
        }
    }
    let status = process.wait().expect("it was started");
    if is_open {
        faults.push(format!("Abort: the process ended with {status}"));
        failures.push(Failure {
            case: cases[through].clone(),
            faults,
        });
        through += 1;
    } else if through == 0 {
        eprintln!("the process of {:?} did nothing: {status}", cases[0]);
        exit(2);
    }
    through
}

/// The smallest program found that breaks one of the same rules.
pub(crate) fn shrunk(failure: &Failure) -> Failure {
    let rule = failure.rules()[0].to_owned();
    let mut best = failure.clone();
    let mut number = 0;
    while shrink::cut(&best.case.program(), number).is_some() {
        let mut batch = Vec::new();
        for next in number.. {
            if batch.len() == 24 || shrink::cut(&best.case.program(), next).is_none() {
                break;
            }
            let mut case = best.case.clone();
            case.cuts.push(next);
            batch.push(case);
        }
        let tried = batch.len();
        let failing = in_process(&batch);
        match failing
            .into_iter()
            .find(|failing| failing.rules().contains(&rule.as_str()))
        {
            Some(smaller) => {
                number = 0;
                best = smaller;
            }
            None => number += tried,
        }
    }
    best
}

/// A failure as text: the program, what was wrong, and how to run it again.
pub(crate) fn told(failure: &Failure) -> String {
    let case = failure.case.text();
    format!(
        "{}\n    // {}\n    {PART}='{case}' TRACE=1 cargo test --all-features --test programs {PART_OF} -- --nocapture",
        failure.case.program(),
        failure.faults.join("\n    // "),
    )
}
