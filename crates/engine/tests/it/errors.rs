//! Every refusal of every operation but the payment order, whose own are in `precedence`. The
//! matches are exhaustive: a new variant does not compile before it has a case here.

use std::collections::BTreeSet;

use engine::{
    AccountRole, AccountSpec, AuthorizeError, ChannelError, ClaimToken, Coded, FundError,
    GrantError, OpenChannelError, OpenError, PauseError, ReleaseError, Retry, RevokeError,
    SettleError, system_account,
};
use instrument::{Revocation, Signed};
use ledger::{Account, Limit};
use money::{AccountId, Amount, Asset, MandateId, NodeId};

use crate::batches::{self, account, close, create};
use crate::world::{Buy, Granted, START_MS, World, fund, key, node, payee, payer, usd};

const STALE: ClaimToken = ClaimToken(0);

fn gold() -> Asset {
    Asset::new("GOLD", 3).unwrap()
}

#[test]
fn codes_are_stable_names_and_differ_within_an_operation() {
    fn check<E: Coded>(all: &[E]) {
        let codes: BTreeSet<_> = all.iter().map(Coded::code).collect();
        assert_eq!(codes.len(), all.len());
        for error in all {
            let code = error.code();
            assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
            assert!((400..=503).contains(&error.http_status()), "{code}");
            assert!(!error.to_string().is_empty(), "{code}");
        }
    }
    check(AuthorizeError::ALL);
    check(SettleError::ALL);
    check(ReleaseError::ALL);
    check(OpenError::ALL);
    check(FundError::ALL);
    check(GrantError::ALL);
    check(RevokeError::ALL);
    check(PauseError::ALL);
}

/// Code, status and retry rule of every row of the table that follows `start`.
fn documented(start: &str) -> BTreeSet<(String, String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/errors.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (_, after) = page.split_once(start).unwrap();
    let table = after.lines().skip_while(|line| !line.starts_with("| code |"));
    let rows = table.take_while(|line| line.starts_with('|')).skip(2);
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let codes = cells[1].split(", ").map(|code| code.trim_matches('`').to_owned());
        let (status, retry) = (cells[2].to_owned(), cells[3].to_owned());
        codes.map(move |code| (code, status.clone(), retry.clone())).collect::<Vec<_>>()
    })
    .collect()
}

fn defined<E: Coded>(all: &[E]) -> BTreeSet<(String, String, String)> {
    let retry = |error: &E| match error.retry() {
        Retry::AfterSeconds(seconds) => format!("after {seconds} s"),
        Retry::SameKey => "same_key".to_owned(),
        Retry::Never => "never".to_owned(),
    };
    let row = |error: &E| (error.code().to_owned(), error.http_status().to_string(), retry(error));
    all.iter().map(row).collect()
}

#[test]
fn every_refusal_of_channels_is_documented_with_its_status_and_retry_rule() {
    let opening = documented("\nOpening one. Nothing is held.");
    assert_eq!(opening, defined(OpenChannelError::ALL));
    let later = documented("\nEverything after that. Nothing has changed");
    assert_eq!(later, defined(ChannelError::ALL));
    // The page tells payers of the same codes once more; it must not tell otherwise.
    let payers = documented("\n## Channels: may this voucher");
    for row in payers {
        let known = [&opening, &later].into_iter().flatten().find(|(code, ..)| *code == row.0);
        assert!(known.is_none_or(|known| *known == row), "{row:?} is {known:?}");
    }
}

#[tokio::test]
async fn authorize_refusals_outside_the_command() {
    let world = World::new().await;
    let buy = Buy::new(1, 100);
    let (payment, claim) = world.proceed(&buy).await;
    let lost = world.engine.charge(payment, STALE, None).await;
    assert_eq!(lost, Err(AuthorizeError::ClaimLost));
    let lost = world.engine.hold(payment, STALE, 10).await;
    assert_eq!(lost, Err(AuthorizeError::ClaimLost));
    // 64 copies may wait; the next is one too many.
    let mut waiting = Vec::new();
    for _ in 0..64 {
        let (engine, command) = (world.engine.clone(), buy.command());
        waiting.push(tokio::spawn(async move { engine.authorize(command).await }));
        tokio::task::yield_now().await;
    }
    assert_eq!(world.refused(&buy).await, AuthorizeError::TooManyCopies);
    world.engine.charge(payment, claim, None).await.unwrap();
    for copy in waiting {
        assert!(matches!(copy.await.unwrap(), Ok(engine::Authorized::Replay { .. })));
    }
}

