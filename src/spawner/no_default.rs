//! Stands in for `embedded` where there is no default spawner.

use super::SpawnerHandle;

pub(super) fn default_handle() -> Option<SpawnerHandle> {
    None
}
