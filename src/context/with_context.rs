//! A future around which something is set.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::current::{self, Entered};
use super::vars::Entry;
use super::{Vars, enter, snapshot};

pin_project! {
    /// A future around which context variables are set; made by [`ContextVar::scope`](crate::ContextVar::scope) and
    /// [`ContextSnapshot::scope`](crate::types::ContextSnapshot::scope).
    ///
    /// They are set during each poll, and while the future is dropped, which is as soon as it is ready.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct WithContext<F> {
        #[pin]
        future: Option<F>,
        setting: Setting,
    }

    impl<F> PinnedDrop for WithContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let _entered = this.setting.enter();
                this.future.set(None);
            }
        }
    }
}

/// What is set.
enum Setting {
    /// One value more than there is where the future is polled.
    More(Entry, Option<Merged>),
    /// This and nothing else.
    Exactly(Option<Vars>),
}

/// What is there with one value more, kept for the next poll.
struct Merged {
    /// Held, so that its address is not given to another.
    base: Option<Vars>,
    vars: Vars,
}

impl Setting {
    fn enter(&mut self) -> Entered {
        match self {
            Self::Exactly(vars) => enter(vars.clone()),
            Self::More(entry, merged) => {
                let fits = |merged: &Merged| current::read(|base| merged.is_over(base));
                let vars = match merged.as_ref().filter(|merged| fits(merged)) {
                    Some(merged) => merged.vars.clone(),
                    None => {
                        let base = snapshot();
                        let vars = Vars::with(base.as_ref(), entry.clone());
                        let kept = vars.clone();
                        *merged = Some(Merged { base, vars: kept });
                        vars
                    }
                };
                enter(Some(vars))
            }
        }
    }
}

impl Merged {
    fn is_over(&self, base: Option<&Vars>) -> bool {
        match (&self.base, base) {
            (Some(own), Some(base)) => own.same_as(base),
            (own, base) => own.is_none() && base.is_none(),
        }
    }
}

impl<F> WithContext<F> {
    pub(super) fn with_entry(entry: Entry, future: F) -> Self {
        Self::new(Setting::More(entry, None), future)
    }

    pub(super) fn with_vars(vars: Option<Vars>, future: F) -> Self {
        Self::new(Setting::Exactly(vars), future)
    }

    fn new(setting: Setting, future: F) -> Self {
        Self {
            future: Some(future),
            setting,
        }
    }
}

impl<F: Future> Future for WithContext<F> {
    type Output = F::Output;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("a future with a context was polled after it was ready");
        };
        let _entered = this.setting.enter();
        let poll = future.poll(cx);
        if poll.is_ready() {
            this.future.set(None);
        }
        poll
    }
}

impl<F> fmt::Debug for WithContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("WithContext");
        match &self.setting {
            Setting::More(entry, _) => out.field("sets", &entry.name.unwrap_or("unnamed")),
            Setting::Exactly(vars) => out.field("is", vars),
        };
        out.field("is_over", &self.future.is_none()).finish()
    }
}
