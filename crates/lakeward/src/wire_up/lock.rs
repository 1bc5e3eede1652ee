//! One process holds a lake: an OS lock on a file of the state folder.

use std::{
    fs::File,
    time::{Duration, Instant},
};

use lakeward_domain::Code;
use rustix::fs::{FlockOperation, flock};

use crate::{Error, Place, Result, files};

/// Held until dropped, and let go by the system when the process dies.
#[derive(Debug)]
pub struct LakeLock {
    _file: File,
}

impl LakeLock {
    /// Takes the lock, waiting for a while.
    ///
    /// # Errors
    /// [`Code::LakeBusy`] when another process holds it all that time.
    pub async fn take(place: &Place, wait: Duration) -> Result<Self> {
        let file =
            files::open_lock(&place.lock()).map_err(Error::io("open the lock of the lake"))?;
        let deadline = Instant::now() + wait;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(Error::new(
                        Code::LakeBusy,
                        format!("another process holds the lake {}", place.lake().display()),
                    ));
                }
                Err(error) => return Err(Error::io("lock the lake")(error.into())),
            }
        }
    }
}

const PAUSE: Duration = Duration::from_millis(25);
