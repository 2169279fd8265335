//! A program as text that reads like Rust.

use std::fmt::{self, Write};

use super::program::{
    Child, Form, Gather, How, Kind, LONG, Leave, Map, Open, Options, Program, Shape, Step, Units,
    Until,
};

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Text(String::new());
        out.steps(&self.steps, 0);
        f.write_str(&out.0)
    }
}

struct Text(String);

fn time(units: Units) -> String {
    if units == LONG {
        "LONG".to_owned()
    } else {
        format!("{units} * UNIT")
    }
}

fn options(options: &Options) -> String {
    let mut text = "GroupOptions::new()".to_owned();
    let mut add = |part: String| text.push_str(&part);
    if options.name {
        add(".name(\"group\")".to_owned());
    }
    if options.shares {
        add(".limiter(&limiter)".to_owned());
    } else if let Some(limit) = options.limit {
        add(format!(".limit({limit})"));
    }
    if options.grace > 0 {
        add(format!(".grace({})", time(options.grace)));
    }
    match options.until {
        Until::Unset => {}
        Until::Timeout(after) => add(format!(".timeout({})", time(after))),
        Until::MoveOn(after) => add(format!(".move_on_after({})", time(after))),
    }
    if options.keep_going {
        add(".on_error(OnError::KeepGoing)".to_owned());
    }
    if options.collect {
        add(".on_panic(OnPanic::Collect)".to_owned());
    }
    if let Some(token) = options.token {
        add(format!(".token(&token_{token})"));
    }
    text
}

impl Text {
    fn line(&mut self, depth: usize, text: impl fmt::Display) {
        writeln!(self.0, "{:1$}{text}", "", 4 * depth).expect("a string takes everything");
    }

    fn steps(&mut self, steps: &[Step], depth: usize) {
        for step in steps {
            self.step(step, depth);
        }
    }

    fn block(&mut self, head: &str, steps: &[Step], tail: &str, depth: usize) {
        self.line(depth, head);
        self.steps(steps, depth + 1);
        self.line(depth, tail);
    }

    fn step(&mut self, step: &Step, depth: usize) {
        let line = match step {
            Step::Yield(times) => format!("yields({times}).await;"),
            Step::Sleep(units) => format!("sleep({}).await;", time(*units)),
            Step::Spawn(child) => return self.child(child, "tg", depth),
            Step::SpawnOutside(child) => return self.child(child, "outer", depth),
            Step::AwaitKey(id) => format!("k{id}.await;"),
            Step::TakeKey(id) => format!("tg.take_result(k{id});"),
            Step::DropKey(id) => format!("drop(k{id});"),
            Step::CancelKey(id) => format!("k{id}.cancel();"),
            Step::CancelKeyNow(id) => format!("k{id}.cancel_now();"),
            Step::CancelGroupNow => "tg.cancel_now();".to_owned(),
            Step::CancelGroup => "tg.cancel();".to_owned(),
            Step::CancelOutside => "outer.cancel();".to_owned(),
            Step::CancelOwnToken => "current_token().cancel();".to_owned(),
            Step::CancelShared(token) => format!("token_{token}.cancel();"),
            Step::MoveDeadline(units) => {
                format!("tg.set_deadline(Deadline::after({}));", time(*units))
            }
            Step::SetLimit(limit) => format!("tg.set_limit({limit});"),
            Step::Close => "tg.close();".to_owned(),
            Step::Shield(until, steps) => {
                let tail = match until {
                    Some(units) => {
                        format!("}}).deadline(Deadline::after({})).await?;", time(*units))
                    }
                    None => "}).await?;".to_owned(),
                };
                return self.block("shield(async {", steps, &tail, depth);
            }
            Step::CleanUp(work, cleanup) => {
                self.line(depth, "with_cleanup(async {");
                self.steps(work, depth + 1);
                self.line(depth, "}, || async {");
                self.steps(cleanup, depth + 1);
                return self.line(depth, "}).await?;");
            }
            Step::Within(units, steps) => {
                let head = format!("timeout({}, async {{", time(*units));
                return self.block(&head, steps, "}).await.unwrap_or(Ok(()))?;", depth);
            }
            Step::Polls(times, steps) => {
                let head = format!("polled_and_dropped({times}, async {{");
                return self.block(&head, steps, "}).await?;", depth);
            }
            Step::Open(open) => return self.open(open, depth),
            Step::Gather(gather) => return self.gather(gather, depth),
            Step::Map(map) => return self.map(map, depth),
            Step::Checkpoint => "let _ = checkpoint().await;".to_owned(),
            Step::UntilCancelled(units) => {
                format!(
                    "let _ = timeout({}, current_token().cancelled_owned()).await;",
                    time(*units)
                )
            }
            Step::Started => "ready.started(()); // where there is a `ready`".to_owned(),
            Step::Fail => "return Err(Flaw); // where it can fail".to_owned(),
            Step::Panic => "panic!();".to_owned(),
        };
        self.line(depth, line);
    }

