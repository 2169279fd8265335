//! Whether a group may be cut short from outside, as a type: the state of [`GroupOptions`](crate::GroupOptions).
//!
//! A form whose output has no place for "it was cut short" takes only options of a state that cannot cut it short, or that
//! makes the output an `Option`.

use std::convert::Infallible;

/// The state of options without a deadline or a token, as they are [made](crate::GroupOptions): nothing outside of the group cuts
/// it short.
#[derive(Debug)]
pub struct Whole(Infallible);

/// The state of options after [`timeout`](crate::GroupOptions::timeout), [`deadline`](crate::GroupOptions::deadline) or
/// [`token`](crate::GroupOptions::token): a group that is cut short is an error.
#[derive(Debug)]
pub struct Cut(Infallible);

/// The state of options after [`move_on_after`](crate::GroupOptions::move_on_after): that the time was up is `None`.
#[derive(Debug)]
pub struct MovesOn(Infallible);

/// A state of options: [`Whole`], [`Cut`] or [`MovesOn`]; see [`kind`](crate::kind). What becomes of a value, where the group may be cut short.
pub trait State: sealed::Sealed {
    /// The value itself, or an `Option` of it where the options move on.
    type Out<O>;
    /// The state of these options once they follow a token.
    type Follows: State;
    /// The output of a group that gave its value.
    #[doc(hidden)]
    fn whole<O>(value: O) -> Self::Out<O>;
    /// The same with something else made of the value.
    #[doc(hidden)]
    fn map<O, P>(output: Self::Out<O>, make: impl FnOnce(O) -> P) -> Self::Out<P>;
    /// The output of one that was cut short, if that is an output at all.
    #[doc(hidden)]
    fn cut<O>() -> Option<Self::Out<O>>;
}

mod sealed {
    #[expect(unnameable_types, reason = "the trait is sealed")]
    pub trait Sealed {
        /// Is a value that is missing `None`, rather than an error?
        const MOVES_ON: bool;
    }
}

macro_rules! bare {
    ($($state:ident),*) => {$(
        impl sealed::Sealed for $state {
            const MOVES_ON: bool = false;
        }

        impl State for $state {
            type Out<O> = O;
            type Follows = Cut;

            fn whole<O>(value: O) -> O {
                value
            }

            fn map<O, P>(output: O, make: impl FnOnce(O) -> P) -> P {
                make(output)
            }

            fn cut<O>() -> Option<O> {
                None
            }
        }
    )*};
}

bare!(Whole, Cut);

impl sealed::Sealed for MovesOn {
    const MOVES_ON: bool = true;
}

impl State for MovesOn {
    type Out<O> = Option<O>;
    type Follows = Self;

    fn whole<O>(value: O) -> Option<O> {
        Some(value)
    }

    fn map<O, P>(output: Option<O>, make: impl FnOnce(O) -> P) -> Option<P> {
        output.map(make)
    }

    fn cut<O>() -> Option<Option<O>> {
        Some(None)
    }
}

/// The options of a form that cannot fail, as [`scope`](crate::GroupOptions::scope) takes them: nothing cuts the group short, or its
/// output says so as `None`.
#[diagnostic::on_unimplemented(
    message = "these options have a deadline or a token, and this form has no way to say that it was cut short",
    label = "call the `try_` form instead: it gives `Err` when the time is up",
    note = "`.timeout(d).try_scope(|tg| async move {{ …; Ok(value) }})` gives `Result<_, GroupError<_>>`",
    note = "`.timeout(d).scope_or_cut(|tg| async move {{ …; value }})` gives `Result<_, CutShort>`, where nothing else can fail",
    note = "`.move_on_after(d).scope(|tg| async move {{ …; value }})` gives `Option<_>`",
    note = "several calls: `try_gather`, `gather_settled`, `first_ok` and `quorum` say that they were cut short"
)]
pub trait Uncut: State {}

impl Uncut for Whole {}
impl Uncut for MovesOn {}

/// The options of a stream that cannot fail, as [`map_concurrent`](crate::map_concurrent) takes them: nothing cuts it short.
#[diagnostic::on_unimplemented(
    message = "these options can cut the group short, and this stream has no way to say so: its end would look like the end of the items",
    label = "call the `try_` form with a `timeout`, `deadline` or `token`: the last item is `Err` when the time is up",
    note = "`.timeout(d).try_map_concurrent(items, limit, |item| async move {{ …; Ok(value) }})` gives `Result<_, GroupError<_>>` items"
)]
pub trait UncutStream: State {}

impl UncutStream for Whole {}

/// The options of a stream that can fail, as [`try_map_concurrent`](crate::try_map_concurrent) takes them: one that is cut short ends with an error.
#[diagnostic::on_unimplemented(
    message = "a stream cannot move on: its items that are missing would look like its end",
    label = "use `timeout` in place of `move_on_after`: the last item is `Err` when the time is up"
)]
pub trait FailingStream: State {}

impl FailingStream for Whole {}
impl FailingStream for Cut {}
