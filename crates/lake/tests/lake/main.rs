//! Tables on a real folder, with a real keystore.

#![expect(
    clippy::disallowed_methods,
    reason = "tests look at files as a thief would"
)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

mod concurrency;
mod crash;
mod encryption;
mod house;
mod pruning;
mod recovery;
mod roundtrip;
mod spill;
mod storage;
mod tampering;
