//! Payments and batches of the ledger's own events mixed at random, from few ids and accounts so that
//! they meet: whatever happens is answered, the books balance, and a restart gives the same.

use engine::{
    AccountRole, AccountSpec, Authorized, BatchError, ClaimToken, FundError, Mode, PaymentState,
    ReleaseError, SettleError, Unavailable, system_account,
};
use ledger::{Account, Filter, Kind, Limit, Page, Sides, Transfer};
use money::{AccountId, PaymentId, TransferId};
use proptest::prelude::*;

use crate::batches::{account, alone, feed, fund_transfer, leg, tr, transfer};
use crate::keep::check;
use crate::world::{Buy, World, fund, open, payee, payer, usd};

/// Orders of the same numbers are presented again and again.
const ORDERS: u128 = 12;

/// What names one of few transfers: the ledger's own, those of a payment, or money that enters.
#[derive(Debug, Clone, Copy)]
enum Name {
    Own(u128),
    Leg { order: u128, index: u64, phase: u8 },
    Fund(u128),
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    Single,
    Hold { seconds: u32, closing: bool },
    Balance,
    Post(Name),
    Void(Name),
}

#[derive(Debug, Clone, Copy)]
struct Event {
    name: Name,
    deed: Deed,
    from: usize,
    to: usize,
    units: u128,
    linked: bool,
}

#[derive(Debug, Clone)]
enum Act {
    Batch(Vec<Event>),
    Accounts(Vec<(usize, u8)>),
    Pay { order: u128, mode: Mode, split: bool },
    Settle(u128, Option<u128>),
    Release(u128),
    Fund(u128, usize),
    Open(usize),
    Wait(u32),
}

