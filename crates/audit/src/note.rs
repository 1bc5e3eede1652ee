//! Checkpoints: the size and root of the ledger, signed (C2SP tlog-checkpoint and signed-note).
//!
//! The origin names the lake, so a checkpoint of one lake says nothing about another even where
//! both share a key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lakeward_domain::{LakeId, Signer};
use signed_note::{Note, Signature, StandardVerifier, VerifierList, key_id};
use tlog_tiles::{Checkpoint, Hash};

use crate::{Error, Result};

const ORIGIN: &str = "lakeward/";
const ED25519: u8 = 1;

/// What a checkpoint says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Signed {
    pub(crate) lake: LakeId,
    pub(crate) size: u64,
    pub(crate) root: Hash,
}

impl Signed {
    /// Writes and signs the note.
    pub(crate) fn sign(&self, signer: &dyn Signer) -> Result<String> {
        let origin = format!("{ORIGIN}{}", self.lake);
        let text = Checkpoint::new(&origin, self.size, self.root, "")
            .map_err(|_| Error::Encode)?
            .to_bytes();
        let signature = signer.sign(&text).map_err(Error::Key)?.to_vec();
        let id = key_id(&origin, &typed(&signer.public_key()));
        let signature = Signature::new(origin, id, signature).map_err(|_| Error::Encode)?;
        let note = Note::new(&text, &[signature]).map_err(|_| Error::Encode)?;
        String::from_utf8(note.to_bytes()).map_err(|_| Error::Encode)
    }

    /// Reads a note without looking at its signature.
    pub(crate) fn parse(note: &[u8]) -> Option<(Note, Self)> {
        let note = Note::from_bytes(note).ok()?;
        let checkpoint = Checkpoint::from_bytes(note.text()).ok()?;
        let signed = Self {
            lake: checkpoint.origin().strip_prefix(ORIGIN)?.parse().ok()?,
            size: checkpoint.size(),
            root: *checkpoint.hash(),
        };
        Some((note, signed))
    }

    /// Reads a note that this key signed. Cosignatures of others are ignored. `None` covers a text
    /// that is no checkpoint and one that somebody else signed.
    pub(crate) fn verify(note: &[u8], public_key: &[u8; 32]) -> Option<Self> {
        let (note, signed) = Self::parse(note)?;
        let origin = format!("{ORIGIN}{}", signed.lake);
        let key = typed(public_key);
        let id = key_id(&origin, &key);
        let verifier =
            StandardVerifier::new(&format!("{origin}+{id:08x}+{}", STANDARD.encode(key))).ok()?;
        note.verify(&VerifierList::new(vec![Box::new(verifier)]))
            .ok()?;
        Some(signed)
    }
}

fn typed(public_key: &[u8; 32]) -> [u8; 33] {
    let mut key = [ED25519; 33];
    key[1..].copy_from_slice(public_key);
    key
}
