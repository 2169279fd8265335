//! Draws a program from a seed.

use super::program::{
    Child, Form, Gather, How, Kind, LONG, Leave, Map, Open, Options, Program, Shape, Step, TOKENS,
    Units, Until,
};
use crate::support::Rng;

/// The few times that there are, so that many things fall on one instant.
const TIMES: [Units; 5] = [0, 1, 1, 2, 3];

/// The program of this seed.
pub(crate) fn program(seed: u64) -> Program {
    let bare = seed % 3 == 0;
    let local = seed % 4 == 1;
    let mut draw = Draw {
        seed,
        rng: Rng::new(seed ^ 0x5eed),
        bare,
        local,
        ids: 0,
        left: 6 + usize::try_from(seed % 7).expect("it fits") * 5,
        keys: Vec::new(),
    };
    let mut steps = Vec::new();
    for _ in 0..1 + draw.rng.below(2) {
        let nested = draw.nested(3, false);
        steps.push(nested);
        if draw.rng.chance(20) {
            steps.push(draw.simple());
        }
    }
    if local && draw.rng.chance(40) {
        steps = vec![draw.root(steps)];
    }
    Program { bare, local, steps }
}

struct Draw {
    seed: u64,
    rng: Rng,
    /// Is it a [bare](Program::bare) program?
    bare: bool,
    /// Is it a [local](Program::local) one?
    local: bool,
    ids: usize,
    /// How many children and groups there may be still.
    left: usize,
    /// Those that were spawned so far.
    keys: Vec<usize>,
}

impl Draw {
    fn id(&mut self) -> usize {
        self.ids += 1;
        self.left = self.left.saturating_sub(1);
        self.ids
    }

    /// Need the children of a form not be `Send`? Mostly where it is the outermost.
    fn local(&mut self, depth: usize) -> bool {
        self.local && self.rng.chance(if depth == 3 { 90 } else { 45 })
    }

    fn time(&mut self) -> Units {
        TIMES[self.rng.below(TIMES.len())]
    }

    /// Draws something of what has this number apart from all else, which is drawn as without it: what most have not.
    fn apart(&self, what: u64, id: usize) -> Rng {
        Rng::new(self.seed ^ what ^ (u64::try_from(id).expect("it fits") << 32))
    }

    /// The grace that this child has for itself.
    fn own_grace(&self, id: usize) -> Option<Units> {
        let mut rng = self.apart(0x06ace, id);
        rng.chance(25).then(|| TIMES[rng.below(TIMES.len())])
    }

    /// Is this child there for the sake of the others?
    fn is_optional(&self, id: usize, kind: Kind) -> bool {
        !matches!(kind, Kind::Background | Kind::Start) && self.apart(0x0971, id).chance(12)
    }

    /// Does this child take its slot first?
    fn in_slot(&self, id: usize, kind: Kind) -> Kind {
        match kind {
            Kind::WhenFree if self.apart(0x5107, id).chance(50) => Kind::InSlot,
            Kind::TryWhenFree if self.apart(0x5107, id).chance(50) => Kind::TryInSlot,
            other => other,
        }
    }

    /// The limit that a body sets.
    fn set_limit(&self) -> Option<Step> {
        let mut rng = self.apart(0x11417, self.ids);
        rng.chance(30).then(|| Step::SetLimit(1 + rng.below(3)))
    }

    /// Is its limit one with that of others?
    fn shares(&self, options: &Options) -> bool {
        let percent = if options.limit.is_some() { 40 } else { 8 };
        self.apart(0x5a4e5, self.ids).chance(percent)
    }

    fn options(&mut self, form_can_fail: bool) -> Options {
        let mut options = Options {
            limit: self.rng.chance(25).then(|| 1 + self.rng.below(3)),
            grace: if self.rng.chance(30) { self.time() } else { 0 },
            keep_going: self.rng.chance(20),
            collect: self.rng.chance(30),
            name: self.rng.chance(30),
            ..Options::default()
        };
        // What cannot fail cannot say that it was cut short.
        if form_can_fail {
            options.until = match self.rng.below(10) {
                0..=3 => Until::Timeout(self.time()),
                4 => Until::MoveOn(self.time()),
                _ => Until::Unset,
            };
            options.token = self.rng.chance(20).then(|| self.rng.below(TOKENS));
        }
        options.shares = self.shares(&options);
        options
    }

