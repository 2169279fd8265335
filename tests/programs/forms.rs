//! Opens and leaves groups, gathers and streams, and holds what comes out of them against the oracle.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::stream::{BoxStream, StreamExt};

use super::books::{Role, What, World};
use super::face::{self, Begin, Handle};
use super::face_forms::{self, Children, Form, Item, Left, Owned, Site};
use super::interpret::{Here, Place, Tg, inside, panic_received, receive, steps, tracked};
use super::oracle;
use super::program::{Child, Form as Forms, Gather, How, Kind, Leave, Map, Open, Options};

/// The future of a form: it notes when that is over or dropped.
struct Watched {
    world: World,
    book: usize,
    form: Option<Form>,
}

impl Future for Watched {
    type Output = Left;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Left> {
        let this = &mut *self;
        let form = this.form.as_mut().expect("it is polled until it is over");
        let poll = catch_unwind(AssertUnwindSafe(|| form.as_mut().poll(cx)));
        if !matches!(poll, Ok(Poll::Pending)) {
            oracle::form_over(&this.world, this.book, false);
            this.form = None;
        }
        poll.unwrap_or_else(|payload| resume_unwind(payload))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(form) = self.form.take() {
            gone(&self.world, self.book, form);
        }
    }
}

/// Drops what owns a group that may not be over.
fn gone<T>(world: &World, book: usize, owner: T) {
    let opener = {
        let group = &mut world.books().groups[book];
        group.dropped = true;
        group.opener
    };
    world.goes_on(opener);
    let dropped = catch_unwind(AssertUnwindSafe(|| drop(owner)));
    oracle::form_over(world, book, true);
    if let Err(payload) = dropped {
        resume_unwind(payload);
    }
}

/// Awaits a form. Its panic goes on, or is taken here.
async fn leave(here: &Here, book: usize, form: Form, passes_on: bool) -> Option<Left> {
    let world = here.world.clone();
    let watched = Watched {
        world,
        book,
        form: Some(form),
    };
    match AssertUnwindSafe(watched).catch_unwind().await {
        Ok(left) => Some(left),
        Err(payload) => {
            oracle::form_panicked(&here.world, book, &*payload);
            if passes_on {
                resume_unwind(payload);
            }
            panic_received(&here.world, payload);
            None
        }
    }
}

/// The handle of a group is there.
fn opened(world: &World, book: usize, handle: &Arc<dyn Handle>, watches: bool) {
    let watch = watches.then(|| {
        let world = world.clone();
        handle.watch(Box::new(move || world.cancelled(book, true)))
    });
    let group = &mut world.books().groups[book];
    (group.handle, group.watch) = (Some(Arc::clone(handle)), watch);
}

/// Where the children of a form run.
fn place(here: &Here, local: bool, form: Forms) -> Place {
    match form {
        _ if local => Place::Home,
        Forms::InlineScope | Forms::TryInlineScope if here.at_home => Place::WithOpener,
        _ => Place::Anywhere,
    }
}

/// The options of a group that is opened here: who holds a permit must not wait for another.
fn allowed(here: &Here, options: &Options) -> Options {
    let mut options = options.clone();
    options.shares &= !here.has_permit;
    options
}

