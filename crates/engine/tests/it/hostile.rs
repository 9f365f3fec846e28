//! Random hostile commands: whatever is asked, the writer lives, the books balance, no money
//! appears or vanishes, and a restart finds the same state.

use engine::{
    AccountRole, AccountSpec, Authorized, ClaimToken, Fund, Idempotency, Mode, system_account,
};
use instrument::payer_account;
use money::{AccountId, Amount, Asset, MandateId, NodeId, OrderId, PaymentId, Shares, TransferId};
use proptest::prelude::*;
use proptest::sample::select;

use crate::world::{Buy, Granted, START_MS, World, key, outcome, payee, payer, usd};

fn euro() -> Asset {
    Asset::new("EUR", 2).unwrap()
}

fn some_account() -> impl Strategy<Value = AccountId> {
    select(vec![
        payee(1),
        payee(2),
        payee(99),
        payer(1),
        payer(2),
        payer(77),
        payer_account(&key(1).public(), euro()),
        system_account("treasury", usd()),
        system_account("residue", usd()),
        system_account("treasury", euro()),
        AccountId::new(u128::MAX - 1).unwrap(),
    ])
}

fn some_units() -> impl Strategy<Value = u128> {
    select(vec![0, 1, 2, 99, 100, 101, 999_999, 1_000_000, u128::MAX / 2, u128::MAX - 1, u128::MAX])
}

fn some_amount() -> impl Strategy<Value = Amount> {
    (some_units(), prop_oneof![9 => Just(usd()), 1 => Just(euro())])
        .prop_map(|(units, asset)| Amount::new(units, asset))
}

fn some_mode() -> impl Strategy<Value = Mode> {
    let seconds = select(vec![0, 1, 30, u32::MAX]);
    prop_oneof![
        2 => Just(Mode::Claim),
        4 => seconds.prop_map(|seconds| Mode::Hold { seconds }),
        2 => Just(Mode::Charge),
        1 => Just(Mode::Check),
    ]
}

fn some_split() -> impl Strategy<Value = (Vec<AccountId>, Shares)> {
    let shares = prop::collection::vec(1..1000_u32, 1..70).prop_map(|mut parts| {
        parts[0] = 1_000_000 - parts[1..].iter().sum::<u32>();
        Shares::new(parts).unwrap()
    });
    let odd = (prop::collection::vec(some_account(), 0..4), shares.clone());
    let fitting = shares.prop_map(|shares| {
        let accounts = (0..shares.parts_per_million().len() as u128).map(|at| payee(at % 2 + 1));
        (accounts.collect(), shares)
    });
    prop_oneof![2 => fitting, 1 => odd]
}

#[derive(Debug, Clone)]
enum Change {
    Node,
    Payer(AccountId),
    Signer(u8),
    Payee(AccountId),
    BothAmounts(Amount),
    OrderAmount(Amount),
    NoPurchase,
    Expiry(u64),
    Mandate(u128),
    Split((Vec<AccountId>, Shares)),
    Named(u8, u8),
    Access(u32),
    Text(usize),
}

fn some_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => Just(Change::Node),
        1 => some_account().prop_map(Change::Payer),
        2 => select(vec![1, 2, 3, 77, 100]).prop_map(Change::Signer),
        3 => some_account().prop_map(Change::Payee),
        6 => some_amount().prop_map(Change::BothAmounts),
        1 => some_amount().prop_map(Change::OrderAmount),
        2 => Just(Change::NoPurchase),
        2 => select(vec![0, START_MS - 1, START_MS + 9_999_999, u64::MAX])
            .prop_map(Change::Expiry),
        2 => select(vec![1, 2, 9]).prop_map(Change::Mandate),
        4 => some_split().prop_map(Change::Split),
        3 => (0..3_u8, 0..2_u8).prop_map(|(key, fingerprint)| Change::Named(key, fingerprint)),
        1 => select(vec![0, 1, u32::MAX]).prop_map(Change::Access),
        1 => select(vec![0, 119, 121, 1 << 20]).prop_map(Change::Text),
    ]
}

