//! A node with one asset, funded payers and payees, and purchases that a test can spoil.

use std::path::Path;
use std::sync::Arc;

use engine::{
    AccountRole, AccountSpec, Authorize, AuthorizeError, Authorized, ClaimToken, Counter, Engine,
    Fund, Idempotency, ManualClock, Mode, Options, Outcome, PaymentState, PaymentView, Purchase,
    RevokeError, Started, Tags, Terms, books,
};
use instrument::{
    KeyPair, Mandate, Order, PurchaseDigest, RequestDigest, Revocation, Signed, Verified,
    VerifiedOrder, payer_account,
};
use money::{AccountId, Amount, Asset, MandateId, NodeId, OrderId, PaymentId, Shares, TransferId};
use tempfile::TempDir;

/// Where every clock starts, Unix milliseconds.
pub const START_MS: u64 = 1_800_000_000_000;

/// What each payer is given.
pub const FUNDS: u128 = 1_000_000;

pub const PAYERS: u8 = 3;
pub const PAYEES: u128 = 4;

pub fn node() -> NodeId {
    NodeId::new(4711).unwrap()
}

pub fn usd() -> Asset {
    Asset::new("USD", 9).unwrap()
}

pub fn units(units: u128) -> Amount {
    Amount::new(units, usd())
}

pub fn key(number: u8) -> KeyPair {
    KeyPair::from_seed(&[number; 32])
}

/// The account of the payer with this key number.
pub fn payer(number: u8) -> AccountId {
    payer_account(&key(number).public(), usd())
}

pub fn payee(number: u128) -> AccountId {
    AccountId::new(1000 + number).unwrap()
}

pub struct World {
    pub dir: TempDir,
    pub clock: ManualClock,
    pub engine: Engine,
}

impl World {
    /// Payers 1 to [`PAYERS`] with [`FUNDS`], payees 1 to [`PAYEES`].
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(START_MS * 1_000_000);
        let engine = open(dir.path(), &clock).engine;
        furnish(&engine).await;
        Self { dir, clock, engine }
    }

    /// Shuts down and starts again on the same folder.
    pub async fn restart(&mut self) -> Started {
        self.engine.shutdown().await;
        let started = open(self.dir.path(), &self.clock);
        self.engine = started.engine.clone();
        started
    }

    pub async fn available(&self, account: AccountId) -> u128 {
        let read = move |state: &engine::State| state.account(account);
        let view = self.engine.read(read).await.unwrap().unwrap();
        view.available.units()
    }

    pub async fn held(&self, account: AccountId) -> u128 {
        let read = move |state: &engine::State| state.account(account);
        let view = self.engine.read(read).await.unwrap().unwrap();
        view.held.units()
    }

    pub async fn payment(&self, id: PaymentId) -> Option<PaymentView> {
        self.engine.read(move |state| state.payment(id)).await.unwrap()
    }

    pub async fn state_of(&self, id: PaymentId) -> PaymentState {
        self.payment(id).await.unwrap().state
    }

    /// All that anybody can read: equal texts mean that nothing has changed.
    pub async fn everything(&self) -> String {
        everything(&self.engine).await
    }

    pub async fn assert_balanced(&self) {
        let all = self.engine.read(books).await.unwrap();
        assert!(!all.is_empty() && all.iter().all(|view| view.balanced), "{all:?}");
    }

    pub async fn proceed(&self, buy: &Buy) -> (PaymentId, ClaimToken) {
        match self.engine.authorize(buy.command()).await.unwrap() {
            Authorized::Proceed { payment, claim } => (payment, claim),
            other => panic!("{other:?}"),
        }
    }

    pub async fn charge(&self, buy: &Buy) -> PaymentView {
        let command = Authorize { mode: Mode::Charge, ..buy.command() };
        match self.engine.authorize(command).await.unwrap() {
            Authorized::Charged(view) => view,
            other => panic!("{other:?}"),
        }
    }

    pub async fn refused(&self, buy: &Buy) -> AuthorizeError {
        self.engine.authorize(buy.command()).await.unwrap_err()
    }

    pub async fn grant(&self, granted: &Granted) {
        self.engine.grant(granted.verified(), "agent".to_owned()).await.unwrap();
    }

    pub async fn revoke(&self, granted: &Granted) -> Result<(), RevokeError> {
        let statement = Revocation { node: node(), mandate: granted.terms.id };
        let owner = key(granted.owner);
        let signed = Signed::sign(statement, &owner).verify_with(&owner.public()).unwrap();
        self.engine.revoke(signed, owner.public()).await
    }
}

pub fn open(dir: &Path, clock: &ManualClock) -> Started {
    Engine::start(options(dir, clock)).unwrap()
}

pub fn options(dir: &Path, clock: &ManualClock) -> Options {
    let mut options = Options::new(dir, node());
    options.clock = Arc::new(clock.clone());
    options
}

pub async fn furnish(engine: &Engine) {
    engine.open_asset(usd(), true).await.unwrap();
    for number in 1..=PAYEES {
        engine.open_account(payee_spec(number)).await.unwrap();
    }
    for number in 1..=PAYERS {
        engine.fund(fund(u128::from(number), payer(number), FUNDS)).await.unwrap();
    }
}

