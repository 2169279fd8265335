//! What a program is: a tree of groups, children and steps. Nothing here runs.

/// A time, in units: ten milliseconds of virtual time, one of real time.
pub(crate) type Units = u64;

/// Longer than anything else takes together. Whoever waits so long was not cut short, and nothing waits for ever.
pub(crate) const LONG: Units = 1_000;

/// How many permits the limiter lends that groups of a program share.
pub(crate) const PERMITS: usize = 2;

/// How many tokens a program shares.
pub(crate) const TOKENS: usize = 2;

#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Is nothing set in its context? Only then are calls polled where they lie.
    pub(crate) bare: bool,
    /// Are there groups whose children need not be `Send`?
    pub(crate) local: bool,
    pub(crate) steps: Vec<Step>,
}

/// What a child or body does, one after the other.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Yield(usize),
    Sleep(Units),
    /// Into the group that the code is in.
    Spawn(Box<Child>),
    /// Into the group around that.
    SpawnOutside(Box<Child>),
    AwaitKey(usize),
    TakeKey(usize),
    DropKey(usize),
    CancelKey(usize),
    /// Without grace.
    CancelKeyNow(usize),
    CancelGroup,
    CancelGroupNow,
    CancelOutside,
    CancelOwnToken,
    CancelShared(usize),
    MoveDeadline(Units),
    SetLimit(usize),
    Close,
    Shield(Option<Units>, Vec<Step>),
    CleanUp(Vec<Step>, Vec<Step>),
    /// Dropped half-way, by time.
    Within(Units, Vec<Step>),
    /// Dropped half-way, after so many polls.
    Polls(usize, Vec<Step>),
    Open(Box<Open>),
    Gather(Box<Gather>),
    Map(Box<Map>),
    Checkpoint,
    UntilCancelled(Units),
    /// Says that it has started, where that can be said.
    Started,
    /// Ends with an error, where that can be.
    Fail,
    Panic,
}

impl Step {
    /// Is there nothing in these steps that ends a child before its grace is over: no clean-up, and no form that may lack its value?
    pub(crate) fn are_simple(steps: &[Self]) -> bool {
        steps.iter().all(|step| match step {
            Self::CleanUp(..) | Self::Gather(_) | Self::Map(_) | Self::Open(_) => false,
            Self::Shield(_, steps) | Self::Within(_, steps) | Self::Polls(_, steps) => {
                Self::are_simple(steps)
            }
            _ => true,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    Fallible,
    Observed,
    Supervised,
    Background,
    WhenFree,
    TryWhenFree,
    /// In a slot that was taken first.
    InSlot,
    TryInSlot,
    Start,
}

impl Kind {
    /// What it is in a group whose children cannot fail.
    pub(crate) fn without_errors(self) -> Self {
        match self {
            Self::Fallible | Self::Observed => Self::Supervised,
            Self::TryWhenFree => Self::WhenFree,
            Self::TryInSlot => Self::InSlot,
            other => other,
        }
    }

    /// Can it end with an error?
    pub(crate) fn can_fail(self) -> bool {
        matches!(
            self,
            Self::Fallible
                | Self::Observed
                | Self::Supervised
                | Self::TryWhenFree
                | Self::TryInSlot
        )
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) id: usize,
    pub(crate) kind: Kind,
    /// Panics the destructor of its future, of its value or error?
    pub(crate) future_panics: bool,
    pub(crate) result_panics: bool,
    /// The grace of its own, where it has one.
    pub(crate) grace: Option<Units>,
    /// Is its key dropped at once?
    pub(crate) drops_key: bool,
    /// Is it there for the sake of the others?
    pub(crate) optional: bool,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Until {
    #[default]
    Unset,
    Timeout(Units),
    MoveOn(Units),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) limit: Option<usize>,
    /// Is that the limiter which groups share?
    pub(crate) shares: bool,
    pub(crate) grace: Units,
    pub(crate) until: Until,
    pub(crate) keep_going: bool,
    pub(crate) collect: bool,
    pub(crate) token: Option<usize>,
    pub(crate) name: bool,
}

impl Options {
    pub(crate) fn has_limit(&self) -> bool {
        self.limit.is_some() || self.shares
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Scope,
    TryScope,
    InlineScope,
    TryInlineScope,
    /// A `GatherGroup` whose children can fail.
    Value,
}

impl Form {
    pub(crate) fn can_fail(self) -> bool {
        matches!(self, Self::TryScope | Self::TryInlineScope | Self::Value)
    }
}

/// How a group as a value is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    Join,
    /// And joined once more.
    JoinTwice,
    /// Some completions, then the join.
    Next(Units),
    Close,
    Drop,
}

#[derive(Clone, Debug)]
pub(crate) struct Open {
    pub(crate) id: usize,
    pub(crate) form: Form,
    /// Need its children not be `Send`, where it is opened at home?
    pub(crate) local: bool,
    /// Does a thread wait for it, where one may? Only around a whole program.
    pub(crate) blocking: bool,
    pub(crate) options: Options,
    pub(crate) leave: Leave,
    /// Does a callback of its token note when it is cancelled?
    pub(crate) watches: bool,
    /// Does it end with the panic that comes out of it?
    pub(crate) passes_on: bool,
    pub(crate) body: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Gather,
    TryGather,
    Settled,
    Race,
    FirstOk,
    Quorum(usize),
}

/// What three calls come in; others come in a `Vec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Row,
    /// `calls!`.
    Listed,
    Tuple,
}

#[derive(Clone, Debug)]
pub(crate) struct Gather {
    pub(crate) id: usize,
    pub(crate) how: How,
    pub(crate) inline: bool,
    /// Need its calls not be `Send`, where it is opened at home?
    pub(crate) local: bool,
    pub(crate) shape: Shape,
    pub(crate) options: Options,
    pub(crate) passes_on: bool,
    pub(crate) calls: Vec<Child>,
}

impl Gather {
    /// What its calls come in.
    pub(crate) fn shape(&self) -> Shape {
        if self.calls.len() == 3 {
            self.shape
        } else {
            Shape::Row
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Map {
    pub(crate) id: usize,
    pub(crate) fallible: bool,
    pub(crate) unordered: bool,
    pub(crate) options: Options,
    pub(crate) limit: usize,
    /// Dropped after so many results.
    pub(crate) takes: Option<usize>,
    /// The consumer sleeps so long between two.
    pub(crate) pause: Units,
    pub(crate) passes_on: bool,
    pub(crate) items: Vec<Child>,
}