fn spoil(buy: &mut Buy, change: Change) {
    match change {
        Change::Node => buy.order.node = NodeId::new(1).unwrap(),
        Change::Payer(account) => buy.order.payer = account,
        Change::Signer(number) => *buy = buy.clone().by(number),
        Change::Payee(account) => {
            buy.order.payee = account;
            buy.terms.pay_to = account;
        }
        Change::BothAmounts(amount) => {
            buy.order.amount = amount;
            buy.terms.amount = amount;
            buy.order.payer = payer_account(&key(buy.signer).public(), amount.asset());
        }
        Change::OrderAmount(amount) => buy.order.amount = amount,
        Change::NoPurchase => {
            buy.order.purchase = None;
            buy.purchase.digest = None;
        }
        Change::Expiry(at_ms) => buy.order.expires_at_ms = at_ms,
        Change::Mandate(id) => {
            *buy = buy.clone().under(&Granted::new(id, 1, 500, 1000));
            buy.order.mandate = Some(MandateId::new(id).unwrap());
        }
        Change::Split(split) => buy.terms.split = Some(split),
        Change::Named(key, fingerprint) => {
            let (key, fingerprint) = ([key; 32], [fingerprint; 32]);
            buy.idempotency = Some(Idempotency { key, fingerprint });
        }
        Change::Access(seconds) => buy.terms.access_seconds = seconds,
        Change::Text(length) => buy.purchase.description = "ü".repeat(length),
    }
}

#[derive(Debug, Clone)]
enum Act {
    Authorize(u128, Mode, Vec<Change>),
    Hold(usize, u64, u32),
    Charge(usize, u64),
    Settle(usize, Option<u128>, usize),
    Release(usize, u64, usize),
    Fund(u128, AccountId, Amount),
    Open(AccountId, bool),
    Grant(u128, u8),
    Revoke(u128),
    Wait(u64),
}

fn some_act() -> impl Strategy<Value = Act> {
    let order = prop_oneof![1..6_u128, 1..10_000_u128];
    let changes = prop::collection::vec(some_change(), 0..4);
    let pick = any::<usize>;
    let token = || 0..3_u64;
    let body = || select(vec![0_usize, 100, 70_000, 5_000_000]);
    let maybe = prop::option::of(some_units());
    prop_oneof![
        12 => (order, some_mode(), changes).prop_map(|(order, mode, changes)| {
            Act::Authorize(order, mode, changes)
        }),
        1 => (pick(), token(), any::<u32>()).prop_map(|(at, by, time)| Act::Hold(at, by, time)),
        2 => (pick(), token()).prop_map(|(at, by)| Act::Charge(at, by)),
        3 => (pick(), maybe, body()).prop_map(|(at, units, body)| Act::Settle(at, units, body)),
        2 => (pick(), token(), body()).prop_map(|(at, by, body)| Act::Release(at, by, body)),
        2 => (1..9_u128, some_account(), some_amount())
            .prop_map(|(id, account, amount)| Act::Fund(id, account, amount)),
        1 => (some_account(), any::<bool>()).prop_map(|(id, asset)| Act::Open(id, asset)),
        1 => (1..4_u128, 1..3_u8).prop_map(|(id, owner)| Act::Grant(id, owner)),
        1 => (1..4_u128).prop_map(Act::Revoke),
        1 => select(vec![1, 999, 1000, 29_999, 130_000]).prop_map(Act::Wait),
    ]
}

