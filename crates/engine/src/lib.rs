//! The single writer: every durable fact of the node passes through here, once.
//!
//! Commands enter a bounded queue; one thread decides them in order, folds the resulting entries
//! into the state, appends them to the journal as one batch and answers only after the batch is
//! durable. Reads take the same way, so nobody ever sees a state that a power loss could undo. Only a
//! claim is answered at once: it moves nothing, and its charge waits for the disk.
//!
//! Invariants: state = fold(journal), byte for byte, on every machine; one payment id moves money
//! at most once; a refused command leaves no trace; a disk error stops the writer for good.
//!
//! The fold (`state`) must not read a clock, draw randomness or do I/O; only `writer` does.

mod board;
mod channel;
mod claims;
mod clock;
mod codec;
mod command;
mod counter;
mod decide;
mod document;
mod entry;
mod error;
mod event;
mod figures;
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod keep;
mod keys;
mod log;
mod outcome;
mod past;
mod queue;
mod refund;
mod state;
mod tags;
mod verifier;
mod view;
mod writer;

pub use channel::{
    AWAIT_MS_MAX, Begun, ChannelLimits, ChannelPhase, ChannelView, Closing, LEASE_SECONDS_MAX,
    OpenChannel, Present, PresentMode, Proof, Spend, VoucherView,
};
pub use clock::{CLOCK_SHIFT_MS_MAX, Clock, ManualClock, ShiftedClock, SystemClock};
pub use command::{
    AccountSpec, Authorize, Authorized, ClaimToken, Fund, HOLD_SECONDS_MAX, Idempotency, Mode,
    Purchase, Terms,
};
pub use counter::{
    COUNTER_USES_REMEMBERED_COUNT_MAX, COUNTERS_COUNT_MAX, COUNTERS_FREE_COUNT_MAX,
    COUNTERS_PER_PAYMENT_COUNT_MAX, Count, CountError, Counted, Counter, CounterId,
};
pub use document::{
    DOCUMENT_BYTES_MAX, DOCUMENT_ID_BYTES_MAX, DOCUMENTS_PER_KIND_COUNT_MAX, Document,
    DocumentKind, Expected, Put, PutError,
};
pub use entry::{AccountRole, ReleaseReason};
pub use error::{
    AskError, AuthorizeError, BatchError, ChannelError, Coded, FundError, GrantError,
    OpenChannelError, OpenError, PauseError, ReleaseError, Retry, RevokeError, SettleError,
    StartError, Unavailable,
};
pub use event::{
    AccountEvent, ChannelEvent, DocumentChange, DocumentEvent, EVENTS_PER_PAGE_COUNT_MAX, Event,
    EventKind, EventPage, FundedEvent, MandateEvent, PaymentEvent, RefundEvent,
};
pub use figures::{BOUNDS_US, Buckets, EngineFigures, Histogram, Reading};
pub use handle::{BATCH_EVENTS_COUNT_MAX, Engine, Options, Started};
pub use keep::{
    BackedUpFile, Backup, BackupPoint, Finding, KeepError, MANIFEST, Manifest, Progress, Report,
    Restored, SegmentReport, Severity, backup, fsck, is_running, restore,
};
pub use log::{ClosedEpoch, Log, LogError, LogOptions, Opened, Random, create_guard};
pub use outcome::{OUTCOME_BYTES_MAX, Outcome};
pub use refund::{REFUNDS_PER_PAYMENT_COUNT_MAX, Refund, RefundError, RefundView};
pub use state::{State, system_account};
pub use tags::{Country, OfferTag, PayerClass, TagError, Tags};
pub use view::{
    AccountView, AssetSums, AssetView, BooksView, MandateView, PayerView, PaymentState,
    PaymentView, Vitals, books, payer, vitals,
};
pub use writer::{Inline, Turned};
