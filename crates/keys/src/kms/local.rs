//! The embedded KMS: a keystore file opened by a passphrase.
//!
//! Three lines of text:
//!
//! ```text
//! {"format":"lakeward-keystore","version":1,"id":"…","kdf":"argon2id","memory_kib":65536,"passes":3,"lanes":1,"salt":"…"}
//! base64 of the sealed master keys, their associated data being the first line
//! SHA-256 of the two lines above, hexadecimal
//! ```
//!
//! What a reader would get wrong: the last line is no protection, it tells *damage* from a *wrong
//! passphrase*. A flipped byte anywhere fails the digest before a passphrase is tried; a wrong
//! passphrase fails the key commitment; whoever alters the sealed keys and repairs the digest still
//! fails the tag. (Whoever rewrites salt, commitment and digest together gets `WrongPassphrase`:
//! to a reader such a file is one made with another passphrase, which is what it then is.)
//!
//! The file is replaced whole or not at all. A kill leaves at most a sealed `.keystore-….tmp`
//! beside it, which nothing reads.

#![expect(
    clippy::disallowed_methods,
    reason = "the keystore is a file: sealed master keys, and nothing else"
)]

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use lakeward_domain::Hidden;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Kms, WrapContext};
use crate::{
    Error, Result, Secret,
    derive::{hex, sha256},
    random,
    sealing::{self, Failure},
};

/// A KMS in this process, over the master keys of a keystore file.
pub struct LocalKms {
    uri: String,
    id: String,
    master: MasterKeys,
    unwraps: AtomicU64,
}

impl LocalKms {
    /// Makes a keystore with a new master key. Never replaces a file that is there.
    ///
    /// # Errors
    /// [`Error::KeystoreExists`], [`Error::EmptyPassphrase`], or [`Error::Io`] when the file cannot
    /// be written.
    pub fn create(path: &Path, passphrase: &Hidden<String>) -> Result<Self> {
        not_empty(passphrase)?;
        let kms = Self::ephemeral()?;
        let text = kms.to_text(passphrase, Cost::DEFAULT)?;
        write_new(path, text.as_bytes())?;
        Ok(kms)
    }

    /// Opens a keystore.
    ///
    /// # Errors
    /// [`Error::KeystoreMissing`], [`Error::WrongPassphrase`], [`Error::KeystoreTampered`] when the
    /// file was altered or is none, [`Error::Version`] when a newer release wrote it, or
    /// [`Error::Io`].
    pub fn open(path: &Path, passphrase: &Hidden<String>) -> Result<Self> {
        Self::from_text(&read(path)?, passphrase)
    }

    /// Seals the keystore under a new passphrase, in one atomic step: the file opens with the old
    /// one or the new one, at any moment exactly one of them. Its master keys stay.
    ///
    /// # Errors
    /// As [`LocalKms::open`], and [`Error::EmptyPassphrase`]; nothing was changed then.
    pub fn change_passphrase(
        path: &Path,
        old: &Hidden<String>,
        new: &Hidden<String>,
    ) -> Result<()> {
        not_empty(new)?;
        let kms = Self::open(path, old)?;
        replace(path, kms.to_text(new, Cost::DEFAULT)?.as_bytes())
    }

    /// A KMS without a file: what it wraps opens in this process only.
    ///
    /// # Errors
    /// [`Error::Primitive`] when the machine has no randomness.
    pub fn ephemeral() -> Result<Self> {
        let keys = BTreeMap::from([(FIRST, Secret::random()?)]);
        let id = hex(&random::<16>()?);
        Ok(Self::new(
            id,
            MasterKeys {
                newest: FIRST,
                keys,
            },
        ))
    }

    fn new(id: String, master: MasterKeys) -> Self {
        Self {
            uri: format!("local-keystore:{id}"),
            id,
            master,
            unwraps: AtomicU64::new(0),
        }
    }

    fn to_text(&self, passphrase: &Hidden<String>, cost: Cost) -> Result<String> {
        self.to_text_salted(passphrase, cost, &random()?, &random()?)
    }