/// Everybody who may stand on a side, some of whom are not there at first.
fn everybody() -> Vec<AccountId> {
    let payers = (1..=4).map(payer);
    let payees = (1..=5).map(payee);
    let system = ["treasury", "residue"].map(|name| system_account(name, usd()));
    payers.chain(payees).chain(system).chain((1..=4).map(alone)).collect()
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        3 => (1..60_u128).prop_map(Name::Own),
        1 => (1..8_u128).prop_map(Name::Fund),
        1 => (1..=ORDERS, 0..4_u64, 0..2_u8)
            .prop_map(|(order, index, phase)| Name::Leg { order, index, phase }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let deed = prop_oneof![
        3 => Just(Deed::Single),
        3 => (0..3_u32, any::<bool>())
            .prop_map(|(seconds, closing)| Deed::Hold { seconds, closing }),
        1 => Just(Deed::Balance),
        1 => name().prop_map(Deed::Post),
        1 => name().prop_map(Deed::Void),
    ];
    let units = prop_oneof![4 => Just(0), 4 => 0..2000_u128, 1 => Just(u128::MAX), 1 => Just(u128::MAX / 3)];
    (name(), deed, 0..15_usize, 0..15_usize, units, prop::bool::weighted(0.2)).prop_map(
        |(name, deed, from, to, units, linked)| Event { name, deed, from, to, units, linked },
    )
}

fn act() -> impl Strategy<Value = Act> {
    let mode = prop_oneof![
        Just(Mode::Charge),
        (1..4_u32).prop_map(|seconds| Mode::Hold { seconds }),
        Just(Mode::Check),
    ];
    prop_oneof![
        6 => prop::collection::vec(event(), 0..9).prop_map(Act::Batch),
        1 => prop::collection::vec((0..15_usize, 0..5_u8), 0..4).prop_map(Act::Accounts),
        6 => (1..=ORDERS, mode, any::<bool>())
            .prop_map(|(order, mode, split)| Act::Pay { order, mode, split }),
        4 => (1..=ORDERS, prop::option::of(0..400_u128))
            .prop_map(|(order, units)| Act::Settle(order, units)),
        2 => (1..=ORDERS).prop_map(Act::Release),
        2 => (1..8_u128, 0..15_usize).prop_map(|(id, to)| Act::Fund(id, to)),
        1 => (0..15_usize).prop_map(Act::Open),
        2 => (1..3000_u32).prop_map(Act::Wait),
    ]
}

fn buy(order: u128, split: bool) -> Buy {
    let by = u8::try_from(order % 4 + 1).unwrap();
    let mut buy = Buy::new(order, 333).by(by);
    buy.order.expires_at_ms += 3_600_000;
    if split { buy.split() } else { buy }
}

fn payment(order: u128) -> PaymentId {
    buy(order, false).id()
}

fn id_of(name: Name) -> TransferId {
    match name {
        Name::Own(number) => tr(number),
        Name::Leg { order, index, phase } => leg(payment(order), index, phase),
        Name::Fund(id) => fund_transfer(1000 + id),
    }
}

/// The event, with what a post or void must state taken from the hold that it names.
async fn transfer_of(world: &World, event: Event) -> Transfer {
    let all = everybody();
    let (from, to) = (all[event.from], all[event.to]);
    let id = id_of(event.name);
    let plain = Transfer { id, linked: event.linked, ..transfer(1, from, to, event.units) };
    let resolved = match event.deed {
        Deed::Single => return plain,
        Deed::Balance => {
            let kind = Kind::Single { balancing: Sides::DEBIT };
            return Transfer { kind, ..plain };
        }
        Deed::Hold { seconds: timeout_seconds, closing } => {
            let closing = if closing { Sides::BOTH } else { Sides::NONE };
            let kind = Kind::Pending { timeout_seconds, balancing: Sides::NONE, closing };
            return Transfer { kind, ..plain };
        }
        Deed::Post(hold) | Deed::Void(hold) => id_of(hold),
    };
    let hold = world.engine.lookup_transfers(vec![resolved]).await.unwrap()[0];
    let hold = hold.map_or(Transfer { id: resolved, ..plain }, |found| found.transfer);
    let made = match event.deed {
        Deed::Post(_) => hold.post(id, event.units.min(hold.amount)),
        _ => hold.void(id),
    };
    Transfer { linked: event.linked, ..made }
}

async fn batch(world: &World, events: Vec<Event>) {
    let mut transfers = Vec::new();
    for event in events {
        transfers.push(transfer_of(world, event).await);
    }
    let before = feed(&world.engine).await.len();
    match world.engine.create_transfers(transfers.clone()).await {
        Ok(statuses) => assert_eq!(statuses.len(), transfers.len()),
        Err(BatchError::PaymentHold { index }) => {
            assert!(index < transfers.len());
            // Holds that had run out are released by the call all the same.
            let after = feed(&world.engine).await.split_off(before);
            let expired = |kind| matches!(kind, ledger::ChangeKind::HoldExpired(_));
            assert!(after.iter().all(|change| expired(change.kind)));
        }
        Err(other) => panic!("{other}"),
    }
}

/// Whether sums that are full refuse what moves money.
async fn is_full(world: &World, units: u128) -> bool {
    let books = world.engine.read(engine::books).await.unwrap();
    let usd = books.iter().find(|sums| sums.asset == usd()).unwrap();
    let moved = usd.debits.units() + usd.held.units();
    moved.checked_add(units).is_none()
}

async fn take(world: &World, claims: &mut Vec<(PaymentId, ClaimToken)>, act: Act) {
    let engine = &world.engine;
    match act {
        Act::Batch(events) => batch(world, events).await,
        Act::Accounts(wanted) => {
            let limits =
                [Limit::None, Limit::DebitsMustNotExceedCredits, Limit::CreditsMustNotExceedDebits];
            let accounts = wanted.into_iter().map(|(who, how)| Account {
                closed: how == 3,
                linked: how == 4,
                ..account(everybody()[who], usd(), limits[usize::from(how) % 3])
            });
            engine.create_accounts(accounts.collect()).await.unwrap();
        }
        Act::Pay { order, mode, split } => {
            let command = buy(order, split).mode(mode).command();
            // A copy of a payment that is held waits for it, so it is asked for otherwise.
            let held = world.payment(payment(order)).await;
            if held.is_some_and(|view| view.state == PaymentState::Held) {
                return;
            }
            match engine.authorize(command).await {
                Ok(Authorized::Proceed { payment, claim }) => claims.push((payment, claim)),
                Err(engine::AuthorizeError::Unavailable(why)) => {
                    assert!(why == Unavailable::Stopped && is_full(world, 333).await);
                }
                Ok(_) | Err(_) => {}
            }
        }
        Act::Settle(order, units) => {
            let answer = engine.settle(payment(order), units, None, true).await;
            assert!(!matches!(answer, Err(SettleError::Unavailable(_))), "{answer:?}");
        }
        Act::Release(order) => {
            let found = claims.iter().rfind(|(found, _)| *found == payment(order));
            let claim = found.map_or(ClaimToken(0), |(_, claim)| *claim);
            let answer = engine.release(payment(order), claim, None).await;
            assert!(!matches!(answer, Err(ReleaseError::Unavailable(_))), "{answer:?}");
        }
        Act::Fund(id, to) => {
            let answer = engine.fund(fund(1000 + id, everybody()[to], 700)).await;
            assert!(!matches!(answer, Err(FundError::Unavailable(_))), "{answer:?}");
        }
        Act::Open(who) => {
            let (id, role) = (everybody()[who], AccountRole::Payee);
            let spec = AccountSpec { id, asset: usd(), role, label: String::new() };
            let answer = engine.open_account(spec).await;
            assert!(matches!(answer, Ok(()) | Err(engine::OpenError::AccountDiffers)));
        }
        Act::Wait(milliseconds) => world.clock.advance_ms(u64::from(milliseconds)),
    }
    // Still there, and every account within its limit.
    world.assert_balanced().await;
}

/// All that the ledger and the payments say.
async fn told(world: &World) -> String {
    let accounts = world.engine.accounts_by(Filter::ANY, Page::oldest(8192)).await.unwrap();
    let transfers = world.engine.transfers_by(Filter::ANY, Page::oldest(8192)).await.unwrap();
    let feed = feed(&world.engine).await;
    format!("{}{accounts:?}{transfers:?}{feed:?}", world.everything().await)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_meets_the_node_goes_on_and_stays_the_same(
        acts in prop::collection::vec(act(), 1..80),
        restart_at in 0_usize..80,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            let mut claims = Vec::new();
            for (number, act) in acts.into_iter().enumerate() {
                if number == restart_at {
                    let before = told(&world).await;
                    world.restart().await;
                    assert_eq!(told(&world).await, before);
                }
                take(&world, &mut claims, act).await;
            }
            let before = told(&world).await;
            world.engine.shutdown().await;
            // The journal alone gives the state of the snapshot, byte for byte.
            let report = check(world.dir.path());
            assert!(report.sound && report.findings.is_empty(), "{:?}", report.findings);
            assert!(report.snapshots_equal.contains(&report.last_batch));
            std::fs::remove_dir_all(world.dir.path().join("snapshots")).unwrap();
            world.engine = open(world.dir.path(), &world.clock).engine;
            assert_eq!(told(&world).await, before);
        });
    }
}
