//! Makes a lake.
//!
//! The order is the safety: see [`super`]. Nothing but the marker's own leftovers is ever removed, so
//! an init by mistake on a lake whose `lake.json` is lost does not destroy its keystore.

use std::{path::PathBuf, sync::Arc};

use lakeward_audit::{Entry, Event, Ledger};
use lakeward_catalog::{Catalog, Change};
use lakeward_domain::{
    Clock, Code, Duty, GrantId, Hidden, LakeId, Name, Principal, PrincipalId, RequesterKind,
    Schema, SchemaId, SystemClock, Timestamp, names::DEFAULT_SCHEMA,
};
use lakeward_keys::{Kms, KmsUri, LakeKeys, LocalKms};
use lakeward_policy::{Grant, Grantee, Privilege, Securable};

use super::{LEDGER, LakeLock, LakeRecord, unlock};
use crate::{Error, Place, Result, files};

/// What [`init`] needs to know.
#[derive(Debug)]
pub struct InitOptions {
    /// The lake's folder.
    pub lake: PathBuf,
    /// Its state folder; `LAKE.state` beside it if none is named.
    pub state: Option<PathBuf>,
    /// The key service; `local:` and a keystore in the state folder if none is named.
    pub kms: Option<String>,
    /// The first user, who holds all duties until they are separated.
    pub user: Name,
    /// The keystore's passphrase.
    pub passphrase: Hidden<String>,
    /// Called at every step. Drills that kill a process at a step use it; everybody else passes
    /// `|_| ()`.
    pub step: fn(InitStep),
}

/// A point on the way at which a process may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitStep {
    /// The marker says that an init has begun.
    Begun,
    /// The keystore is there.
    KeystoreMade,
    /// The ledger is there and holds its first entry.
    LedgerMade,
    /// The catalog is there, and its root in the ledger.
    CatalogMade,
    /// `lake.json` is there: from here on there is a lake.
    RecordWritten,
}

/// What was made.
#[derive(Debug)]
pub struct InitDone {
    /// The lake.
    pub lake: LakeId,
    /// Its folders.
    pub place: Place,
    /// The ledger's first checkpoint. A copy kept elsewhere shows later whether the ledger was cut.
    pub checkpoint: String,
}

/// Makes a lake, or starts over where an earlier init was interrupted.
///
/// # Errors
/// [`Code::AlreadyExists`] when there is a lake or anything else in the folders,
/// [`Code::LakeBusy`] while another init works there, and failures of the storage.
pub async fn init(options: InitOptions) -> Result<InitDone> {
    let place = Place::new(&options.lake, options.state.as_deref())?;
    let keystore = Keystore::of(&place, options.kms.as_deref())?;
    if options.passphrase.reveal().is_empty() {
        return Err(lakeward_keys::Error::EmptyPassphrase.into());
    }
    refuse_what_is_there(&place)?;
    files::make_folder(place.state()).map_err(Error::io("make the state folder"))?;
    let lock = LakeLock::take(&place, std::time::Duration::ZERO).await?;
    refuse_what_is_there(&place)?;
    clear(&place)?;
    files::write_whole(&place.marker(), MARKER).map_err(Error::io("write to the state folder"))?;
    (options.step)(InitStep::Begun);

    let kms = keystore.make(options.passphrase).await?;
    let lake = LakeId::random();
    let (keys, root_key) = LakeKeys::create(kms.as_ref(), lake).await?;
    (options.step)(InitStep::KeystoreMade);

    let clock = SystemClock;
    let ledger = Ledger::create(
        &place.ledger(),
        lake,
        keys.sealer(LEDGER),
        keys.signer(),
        Arc::new(clock),
    )?;
    let created = Event::LakeCreated {
        lake,
        release: env!("CARGO_PKG_VERSION").to_owned(),
        kms: "local".to_owned(),
    };
    ledger.append(Entry::new(clock.now(), created)).await?;
    (options.step)(InitStep::LedgerMade);

    let changes = first_objects(options.user, clock.now())?;
    let catalog = Catalog::create(&place.catalog(), lake, &keys, changes).await?;
    let epoch = catalog.epoch();
    let root = catalog
        .root(epoch)
        .await?
        .ok_or_else(|| Error::new(Code::Internal, "a new catalog has no root"))?;
    catalog.close().await?;
    let first_epoch = Event::CatalogEpoch { epoch, root };
    ledger.append(Entry::new(clock.now(), first_epoch)).await?;
    let checkpoint = ledger.checkpoint()?;
    drop(ledger);
    (options.step)(InitStep::CatalogMade);

    files::make_folder(&place.temporary()).map_err(Error::io("make the folder tmp"))?;
    files::make_folder(place.lake()).map_err(Error::io("make the lake's folder"))?;
    let record = LakeRecord::new(&keys, root_key, keystore.uri, clock.now());
    files::write_whole(&place.record(), record.to_text(&keys)?.as_bytes())
        .map_err(Error::io("write lake.json"))?;
    (options.step)(InitStep::RecordWritten);
    files::remove(&place.marker()).map_err(Error::io("remove the marker of init"))?;
    drop(lock);
    Ok(InitDone {
        lake,
        place,
        checkpoint,
    })
}