    fn to_text_salted(
        &self,
        passphrase: &Hidden<String>,
        cost: Cost,
        salt: &[u8; SALT],
        sealing_salt: &[u8; sealing::SALT],
    ) -> Result<String> {
        let header = serde_json::to_string(&Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            id: self.id.clone(),
            kdf: KDF.to_owned(),
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            lanes: cost.lanes,
            salt: STANDARD.encode(salt),
        })
        .map_err(|_| Error::Primitive)?;
        let key = stretch(passphrase, cost, salt)?;
        let sealed = sealing::seal_salted(
            &key,
            LABEL,
            header.as_bytes(),
            &self.master.to_bytes(),
            sealing_salt,
        )?;
        let mut text = format!("{header}\n{}\n", STANDARD.encode(sealed));
        let digest = hex(&sha256(text.as_bytes()));
        text.push_str(&digest);
        text.push('\n');
        Ok(text)
    }

    fn from_text(bytes: &[u8], passphrase: &Hidden<String>) -> Result<Self> {
        let parsed = Parsed::read(bytes)?;
        let key = stretch(passphrase, parsed.cost, &parsed.salt)?;
        let plain =
            sealing::open(&key, LABEL, parsed.header, &parsed.sealed).map_err(|failure| {
                match failure {
                    Failure::Commitment => Error::WrongPassphrase,
                    Failure::Malformed | Failure::Ciphertext => Error::KeystoreTampered,
                    Failure::Primitive => Error::Primitive,
                }
            })?;
        let master = MasterKeys::from_bytes(&plain).ok_or(Error::KeystoreTampered)?;
        Ok(Self::new(parsed.id, master))
    }
}

impl fmt::Debug for LocalKms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKms")
            .field("uri", &self.uri)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Kms for LocalKms {
    fn uri(&self) -> &str {
        &self.uri
    }

    async fn wrap(&self, key: &Secret, context: &WrapContext) -> Result<Vec<u8>> {
        self.master.wrap(key, context, &random()?)
    }

    async fn unwrap(&self, wrapped: &[u8], context: &WrapContext) -> Result<Secret> {
        self.unwraps.fetch_add(1, Ordering::Relaxed);
        self.master.unwrap(wrapped, context)
    }

    fn unwraps(&self) -> u64 {
        self.unwraps.load(Ordering::Relaxed)
    }
}

/// Master keys by version. A wrapped key names the version that wrapped it:
/// `0x01 | version u32 | sealed`.
struct MasterKeys {
    newest: u32,
    keys: BTreeMap<u32, Secret>,
}

impl MasterKeys {
    fn wrap(
        &self,
        key: &Secret,
        context: &WrapContext,
        salt: &[u8; sealing::SALT],
    ) -> Result<Vec<u8>> {
        let master = self.keys.get(&self.newest).ok_or(Error::Primitive)?;
        let mut wrapped = wrap_header(self.newest);
        let bound = [&wrapped, context.to_bytes().as_slice()].concat();
        wrapped.extend(sealing::seal_salted(
            master,
            WRAP_LABEL,
            &bound,
            key.reveal(),
            salt,
        )?);
        Ok(wrapped)
    }

    fn unwrap(&self, wrapped: &[u8], context: &WrapContext) -> Result<Secret> {
        const WHAT: &str = "wrapped key";
        let altered = Error::Altered { what: WHAT };
        let (header, sealed) = wrapped.split_first_chunk::<5>().ok_or(altered)?;
        let [version, newest @ ..] = *header;
        if version != WRAP_VERSION {
            return Err(altered);
        }
        let master = self.keys.get(&u32::from_be_bytes(newest)).ok_or(altered)?;
        let bound = [header.as_slice(), context.to_bytes().as_slice()].concat();
        let plain = sealing::open(master, WRAP_LABEL, &bound, sealed)
            .map_err(|failure| failure.of(WHAT))?;
        Secret::from_slice(&plain)
    }

    /// `newest u32 | (version u32, key 32)…`, versions ascending.
    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        // The capacity is exact: growing would leave a copy of keys behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(4 + self.keys.len() * 36));
        bytes.extend_from_slice(&self.newest.to_be_bytes());
        for (version, key) in &self.keys {
            bytes.extend_from_slice(&version.to_be_bytes());
            bytes.extend_from_slice(key.reveal());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (newest, entries) = bytes.split_first_chunk::<4>()?;
        let newest = u32::from_be_bytes(*newest);
        let (entries, []) = entries.as_chunks::<36>() else {
            return None;
        };
        let mut keys = BTreeMap::new();
        for entry in entries {
            let (version, key) = entry.split_first_chunk::<4>()?;
            keys.insert(u32::from_be_bytes(*version), Secret::from_slice(key).ok()?);
        }
        keys.contains_key(&newest).then_some(Self { newest, keys })
    }
}

fn wrap_header(version: u32) -> Vec<u8> {
    [&[WRAP_VERSION], version.to_be_bytes().as_slice()].concat()
}

/// The first line. The order of the fields is part of the format.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    id: String,
    kdf: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

/// What a version of the file starts with whatever else it holds.
#[derive(Deserialize)]
struct AnyHeader {
    format: String,
    version: u32,
}

struct Parsed<'a> {
    header: &'a [u8],
    id: String,
    cost: Cost,
    salt: [u8; SALT],
    sealed: Vec<u8>,
}

