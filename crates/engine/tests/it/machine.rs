//! A machine that misbehaves: a clock that jumps back, a disk without room.

use engine::{Engine, ManualClock, Mode};

use crate::keep::{check, start};
use crate::world::{Buy, START_MS, World, furnish, open, options, payer};

#[tokio::test]
async fn a_clock_that_jumps_back_is_refused_until_it_is_right_or_accepted() {
    let mut world = World::new().await;
    let (held, _) = world.proceed(&Buy::new(1, 10).held()).await;
    world.clock.advance_ms(1000);
    world.charge(&Buy::new(2, 10)).await;
    // A little back is what clocks do.
    world.clock.go_back_ms(200_000);
    world.charge(&Buy::new(3, 10)).await;
    world.clock.go_back_ms(200_000);
    let refused = world.refused(&Buy::new(4, 10)).await;
    assert_eq!(engine::Coded::code(&refused), "node_clock_behind");
    // What was begun is finished, and a copy gets its answer.
    world.engine.settle(held, None, None, false).await.unwrap();
    let known = Buy::new(2, 10).mode(Mode::Charge);
    assert!(world.engine.authorize(known.command()).await.is_ok());

    world.engine.shutdown().await;
    let start = |accept| {
        let mut options = options(world.dir.path(), &world.clock);
        options.accept_earlier_clock = accept;
        Engine::start(options)
    };
    let before = check(world.dir.path());
    let refused = start(false).unwrap_err().to_string();
    assert!(refused.contains("seconds behind") && refused.contains("set the clock"), "{refused}");
    let after = check(world.dir.path());
    assert_eq!((after.head, after.findings), (before.head, before.findings));
    let accepted = start(true).unwrap().engine;
    let buy = Buy::new(5, 10).mode(Mode::Charge);
    accepted.authorize(buy.command()).await.unwrap();
    accepted.shutdown().await;
    world.clock.advance_ms(400_000);
    world.engine = open(world.dir.path(), &world.clock).engine;
    let mut payments = world.engine.read(|state| state.latest_payments(9)).await.unwrap();
    payments.retain(|view| view.payment != held);
    assert_eq!(payments.len(), 3);
    assert!(payments.windows(2).all(|pair| pair[0].at_ns > pair[1].at_ns));
    assert_eq!(world.available(payer(1)).await, crate::world::FUNDS - 40);
}

/// A limit on file size, set by a shell, refuses writes as a full disk does, in this test run again.
#[test]
fn a_full_disk_stops_the_writer_and_loses_nothing() {
    const CHILD: &str = "ENGINE_FULL_DISK";
    const NAME: &str = "machine::a_full_disk_stops_the_writer_and_loses_nothing";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let clock = ManualClock::new(START_MS * 1_000_000);
    if let Some(dir) = std::env::var_os(CHILD) {
        runtime.block_on(async {
            let engine = start(dir.as_ref(), &clock);
            furnish(&engine).await;
            for order in 1.. {
                let buy = Buy::new(order, 1).mode(Mode::Charge);
                if let Err(refused) = engine.authorize(buy.command()).await {
                    let again = engine.read(engine::State::payment_count).await;
                    assert_eq!(again, Err(engine::Unavailable::Stopped));
                    println!("after {} {}", order - 1, engine::Coded::code(&refused));
                    break;
                }
            }
        });
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' XFSZ; ulimit -f 100; exec \"$0\" --exact --nocapture \"$1\"";
    let child = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(NAME)
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8(child.stdout).unwrap();
    let said = said.split("after ").nth(1).unwrap_or_else(|| panic!("{said}"));
    let (count, code) = said.lines().next().unwrap().split_once(' ').unwrap();
    let count: usize = count.parse().unwrap();
    assert!(count > 20 && code == "node_stopped", "{said}");
    let report = check(dir.path());
    assert!(report.sound, "{:?}", report.findings);
    assert_eq!(report.payments, count as u64);
    runtime.block_on(async {
        let engine = start(dir.path(), &clock);
        assert_eq!(engine.read(engine::State::payment_count).await, Ok(count));
        engine.authorize(Buy::new(9_999, 1).mode(Mode::Charge).command()).await.unwrap();
    });
}
