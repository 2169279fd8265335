//! What a task that may move between threads must be able to hold, each a module with a `main` that is run as a test.

crate::cases! {
    gather_of_boxed_callables,
    gather_of_static_values,
    group_with_a_boxed_error,
    try_scope_with_a_boxed_error,
    try_scope_with_a_static_error,
}