/// Carries out an act; refusals are fine, a stopped writer is not.
async fn take(world: &World, seen: &mut Vec<(PaymentId, ClaimToken)>, act: Act) {
    let engine = &world.engine;
    let target = |at: usize| at.checked_rem(seen.len()).map(|at| seen[at]);
    match act {
        Act::Authorize(order, mode, changes) => authorize(world, seen, order, mode, changes).await,
        Act::Hold(at, off, seconds) => {
            if let Some((payment, ClaimToken(token))) = target(at) {
                let _ = engine.hold(payment, ClaimToken(token + off), seconds).await;
            }
        }
        Act::Charge(at, off) => {
            if let Some((payment, ClaimToken(token))) = target(at) {
                let _ = engine.charge(payment, ClaimToken(token + off), None).await;
            }
        }
        Act::Settle(at, units, body) => {
            if let Some((payment, _)) = target(at) {
                let kept = Some(outcome(&"x".repeat(body)));
                let _ = engine.settle(payment, units, kept, body > 0).await;
            }
        }
        Act::Release(at, off, body) => {
            if let Some((payment, ClaimToken(token))) = target(at) {
                let kept = Some(outcome(&"x".repeat(body)));
                let _ = engine.release(payment, ClaimToken(token + off), kept).await;
            }
        }
        Act::Fund(id, account, amount) => {
            let id = TransferId::new(id).unwrap();
            let reference = "r".repeat(300);
            let _ = engine.fund(Fund { id, account, amount, reference, sandbox_only: false }).await;
        }
        Act::Open(id, is_euro) => {
            let _ = engine.open_asset(euro(), is_euro).await;
            let asset = if is_euro { euro() } else { usd() };
            let role = AccountRole::Payee;
            let _ =
                engine.open_account(AccountSpec { id, asset, role, label: String::new() }).await;
        }
        Act::Grant(id, owner) => {
            let granted = Granted::new(id, owner, u128::MAX, u128::MAX);
            let _ = engine.grant(granted.verified(), String::new()).await;
        }
        Act::Revoke(id) => {
            // Refused for a mandate that is not there or another payer's.
            let granted = Granted::new(id, 1, 1, 1);
            let _ = world.revoke(&granted).await;
        }
        Act::Wait(milliseconds) => world.clock.advance_ms(milliseconds),
    }
}

async fn authorize(
    world: &World,
    seen: &mut Vec<(PaymentId, ClaimToken)>,
    order: u128,
    mode: Mode,
    changes: Vec<Change>,
) {
    let mut buy = Buy::new(order, 100).mode(mode);
    buy.order.id = OrderId::new(order).unwrap();
    buy.order.expires_at_ms += 3_600_000;
    for change in changes {
        spoil(&mut buy, change);
    }
    let call = tokio::spawn({
        let (engine, command) = (world.engine.clone(), buy.command());
        async move { engine.authorize(command).await }
    });
    // A copy may have to wait for its payment; it stays behind, like a client that hangs.
    tokio::task::yield_now().await;
    world.engine.read(|_| ()).await.unwrap();
    tokio::task::yield_now().await;
    if call.is_finished()
        && let Ok(Authorized::Proceed { payment, claim }) = call.await.unwrap()
    {
        seen.push((payment, claim));
    }
}

/// Every asset's accounts together own nothing: what they have, the treasury has given.
async fn assert_nothing_appeared(world: &World) {
    world.assert_balanced().await;
    let accounts = world.engine.read(engine::State::accounts).await.unwrap();
    for asset in [usd(), euro()] {
        let treasury = system_account("treasury", asset);
        let of_asset = accounts.iter().filter(|view| view.asset == asset);
        let (mut owned, mut given) = (0, 0);
        for view in of_asset {
            if view.account == treasury {
                given += view.debits.units() - view.credits.units();
            } else {
                owned += view.available.units() + view.held.units();
            }
        }
        assert_eq!(owned, given);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_of_commands_stops_the_writer(
        acts in prop::collection::vec(some_act(), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            world.grant(&Granted::new(1, 1, 500, 1000)).await;
            let mut seen = Vec::new();
            for act in acts {
                let said = format!("{act:?}");
                take(&world, &mut seen, act).await;
                assert!(world.engine.read(|_| ()).await.is_ok(), "stopped by {said}");
            }
            assert_nothing_appeared(&world).await;
            let before = world.everything().await;
            world.restart().await;
            assert_eq!(world.everything().await, before);
        });
    }
}
