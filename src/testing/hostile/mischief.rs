//! `Mischief`: how often a hostile spawner does what.

/// How often a [`HostileSpawner`](super::HostileSpawner) does what, in per cent.
///
/// A preset, changed as needed. The seven that decide about a job as it is spawned share one roll of the dice, so that
/// their sum is 100 at most.
///
/// # Examples
///
/// ```
/// use ingather::testing::Mischief;
///
/// let half_lost = Mischief::honest().drop_at_once(50);
/// assert_ne!(half_lost, Mischief::honest());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it decides only in a spawner: pass it to `HostileSpawner::stepped` or `on_threads`"]
pub struct Mischief {
    pub(super) refuse: u8,
    pub(super) refuse_but_run: u8,
    pub(super) panic: u8,
    pub(super) panic_but_run: u8,
    pub(super) drop_at_once: u8,
    pub(super) drop_halfway: u8,
    pub(super) inline: u8,
    pub(super) delay: u8,
    pub(super) spurious: u8,
    pub(super) turn_over: u8,
    pub(super) knows_itself: bool,
    pub(super) lie: u8,
}

impl Mischief {
    /// None: what a simple executor is like, that does not know which threads are its own.
    pub const fn honest() -> Self {
        Self {
            refuse: 0,
            refuse_but_run: 0,
            panic: 0,
            panic_but_run: 0,
            drop_at_once: 0,
            drop_halfway: 0,
            inline: 0,
            delay: 0,
            spurious: 0,
            turn_over: 0,
            knows_itself: false,
            lie: 0,
        }
    }

    /// Never loses a job, but delays, polls without need, and ends turns early.
    pub const fn mild() -> Self {
        Self::honest()
            .delay(40)
            .spurious(20)
            .turn_over(20)
            .knows_itself(true)
    }

    /// Does everything that a spawner can do.
    pub const fn lossy() -> Self {
        Self::mild()
            .refuse(10)
            .refuse_but_run(5)
            .panic(5)
            .panic_but_run(5)
            .drop_at_once(10)
            .drop_halfway(20)
            .inline(10)
            .lie(5)
    }

    /// A job is dropped and refused.
    pub const fn refuse(mut self, per_cent: u8) -> Self {
        self.refuse = per_cent;
        self
    }

    /// A job is refused, and run all the same.
    pub const fn refuse_but_run(mut self, per_cent: u8) -> Self {
        self.refuse_but_run = per_cent;
        self
    }

    /// `spawn` panics, and the job is dropped by the unwinding.
    pub const fn panic(mut self, per_cent: u8) -> Self {
        self.panic = per_cent;
        self
    }

    /// `spawn` panics, and the job is run all the same.
    pub const fn panic_but_run(mut self, per_cent: u8) -> Self {
        self.panic_but_run = per_cent;
        self
    }

    /// A job is taken and dropped at once.
    pub const fn drop_at_once(mut self, per_cent: u8) -> Self {
        self.drop_at_once = per_cent;
        self
    }

    /// A job is taken and dropped instead of one of its first five polls, the first among them.
    pub const fn drop_halfway(mut self, per_cent: u8) -> Self {
        self.drop_halfway = per_cent;
        self
    }

    /// `spawn` polls the job before it returns.
    pub const fn inline(mut self, per_cent: u8) -> Self {
        self.inline = per_cent;
        self
    }

    /// Another job than the first in the queue comes first.
    pub const fn delay(mut self, per_cent: u8) -> Self {
        self.delay = per_cent;
        self
    }

    /// A job that suspends is polled again though nobody woke it.
    pub const fn spurious(mut self, per_cent: u8) -> Self {
        self.spurious = per_cent;
        self
    }

    /// A job is told that its turn is over.
    pub const fn turn_over(mut self, per_cent: u8) -> Self {
        self.turn_over = per_cent;
        self
    }

    /// It knows on which threads it runs jobs.
    pub const fn knows_itself(mut self, knows: bool) -> Self {
        self.knows_itself = knows;
        self
    }

    /// It says the opposite when it is asked whether it is current.
    pub const fn lie(mut self, per_cent: u8) -> Self {
        self.lie = per_cent;
        self
    }

    /// The sum of those that share one roll of the dice.
    pub(super) fn at_spawn(&self) -> u32 {
        let all = [
            self.refuse,
            self.refuse_but_run,
            self.panic,
            self.panic_but_run,
            self.drop_at_once,
            self.drop_halfway,
            self.inline,
        ];
        all.into_iter().map(u32::from).sum()
    }
}
