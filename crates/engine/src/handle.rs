//! The engine as callers hold it: cheap to clone, safe to share, every call answered when durable.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::available_parallelism;

use disk::Disk;
use journal::{Journal, Position};
use ledger::{Account, CreateAccountStatus, CreateTransferStatus, Transfer};
use money::{AccountId, Asset, NodeId, PaymentId};
use tokio::sync::oneshot;

use crate::board::Board;
use crate::channel::{ChannelCommand, ChannelLimits};
use crate::clock::Clock;
use crate::command::{AccountSpec, Authorize, Authorized, ClaimToken, Fund};
use crate::error::{
    AuthorizeError, BatchError, FundError, OpenError, ReleaseError, SettleError, StartError,
    Unavailable,
};
use crate::event::Sealed;
use crate::figures::{EngineFigures, Figures};
use crate::keep::BackupPoint;
use crate::keys::Keys;
use crate::log::{Log, LogCommand, LogOptions};
use crate::outcome::Outcome;
use crate::queue::Inlet;
use crate::state::State;
use crate::verifier::Verifier;
use crate::view::PaymentView;
use crate::writer::{self, Inline};

mod facts;
mod log;
mod mandates;
mod questions;

pub(crate) use facts::FactCommand;
pub(crate) use mandates::MandateCommand;

/// Where an answer goes.
pub(crate) type Reply<T, E> = oneshot::Sender<Result<T, E>>;

/// An answer that is ready and waits until its batch is durable.
pub(crate) type Deferred = Box<dyn FnOnce(Result<(), Unavailable>) + Send>;

/// What the writer is asked to do.
pub(crate) enum Command {
    Authorize(Box<Authorize>, Reply<Authorized, AuthorizeError>),
    Hold(PaymentId, ClaimToken, u32, Reply<(), AuthorizeError>),
    Charge(PaymentId, ClaimToken, Option<Outcome>, Reply<PaymentView, AuthorizeError>),
    Settle(PaymentId, Option<u128>, Option<Outcome>, bool, Reply<PaymentView, SettleError>),
    Release(PaymentId, ClaimToken, Option<Outcome>, Reply<(), ReleaseError>),
    OpenAsset(Asset, bool, Reply<(), OpenError>),
    OpenAccount(AccountSpec, Reply<(), OpenError>),
    Fund(Fund, Reply<(), FundError>),
    Fact(FactCommand),
    Mandate(MandateCommand),
    CreateAccounts(Vec<Account>, Reply<Vec<CreateAccountStatus>, BatchError>),
    CreateTransfers(Vec<Transfer>, Reply<Vec<CreateTransferStatus>, BatchError>),
    Channel(ChannelCommand),
    /// Of any channels, in this order: what the verifier has checked together.
    Channels(Vec<ChannelCommand>),
    Log(LogCommand),
    Read(Box<dyn FnOnce(&State) -> Deferred + Send>),
    /// The last durable batch.
    BackupPoint(oneshot::Sender<Position>),
    Shutdown(oneshot::Sender<()>),
}

/// Events that one call of [`Engine::create_accounts`] or [`Engine::create_transfers`] takes.
pub const BATCH_EVENTS_COUNT_MAX: usize = 8_190;

/// How an engine is set up.
pub struct Options {
    /// Folder for `journal/` and `snapshots/`.
    pub data: PathBuf,
    /// The node whose books these are.
    pub node: NodeId,
    /// Where the folder is.
    pub disk: Arc<dyn Disk>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Commands that may wait for the writer, and checks that may wait for each thread of the
    /// verifier; more are refused as busy.
    pub queue_count_max: usize,
    /// Threads that check the signatures of channels; as many as the machine has cores by default.
    pub verifier_threads: NonZero<usize>,
    /// Go on although the clock is behind the journal: its entries were stamped by a wrong clock.
    pub accept_earlier_clock: bool,
    /// Settings of the journal.
    pub journal: journal::Options,
    /// Settings of the index of the ledger's changes; that of payments is a quarter of its size.
    pub index: index::Options,
    /// A snapshot follows after this many bytes of journal.
    pub snapshot_every_bytes: u64,
    /// What the channels of a payee may come to; without limits if the payee is not named.
    pub channel_limits: BTreeMap<AccountId, ChannelLimits>,
    /// The verifiable log; without it none is kept, and a later start makes up for it.
    pub log: Option<LogOptions>,
}

