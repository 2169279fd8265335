//! `shows!`: what a type shows of itself to `Debug`.

/// Implements `Debug`, which asks nothing of the parameters of the type and never blocks.
///
/// - `shows!([T] Name<T>, this => field, other: this.other.len())` prints fields by their names;
/// - with `, ..` at the end, or alone, it says that there is more;
/// - `shows!([] Name, this => (this.0.id()))` prints what has no name.
macro_rules! shows {
    ([$($of:tt)*] $name:ident $(<$($with:tt),*>)?, ..) => {
        impl<$($of)*> ::core::fmt::Debug for $name $(<$($with),*>)? {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
    ([$($of:tt)*] $name:ident $(<$($with:tt),*>)?, $this:ident => ($value:expr)) => {
        impl<$($of)*> ::core::fmt::Debug for $name $(<$($with),*>)? {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let $this = self;
                f.debug_tuple(stringify!($name)).field(&$value).finish()
            }
        }
    };
    (
        [$($of:tt)*] $name:ident $(<$($with:tt),*>)?, $this:ident =>
        $($field:ident $(: $value:expr)?,)+ ..
    ) => {
        impl<$($of)*> ::core::fmt::Debug for $name $(<$($with),*>)? {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let $this = self;
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($field), shows!(@ $this $field $($value)?)))+
                    .finish_non_exhaustive()
            }
        }
    };
    (
        [$($of:tt)*] $name:ident $(<$($with:tt),*>)?, $this:ident =>
        $($field:ident $(: $value:expr)?),+ $(,)?
    ) => {
        impl<$($of)*> ::core::fmt::Debug for $name $(<$($with),*>)? {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                let $this = self;
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($field), shows!(@ $this $field $($value)?)))+
                    .finish()
            }
        }
    };
    (@ $this:ident $field:ident) => { &$this.$field };
    (@ $this:ident $field:ident $value:expr) => { &$value };
}

pub(crate) use shows;
