//! What was found for a path, kept for the next who asks: for a file that is asked for again, nothing is opened and, for a
//! second, nothing is looked at.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::resource::Resource;
use super::root::Root;
use super::settings::Settings;

/// Threads that ask for different files seldom wait for each other.
const SHARDS: usize = 16;
/// Files kept open at most, as a share of the descriptors that the process may have.
const SHARE: u64 = 4;

/// Files that were found, by the path that was asked for.
pub(super) struct Cache {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    born: Instant,
    trusted: u64,
    /// What each shard may hold.
    most: Weight,
}

#[derive(Clone, Copy, Debug, Default)]
struct Weight {
    entries: usize,
    bytes: u64,
    files: usize,
}

#[derive(Default)]
struct Shard {
    entries: HashMap<Box<str>, Kept>,
    weight: Weight,
    /// Counts uses, to know which was used last.
    clock: u64,
}

struct Kept {
    resource: Arc<Resource>,
    used: u64,
}

impl Cache {
    pub(super) fn new(settings: &Settings) -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let files = limit.current.unwrap_or(u64::MAX) / SHARE;
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        let shards = SHARDS.min(settings.cached_files.max(1));
        let share = |all: usize| all.div_ceil(shards);
        Self {
            most: Weight {
                entries: share(settings.cached_files),
                bytes: settings.cached_bytes / shards as u64,
                files: share(files.min(settings.cached_files)),
            },
            shards: (0..shards).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            born: Instant::now(),
            trusted: u64::try_from(settings.trusted.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// What was found for this path, if it is still there.
    pub(super) fn find(&self, key: &str, root: &Root) -> Option<Arc<Resource>> {
        let found = {
            let mut shard = self.shard(key);
            shard.clock += 1;
            let clock = shard.clock;
            let kept = shard.entries.get_mut(key)?;
            kept.used = clock;
            Arc::clone(&kept.resource)
        };
        if found.is_of(root) {
            let now = self.now();
            if now.saturating_sub(found.checked.load(Ordering::Relaxed)) < self.trusted {
                return Some(found);
            }
            if found.is_still_there(root) {
                found.check_at(now);
                return Some(found);
            }
        }
        self.forget(key, &found);
        None
    }

    /// Keep this for the next who asks. What is too large for its share is not kept.
    pub(super) fn keep(&self, key: &str, resource: &Arc<Resource>) {
        let (bytes, files) = resource.weight();
        let most = self.most;
        if bytes > most.bytes || files > most.files || most.entries == 0 || self.trusted == 0 {
            return;
        }
        resource.check_at(self.now());
        let mut shard = self.shard(key);
        shard.remove(key);
        while shard.entries.len() >= most.entries
            || shard.weight.bytes + bytes > most.bytes
            || shard.weight.files + files > most.files
        {
            let oldest = shard.entries.iter().min_by_key(|(_, kept)| kept.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            shard.remove(&oldest);
        }
        shard.clock += 1;
        let kept = Kept {
            resource: Arc::clone(resource),
            used: shard.clock,
        };
        shard.entries.insert(key.into(), kept);
        shard.weight.bytes += bytes;
        shard.weight.files += files;
    }

    /// Forget this, unless another has taken its place.
    pub(super) fn forget(&self, key: &str, resource: &Arc<Resource>) {
        let mut shard = self.shard(key);
        let is_it = shard
            .entries
            .get(key)
            .is_some_and(|kept| Arc::ptr_eq(&kept.resource, resource));
        if is_it {
            shard.remove(key);
        }
    }

    fn shard(&self, key: &str) -> std::sync::MutexGuard<'_, Shard> {
        // A remainder is below the number of shards.
        let index = (self.hasher.hash_one(key) % self.shards.len() as u64) as usize;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Shard {
    fn remove(&mut self, key: &str) {
        if let Some(kept) = self.entries.remove(key) {
            let (bytes, files) = kept.resource.weight();
            self.weight.bytes -= bytes;
            self.weight.files -= files;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::files::resource::{Probe, look};
    use crate::web::files::{Rules, Version};

    fn load(root: &Root, settings: &Settings, name: &str) -> Arc<Resource> {
        let path = name.as_bytes().to_vec();
        let seen = look(root, &path).unwrap();
        let probes = vec![Probe {
            path: path.clone(),
            seen,
        }];
        let loaded = Resource::load(root, settings, &path, probes, root.changes());
        Arc::new(loaded.unwrap())
    }

    fn count(cache: &Cache) -> Weight {
        let mut all = Weight::default();
        for shard in &cache.shards {
            let shard = shard.lock().unwrap();
            all.entries += shard.entries.len();
            all.bytes += shard.weight.bytes;
            all.files += shard.weight.files;
        }
        all
    }

    #[test]
    fn what_is_kept_stays_within_its_bounds_and_the_last_used_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings {
            small: 1000,
            ..Settings::default()
        };
        for index in 0..200 {
            // Half of them are kept in memory, half open.
            let size = if index % 2 == 0 { 1000 } else { 1001 };
            std::fs::write(dir.path().join(index.to_string()), vec![b'x'; size]).unwrap();
        }
        let root = Root::new(dir.path(), Rules::default()).unwrap();
        for (entries, bytes) in [
            (1, 1 << 20),
            (8, 1 << 20),
            (64, 100_000),
            (0, 1 << 20),
            (64, 0),
        ] {
            settings.cached_files = entries;
            settings.cached_bytes = bytes;
            let cache = Cache::new(&settings);
            for index in 0..200 {
                let key = format!("/{index}");
                cache.keep(&key, &load(&root, &settings, &index.to_string()));
                let weight = count(&cache);
                // Each shard rounds up its share.
                assert!(
                    weight.entries <= entries.div_ceil(SHARDS) * SHARDS,
                    "{weight:?}"
                );
                assert!(
                    weight.bytes <= bytes && weight.files <= weight.entries,
                    "{weight:?}"
                );
            }
            let is_kept = cache.find("/199", &root).is_some();
            assert_eq!(is_kept, entries > 0 && bytes > 100, "{entries} {bytes}");
        }
    }

    #[test]
    fn what_was_changed_is_not_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, "one").unwrap();
        let root = Root::new(dir.path(), Rules::default()).unwrap();
        let mut settings = Settings::default();
        for (trusted, seconds) in [(true, 3600), (false, 0)] {
            settings.trusted = std::time::Duration::from_secs(seconds);
            let mut cache = Cache::new(&settings);
            // Kept, but looked at for each answer.
            cache.trusted = cache.trusted.max(1);
            let resource = load(&root, &settings, "f");
            cache.keep("/f", &resource);
            cache.trusted = seconds;
            assert!(cache.find("/f", &root).is_some());
            let before = Version::of(&std::fs::metadata(&path).unwrap());
            while Version::of(&std::fs::metadata(&path).unwrap()) == before {
                std::fs::write(&path, "two").unwrap();
            }
            assert_eq!(cache.find("/f", &root).is_some(), trusted);
            root.note_change();
            assert!(cache.find("/f", &root).is_none());
        }
    }
}
