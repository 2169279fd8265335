//! Smaller programs: each cut leaves out a step, puts what is in one in its place, or takes back an option.

use super::program::{Child, Leave, Options, Program, Shape, Step, Until};

/// The program with its cut of this number made, or nothing if there are not so many.
pub(crate) fn cut(program: &Program, number: usize) -> Option<Program> {
    let mut smaller = program.clone();
    let mut knife = Knife { left: number };
    knife.steps(&mut smaller.steps).then_some(smaller)
}

/// Walks the program, and counts the places at which it could cut.
struct Knife {
    left: usize,
}

impl Knife {
    /// Is this the place?
    fn here(&mut self) -> bool {
        let is = self.left == 0;
        self.left = self.left.wrapping_sub(1);
        is
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> bool {
        for at in 0..steps.len() {
            if self.here() {
                steps.remove(at);
                return true;
            }
        }
        for at in 0..steps.len() {
            if let Some(inside) = inside(&mut steps[at]) {
                if self.here() {
                    let inside = std::mem::take(inside);
                    steps.splice(at..=at, inside);
                    return true;
                }
            }
        }
        steps.iter_mut().any(|step| self.step(step))
    }

    fn number(&mut self, number: &mut u64) -> bool {
        let lower = [0, 1, 2].into_iter().filter(|lower| lower < number);
        for lower in lower.collect::<Vec<_>>() {
            if self.here() {
                *number = lower;
                return true;
            }
        }
        false
    }

    fn flag(&mut self, flag: &mut bool) -> bool {
        if *flag && self.here() {
            *flag = false;
            return true;
        }
        false
    }

    fn gone<T>(&mut self, option: &mut Option<T>) -> bool {
        if option.is_some() && self.here() {
            *option = None;
            return true;
        }
        false
    }

    fn options(&mut self, options: &mut Options) -> bool {
        if options.until != Until::Unset && self.here() {
            options.until = Until::Unset;
            return true;
        }
        self.flag(&mut options.shares)
            || self.gone(&mut options.limit)
            || self.gone(&mut options.token)
            || self.number(&mut options.grace)
            || self.flag(&mut options.keep_going)
            || self.flag(&mut options.collect)
            || self.flag(&mut options.name)
            || match &mut options.until {
                Until::Timeout(units) | Until::MoveOn(units) => self.number(units),
                Until::Unset => false,
            }
    }

    fn child(&mut self, child: &mut Child) -> bool {
        self.flag(&mut child.future_panics)
            || self.flag(&mut child.result_panics)
            || self.gone(&mut child.grace)
            || self.flag(&mut child.drops_key)
            || self.flag(&mut child.optional)
            || self.steps(&mut child.steps)
    }

    fn calls(&mut self, calls: &mut Vec<Child>) -> bool {
        if calls.len() > 1 {
            for at in 0..calls.len() {
                if self.here() {
                    calls.remove(at);
                    return true;
                }
            }
        }
        calls.iter_mut().any(|call| self.child(call))
    }

    fn step(&mut self, step: &mut Step) -> bool {
        match step {
            Step::Spawn(child) | Step::SpawnOutside(child) => self.child(child),
            Step::Sleep(units) | Step::MoveDeadline(units) | Step::UntilCancelled(units) => {
                self.number(units)
            }
            Step::Shield(until, steps) => self.gone(until) || self.steps(steps),
            Step::CleanUp(work, cleanup) => self.steps(work) || self.steps(cleanup),
            Step::Within(units, steps) => self.number(units) || self.steps(steps),
            Step::Polls(times, steps) => {
                if *times > 1 && self.here() {
                    *times -= 1;
                    return true;
                }
                self.steps(steps)
            }
            Step::Open(open) => {
                if open.leave != Leave::Join && self.here() {
                    open.leave = Leave::Join;
                    return true;
                }
                self.flag(&mut open.local)
                    || self.flag(&mut open.blocking)
                    || self.flag(&mut open.passes_on)
                    || self.flag(&mut open.watches)
                    || self.options(&mut open.options)
                    || self.steps(&mut open.body)
            }
            Step::Gather(gather) => {
                if gather.shape() != Shape::Row && self.here() {
                    gather.shape = Shape::Row;
                    return true;
                }
                self.flag(&mut gather.local)
                    || self.flag(&mut gather.inline)
                    || self.flag(&mut gather.passes_on)
                    || self.options(&mut gather.options)
                    || self.calls(&mut gather.calls)
            }
            Step::Map(map) => {
                self.flag(&mut map.unordered)
                    || self.flag(&mut map.passes_on)
                    || self.gone(&mut map.takes)
                    || self.number(&mut map.pause)
                    || self.options(&mut map.options)
                    || self.calls(&mut map.items)
            }
            _ => false,
        }
    }
}

/// The steps inside of one, that could stand in its place.
fn inside(step: &mut Step) -> Option<&mut Vec<Step>> {
    match step {
        Step::Shield(_, steps)
        | Step::CleanUp(steps, _)
        | Step::Within(_, steps)
        | Step::Polls(_, steps) => Some(steps),
        Step::Open(open) => Some(&mut open.body),
        Step::Spawn(child) => Some(&mut child.steps),
        _ => None,
    }
}