    /// A group, a gather or a stream, sometimes dropped half-way.
    fn nested(&mut self, depth: usize, in_group: bool) -> Step {
        let step = match self.rng.below(12) {
            // What bare programs are for.
            2..=6 if self.bare => Step::Gather(Box::new(self.gather(depth))),
            0 | 11 => self.held(depth, in_group),
            1..=6 => Step::Open(Box::new(self.open(depth, in_group))),
            7..=8 => Step::Gather(Box::new(self.gather(depth))),
            _ => Step::Map(Box::new(self.map(depth))),
        };
        match self.rng.below(12) {
            0 => Step::Within(self.time(), vec![step]),
            1 => Step::Polls(1 + self.rng.below(4), vec![step]),
            _ => step,
        }
    }

    /// A local group around a whole program.
    fn root(&mut self, steps: Vec<Step>) -> Step {
        let mut root = self.open(1, false);
        root.local = true;
        if self.rng.chance(30) {
            root.blocking = true;
            root.form = if root.form.can_fail() {
                Form::TryScope
            } else {
                Form::Scope
            };
        }
        root.body.splice(0..0, steps);
        Step::Open(Box::new(root))
    }

    /// A group that is cut short while something further in holds that off: more goes wrong there than elsewhere.
    fn held(&mut self, depth: usize, in_group: bool) -> Step {
        let hold = {
            let long = if self.rng.chance(70) {
                LONG
            } else {
                self.time()
            };
            let (work, cleanup) = (vec![Step::Sleep(long)], self.quick());
            match self.rng.below(3) {
                0 => Step::Shield(None, vec![Step::Sleep(self.time())]),
                _ => Step::CleanUp(work, cleanup),
            }
        };
        let mut child = self.child(0, false, true, in_group);
        child.steps = vec![hold];
        let mut inner = self.open(0, in_group);
        inner.body = vec![Step::Spawn(Box::new(child))];
        if self.rng.chance(70) {
            (inner.options, inner.leave) = (Options::default(), Leave::Join);
        }
        let mut outer = self.open(0, in_group);
        outer.form = if self.rng.chance(40) {
            Form::TryInlineScope
        } else {
            Form::TryScope
        };
        outer.options.until = Until::Timeout(self.time().max(1));
        outer.options.token = None;
        outer.watches = true;
        outer.local = self.local(depth);
        outer.body = vec![Step::Open(Box::new(inner))];
        if self.rng.chance(30) {
            outer.body.push(self.simple());
        }
        Step::Open(Box::new(outer))
    }

    fn open(&mut self, depth: usize, in_group: bool) -> Open {
        let form = match self.rng.below(10) {
            0 => Form::Scope,
            1 => Form::InlineScope,
            2..=4 => Form::TryScope,
            5..=6 => Form::TryInlineScope,
            _ => Form::Value,
        };
        let options = self.options(form.can_fail());
        let leave = match self.rng.below(8) {
            0 => Leave::Drop,
            1 => Leave::Next(self.time()),
            2 => Leave::Close,
            3 | 4 => Leave::JoinTwice,
            _ => Leave::Join,
        };
        Open {
            id: self.id(),
            form,
            local: self.local(depth),
            blocking: false,
            leave,
            watches: self.rng.chance(40),
            passes_on: self.rng.chance(25),
            body: self.body(form, &options, depth, in_group),
            options,
        }
    }

