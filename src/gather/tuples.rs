//! The tuples that can be gathered: of one to twelve calls.

/// Calls `tuple!` with each length, and with names for the callables, futures and positions.
macro_rules! each_tuple {
    ($tuple:ident) => {
        $tuple!(1: C0 F0 0);
        $tuple!(2: C0 F0 0, C1 F1 1);
        $tuple!(3: C0 F0 0, C1 F1 1, C2 F2 2);
        $tuple!(4: C0 F0 0, C1 F1 1, C2 F2 2, C3 F3 3);
        $tuple!(5: C0 F0 0, C1 F1 1, C2 F2 2, C3 F3 3, C4 F4 4);
        $tuple!(6: C0 F0 0, C1 F1 1, C2 F2 2, C3 F3 3, C4 F4 4, C5 F5 5);
        $tuple!(7: C0 F0 0, C1 F1 1, C2 F2 2, C3 F3 3, C4 F4 4, C5 F5 5, C6 F6 6);
        $tuple!(8: C0 F0 0, C1 F1 1, C2 F2 2, C3 F3 3, C4 F4 4, C5 F5 5, C6 F6 6, C7 F7 7);
        $tuple!(9: C0 F0 0, C1 F1 1, C2 F2 2, C3 F3 3, C4 F4 4, C5 F5 5, C6 F6 6, C7 F7 7, C8 F8 8);
        $tuple!(10: C0 F0 0, C1 F1 1, C2 F2 2, C3 F3 3, C4 F4 4, C5 F5 5, C6 F6 6, C7 F7 7, C8 F8 8, C9 F9 9);
        $tuple!(11: C0 F0 0, C1 F1 1, C2 F2 2, C3 F3 3, C4 F4 4, C5 F5 5, C6 F6 6, C7 F7 7, C8 F8 8, C9 F9 9, C10 F10 10);
        $tuple!(12: C0 F0 0, C1 F1 1, C2 F2 2, C3 F3 3, C4 F4 4, C5 F5 5, C6 F6 6, C7 F7 7, C8 F8 8, C9 F9 9, C10 F10 10, C11 F11 11);
    };
}
pub(in crate::gather) use each_tuple;
