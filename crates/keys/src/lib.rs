//! Who can decrypt what.
//!
//! The hierarchy, from the top:
//!
//! ```text
//! passphrase --Argon2id--> KMS master key (keystore file)           kms, kms::local
//!   KMS --wraps--> lake root key (lake.json)                        lake_keys
//!   |                --HKDF--> catalog, ledger, quarantine sealers, ledger signer, tokens,
//!   |                          statement fingerprints, name keys, one log key per table
//!   KMS --wraps--> KEK per (table, class), kept in the catalog      record, keyring
//!                    --wraps--> DEK per (file, column), in Parquet  envelope
//! memory only ------> one key per temporary file                    ephemeral
//! ```
//!
//! What a reader would get wrong: **a KEK never leaves this crate**. It serves a whole class of
//! columns, so handing it out would hand out every column of the class; what is released is the key
//! of one column of one file ([`Keyring::unwrap_dek`]). And [`Keyring::unwrap_dek`] never talks to
//! the KMS: [`Keyring::prepare`] does, so that a scan cannot block on, or be billed for, a key that
//! its ruling does not need.
//!
//! All sealing is *key committing* (module `sealing` says how and why): bytes open under one key
//! and one context, or not at all.
//!
//! Keys are overwritten when dropped, as far as they are ours: the expanded key schedules that
//! `ring` makes of them live in ordinary memory until freed, and nothing here is locked against
//! swapping. A machine that holds PHI needs encrypted or no swap.

mod derive;
mod envelope;
pub mod ephemeral;
mod error;
mod keyring;
pub mod kms;
mod lake_keys;
mod record;
mod sealing;
mod secret;
pub mod stream;

pub use envelope::DekBinding;
pub use ephemeral::{EphemeralFile, Quota};
pub use error::{Error, Result};
pub use keyring::Keyring;
pub use kms::{Kms, KmsUri, WrapContext, local::LocalKms};
pub use lake_keys::{LakeKeyRecord, LakeKeys};
pub use record::{KekRecord, KeyScope, KeyState, Recipient, Transition};
pub use secret::{Secret, random};
pub use stream::ObjectSealer;

#[cfg(test)]
mod golden;
