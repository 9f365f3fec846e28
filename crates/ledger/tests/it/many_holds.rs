//! Many holds at once, beside a map: found, ended in order, moved when most are gone.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{AMOUNT_MAX, Kind, Ledger, Limit, Transfer};
use money::TransferId;

use crate::sample::{account, bytes, replay, restore, transfer, transfer_id};

const BATCH: u128 = 8_000;

/// Numbers that look random and are the same every time.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

struct Beside {
    ledger: Ledger,
    /// By end and creation.
    open: BTreeMap<(u64, u64), Transfer>,
    now_ns: u64,
    next_id: u128,
}

impl Beside {
    fn new() -> Self {
        let mut ledger = Ledger::new();
        ledger.create_accounts(&[account(1, Limit::None), account(2, Limit::None)], 10).unwrap();
        Self { ledger, open: BTreeMap::new(), now_ns: 1 << 20, next_id: 1 }
    }

    fn id(&mut self) -> u128 {
        self.next_id += 1;
        self.next_id
    }

    /// Timestamps of a batch, the last one and the first one.
    fn times(&mut self, events: usize) -> (u64, u64) {
        self.now_ns += 1 << 20;
        (self.now_ns, self.now_ns - u64::try_from(events).unwrap() + 1)
    }

    fn open(&mut self, timeouts: &[u32]) {
        let holds: Vec<Transfer> = (0..BATCH)
            .map(|index| {
                let timeout = timeouts[usize::try_from(index).unwrap() % timeouts.len()];
                transfer(self.id(), Kind::pending(timeout), index % 97)
            })
            .collect();
        let (last_ns, first_ns) = self.times(holds.len());
        let statuses = self.ledger.create_transfers(&holds, last_ns).unwrap();
        assert!(statuses.iter().all(|status| status.code() == "created"));
        for (created_ns, hold) in (first_ns..).zip(holds) {
            let end = match hold.kind.timeout_seconds() {
                0 => u64::MAX,
                seconds => created_ns + u64::from(seconds) * 1_000_000_000,
            };
            self.open.insert((end, created_ns), hold);
        }
    }

    /// Resolves holds from all over until so many are left; every third batch breaks at its end and
    /// resolves none.
    fn resolve_down_to(&mut self, left: usize, draws: &mut Draws) {
        let mut round = 0;
        while self.open.len() > left {
            let keys: Vec<(u64, u64)> = self.open.keys().copied().collect();
            let start = draws.below(keys.len());
            let count = (self.open.len() - left).min(8_000);
            let keys: BTreeSet<_> = keys.iter().cycle().skip(start).take(count).copied().collect();
            let breaks = round % 3 == 0;
            round += 1;
            let mut events: Vec<Transfer> = keys
                .iter()
                .enumerate()
                .map(|(index, key)| {
                    let id = transfer_id(self.id());
                    let hold = &self.open[key];
                    let event =
                        if index % 2 == 0 { hold.post(id, AMOUNT_MAX) } else { hold.void(id) };
                    Transfer { linked: breaks, ..event }
                })
                .collect();
            if breaks {
                let pending = transfer(self.id(), Kind::pending(7), 1);
                events.insert(1, Transfer { linked: true, ..pending });
                events.push(Transfer { code: 0, ..transfer(self.id(), Kind::SINGLE, 1) });
            }
            let before = breaks.then(|| bytes(&self.ledger));
            let (last_ns, _) = self.times(events.len());
            let statuses = self.ledger.create_transfers(&events, last_ns).unwrap();
            if let Some(before) = before {
                assert!(statuses.iter().all(|status| status.code() != "created"), "{statuses:?}");
                assert!(bytes(&self.ledger) == before, "a broken chain leaves no trace");
            } else {
                assert!(statuses.iter().all(|status| status.code() == "created"));
                self.open.retain(|key, _| !keys.contains(key));
            }
            self.check();
        }
    }

    fn check(&self) {
        self.ledger.check().unwrap();
        let next = self.open.keys().next().map(|&(end_ns, _)| end_ns);
        assert_eq!(self.ledger.next_expiry_ns(), next.filter(|&end_ns| end_ns != u64::MAX));
    }

    fn expire(&mut self, seconds: u64) {
        self.now_ns += seconds * 1_000_000_000;
        let due = self.open.split_off(&(self.now_ns + 1, 0));
        let due = std::mem::replace(&mut self.open, due);
        let due: Vec<TransferId> = due.into_values().map(|hold| hold.id).collect();
        assert_eq!(self.ledger.expire(self.now_ns, usize::MAX).unwrap(), due);
        self.check();
    }
}

/// More rows than stay, so that most are given back and holds move: nothing of it shows.
#[test]
fn holds_come_and_go_by_the_ten_thousands() {
    let (mut beside, mut draws) = (Beside::new(), Draws(5));
    for round in 0..9_u32 {
        beside.open(&[600, 600, 30, 0, 5_000 + round]);
    }
    beside.check();
    beside.expire(31);
    beside.resolve_down_to(9_000, &mut draws);
    beside.open(&[20, 600]);
    for hold in beside.open.values() {
        assert_eq!(beside.ledger.open_hold(hold.id).as_ref(), Some(hold));
    }
    let mut again = replay(beside.ledger.past().rows()).unwrap();
    let mut restored = restore(&beside.ledger);
    for ledger in [&again, &restored] {
        ledger.check().unwrap();
        assert!(bytes(ledger) == bytes(&beside.ledger));
    }
    beside.expire(700);
    for ledger in [&mut again, &mut restored] {
        ledger.expire(beside.now_ns, usize::MAX).unwrap();
        assert!(bytes(ledger) == bytes(&beside.ledger));
    }
    beside.resolve_down_to(0, &mut draws);
    assert_eq!(beside.ledger.next_expiry_ns(), None);
}
