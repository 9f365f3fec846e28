//! Transfers: pages that hang together, one by its id.

use money::TransferId;

use crate::world::{FUNDED, OPERATOR, PRICE, World};

async fn ask(world: &World, path: &str) -> crate::world::Answer {
    let operator = format!("Bearer {OPERATOR}");
    world.get_with(path, &[("authorization", &operator)]).await
}

#[tokio::test]
async fn transfers_come_newest_first_and_none_is_missed() {
    let world = World::new().await;
    for number in 1..=5 {
        world.settled(number).await;
    }
    let path = format!("/v1/transfers?account={}&limit=2", world.payer_account());
    let (mut cursor, mut seen, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        let answer = ask(&world, &format!("{path}{cursor}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        seen.extend(answer.json["data"].as_array().unwrap().clone());
        pages += 1;
        match answer.json["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((seen.len(), pages), (6, 3));
    let amounts: Vec<_> = seen.iter().map(|row| row["amount"].as_str().unwrap()).collect();
    let (price, funded) = (PRICE.to_string(), FUNDED.to_string());
    assert_eq!(amounts, [&price, &price, &price, &price, &price, &funded]);
    assert!(seen.is_sorted_by(|a, b| a["at_ms"].as_u64() >= b["at_ms"].as_u64()));
    let id = seen[0]["transfer"].as_str().unwrap();
    let one = ask(&world, &format!("/v1/transfers/{id}")).await;
    assert_eq!((one.status, &one.json), (200, &seen[0]));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_its_name() {
    let world = World::new().await;
    let account = world.payer_account();
    for (query, param) in [
        (String::new(), "account"),
        ("?account=acc_5".to_owned(), "account"),
        (format!("?account={account}&limit=0"), "limit"),
        (format!("?account={account}&limit=101"), "limit"),
        (format!("?account={account}&limit=-1"), "limit"),
        (format!("?account={account}&cursor=x"), "cursor"),
        (format!("?account={account}&account={account}"), "account"),
        (format!("?account={account}&colour=red"), "colour"),
    ] {
        let answer = ask(&world, &format!("/v1/transfers{query}")).await;
        answer.is_problem(400, "invalid_query", Some(param));
    }
    let other = money::AccountId::new(5).unwrap();
    let answer = ask(&world, &format!("/v1/transfers?account={other}")).await;
    answer.is_problem(404, "account_not_found", None);
    let unknown = TransferId::new(99).unwrap();
    let answer = ask(&world, &format!("/v1/transfers/{unknown}")).await;
    answer.is_problem(404, "transfer_unknown", None);
    let answer = ask(&world, "/v1/transfers/tr_x").await;
    answer.is_problem(404, "transfer_unknown", Some("tr_id"));
    world.get("/v1/transfers").await.is_problem(401, "token_required", None);
}
