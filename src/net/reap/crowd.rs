//! Work that is done by several threads at once.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;

/// Calls `work` with each item, at most `limit` at once, and `done` in this thread with each result. With fewer
/// threads than wanted the work only takes longer; without any, it is done in this thread.
pub(in crate::net) fn each<I: Sync, R: Send>(
    limit: usize,
    items: &[I],
    work: impl Fn(&I) -> R + Sync,
    mut done: impl FnMut(&I, R),
) {
    let rest = Mutex::new(items.iter());
    let next = || rest.lock().ok().and_then(|mut rest| rest.next());
    if limit > 1 {
        let (results, finished) = channel();
        thread::scope(|scope| {
            for _ in 0..limit.min(items.len()) {
                let (results, next, work) = (results.clone(), &next, &work);
                let body = move || {
                    while let Some(item) = next() {
                        let _ = results.send((item, work(item)));
                    }
                };
                if thread::Builder::new().spawn_scoped(scope, body).is_err() {
                    break;
                }
            }
            drop(results);
            for (item, result) in finished {
                done(item, result);
            }
        });
    }
    while let Some(item) = next() {
        done(item, work(item));
    }
}

#[cfg(test)]
mod tests;
