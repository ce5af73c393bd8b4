//! Serving for the time of a task, as part of the event loop.

use std::io;
use std::sync::mpsc::TryRecvError;

use log::error;

use super::Server;

impl Server {
    /// Serves while a thread of its own does some `work`. Then running exchanges get the drain time to end.
    /// Returns the result of the work; `None` if it panicked.
    ///
    /// # Errors
    /// No thread can be started, so nothing was done.
    pub fn run_while<T: Send + 'static>(
        mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Option<T>> {
        let running = self.blocking.run(work)?;
        let mut result = None;
        let turned = self.turns(|| match running.try_recv() {
            Err(TryRecvError::Empty) => false,
            ended => {
                result = ended.ok();
                true
            }
        });
        if let Err(why) = turned {
            error!("the event loop failed: {why}");
        }
        self.stop();
        // After a failure of the loop the work may still be going on, without being served.
        Ok(result.or_else(|| running.recv().ok()))
    }

    /// Accepts no more clients and begins no more exchanges.
    pub(super) fn end(&mut self) {
        let draining = self.stop_accepting(false);
        self.drain(draining);
    }
}
