//! Keys, entries and ledgers for tests.

use std::{path::Path, sync::Arc};

use lakeward_domain::{
    Clock, Code, Door, FixedClock, LakeId, Name, PrincipalId, QueryId, SealError, Sealer, Signer,
    Timestamp,
};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use zeroize::Zeroizing;

use crate::{Entry, Event, Ledger, Outcome, Recovery, Result, Who, sink::Sink};

pub(crate) const LAKE: LakeId = LakeId::from_bytes([7; 16]);

/// AES-256-GCM with the nonce taken from the context, so that files repeat byte for byte. Sound
/// for a test only: a context is sealed once.
#[derive(Debug)]
pub(crate) struct TestSealer;

fn key() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[42; 32]).unwrap())
}

fn nonce(context: &[u8]) -> Nonce {
    let digest = digest(&SHA256, context);
    Nonce::try_assume_unique_for_key(&digest.as_ref()[..12]).unwrap()
}

impl Sealer for TestSealer {
    fn seal(&self, plain: &[u8], context: &[u8]) -> std::result::Result<Vec<u8>, SealError> {
        let mut bytes = plain.to_vec();
        key()
            .seal_in_place_append_tag(nonce(context), Aad::from(context), &mut bytes)
            .map_err(|_| SealError::NoKey)?;
        Ok(bytes)
    }

    fn open(
        &self,
        sealed: &[u8],
        context: &[u8],
    ) -> std::result::Result<Zeroizing<Vec<u8>>, SealError> {
        let mut bytes = sealed.to_vec();
        let plain = key()
            .open_in_place(nonce(context), Aad::from(context), &mut bytes)
            .map_err(|_| SealError::Altered)?;
        Ok(Zeroizing::new(plain.to_vec()))
    }
}

/// Ed25519 from a fixed seed.
#[derive(Debug)]
pub(crate) struct TestSigner(pub(crate) u8);

impl TestSigner {
    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[self.0; 32]).unwrap()
    }
}

impl Signer for TestSigner {
    fn public_key(&self) -> [u8; 32] {
        self.pair().public_key().as_ref().try_into().unwrap()
    }

    fn sign(&self, message: &[u8]) -> std::result::Result<[u8; 64], SealError> {
        Ok(self.pair().sign(message).as_ref().try_into().unwrap())
    }
}

pub(crate) fn public_key() -> [u8; 32] {
    TestSigner(1).public_key()
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(FixedClock::at(Timestamp(1_709_210_096_000_007)))
}

pub(crate) fn create(dir: &Path) -> Ledger {
    create_in(&Sink::new(dir)).unwrap()
}

pub(crate) fn open(dir: &Path) -> Result<(Ledger, Recovery)> {
    open_in(&Sink::new(dir))
}

pub(crate) fn create_in(sink: &Sink) -> Result<Ledger> {
    Ledger::create_in(
        sink.clone(),
        LAKE,
        Arc::new(TestSealer),
        Arc::new(TestSigner(1)),
        clock(),
    )
}

pub(crate) fn open_in(sink: &Sink) -> Result<(Ledger, Recovery)> {
    Ledger::open_in(
        sink.clone(),
        LAKE,
        Arc::new(TestSealer),
        Arc::new(TestSigner(1)),
        clock(),
    )
}

pub(crate) fn who() -> Who {
    let name = |text: &str| Name::parse(text).unwrap();
    Who {
        id: PrincipalId::from_bytes([3; 16]),
        name: name("ada"),
        groups: vec![name("billing"), name("clinicians")],
        clearance: Some("restricted".to_owned()),
        purpose: None,
        door: Door::Cli,
        impersonator: None,
    }
}

/// The query of a number.
pub(crate) fn query(number: u64) -> QueryId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    QueryId::from_bytes(bytes)
}

fn of(number: u64, event: Event) -> Entry {
    Entry {
        at: Timestamp(1_709_210_096_000_007),
        query: Some(query(number)),
        who: Some(who()),
        event,
    }
}

pub(crate) fn begin(number: u64) -> Entry {
    let event = Event::Begin {
        fingerprint: format!("{number:032x}"),
        statement: "select".to_owned(),
    };
    of(number, event)
}

pub(crate) fn finished(number: u64) -> Entry {
    let event = Event::Finished {
        rows: number,
        outcome: Outcome::Ok,
        keys_released: vec!["k00000000000000000000000000000001@1".to_owned()],
    };
    of(number, event)
}

pub(crate) fn refused(number: u64) -> Entry {
    let event = Event::Refused {
        code: Code::Denied,
        statement: "select".to_owned(),
    };
    of(number, event)
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// Appends `count` entries at once, so that they share syncs.
pub(crate) fn fill(ledger: &Ledger, count: u64) {
    run(async {
        let mut left = count;
        while left > 0 {
            let now = left.min(512);
            let mut appends = Vec::new();
            for number in 0..now {
                appends.push(Box::pin(ledger.append(begin(left - number))));
            }
            for result in join(appends).await {
                result.unwrap();
            }
            left -= now;
        }
    });
}

/// Waits for all of them, polled together.
pub(crate) async fn join<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut done: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(move |context| {
        let mut pending = false;
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none() {
                match std::pin::Pin::new(future).poll(context) {
                    std::task::Poll::Ready(output) => *done = Some(output),
                    std::task::Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            std::task::Poll::Pending
        } else {
            std::task::Poll::Ready(done.iter_mut().filter_map(Option::take).collect())
        }
    })
    .await
}
