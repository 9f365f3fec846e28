//! A real engine in a temporary folder, with accounts, a payer and a clock that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::{
    AccountRole, AccountSpec, Engine, Fund, LogOptions, ManualClock, Options, PaymentView,
};
use http402::x402::{Payment, PaymentRequired, PaymentRequirements};
use http402::{Dialect, Instrument};
use instrument::{KeyPair, Mandate, Order, Signed, SignedOrder, payer_account};
use money::{AccountId, Amount, Asset, NodeId, OrderId, PaymentId, TransferId};
use serde_json::{Value, json};

/// What the payer of every test starts with.
pub const FUNDED_UNITS: u128 = 1_000_000;

/// When the clock starts, Unix milliseconds.
pub const START_MS: u64 = 1_790_000_000_000;

pub fn usd() -> Asset {
    Asset::new("USD", 9).unwrap()
}

pub fn account(number: u128) -> AccountId {
    AccountId::new(number).unwrap()
}

pub fn author() -> AccountId {
    account(1001)
}

pub fn editor() -> AccountId {
    account(1002)
}

pub fn platform() -> AccountId {
    account(1003)
}

/// The books of one node.
pub struct Books {
    pub engine: Engine,
    pub clock: ManualClock,
    pub payer: Payer,
    data: tempfile::TempDir,
}

impl Books {
    pub async fn open() -> Self {
        Self::open_with(None).await
    }

    /// With a log.
    pub async fn open_with(log: Option<LogOptions>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let node = NodeId::new(77).unwrap();
        let clock = ManualClock::new(START_MS * 1_000_000);
        let mut options = Options::new(data.path(), node);
        options.clock = Arc::new(clock.clone());
        options.log = log;
        let engine = Engine::start(options).unwrap().engine;
        engine.open_asset(usd(), true).await.unwrap();
        for (id, label) in [(author(), "author"), (editor(), "editor"), (platform(), "platform")] {
            let role = AccountRole::Payee;
            let spec = AccountSpec { id, asset: usd(), role, label: label.to_owned() };
            engine.open_account(spec).await.unwrap();
        }
        let books = Self { payer: Payer::new(1, node), engine, clock, data };
        books.fund(&books.payer, FUNDED_UNITS).await;
        books
    }

    /// Stops the engine and starts another on the same folder, as after a restart: what was only in
    /// memory is gone.
    pub async fn restart(&mut self) {
        self.engine.shutdown().await;
        let node = self.engine.node();
        let clock = Arc::new(self.clock.clone());
        let options = Options { clock, ..Options::new(self.data.path(), node) };
        self.engine = Engine::start(options).unwrap().engine;
    }

    /// Gives money to a payer.
    pub async fn fund(&self, payer: &Payer, units: u128) {
        let fund = Fund {
            id: TransferId::new(u128::from(next_number())).unwrap(),
            account: payer.account(),
            amount: Amount::new(units, usd()),
            reference: "test".to_owned(),
            sandbox_only: true,
        };
        self.engine.fund(fund).await.unwrap();
    }

    /// A payer without money.
    pub fn stranger(&self) -> Payer {
        Payer::new(9, self.engine.node())
    }

    pub async fn available(&self, id: AccountId) -> u128 {
        let view = self.engine.read(move |state| state.account(id)).await.unwrap();
        view.map_or(0, |view| view.available.units())
    }

    pub async fn residue(&self) -> u128 {
        self.available(engine::system_account("residue", usd())).await
    }

    /// What the payer has spent, holds included.
    pub async fn spent(&self) -> u128 {
        FUNDED_UNITS - self.available(self.payer.account()).await
    }

    pub async fn held(&self) -> u128 {
        let id = self.payer.account();
        let view = self.engine.read(move |state| state.account(id)).await.unwrap();
        view.unwrap().held.units()
    }

    pub async fn payments(&self) -> Vec<PaymentView> {
        self.engine.read(|state| state.latest_payments(1000)).await.unwrap()
    }

