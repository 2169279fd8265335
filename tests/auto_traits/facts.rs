//! Errors, and plain facts.

use super::*;

#[test]
fn errors_are_what_their_payload_is() {
    table! {
        GroupError<u8>: [Send Sync Unpin],
        GroupError<Neither>: [Unpin],
        GroupError<OnlySend>: [Send Unpin],
        GroupError<OnlySync>: [Sync Unpin],
        Failures<u8>: [Send Sync Unpin],
        Failures<Neither>: [Unpin],
        ChildFailure<u8>: [Send Sync Unpin],
        ChildFailure<Neither>: [Unpin],
        Failure<u8>: [Send Sync Unpin],
        Failure<Neither>: [Unpin],
        Outcome<u8, u8>: [Send Sync Unpin],
        Outcome<Neither, u8>: [Unpin],
        Outcome<u8, Neither>: [Unpin],
        // Its payload need only be `Send`; it is shared no further than its message.
        Panic: [Send Sync Unpin],
        Unhandled<'static>: [Send Sync Unpin],
    }
}

#[test]
fn plain_facts_go_anywhere() {
    table! {
        KeyId: [Send Sync Unpin],
        ChildInfo: [Send Sync Unpin],
        CancelReason: [Send Sync Unpin],
        CancelKind: [Send Sync Unpin],
        GatherIncomplete: [Send Sync Unpin],
        Completion: [Send Sync Unpin],
        Ending: [Send Sync Unpin],
        Tally: [Send Sync Unpin],
        OnError: [Send Sync Unpin],
        OnPanic: [Send Sync Unpin],
        GroupOptions: [Send Sync Unpin],
        Shared: [Send Sync Unpin],
        Local: [Send Sync Unpin],
        Inline: [Send Sync Unpin],
        InlineLocal: [Send Sync Unpin],
        Blocking: [Send Sync Unpin],
        Values: [Send Sync Unpin],
        Trying: [Send Sync Unpin],
        Settling: [Send Sync Unpin],
        SpawnError: [Send Sync Unpin],
        GlobalSpawnerError: [Send Sync Unpin],
    }
}
