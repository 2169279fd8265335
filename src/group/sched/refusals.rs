//! When a group asks its spawner for a driver again that has refused or lost one.
//!
//! A bounded pool refuses under load and recovers, so a group tries again; but not each time that it has work, or a spawner that
//! never takes a second job would be asked once for each child. What counts is what has happened meanwhile: spawns, ends of
//! children and turns of drivers. After the first refusal it tries once more at once, then when one of those has happened, then two,
//! four, and from then on each time that `MOST` have. A driver that begins makes it forget.

/// So much has to happen at most before the next try.
const MOST: u64 = 32;

/// Jobs in a row that the spawner has refused, or lost before their first poll.
#[derive(Default)]
pub(in crate::group) struct Refusals {
    in_row: u32,
    again_at: u64,
}

impl Refusals {
    /// May the spawner be asked, when so much has happened?
    #[inline]
    pub(in crate::group) fn may_try(&self, happened: u64) -> bool {
        self.in_row == 0 || happened >= self.again_at
    }

    /// One more was refused.
    pub(in crate::group) fn one_more(&mut self, happened: u64) {
        let wait = match self.in_row {
            0 => 0,
            before => MOST.min(1 << (before - 1).min(31)),
        };
        self.in_row = self.in_row.saturating_add(1);
        self.again_at = happened + wait;
    }

    /// Has none been taken since one was refused?
    pub(in crate::group) fn any(&self) -> bool {
        self.in_row > 0
    }

    /// A driver has begun.
    pub(in crate::group) fn are_over(&mut self) {
        self.in_row = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rarer_and_do_not_end() {
        let mut refusals = Refusals::default();
        assert!(refusals.may_try(0));
        let tries = (0..1_000_u64).filter(|&happened| {
            let tries = refusals.may_try(happened);
            if tries {
                refusals.one_more(happened);
            }
            tries
        });
        let tries: Vec<_> = tries.collect();
        assert_eq!(tries[..8], [0, 1, 2, 4, 8, 16, 32, 64]);
        assert!(tries[7..].windows(2).all(|pair| pair[1] - pair[0] == MOST));
        refusals.are_over();
        assert!(refusals.may_try(0));
    }

    #[test]
    fn one_refusal_alone_is_tried_again_at_once() {
        let mut refusals = Refusals::default();
        refusals.one_more(7);
        assert!(refusals.may_try(7));
        refusals.one_more(7);
        assert!(!refusals.may_try(7) && refusals.may_try(8));
    }
}
