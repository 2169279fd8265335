//! `Carried`: the context variables that travel along with the work.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ingather::types::ContextSnapshot;
use ingather::ContextVar;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The [`ContextVar`]s that travel along with the work, by name, as JSON.
///
/// The owner gives it to [`RemoteOptions::carry`](crate::RemoteOptions::carry), the worker to [`Work::carry`](crate::Work::carry).
/// What is not set where the call is awaited does not travel, and what the worker does not know is left out there.
///
/// # Examples
///
/// ```
/// use ingather::ContextVar;
/// use ingather_remote::Carried;
///
/// static USER: ContextVar<String> = ContextVar::named("user");
/// let carried = Carried::new().var(&USER);
/// assert_eq!(format!("{carried:?}"), r#"Carried(["user"])"#);
/// ```
#[derive(Clone, Default)]
pub struct Carried(Vec<Arc<dyn Carry>>);

impl Carried {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// This variable too.
    ///
    /// # Panics
    ///
    /// If it has no name.
    #[track_caller]
    pub fn var<T>(mut self, var: &'static ContextVar<T>) -> Self
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        let name = var.name().expect("a variable that travels has a name");
        self.0.push(Arc::new(Var { name, var }));
        self
    }

    /// What is set here. A value that cannot be written as JSON does not travel.
    pub(crate) fn written(&self) -> BTreeMap<String, Value> {
        let write = |var: &Arc<dyn Carry>| Some((var.name().to_owned(), var.write()?));
        self.0.iter().filter_map(write).collect()
    }

    /// What was set there, on top of what is set here.
    pub(crate) fn read(&self, written: &BTreeMap<String, Value>) -> ContextSnapshot {
        let mut context = ContextSnapshot::current();
        for var in &self.0 {
            if let Some(value) = written.get(var.name()) {
                context = context.run(|| var.set(value)).unwrap_or(context);
            }
        }
        context
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|var| var.name()).collect();
        f.debug_tuple("Carried").field(&names).finish()
    }
}

trait Carry: Send + Sync {
    fn name(&self) -> &'static str;
    fn write(&self) -> Option<Value>;
    /// What is set here and this.
    fn set(&self, value: &Value) -> Option<ContextSnapshot>;
}

struct Var<T: 'static> {
    name: &'static str,
    var: &'static ContextVar<T>,
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Carry for Var<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&self) -> Option<Value> {
        self.var.with(|value| serde_json::to_value(value?).ok())
    }

    fn set(&self, value: &Value) -> Option<ContextSnapshot> {
        let value = T::deserialize(value).ok()?;
        Some(self.var.sync_scope(value, ContextSnapshot::current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static USER: ContextVar<String> = ContextVar::named("user");
    static DEPTH: ContextVar<u32> = ContextVar::named("depth");

    #[test]
    fn what_is_set_travels() {
        let carried = Carried::new().var(&USER).var(&DEPTH);
        assert!(carried.written().is_empty());
        let written = USER.sync_scope("Ada".into(), || carried.written());
        let seen = DEPTH.sync_scope(3, || {
            let there = carried.read(&written);
            there.run(|| (USER.get(), DEPTH.get()))
        });
        assert_eq!(seen, (Some("Ada".into()), Some(3)));
        let nonsense = BTreeMap::from([("depth".into(), Value::from("deep"))]);
        let seen = carried.read(&nonsense).run(|| DEPTH.get());
        assert_eq!(seen, None);
    }
}
