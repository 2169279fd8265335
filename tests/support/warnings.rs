//! The warnings that the crate gives through `tracing` on this thread.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

thread_local! {
    /// What came on this thread while somebody listened, the innermost last.
    static TEXTS: RefCell<Vec<Vec<String>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f`, and gives the warnings that came meanwhile on this thread.
///
/// There is one collector for the whole process: of those that come and go on several threads, `tracing` may keep that nobody
/// listens to a place while one begins to.
pub(crate) fn of<R>(f: impl FnOnce() -> R) -> (R, Vec<String>) {
    static COLLECTOR: Once = Once::new();
    COLLECTOR.call_once(|| {
        tracing::subscriber::set_global_default(Collector).expect("there is no other");
    });
    TEXTS.with_borrow_mut(|texts| texts.push(Vec::new()));
    let result = f();
    let texts = TEXTS.with_borrow_mut(Vec::pop);
    (result, texts.expect("what was put there"))
}

struct Collector;

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "ingather" && *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        // On a thread that ends nobody listens.
        let _ = TEXTS.try_with(|texts| {
            if let Some(innermost) = texts.borrow_mut().last_mut() {
                innermost.push(text.0);
            }
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        write!(self.0, "{value:?}").expect("a string takes everything");
    }
}
