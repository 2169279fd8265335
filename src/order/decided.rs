//! The order on a thread where a test executor decides, and first come first served on the others.

use std::cell::Cell;
use std::marker::PhantomData;

use super::in_a_row;

/// How a thread decides.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// No test executor decides: first come first served, with as many polls in a row as there may be.
    Free,
    /// First come first served, with as many polls in a row as there may be.
    Fifo,
    /// The last that came goes first, and each poll is a turn of its own.
    Lifo,
    /// As a generator of this state says, which moves on with each decision.
    Drawn(u64),
}

thread_local! {
    static ORDER: Cell<Order> = const { Cell::new(Order::Free) };
}

/// Lets an order decide on this thread until it is dropped.
#[must_use = "it decides only while this is alive"]
pub(crate) struct Decides {
    earlier: Order,
    /// What was left in a row around it.
    left: u8,
    not_send: PhantomData<*mut ()>,
}

/// Lets `order` decide on this thread, whatever ran on it before.
pub(crate) fn decide(order: Order) -> Decides {
    Decides {
        earlier: ORDER.replace(order),
        left: in_a_row::begin_at(0),
        not_send: PhantomData,
    }
}

/// Lets nothing depend on the time on this thread, unless it does not already.
pub(crate) fn untimed() -> Option<Decides> {
    (!is_decided()).then(|| decide(Order::Fifo))
}

impl Decides {
    /// Where the order has come to: to go on from there another time.
    pub(crate) fn state(&self) -> Order {
        ORDER.get()
    }
}

impl Drop for Decides {
    fn drop(&mut self) {
        ORDER.set(self.earlier);
        let _ = in_a_row::begin_at(self.left);
    }
}

/// The index of the one to go first, of so many that are ready; they stand in the order in which they came.
pub(crate) fn pick(ready: usize) -> usize {
    match ORDER.get() {
        Order::Drawn(_) if ready > 1 => below(ready),
        Order::Lifo => ready.saturating_sub(1),
        Order::Free | Order::Fifo | Order::Drawn(_) => 0,
    }
}

/// Whether those that are ready go in the order in which they came.
pub(crate) fn is_first_come() -> bool {
    matches!(ORDER.get(), Order::Free | Order::Fifo)
}

/// Whether a test executor decides here: what happens must not depend on how long it takes.
pub(crate) fn is_decided() -> bool {
    !matches!(ORDER.get(), Order::Free)
}

/// Whether code that polls several things in a row lets others have a turn after this one.
pub(crate) fn gives_way() -> bool {
    match ORDER.get() {
        Order::Free | Order::Fifo => false,
        Order::Lifo => true,
        Order::Drawn(_) => below(2) == 0,
    }
}

/// Whether a driver that is woken for one child is as one that nobody else can have.
pub(crate) fn keeps() -> bool {
    matches!(ORDER.get(), Order::Drawn(_)) && below(2) == 0
}

/// A number below `end`, by the generator of this thread's order.
fn below(end: usize) -> usize {
    let Order::Drawn(mut state) = ORDER.get() else {
        return 0;
    };
    let drawn = draw(&mut state, end);
    ORDER.set(Order::Drawn(state));
    drawn
}

/// A number below `end`, by splitmix64.
pub(crate) fn draw(state: &mut u64, end: usize) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let drawn = (z ^ (z >> 31)) % u64::try_from(end).unwrap_or(u64::MAX);
    usize::try_from(drawn).unwrap_or(0)
}