    fn body(&mut self, form: Form, options: &Options, depth: usize, in_group: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut own = Vec::new();
        for _ in 0..1 + self.rng.below(4) {
            if self.left == 0 {
                break;
            }
            let child = self.child(depth, form.can_fail(), options.limit.is_none(), in_group);
            own.push(child.id);
            steps.push(Step::Spawn(Box::new(child)));
            if self.rng.chance(20) {
                steps.push(self.simple());
            }
        }
        for _ in 0..self.rng.below(3) {
            steps.push(self.step(depth, in_group, true));
        }
        if options.limit.is_some() {
            steps.extend(self.set_limit());
        }
        // Nobody whom they wait for waits for the body.
        for id in own {
            match self.rng.below(8) {
                0 => steps.push(Step::AwaitKey(id)),
                1 => steps.push(Step::TakeKey(id)),
                _ => {}
            }
        }
        if self.rng.chance(12) {
            steps.push(Step::Sleep(LONG));
        }
        if form.can_fail() && self.rng.chance(8) {
            steps.push(Step::Fail);
        }
        steps
    }

    fn child(&mut self, depth: usize, fallible: bool, free: bool, in_group: bool) -> Child {
        let kind = match self.rng.below(20) {
            0..=2 => Kind::Plain,
            3..=9 => Kind::Fallible,
            10..=11 => Kind::Observed,
            12..=14 => Kind::Supervised,
            15 => Kind::Background,
            16 => Kind::WhenFree,
            17 => Kind::TryWhenFree,
            _ => Kind::Start,
        };
        let id = self.id();
        let _ = free;
        let mut child = Child {
            id,
            kind: if fallible {
                self.in_slot(id, kind)
            } else {
                self.in_slot(id, kind.without_errors())
            },
            future_panics: self.rng.chance(6),
            result_panics: self.rng.chance(5),
            grace: self.own_grace(id),
            drops_key: self.rng.chance(25),
            optional: self.is_optional(id, kind),
            steps: self.steps(depth.saturating_sub(1), in_group || depth < 3),
        };
        if kind == Kind::Start && self.rng.chance(75) {
            let at = self.rng.below(child.steps.len() + 1);
            child.steps.insert(at, Step::Started);
        }
        self.keys.push(id);
        child
    }

    fn steps(&mut self, depth: usize, in_group: bool) -> Vec<Step> {
        let mut steps: Vec<_> = (0..self.rng.below(4))
            .map(|_| self.step(depth, in_group, false))
            .collect();
        // What holds off a drop is rarer than what does not, and more goes wrong with it.
        if self.rng.chance(12) {
            let work = vec![Step::Sleep(if self.rng.chance(50) {
                LONG
            } else {
                self.time()
            })];
            let cleanup = self.quick();
            steps.insert(0, Step::CleanUp(work, cleanup));
        }
        if self.rng.chance(5) {
            steps.push(Step::CancelOwnToken);
        }
        match self.rng.below(10) {
            0 => steps.push(Step::Fail),
            1 => steps.push(Step::Panic),
            2..=3 => steps.push(Step::Sleep(LONG)),
            _ => {}
        }
        steps
    }

    fn gather(&mut self, depth: usize) -> Gather {
        let calls = 1 + self.rng.below(4);
        let how = match self.rng.below(if self.bare { 26 } else { 9 }) {
            0 | 8 | 17..=19 => How::Gather,
            1..=2 | 9..=12 => How::TryGather,
            3 | 13..=16 => How::Settled,
            4 | 20..=21 => How::Race,
            5..=6 | 22..=23 => How::FirstOk,
            _ => How::Quorum(1 + self.rng.below(calls)),
        };
        let may_be_cut = !matches!(how, How::Gather | How::Race);
        let inline = self.rng.chance(if self.bare { 85 } else { 40 });
        // Such calls are polled where they lie, as long as nobody asks for a group.
        let is_plain = self.bare && inline && self.rng.chance(85);
        Gather {
            id: self.id(),
            how,
            inline,
            local: self.local(depth),
            shape: match self.rng.below(4) {
                0..=1 => Shape::Row,
                2 => Shape::Listed,
                _ => Shape::Tuple,
            },
            options: if is_plain {
                Options::default()
            } else {
                self.options(may_be_cut)
            },
            passes_on: self.rng.chance(25),
            calls: (0..calls).map(|_| self.call(depth)).collect(),
        }
    }