async fn settle_case(world: &World, error: SettleError) -> Result<(), SettleError> {
    let engine = &world.engine;
    let units = match error {
        SettleError::NotYours => {
            let unknown = Buy::new(404, 1).id();
            return engine.settle(unknown, Some(9999), None, false).await.map(|_| ());
        }
        SettleError::NotHeld => {
            let view = world.charge(&Buy::new(2, 5)).await;
            return engine.settle(view.payment, Some(9999), None, false).await.map(|_| ());
        }
        SettleError::ExceedsHold => 6,
        SettleError::AccountClosed => {
            let (payment, _) = world.proceed(&Buy::new(4, 5).held()).await;
            close(engine, 1, payee(1)).await;
            let exceeds = engine.settle(payment, Some(6), None, false).await;
            assert_eq!(exceeds, Err(SettleError::ExceedsHold));
            return engine.settle(payment, Some(5), None, false).await.map(|_| ());
        }
        SettleError::Unavailable(_) => panic!("in `faults`"),
    };
    let (payment, _) = world.proceed(&Buy::new(3, 5).held()).await;
    engine.settle(payment, Some(units), None, false).await.map(|_| ())
}

#[tokio::test]
async fn settle_refusals() {
    let world = batches::world().await;
    for error in SettleError::ALL {
        assert_eq!(settle_case(&world, *error).await, Err(*error));
    }
    world.assert_balanced().await;
}

#[tokio::test]
async fn release_refusals() {
    let world = World::new().await;
    for error in ReleaseError::ALL {
        let payment = match error {
            ReleaseError::NotYours => Buy::new(404, 1).id(),
            ReleaseError::NotHeld => world.charge(&Buy::new(1, 5)).await.payment,
            ReleaseError::Unavailable(_) => panic!("in `faults`"),
        };
        assert_eq!(world.engine.release(payment, STALE, None).await, Err(*error));
    }
}

fn spec(id: AccountId, asset: Asset, role: AccountRole) -> AccountSpec {
    AccountSpec { id, asset, role, label: String::new() }
}