pub(crate) async fn open(here: &Here, open: &Open) {
    if open.form == Forms::Value {
        return value(here, open).await;
    }
    let world = &here.world;
    let can_fail = open.form.can_fail();
    let children = match open {
        _ if open.blocking && here.may_block => Children::Awaited,
        _ if open.local && here.at_home => Children::Local,
        _ => Children::Sent,
    };
    let (local, blocks) = (children == Children::Local, children == Children::Awaited);
    let options = allowed(here, &open.options);
    let book = world.group(open.id, What::Scope, can_fail, &options, here.actor);
    {
        let group = &mut world.books().groups[book];
        (group.stays, group.blocks) = (local, blocks);
    }
    let place = place(here, local, open.form);
    let (outer, has_limit, shares) = (here.clone(), options.has_limit(), options.shares);
    let (who, watches) = (face::who(), open.watches);
    let body = Child {
        id: open.id,
        kind: Kind::Plain,
        future_panics: false,
        result_panics: false,
        grace: None,
        drops_key: false,
        optional: false,
        steps: open.body.clone(),
    };
    let form = face_forms::open(
        open.form,
        children,
        &options,
        here.unit,
        &here.shares,
        Box::new(move |handle| {
            let actor = outer.world.actor(body.id, Role::Body, Some(book));
            opened(&outer.world, book, &handle, watches);
            let tg = Tg {
                book,
                handle,
                place,
                can_fail,
                has_limit,
                shares,
            };
            let inner = inside(&outer, actor, can_fail, &body, None);
            let mut inner = inner.with_group(tg);
            inner.at_home &= !blocks;
            inner.set_fails(can_fail, outer.group.clone());
            tracked(inner, who, body)
        }),
    );
    if let Some(left) = leave(here, book, form, open.passes_on).await {
        oracle::scope_left(world, book, left);
    }
}

/// A group as a value, dropped with what holds it.
struct Owner {
    world: World,
    book: usize,
    owned: Option<Owned>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(owned) = self.owned.take() {
            gone(&self.world, self.book, owned);
        }
    }
}

async fn value(here: &Here, open: &Open) {
    let world = &here.world;
    let options = allowed(here, &open.options);
    let book = world.group(open.id, What::Value, true, &options, here.actor);
    let local = open.local && here.at_home;
    world.books().groups[book].stays = local;
    let owned = Owned::new(local, &options, here.unit, &here.shares);
    let handle = owned.handle();
    opened(world, book, &handle, open.watches);
    let tg = Tg {
        book,
        handle,
        place: place(here, local, open.form),
        can_fail: true,
        has_limit: options.has_limit(),
        shares: options.shares,
    };
    let owner = Owner {
        world: world.clone(),
        book,
        owned: Some(owned),
    };
    let place = here.with_group(tg);
    if let Err(flaw) = steps(&place, &open.body).await {
        flaw.received();
    }
    let owned = owner.owned.as_ref().expect("it is dropped at the end");
    match open.leave {
        Leave::Drop => return,
        Leave::Next(units) => {
            let _ = face::timeout(here.unit.times(units), owned.next()).await;
        }
        Leave::Close => owned.close(),
        Leave::Join | Leave::JoinTwice => {}
    }
    let first = join(here, book, owned, open.passes_on).await;
    if open.leave == Leave::JoinTwice {
        let again = AssertUnwindSafe(owned.join()).catch_unwind().await;
        oracle::joined_again(world, book, first, again);
    }
}

/// Whether a join was a success.
async fn join(here: &Here, book: usize, owned: &Owned, passes_on: bool) -> bool {
    let world = &here.world;
    match AssertUnwindSafe(owned.join()).catch_unwind().await {
        Ok(left) => {
            oracle::form_over(world, book, false);
            let is_ok = matches!(left, Left::Value(_));
            oracle::scope_left(world, book, left);
            is_ok
        }
        Err(payload) => {
            oracle::form_over(world, book, false);
            oracle::form_panicked(world, book, &*payload);
            if passes_on {
                resume_unwind(payload);
            }
            panic_received(world, payload);
            false
        }
    }
}

/// The callable of a call, which `stays` on the thread of its opener or does not.
fn begin(
    here: &Here,
    (stays, shares): (bool, bool),
    who: Option<usize>,
    actor: usize,
    call: &Child,
) -> Begin {
    let mut place = inside(here, actor, true, call, None);
    place.has_permit |= shares;
    place.at_home &= stays || here.stays;
    place.set_fails(true, None);
    let call = call.clone();
    Box::new(move || tracked(place, who, call))
}