    /// A call of a gather, or an item of a stream.
    fn call(&mut self, depth: usize) -> Child {
        let id = self.id();
        Child {
            id,
            kind: Kind::Fallible,
            future_panics: self.rng.chance(5),
            result_panics: self.rng.chance(5),
            grace: None,
            drops_key: true,
            optional: self.is_optional(id, Kind::Fallible),
            steps: self.steps(depth.saturating_sub(2), false),
        }
    }

    fn map(&mut self, depth: usize) -> Map {
        let fallible = self.rng.chance(75);
        let mut options = self.options(fallible);
        if let Until::MoveOn(after) = options.until {
            options.until = Until::Timeout(after);
        }
        // The limit is that of the stream.
        options.shares = false;
        Map {
            id: self.id(),
            fallible,
            unordered: self.rng.chance(40),
            options,
            limit: 1 + self.rng.below(3),
            takes: self.rng.chance(15).then(|| self.rng.below(3)),
            pause: if self.rng.chance(25) { self.time() } else { 0 },
            passes_on: self.rng.chance(25),
            items: (0..1 + self.rng.below(5))
                .map(|_| self.call(depth))
                .collect(),
        }
    }

    fn key(&mut self) -> Option<usize> {
        let known = self.keys.len();
        (known > 0).then(|| self.keys[self.rng.below(known)])
    }

    /// A step that opens nothing.
    fn simple(&mut self) -> Step {
        let drawn = self.rng.below(22);
        match drawn {
            0..=2 => Step::Yield(1 + self.rng.below(2)),
            3..=8 => Step::Sleep(self.time()),
            9 => Step::CancelGroup,
            10 => Step::CancelOwnToken,
            11 => Step::CancelShared(self.rng.below(TOKENS)),
            12..=13 => self.key().map_or(Step::Checkpoint, Step::CancelKey),
            14 => self.key().map_or(Step::Checkpoint, Step::DropKey),
            15 => Step::MoveDeadline(self.time()),
            16 => Step::UntilCancelled(self.time()),
            17 => Step::Panic,
            18 => Step::Sleep(LONG),
            19 => Step::CancelGroupNow,
            20 => self.key().map_or(Step::Checkpoint, Step::CancelKeyNow),
            _ => Step::Checkpoint,
        }
    }

    fn step(&mut self, depth: usize, in_group: bool, in_body: bool) -> Step {
        match self.rng.below(20) {
            0 if in_body => Step::Close,
            1 => {
                let shielded = self.few(depth, in_group);
                let until = self.rng.chance(30).then(|| self.time());
                Step::Shield(until, shielded)
            }
            2 | 3 => {
                let work = self.few(depth, in_group);
                let cleanup = self.quick();
                Step::CleanUp(work, cleanup)
            }
            4 => Step::Within(self.time(), self.few(depth, in_group)),
            5 if in_group && self.rng.chance(30) => Step::CancelOutside,
            6 if in_group && self.left > 0 => {
                Step::SpawnOutside(Box::new(self.child(depth.min(1), true, false, false)))
            }
            7 if self.left > 0 && depth > 0 => {
                Step::Spawn(Box::new(self.child(depth - 1, true, false, in_group)))
            }
            8..=11 if depth > 0 && self.left > 0 => self.nested(depth - 1, true),
            _ => self.simple(),
        }
    }

    fn few(&mut self, depth: usize, in_group: bool) -> Vec<Step> {
        let count = 1 + self.rng.below(2);
        (0..count)
            .map(|_| {
                if depth > 0 && self.left > 0 && self.rng.chance(20) {
                    self.nested(depth - 1, in_group)
                } else {
                    self.simple()
                }
            })
            .collect()
    }

    /// What a clean-up does: nothing that takes long.
    fn quick(&mut self) -> Vec<Step> {
        match self.rng.below(4) {
            0 => vec![Step::Yield(1)],
            1 => vec![],
            _ => vec![Step::Sleep(self.time())],
        }
    }
}
