//! What the scopes behind joins make of their bodies: the last step, in which the joiner gives its output.

use std::convert::Infallible;

use super::joiner::Joiner;
use crate::gather::form::Only;
use crate::group::{Failures, Kind};
use crate::scope::{Form, FormSealed};

/// The form of a [join](crate::joiner::join_with): the body gives its joiner back, which makes the result.
#[derive(Debug)]
pub struct Joined<T, E, K>(Only<(T, E, K)>);

impl<T, E, K: Kind> FormSealed for Joined<T, E, K> {
    type Kind = K;
    const DROPS_BODY: bool = false;
}

impl<J: Joiner<T, E>, T, E, K: Kind> Form<J> for Joined<T, E, K> {
    type Error = Infallible;
    type Value = J;
    type Output = J::Output;

    fn settle(joiner: J) -> Result<J, Infallible> {
        Ok(joiner)
    }

    fn whole(joiner: J) -> Self::Output {
        joiner.finish()
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn finish(joiner: Option<J>, failures: Failures<'_, Infallible>) -> J::Output {
        if let Some(joiner) = joiner {
            return joiner.finish();
        }
        drop(failures.resume_body());
        unreachable!("the body of a join gives its joiner or panics")
    }
}
