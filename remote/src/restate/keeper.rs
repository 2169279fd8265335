//! `Keeper`: ends the children of scopes whose owner is lost.

use std::fmt;
use std::time::Duration;

use restate_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use super::admin::Admin;
use super::http::Http;
use crate::engine::{EngineError, Lease};
use crate::ticket::ScopeId;

/// The name that it is known by.
pub(super) const NAME: &str = "IngatherScope";
const TURN: &str = "turn";
/// The children are looked at this often while they are ended.
const PAUSE: Duration = Duration::from_millis(500);
/// A hundred years: a timer that is set later has no date.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A virtual object with one key a scope, which the owner of the scope renews. When the lease has run out it cancels the children, and
/// kills those that are left when the grace has passed too.
///
/// A worker binds it to its endpoint, beside its services. It is itself durable: when its worker is lost it goes on at the next.
pub struct Keeper {
    admin: Admin,
}

impl Keeper {
    /// A keeper that ends children by Restate's admin API at this address.
    ///
    /// # Errors
    ///
    /// If that is no address with `http://` or, with the feature `restate-tls`, `https://`.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime.
    pub fn new(admin: &str) -> Result<Self, EngineError> {
        Ok(Self::of(Admin::new(Http::to(&[admin])?, admin)?))
    }

    pub(super) fn of(admin: Admin) -> Self {
        Self { admin }
    }

    async fn live(&self, scope: &str) -> HandlerResult<Json<Vec<String>>> {
        let Some(scope) = ScopeId::parse(scope) else {
            return Ok(Json(Vec::new()));
        };
        let live = self.admin.live(&scope).await?;
        let id = |ticket: &crate::Ticket| ticket.id().map(str::to_owned);
        Ok(Json(live.iter().filter_map(id).collect()))
    }

    async fn end(&self, ids: Vec<String>, kills: bool) -> HandlerResult<()> {
        for id in ids {
            match kills {
                true => self.admin.kill(&id).await?,
                false => self.admin.cancel(&id).await?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").finish_non_exhaustive()
    }
}

/// A lease as it is sent, in milliseconds.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Terms {
    length: u64,
    grace: u64,
}

impl From<Lease> for Terms {
    fn from(lease: Lease) -> Self {
        let millis = |duration: Duration| {
            let longest = LONGEST.as_millis();
            u64::try_from(duration.as_millis().min(longest)).unwrap_or(u64::MAX)
        };
        Self {
            length: millis(lease.length),
            grace: millis(lease.grace),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Expiry {
    turn: u64,
    grace: u64,
}

#[restate_sdk::object(name = "IngatherScope", client_visibility = "pub(super)")]
impl Keeper {
    #[handler]
    async fn renew(&self, ctx: ObjectContext<'_>, Json(terms): Json<Terms>) -> HandlerResult<()> {
        let turn = ctx.get::<u64>(TURN).await?.unwrap_or(0) + 1;
        ctx.set(TURN, turn);
        let expiry = Expiry {
            turn,
            grace: terms.grace,
        };
        ctx.object_client::<KeeperClient>(ctx.key())
            .expire(Json(expiry))
            .send_after(Duration::from_millis(terms.length));
        Ok(())
    }

    #[handler]
    async fn leave(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        ctx.clear(TURN);
        Ok(())
    }

    #[handler(ingress_private)]
    async fn expire(
        &self,
        ctx: ObjectContext<'_>,
        Json(expiry): Json<Expiry>,
    ) -> HandlerResult<()> {
        if ctx.get::<u64>(TURN).await? != Some(expiry.turn) {
            // It was renewed since, or its owner has left.
            return Ok(());
        }
        let mut waited = Duration::ZERO;
        loop {
            let scope = ctx.key();
            let Json(live) = ctx.run(|| self.live(scope)).name("live").await?;
            if live.is_empty() {
                break;
            }
            let kills = waited >= Duration::from_millis(expiry.grace);
            ctx.run(|| self.end(live, kills)).name("end").await?;
            ctx.sleep(PAUSE).await?;
            waited += PAUSE;
        }
        ctx.clear(TURN);
        Ok(())
    }
}