/// A lake, or files that are not ours to build on.
pub(crate) fn refuse_what_is_there(place: &Place) -> Result<()> {
    let there = |what: String| Err(Error::new(Code::AlreadyExists, what));
    if place.record().exists() {
        return there(format!(
            "there is a lake at {} already",
            place.lake().display()
        ));
    }
    if !names_in(place.lake())?.is_empty() {
        return there(format!(
            "the folder {} is not empty",
            place.lake().display()
        ));
    }
    let begun = place.marker().exists();
    for name in names_in(place.state())? {
        let ours = name == "lock" || name.starts_with("init.begun") || begun && is_leftover(&name);
        if !ours {
            return there(format!(
                "the state folder {} holds {}, which no interrupted init left there",
                place.state().display(),
                if is_leftover(&name) {
                    name.as_str()
                } else {
                    "other files"
                },
            ));
        }
    }
    Ok(())
}

fn names_in(folder: &std::path::Path) -> Result<Vec<String>> {
    files::names(folder).map_err(Error::io(format_args!(
        "list the folder {}",
        folder.display()
    )))
}

/// What an init that was killed may have made.
fn is_leftover(name: &str) -> bool {
    matches!(name, "keystore" | "ledger" | "tmp" | "lake.json.new")
        || name.starts_with("catalog.db")
        || name.starts_with(".keystore-")
}

fn clear(place: &Place) -> Result<()> {
    for name in names_in(place.state())?
        .iter()
        .filter(|name| is_leftover(name))
    {
        files::remove(&place.state().join(name))
            .map_err(Error::io("clear what an interrupted init left"))?;
    }
    Ok(())
}

/// The keystore of the lake to be, and how its record will name it.
struct Keystore {
    path: PathBuf,
    uri: String,
    shared: bool,
}

impl Keystore {
    fn of(place: &Place, uri: Option<&str>) -> Result<Self> {
        let own = Self {
            path: place.keystore(),
            uri: "local:keystore".to_owned(),
            shared: false,
        };
        let Some(uri) = uri else { return Ok(own) };
        let path = match uri.parse::<KmsUri>()? {
            // A path on the command line is relative to where the person is.
            KmsUri::Local(path) => std::path::absolute(path)
                .map_err(|_| Error::usage("the keystore's path is not a path"))?,
            _ => {
                return Err(Error::new(
                    Code::KmsUnavailable,
                    "this key service is not in this build",
                ));
            }
        };
        if path == own.path {
            return Ok(own);
        }
        if path.starts_with(place.state()) {
            return Err(Error::usage(
                "a keystore within the state folder is named keystore; leave --kms out",
            ));
        }
        Ok(Self {
            uri: KmsUri::Local(path.clone()).to_string(),
            path,
            shared: true,
        })
    }

    /// Makes it. One that lies elsewhere may serve other lakes already, and is then opened.
    async fn make(&self, passphrase: Hidden<String>) -> Result<Arc<dyn Kms>> {
        let (path, shared) = (self.path.clone(), self.shared);
        if shared && let Some(parent) = path.parent() {
            files::make_folder(parent).map_err(Error::io("make the keystore's folder"))?;
        }
        unlock::blocking(move || match LocalKms::create(&path, &passphrase) {
            Err(lakeward_keys::Error::KeystoreExists) if shared => {
                LocalKms::open(&path, &passphrase)
            }
            other => other,
        })
        .await
    }
}

/// The schemas, the first user with all duties, and what that user may do. Reading is not among it:
/// SELECT comes with the tables that somebody makes, UNMASK is granted or not at all.
fn first_objects(user: Name, now: Timestamp) -> Result<Vec<Change>> {
    let owner = PrincipalId::random();
    let mut changes = vec![Change::PutPrincipal(Principal::User {
        id: owner,
        name: user,
        requester_kind: RequesterKind::User,
        attributes: Default::default(),
        duties: Duty::ALL.into_iter().collect(),
        disabled: false,
    })];
    for (name, comment) in SCHEMAS {
        changes.push(Change::PutSchema(Schema {
            id: SchemaId::random(),
            name: Name::parse(name)?,
            comment: Some(comment.to_owned()),
            tags: Default::default(),
            owner,
            created: now,
        }));
    }
    for privilege in [Privilege::Usage, Privilege::Create, Privilege::Manage] {
        changes.push(Change::PutGrant(Grant {
            id: GrantId::random(),
            grantee: Grantee::Principal(owner),
            privilege,
            on: Securable::Catalog,
            grantor: owner,
            created: now,
        }));
    }
    Ok(changes)
}

const SCHEMAS: [(&str, &str); 5] = [
    (DEFAULT_SCHEMA, "what is named without a schema"),
    ("bronze", "as taken in, scrubbed on the way"),
    ("silver", "cleaned and joined"),
    ("gold", "ready for use"),
    ("quarantine", "what could not be cleared"),
];
const MARKER: &[u8] = b"an init of Lakeward began here; running it again starts over\n";
