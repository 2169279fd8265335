//! The comparisons: interleaved rounds, medians, and a line of the table for each.

use std::io::{self, Write};
use std::process;
use std::time::{Duration, Instant};

use crate::alloc::counting;
use crate::cost::Cost;

const COLUMNS: [&str; 11] = [
    "work",
    "n",
    "threads",
    "ours_ns",
    "peer",
    "peer_ns",
    "ratio",
    "ours_allocs",
    "peer_allocs",
    "ours_bytes",
    "peer_bytes",
];

/// How long a measured piece is at least, so that what surrounds it does not count.
const PIECE: Duration = Duration::from_millis(2);

/// How much time the whole may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Less than a minute in all.
    Quick,
    /// Some minutes.
    Full,
}

impl Effort {
    /// How long a row goes on, and its fewest and most rounds.
    fn rounds(self) -> (Duration, usize, usize) {
        match self {
            Self::Quick => (Duration::from_millis(120), 1, 21),
            Self::Full => (Duration::from_secs(3), 7, 201),
        }
    }
}

/// What is compared: the first columns of a row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub work: &'static str,
    pub n: usize,
    pub threads: usize,
    pub peer: &'static str,
    /// What the figures are for one of; `n` if nothing else is said in the work's documentation.
    pub units: usize,
}

impl Row {
    pub fn against(self, peer: &'static str) -> Self {
        Self { peer, ..self }
    }
}

/// Writes the table as it is made.
#[derive(Debug)]
pub struct Report {
    effort: Effort,
}

impl Report {
    pub fn new(effort: Effort) -> Self {
        Self { effort }
    }

    /// How much of something there is time for.
    pub fn amount(&self, quick: usize, full: usize) -> usize {
        match self.effort {
            Effort::Quick => quick,
            Effort::Full => full,
        }
    }

    pub fn header(&self) {
        line(&COLUMNS.map(str::to_owned));
    }

    /// Times both sides in turn. Each is told how often to do its work, and says what that cost.
    pub fn compare(
        &self,
        row: Row,
        mut ours: impl FnMut(usize) -> Cost,
        mut peer: impl FnMut(usize) -> Cost,
    ) {
        let (our_times, our_count) = count(&mut ours);
        let (peer_times, peer_count) = count(&mut peer);
        let (most_time, fewest, most) = self.effort.rounds();
        let began = Instant::now();
        let (mut our_rounds, mut peer_rounds) = (Vec::new(), Vec::new());
        let mut our_round = || our_rounds.push(nanos(ours(our_times), our_times * row.units));
        let mut peer_round = || peer_rounds.push(nanos(peer(peer_times), peer_times * row.units));
        let mut round = 0;
        while round < fewest || (round < most && began.elapsed() < most_time) {
            // Neither always comes first.
            if round % 2 == 0 {
                our_round();
                peer_round();
            } else {
                peer_round();
                our_round();
            }
            round += 1;
        }
        let (ours_ns, peer_ns) = (median(our_rounds), median(peer_rounds));
        let each = |total: u64, times: usize| decimal(ratio(total, times * row.units));
        let allocs = |count: Cost, times| each(count.allocations, times);
        let bytes = |count: Cost, times| each(count.allocated, times);
        line(&[
            row.work.to_owned(),
            row.n.to_string(),
            row.threads.to_string(),
            format!("{ours_ns:.1}"),
            row.peer.to_owned(),
            format!("{peer_ns:.1}"),
            format!("{:.3}", ours_ns / peer_ns),
            allocs(our_count, our_times),
            allocs(peer_count, peer_times),
            bytes(our_count, our_times),
            bytes(peer_count, peer_times),
        ]);
    }

    /// Compares memory alone: the bytes that each side holds at the end of its work, over those of the futures.
    pub fn compare_memory(
        &self,
        row: Row,
        future: usize,
        ours: impl FnOnce() -> Cost,
        peer: impl FnOnce() -> Cost,
    ) {
        let (ours, peer) = (counting(ours), counting(peer));
        let over = |cost: Cost| ratio(cost.held, row.units) - future as f64;
        let allocs = |cost: Cost| decimal(ratio(cost.allocations, row.units));
        line(&[
            row.work.to_owned(),
            row.n.to_string(),
            row.threads.to_string(),
            "-".to_owned(),
            row.peer.to_owned(),
            "-".to_owned(),
            format!("{:.3}", over(ours) / over(peer)),
            allocs(ours),
            allocs(peer),
            decimal(over(ours)),
            decimal(over(peer)),
        ]);
    }
}

/// How often a work has to be done for a piece that can be timed, and what its allocations were. Warms up, too.
fn count(work: &mut impl FnMut(usize) -> Cost) -> (usize, Cost) {
    let mut times = 1;
    loop {
        let cost = counting(|| work(times));
        if cost.time >= PIECE || times >= 1 << 16 {
            return (times, cost);
        }
        let wanted = PIECE.as_nanos() / cost.time.as_nanos().max(1) + 1;
        times = (times * usize::try_from(wanted).unwrap_or(2).clamp(2, 16)).min(1 << 16);
    }
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_unstable_by(f64::total_cmp);
    let middle = rounds.len() / 2;
    if rounds.len() % 2 == 1 {
        rounds[middle]
    } else {
        f64::midpoint(rounds[middle - 1], rounds[middle])
    }
}

fn nanos(cost: Cost, units: usize) -> f64 {
    cost.time.as_secs_f64() * 1e9 / units as f64
}

fn ratio(total: u64, units: usize) -> f64 {
    total as f64 / units as f64
}

fn decimal(number: f64) -> String {
    format!("{number:.2}")
}

/// Writes a row. Whoever reads may have seen enough: then this ends.
fn line(fields: &[String; COLUMNS.len()]) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{}", fields.join("\t"))
        .and_then(|()| out.flush())
        .is_err()
    {
        process::exit(0);
    }
}