pub(crate) async fn gather(here: &Here, gather: &Gather) {
    let world = &here.world;
    let how = match gather.how {
        How::Quorum(needed) => How::Quorum(needed.min(gather.calls.len())),
        other => other,
    };
    let can_fail = !matches!(how, How::Gather | How::Race | How::Settled);
    let options = allowed(here, &gather.options);
    let book = world.group(gather.id, What::Gather(how), can_fail, &options, here.actor);
    let actors: Vec<_> = gather
        .calls
        .iter()
        .map(|call| world.actor(call.id, Role::Call, Some(book)))
        .collect();
    let site = Site {
        inline: gather.inline,
        local: gather.local && here.at_home,
        shape: gather.shape(),
    };
    let ways = (site.inline || site.local, options.shares);
    world.books().groups[book].stays = site.local;
    let calls = gather.calls.iter().zip(&actors);
    let calls = calls
        .map(|(call, actor)| begin(here, ways, face::who(), *actor, call))
        .collect();
    let form = face_forms::gather(how, site, &options, here.unit, &here.shares, calls);
    if let Some(left) = leave(here, book, form, gather.passes_on).await {
        oracle::gather_left(world, book, how, &actors, left);
    }
}

/// A mapped stream, dropped with what polls it.
struct Streaming {
    world: World,
    book: usize,
    stream: Option<BoxStream<'static, Item>>,
}

impl Drop for Streaming {
    fn drop(&mut self) {
        if let Some(stream) = self.stream.take() {
            gone(&self.world, self.book, stream);
        }
    }
}

pub(crate) async fn map(here: &Here, map: &Map) {
    let world = &here.world;
    let book = world.group(map.id, What::Map, map.fallible, &map.options, here.actor);
    let taken = Arc::new(AtomicUsize::new(0));
    let items = source(here, book, map, Arc::clone(&taken));
    let mut given = 0;
    let stream = face_forms::map(
        map.fallible,
        map.unordered,
        &map.options,
        here.unit,
        &here.shares,
        map.limit,
        Box::new(items),
    );
    let mut streaming = Streaming {
        world: world.clone(),
        book,
        stream: Some(stream),
    };
    let (mut failed, mut before) = (false, None);
    loop {
        if map.takes.is_some_and(|takes| given >= takes) {
            return;
        }
        let stream = streaming.stream.as_mut().expect("it is dropped at the end");
        let next = AssertUnwindSafe(poll_fn(|cx| {
            let poll = stream.poll_next_unpin(cx);
            let gives = matches!(poll, Poll::Ready(Some(_)));
            let given = given + usize::from(gives) + oracle::failed_items(world, book);
            if taken.load(Relaxed) > given + map.limit {
                world.fault("Joining-7", "more items were taken than the limit allows");
            }
            poll
        }));
        match next.catch_unwind().await {
            Ok(Some(Item::Got(got))) => {
                given += 1;
                if failed {
                    world.fault("Joining-8", "an item came after the error");
                }
                oracle::item(world, book, map, &mut before, &got);
                receive(world, got);
            }
            Ok(Some(Item::Failed(error))) => {
                oracle::form_over(world, book, false);
                oracle::stream_failed(world, book, map, error);
                failed = true;
            }
            Ok(None) => {
                oracle::form_over(world, book, false);
                oracle::stream_over(world, map, given, failed);
                return;
            }
            Err(payload) => {
                oracle::form_over(world, book, false);
                oracle::form_panicked(world, book, &*payload);
                if map.passes_on {
                    resume_unwind(payload);
                }
                return panic_received(world, payload);
            }
        }
        if map.pause > 0 {
            face::sleep(here.unit.times(map.pause)).await;
        }
    }
}

/// The items of a stream, each taken where it is counted.
fn source(
    here: &Here,
    book: usize,
    map: &Map,
    taken: Arc<AtomicUsize>,
) -> impl Iterator<Item = Begin> + Send + 'static {
    let here = here.clone();
    map.items.clone().into_iter().map(move |call| {
        let world = &here.world;
        taken.fetch_add(1, Relaxed);
        oracle::taken(world, book);
        let actor = world.actor(call.id, Role::Call, Some(book));
        begin(&here, (false, false), face::who(), actor, &call)
    })
}