impl<'a> Parsed<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let (line, sealed) = Self::lines(bytes).ok_or(Error::KeystoreTampered)?;
        match serde_json::from_slice::<AnyHeader>(line) {
            Ok(any) if any.format == FORMAT && any.version > VERSION => Err(Error::Version {
                what: "keystore",
                found: any.version,
            }),
            _ => Self::version_1(line, sealed).ok_or(Error::KeystoreTampered),
        }
    }

    /// The lines above the digest, if it is theirs. INVARIANT: every version of the format is two
    /// lines and their digest, so that damage is never taken for a newer version.
    fn lines(bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (body, digest) = bytes.split_at_checked(bytes.len().checked_sub(65)?)?;
        if digest.strip_suffix(b"\n")? != hex(&sha256(body)).as_bytes() {
            return None;
        }
        let mut lines = body.strip_suffix(b"\n")?.split(|byte| *byte == b'\n');
        match (lines.next()?, lines.next()?, lines.next()) {
            (header, sealed, None) => Some((header, sealed)),
            _ => None,
        }
    }

    fn version_1(line: &'a [u8], sealed: &[u8]) -> Option<Self> {
        let header: Header = serde_json::from_slice(line).ok()?;
        let cost = Cost {
            memory_kib: header.memory_kib,
            passes: header.passes,
            lanes: header.lanes,
        };
        let known = header.format == FORMAT && header.version == VERSION && header.kdf == KDF;
        let id_fits = header.id.len() == 32 && header.id.bytes().all(|b| b.is_ascii_hexdigit());
        (known && id_fits && cost.is_bounded()).then_some(())?;
        Some(Self {
            header: line,
            id: header.id,
            cost,
            salt: STANDARD.decode(&header.salt).ok()?.try_into().ok()?,
            sealed: STANDARD.decode(sealed).ok()?,
        })
    }
}

/// The cost of Argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// RFC 9106, section 4, the second recommended option, with one lane: this build computes
    /// lanes one after the other, so that more lanes would only help an attacker.
    const DEFAULT: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 1,
    };

    /// A file must not make its reader allocate or compute without end.
    fn is_bounded(self) -> bool {
        (8 * 1024..=1024 * 1024).contains(&self.memory_kib)
            && (1..=16).contains(&self.passes)
            && (1..=16).contains(&self.lanes)
    }
}

/// An unset variable in a script must not become a lake that opens to everyone.
fn not_empty(passphrase: &Hidden<String>) -> Result<()> {
    if passphrase.reveal().is_empty() {
        return Err(Error::EmptyPassphrase);
    }
    Ok(())
}

fn stretch(passphrase: &Hidden<String>, cost: Cost, salt: &[u8]) -> Result<Secret> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
        .map_err(|_| Error::Primitive)?;
    let mut memory = Zeroizing::new(vec![Block::new(); params.block_count()]);
    let mut key = Secret::zero();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(
            passphrase.reveal().as_bytes(),
            salt,
            key.as_mut(),
            memory.as_mut_slice(),
        )
        .map_err(|_| Error::Primitive)?;
    Ok(key)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    const OPERATION: &str = "read the keystore";
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::KeystoreMissing,
        _ => Error::io(OPERATION)(error),
    })?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::io(OPERATION))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::KeystoreTampered);
    }
    Ok(bytes)
}

/// A hard link fails when the name is taken, where a rename would replace.
fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = write_temporary(path, bytes)?;
    let linked = fs::hard_link(temporary.path(), path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::KeystoreExists,
        _ => Error::io(WRITE)(error),
    });
    drop(temporary);
    linked?;
    sync_folder(path)
}

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = write_temporary(path, bytes)?;
    fs::rename(temporary.path(), path).map_err(Error::io(WRITE))?;
    temporary.keep();
    sync_folder(path)
}

fn write_temporary(path: &Path, bytes: &[u8]) -> Result<Temporary> {
    let name = format!(".keystore-{}.tmp", hex(&random::<8>()?));
    let temporary = folder(path).join(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(Error::io(WRITE))?;
    let temporary = Temporary(Some(temporary));
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(Error::io(WRITE))?;
    Ok(temporary)
}

fn sync_folder(path: &Path) -> Result<()> {
    File::open(folder(path))
        .and_then(|folder| folder.sync_all())
        .map_err(Error::io(WRITE))
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file that is removed unless kept.
struct Temporary(Option<PathBuf>);

impl Temporary {
    fn path(&self) -> &Path {
        self.0.as_deref().unwrap_or(Path::new(""))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Best effort: what stays behind is sealed and is read by nobody.
            let _ = fs::remove_file(path);
        }
    }
}

const FORMAT: &str = "lakeward-keystore";
const KDF: &str = "argon2id";
const VERSION: u32 = 1;
const SALT: usize = 16;
const FIRST: u32 = 1;
const MAX_FILE: u64 = 64 * 1024;
const LABEL: &str = "keystore";
const WRAP_LABEL: &str = "kms wrap";
const WRAP_VERSION: u8 = 1;
const WRITE: &str = "write the keystore";

#[cfg(test)]
mod tests;