    fn child(&mut self, child: &Child, group: &str, depth: usize) {
        let verb = match child.kind {
            Kind::Plain => "spawn(async {",
            Kind::Fallible => "try_spawn(async {",
            Kind::Observed => "observed().try_spawn(async {",
            Kind::Supervised => "supervised().try_spawn(async {",
            Kind::Background => "background().spawn(async {",
            Kind::WhenFree => "spawn_when_free(async {",
            Kind::TryWhenFree => "try_spawn_when_free(async {",
            Kind::InSlot => "slot().await?.spawn(async {",
            Kind::TryInSlot => "slot().await?.try_spawn(async {",
            Kind::Start => "try_start(|ready| async {",
        };
        let grace = child
            .grace
            .map(time)
            .map(|grace| format!(".grace({grace})"));
        let grace = grace.unwrap_or_default();
        let key = if child.drops_key {
            "_"
        } else {
            &format!("k{}", child.id)
        };
        let tail = match child.kind {
            Kind::WhenFree | Kind::TryWhenFree | Kind::Start => "}).await;",
            _ => "});",
        };
        self.line(
            depth,
            format!("let {key} = {group}.named(\"c{}\"){grace}.{verb}", child.id),
        );
        self.inside(child, depth + 1);
        self.line(depth, tail);
    }

    fn inside(&mut self, child: &Child, depth: usize) {
        if child.future_panics {
            self.line(depth, "// the destructor of this future panics");
        }
        if child.result_panics {
            self.line(depth, "// and that of what it gives");
        }
        if !child.optional {
            return self.steps(&child.steps, depth);
        }
        self.block("try_optional(async {", &child.steps, "}).await?;", depth);
    }

    fn open(&mut self, open: &Open, depth: usize) {
        let with = options(&open.options);
        let place = match (open.form, open.local) {
            (Form::InlineScope | Form::TryInlineScope, false) => ".inline()",
            (Form::InlineScope | Form::TryInlineScope, true) => ".inline_local()",
            (_, false) => "",
            (_, true) => ".local(&home)",
        };
        let with = format!("{with}{place}");
        let head = match open.form {
            Form::Scope | Form::InlineScope => format!("{with}.scope(|tg| async {{"),
            Form::TryScope | Form::TryInlineScope => format!("{with}.try_scope(|tg| async {{"),
            Form::Value => {
                format!("{{ let group = {with}.fallible_group(); let tg = group.handle(); async {{")
            }
        };
        if open.blocking {
            self.line(
                depth,
                "// where a thread may block: .parallel(), with a body that blocks",
            );
        }
        let mut tail = if open.form == Form::Value {
            let leave = match open.leave {
                Leave::Join => "group.try_join().await;".to_owned(),
                Leave::JoinTwice => "group.try_join().await; group.try_join().await;".to_owned(),
                Leave::Next(units) => {
                    format!(
                        "timeout({}, group.next()).await; group.try_join().await;",
                        time(units)
                    )
                }
                Leave::Close => "group.close(); group.try_join().await;".to_owned(),
                Leave::Drop => "drop(group);".to_owned(),
            };
            format!("}}.await; {leave} }}")
        } else {
            "}).await;".to_owned()
        };
        if open.passes_on {
            tail.push_str(" // goes on with its panic");
        }
        self.line(depth, head);
        if open.watches {
            self.line(depth + 1, "let _seen = tg.token().on_cancel(|_| ());");
        }
        self.steps(&open.body, depth + 1);
        self.line(depth, tail);
    }

    fn calls(&mut self, calls: &[Child], depth: usize) {
        for call in calls {
            self.line(depth, format!("|| async {{ // c{}", call.id));
            self.inside(call, depth + 1);
            self.line(depth, "},");
        }
    }

    fn gather(&mut self, gather: &Gather, depth: usize) {
        let place = match (gather.inline, gather.local) {
            (false, false) => "",
            (false, true) => ".local(&home)",
            (true, false) => ".inline()",
            (true, true) => ".inline_local()",
        };
        let verb = match gather.how {
            How::Gather => "gather(".to_owned(),
            How::TryGather => "try_gather(".to_owned(),
            How::Settled => "gather_settled(".to_owned(),
            How::Race => "race(".to_owned(),
            How::FirstOk => "first_ok(".to_owned(),
            How::Quorum(needed) => format!("quorum({needed}, "),
        };
        let (opens, closes) = match gather.shape() {
            Shape::Row => ("[", "]"),
            Shape::Listed => ("calls![", "]"),
            Shape::Tuple => ("(", ")"),
        };
        self.line(
            depth,
            format!("{}{place}.{verb}{opens}", options(&gather.options)),
        );
        self.calls(&gather.calls, depth + 1);
        let tail = if gather.passes_on {
            " // goes on with its panic"
        } else {
            ""
        };
        self.line(depth, format!("{closes}).await;{tail}"));
    }

    fn map(&mut self, map: &Map, depth: usize) {
        let verb = match map.fallible {
            false => "map_concurrent",
            true => "try_map_concurrent",
        };
        self.line(depth, format!("{}.{verb}([", options(&map.options)));
        self.calls(&map.items, depth + 1);
        let mut tail = format!("], {}, |item| item())", map.limit);
        if map.unordered {
            tail.push_str(".unordered()");
        }
        if let Some(takes) = map.takes {
            write!(tail, ".take({takes})").expect("a string takes everything");
        }
        if map.pause > 0 {
            write!(tail, ".then(|_| sleep({}))", time(map.pause))
                .expect("a string takes everything");
        }
        tail.push_str(".collect().await;");
        if map.passes_on {
            tail.push_str(" // goes on with its panic");
        }
        self.line(depth, tail);
    }
}