/// Commands that may wait for the writer by default.
pub(crate) const QUEUE_DEFAULT_COUNT_MAX: usize = 8192;

/// Journal between two snapshots by default: what a start reads and folds at most, with what came
/// while the last snapshot was being written.
const SNAPSHOT_EVERY_DEFAULT_BYTES: u64 = 256 * 1024 * 1024;

impl Options {
    /// Default settings for a data folder and node.
    pub fn new(data: impl Into<PathBuf>, node: NodeId) -> Self {
        Self {
            data: data.into(),
            node,
            disk: Arc::new(disk::Local),
            clock: Arc::new(crate::clock::SystemClock),
            queue_count_max: QUEUE_DEFAULT_COUNT_MAX,
            verifier_threads: available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            accept_earlier_clock: false,
            journal: journal::Options::default(),
            index: index::Options::default(),
            snapshot_every_bytes: SNAPSHOT_EVERY_DEFAULT_BYTES,
            channel_limits: BTreeMap::new(),
            log: None,
        }
    }
}

/// A started engine and what starting found.
#[derive(Debug)]
pub struct Started {
    /// The engine.
    pub engine: Engine,
    /// What the journal's recovery did.
    pub recovery: journal::Recovery,
    /// Batches that were folded on top of the snapshot.
    pub replayed_batches: u64,
}

/// Handle to the writer.
#[derive(Clone)]
pub struct Engine {
    pub(crate) queue: Inlet,
    pub(crate) keys: Keys,
    pub(crate) verifier: Verifier,
    pub(crate) log: Option<Log>,
    pub(crate) board: Arc<Board>,
    /// Rows of the past that any thread may read.
    sealed: Option<Sealed>,
    figures: Arc<Figures>,
    clock: Arc<dyn Clock>,
    node: NodeId,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("node", &self.node).finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens the data folder, folds the journal and starts the writer.
    pub fn start(options: Options) -> Result<Started, StartError> {
        writer::start(options)
    }

    /// As [`Engine::start`], on a journal that the caller has opened; `options.journal` is not used.
    /// Snapshots still live in the data folder and must belong to this journal.
    pub fn start_with(options: Options, journal: Box<dyn Journal>) -> Result<Self, StartError> {
        writer::start_with(options, journal)
    }

    /// As [`Engine::start`], but the writer has no thread: it turns when the caller lets it.
    pub fn start_inline(options: Options) -> Result<(Self, Inline), StartError> {
        writer::start_inline(options)
    }

    pub(crate) fn new(
        queue: Inlet,
        keys: Keys,
        verifier: Verifier,
        log: Option<Log>,
        (board, sealed, figures): (Arc<Board>, Option<Sealed>, Arc<Figures>),
        clock: Arc<dyn Clock>,
        node: NodeId,
    ) -> Self {
        Self { queue, keys, verifier, log, board, sealed, figures, clock, node }
    }

    /// The node.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The engine's clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// What the engine counts, as it is now; the writer is not asked.
    pub fn figures(&self) -> EngineFigures {
        EngineFigures {
            waiting: self.queue.waiting(),
            batch: self.figures.batch.load(Ordering::Relaxed),
            syncs: self.figures.syncs.read(),
            has_stopped: self.queue.has_ended(),
        }
    }