pub fn payee_spec(number: u128) -> AccountSpec {
    let label = format!("payee {number}");
    AccountSpec { id: payee(number), asset: usd(), role: AccountRole::Payee, label }
}

pub fn fund(id: u128, account: AccountId, amount: u128) -> Fund {
    Fund {
        id: TransferId::new(id).unwrap(),
        account,
        amount: units(amount),
        reference: format!("bank {id}"),
        sandbox_only: false,
    }
}

pub async fn everything(engine: &Engine) -> String {
    let read = |state: &engine::State| {
        let payers: Vec<_> = state
            .accounts()
            .iter()
            .map(|view| engine::payer(state, view.account, usize::MAX))
            .collect();
        let payments = state.latest_payments(usize::MAX);
        format!("{:#?}", (state.accounts(), state.asset_views(), payments, payers, books(state)))
    };
    engine.read(read).await.unwrap()
}

/// What a payer asks for: right in every part until a test changes one.
#[derive(Clone)]
pub struct Buy {
    pub signer: u8,
    pub order: Order,
    pub purchase: Purchase,
    pub terms: Terms,
    pub idempotency: Option<Idempotency>,
    pub mode: Mode,
    /// Signature base of the request that is signed instead of the order.
    pub base: Option<String>,
    pub tags: Tags,
    pub counters: Vec<Counter>,
}

impl Buy {
    /// Payer 1 buys from payee 1.
    pub fn new(order: u128, amount: u128) -> Self {
        let digest = Some(PurchaseDigest([7; 32]));
        let order = Order {
            node: node(),
            id: OrderId::new(order).unwrap(),
            payer: payer(1),
            signer: key(1).public(),
            payee: payee(1),
            amount: units(amount),
            purchase: digest,
            expires_at_ms: START_MS + 60_000,
            mandate: None,
        };
        let purchase = Purchase {
            digest,
            origin: Some("https://shop.example".to_owned()),
            description: "an article".to_owned(),
        };
        let terms = Terms {
            pay_to: payee(1),
            amount: units(amount),
            split: None,
            unit_price: None,
            access_seconds: 600,
        };
        let mode = Mode::Claim;
        let (tags, counters) = (Tags::default(), Vec::new());
        let signer = 1;
        Self { signer, order, purchase, terms, idempotency: None, mode, base: None, tags, counters }
    }

    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    pub fn by_request(mut self, base: &str) -> Self {
        self.order.id = RequestDigest::of(base.as_bytes()).order_id();
        self.base = Some(base.to_owned());
        self
    }

    pub fn held(self) -> Self {
        self.mode(Mode::Hold { seconds: 30 })
    }

    pub fn by(mut self, number: u8) -> Self {
        self.signer = number;
        self.order.signer = key(number).public();
        self.order.payer = payer(number);
        self
    }

    pub fn under(mut self, granted: &Granted) -> Self {
        self.signer = granted.delegate;
        self.order.signer = granted.terms.delegate;
        self.order.payer = granted.terms.payer;
        self.order.mandate = Some(granted.terms.id);
        self
    }

    pub fn named(mut self, name: u8, fingerprint: u8) -> Self {
        self.idempotency = Some(Idempotency { key: [name; 32], fingerprint: [fingerprint; 32] });
        self
    }

    /// 80 % to payee 1, 15 % to payee 2, 5 % to payee 3.
    pub fn split(mut self) -> Self {
        let shares = Shares::new(vec![800_000, 150_000, 50_000]).unwrap();
        self.terms.split = Some((vec![payee(1), payee(2), payee(3)], shares));
        self
    }

    pub fn id(&self) -> PaymentId {
        self.order.payment_id()
    }

    pub fn command(&self) -> Authorize {
        let key = key(self.signer);
        let order = match self.base.as_deref().map(str::as_bytes) {
            Some(base) => VerifiedOrder::by_request(self.order, base, &key.sign(base)).unwrap(),
            None => Signed::sign(self.order, &key).verify().unwrap(),
        };
        Authorize {
            order,
            purchase: self.purchase.clone(),
            terms: self.terms.clone(),
            idempotency: self.idempotency.clone(),
            tags: self.tags,
            counters: self.counters.clone(),
            mode: self.mode,
        }
    }
}

/// A mandate and the key numbers behind it.
#[derive(Clone, Copy)]
pub struct Granted {
    pub owner: u8,
    pub delegate: u8,
    pub terms: Mandate,
}

impl Granted {
    /// From payer `owner` to the key 100, good for an hour, anywhere.
    pub fn new(id: u128, owner: u8, per_payment: u128, total: u128) -> Self {
        let terms = Mandate {
            node: node(),
            id: MandateId::new(id).unwrap(),
            payer: payer(owner),
            payer_key: key(owner).public(),
            delegate: key(100).public(),
            asset: usd(),
            per_payment,
            total,
            expires_at_ms: START_MS + 3_600_000,
            audience: None,
        };
        Self { owner, delegate: 100, terms }
    }

    pub fn verified(&self) -> Verified<Mandate> {
        let owner = key(self.owner);
        Signed::sign(self.terms, &owner).verify_with(&owner.public()).unwrap()
    }
}

pub fn outcome(body: &str) -> Outcome {
    Outcome {
        status: 200,
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: body.to_owned().into(),
        range: String::new(),
    }
}