    /// The payer paid exactly this much, nothing is held, and the books are sound.
    pub async fn assert_paid(&self, units: u128) {
        assert_eq!(self.spent().await, units, "{:#?}", self.payments().await);
        assert_eq!(self.held().await, 0);
        let books = self.engine.read(engine::books).await.unwrap();
        assert!(books.iter().all(|book| book.balanced), "{books:?}");
    }

    /// Waits until nothing is held any more.
    pub async fn until_nothing_is_held(&self) {
        let mut view = self.held().await;
        for _ in 0..POLLS_COUNT_MAX {
            if view == 0 {
                return;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
            view = self.held().await;
        }
        panic!("still held: {view}");
    }

    /// Waits until so many payments exist.
    pub async fn until_payments(&self, count: usize) {
        for _ in 0..POLLS_COUNT_MAX {
            if self.payments().await.len() >= count {
                return;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        panic!("only {} payments", self.payments().await.len());
    }
}

const POLL_INTERVAL: Duration = Duration::from_millis(5);
const POLLS_COUNT_MAX: usize = 2000;

/// Waits for something that other tasks bring about.
pub async fn until(mut happened: impl FnMut() -> bool) {
    for _ in 0..POLLS_COUNT_MAX {
        if happened() {
            return;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    panic!("it did not happen in time");
}

fn next_number() -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// Somebody who signs orders.
pub struct Payer {
    pub key: KeyPair,
    node: NodeId,
    /// Under which mandate, and from whose account.
    mandate: Option<Mandate>,
}

impl Payer {
    pub fn new(seed: u8, node: NodeId) -> Self {
        Self { key: KeyPair::from_seed(&[seed; 32]), node, mandate: None }
    }

    pub fn under(self, mandate: Mandate) -> Self {
        Self { mandate: Some(mandate), ..self }
    }

    pub fn account(&self) -> AccountId {
        match &self.mandate {
            Some(mandate) => mandate.payer,
            None => payer_account(&self.key.public(), usd()),
        }
    }

    /// A new order on these terms.
    pub fn order(&self, terms: &PaymentRequirements) -> Order {
        Order {
            node: self.node,
            id: OrderId::new(u128::from(next_number())).unwrap(),
            payer: self.account(),
            signer: self.key.public(),
            payee: terms.pay_to,
            amount: terms.amount,
            purchase: terms.purchase,
            expires_at_ms: START_MS + u64::from(terms.max_timeout_seconds) * 1000,
            mandate: self.mandate.map(|mandate| mandate.id),
        }
    }

    /// A new payment for a challenge.
    pub fn pay(&self, required: &PaymentRequired) -> Paid {
        self.pay_with(required, |_| ())
    }

    /// As [`Payer::pay`], with an order that was changed before it was signed.
    pub fn pay_with(&self, required: &PaymentRequired, change: impl FnOnce(&mut Order)) -> Paid {
        let mut order = self.order(&required.accepts[0]);
        change(&mut order);
        Paid { order: Signed::sign(order, &self.key), required: required.clone(), name: None }
    }
}

/// A signed payment and how it is worded.
#[derive(Clone)]
pub struct Paid {
    pub order: SignedOrder,
    pub required: PaymentRequired,
    pub name: Option<String>,
}

impl Paid {
    pub fn id(&self) -> PaymentId {
        self.order.unverified().payment_id()
    }

    /// Adds a `payment-identifier`.
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    pub fn header(&self) -> (String, String) {
        self.header_in(Dialect::X402V2)
    }

    pub fn header_in(&self, dialect: Dialect) -> (String, String) {
        let named = self.name.as_ref().map(|id| {
            json!({"payment-identifier": {"info": {"required": false, "id": id}}})
                .as_object()
                .unwrap()
                .clone()
        });
        let payment = Payment {
            dialect,
            accepted: &self.required.accepts[0],
            instrument: &Instrument::exact(self.order),
            resource_url: Some(&self.required.resource.url),
            extensions: named.as_ref(),
        };
        let (name, value) = payment.encode_header().unwrap();
        (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
    }

    /// The payment's JSON, to be changed by hand.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&decode(&self.header().1)).unwrap()
    }
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub fn decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}