    pub(crate) async fn call<T, E: From<Unavailable>>(
        &self,
        command: impl FnOnce(Reply<T, E>) -> Command,
    ) -> Result<T, E> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply))?;
        answer.await.unwrap_or_else(|_| Err(Unavailable::Stopped.into()))
    }

    pub(crate) fn send(&self, command: Command) -> Result<(), Unavailable> {
        self.queue.send(command).map_err(|(refused, _)| refused)
    }

    /// Accepts a payment for a purchase, as far as its mode says.
    pub async fn authorize(&self, command: Authorize) -> Result<Authorized, AuthorizeError> {
        self.call(|reply| Command::Authorize(Box::new(command), reply)).await
    }

    /// Turns a claim into a durable hold, for an answer that is too large to wait for.
    pub async fn hold(
        &self,
        payment: PaymentId,
        claim: ClaimToken,
        seconds: u32,
    ) -> Result<(), AuthorizeError> {
        self.call(|reply| Command::Hold(payment, claim, seconds, reply)).await
    }

    /// Charges a claim in one commit. The outcome is kept in memory for copies of the payment.
    pub async fn charge(
        &self,
        payment: PaymentId,
        claim: ClaimToken,
        outcome: Option<Outcome>,
    ) -> Result<PaymentView, AuthorizeError> {
        self.call(|reply| Command::Charge(payment, claim, outcome, reply)).await
    }

    /// Settles a hold for `units`, or all of it, and releases the rest. With `durable_outcome` the
    /// outcome is journaled with the settlement, else it is kept in memory.
    pub async fn settle(
        &self,
        payment: PaymentId,
        units: Option<u128>,
        outcome: Option<Outcome>,
        durable_outcome: bool,
    ) -> Result<PaymentView, SettleError> {
        self.call(|reply| Command::Settle(payment, units, outcome, durable_outcome, reply)).await
    }

    /// Releases a claim or hold: nothing was delivered, nothing is charged. The outcome of a hold is
    /// journaled, so that a copy of the payment gets it instead of a second execution.
    pub async fn release(
        &self,
        payment: PaymentId,
        claim: ClaimToken,
        outcome: Option<Outcome>,
    ) -> Result<(), ReleaseError> {
        self.call(|reply| Command::Release(payment, claim, outcome, reply)).await
    }

    /// Opens an asset with its treasury and residue accounts. Idempotent.
    pub async fn open_asset(&self, asset: Asset, sandbox: bool) -> Result<(), OpenError> {
        self.call(|reply| Command::OpenAsset(asset, sandbox, reply)).await
    }

    /// Opens an account. Idempotent.
    pub async fn open_account(&self, spec: AccountSpec) -> Result<(), OpenError> {
        self.call(|reply| Command::OpenAccount(spec, reply)).await
    }

    /// Lets money enter through the treasury. Idempotent by id.
    pub async fn fund(&self, fund: Fund) -> Result<(), FundError> {
        self.call(|reply| Command::Fund(fund, reply)).await
    }

    /// Creates accounts of the ledger, in order, linked ones all or none, and answers each. At most
    /// [`BATCH_EVENTS_COUNT_MAX`] of them. The payments' own accounts are opened by
    /// [`Engine::open_account`].
    pub async fn create_accounts(
        &self,
        accounts: Vec<Account>,
    ) -> Result<Vec<CreateAccountStatus>, BatchError> {
        self.call(|reply| Command::CreateAccounts(accounts, reply)).await
    }

    /// Creates transfers of the ledger, in order, linked ones all or none, and answers each. At most
    /// [`BATCH_EVENTS_COUNT_MAX`] of them. For the operator's own programs: no order and no mandate
    /// stands behind them, only the ledger's rules. The transfers of held payments are theirs: a
    /// batch that names one of them is refused whole.
    pub async fn create_transfers(
        &self,
        transfers: Vec<Transfer>,
    ) -> Result<Vec<CreateTransferStatus>, BatchError> {
        self.call(|reply| Command::CreateTransfers(transfers, reply)).await
    }

    /// Reads from the durable state. `read` runs on the writer: keep it short.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, Unavailable> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Read(Box::new(move |state| {
            let found = read(state);
            // The receiver may be gone, which needs no answer.
            Box::new(move |durable| drop(reply.send(durable.map(|()| found))))
        })))?;
        answer.await.unwrap_or(Err(Unavailable::Stopped))
    }

    /// The last durable batch: up to there the data folder can be copied while the writer goes on.
    pub async fn backup_point(&self) -> Result<BackupPoint, Unavailable> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::BackupPoint(reply))?;
        let position = answer.await.map_err(|_| Unavailable::Stopped)?;
        Ok(BackupPoint { node: self.node, last_batch: position.sequence, head: position.hash.0 })
    }

    /// Finishes what is queued, writes a snapshot and stops the writer.
    pub async fn shutdown(&self) {
        let (reply, answer) = oneshot::channel();
        let mut command = Command::Shutdown(reply);
        // A full queue drains; a stopped writer needs no shutdown.
        loop {
            match self.queue.send(command) {
                Ok(()) => break,
                Err((Unavailable::Busy, back)) => command = *back,
                Err(_) => return,
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        // An error means that the writer has stopped, which is what was asked for.
        let _ = answer.await;
    }
}