#[tokio::test]
async fn open_refusals() {
    let world = World::new().await;
    let (engine, before) = (&world.engine, world.everything().await);
    let other_scale = Asset::new("USD", 2).unwrap();
    for error in OpenError::ALL {
        let results = match error {
            OpenError::AssetDiffers => vec![
                engine.open_asset(other_scale, true).await,
                engine.open_asset(usd(), false).await,
            ],
            OpenError::UnknownAsset => vec![
                engine.open_account(spec(payee(1), gold(), AccountRole::Payee)).await,
                engine.open_account(spec(payee(1), other_scale, AccountRole::Payee)).await,
            ],
            OpenError::AccountDiffers => {
                vec![engine.open_account(spec(payee(1), usd(), AccountRole::Payer)).await]
            }
            OpenError::LedgerFull => continue, // in `batches`
            OpenError::Unavailable(_) => panic!("in `faults`"),
        };
        for result in results {
            assert_eq!(result, Err(*error));
        }
    }
    engine.open_asset(usd(), true).await.unwrap();
    engine.open_account(spec(payee(1), usd(), AccountRole::Payee)).await.unwrap();
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn fund_refusals() {
    let world = World::new().await;
    world.engine.open_asset(gold(), false).await.unwrap();
    let closed = Account { closed: true, ..account(payee(50), usd(), Limit::None) };
    create(&world.engine, vec![closed]).await;
    let before = world.everything().await;
    for error in FundError::ALL {
        // Later faults stand in the command as well, so this is the precedence too.
        let mut spoiled = fund(500, payer(1), 0);
        spoiled.account = system_account("treasury", usd());
        match error {
            FundError::IdTaken => spoiled.id = fund(1, payer(1), 0).id,
            FundError::UnknownAsset => {
                spoiled.amount = Amount::new(0, Asset::new("USD", 2).unwrap());
                spoiled.sandbox_only = true;
            }
            FundError::NotSandbox => {
                spoiled.amount = Amount::new(0, gold());
                spoiled.sandbox_only = true;
            }
            FundError::WrongAsset => spoiled.amount = Amount::new(0, gold()),
            FundError::Treasury => {}
            FundError::AccountClosed => spoiled.account = payee(50),
            FundError::Zero => spoiled.account = payer(1),
            FundError::Overflow => spoiled = fund(501, payer(1), u128::MAX / 2),
            FundError::Unavailable(_) => panic!("in `faults`"),
        }
        assert_eq!(world.engine.fund(spoiled).await, Err(*error));
    }
    for changed in [fund(1, payer(2), 1_000_000), fund(1, payer(1), 999_999)] {
        assert_eq!(world.engine.fund(changed).await, Err(FundError::IdTaken));
    }
    let mut reworded = fund(1, payer(1), 1_000_000);
    reworded.reference.push('!');
    assert_eq!(world.engine.fund(reworded).await, Err(FundError::IdTaken));
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn grant_refusals() {
    let world = World::new().await;
    world.grant(&Granted::new(1, 1, 10, 10)).await;
    for id in 0..1000 {
        world.grant(&Granted::new(10_000 + id, 2, 10, 10)).await;
    }
    let silver = Asset::new("XAG", 9).unwrap();
    world.engine.open_asset(silver, false).await.unwrap();
    let before = world.everything().await;
    for error in GrantError::ALL {
        let mut mandate = Granted::new(2, 2, 10, 10);
        match error {
            GrantError::WrongNode => {
                mandate.terms.node = NodeId::new(1).unwrap();
                mandate.terms.id = MandateId::new(1).unwrap();
            }
            GrantError::IdTaken => mandate.terms.id = MandateId::new(1).unwrap(),
            GrantError::NotPayersKey => {
                mandate.terms.payer = payer(1);
                mandate.terms.expires_at_ms = 1;
            }
            GrantError::UnknownAsset => {
                mandate.terms.asset = gold();
                mandate.terms.payer = instrument::payer_account(&key(2).public(), gold());
                mandate.terms.expires_at_ms = 1;
            }
            GrantError::UnknownAccount => {
                mandate = Granted::new(2, 99, 10, 10);
                mandate.terms.asset = silver;
                mandate.terms.payer = instrument::payer_account(&key(99).public(), silver);
                mandate.terms.expires_at_ms = 1;
            }
            GrantError::Expired => mandate.terms.expires_at_ms = START_MS,
            GrantError::TooMany => {}
            GrantError::Unavailable(_) => panic!("in `faults`"),
            // In `trees`, for mandates of version 1 stand alone.
            _ => continue,
        }
        let result = world.engine.grant(mandate.verified(), String::new()).await;
        assert_eq!(result, Err(*error));
    }
    world.grant(&Granted::new(1, 1, 10, 10)).await;
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn revoke_refusals() {
    let world = World::new().await;
    world.grant(&Granted::new(1, 1, 10, 10)).await;
    let before = world.everything().await;
    let revoke = async |node: NodeId, mandate: u128, by: u8| {
        let mandate = MandateId::new(mandate).unwrap();
        let signed = Signed::sign(Revocation { node, mandate }, &key(by));
        let verified = signed.verify_with(&key(by).public()).unwrap();
        world.engine.revoke(verified, key(by).public()).await
    };
    for error in RevokeError::ALL {
        let results = match error {
            RevokeError::WrongNode => vec![revoke(NodeId::new(1).unwrap(), 404, 1).await],
            // Not known, and known but another payer's.
            RevokeError::Unknown => {
                vec![revoke(node(), 404, 1).await, revoke(node(), 1, 2).await]
            }
            RevokeError::Unavailable(_) => panic!("in `faults`"),
        };
        for result in results {
            assert_eq!(result, Err(*error));
        }
    }
    assert_eq!(world.everything().await, before);
    revoke(node(), 1, 1).await.unwrap();
    revoke(node(), 1, 1).await.unwrap();
    assert_ne!(world.everything().await, before);
}
