//! No tree of mandates ever spends more than any ancestor allows, in any day, month or in all:
//! random trees, payments, channels, days, pauses and revocations against naive books that add up
//! every payment anew.

use engine::{
    AuthorizeError, Authorized, ChannelPhase, ClaimToken, GrantError, Mode, PaymentState,
};
use instrument::Limits;
use money::{Amount, PaymentId};
use proptest::prelude::*;

use super::{DAY_MS, Link, wide};
use crate::channels::parts::Channel;
use crate::world::{START_MS, World};

const HOUR_MS: u64 = 3_600_000;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Pass on a mandate, as far as it goes or, by mistake, with limits that may be too wide.
    Grant {
        parent: usize,
        limits: [u128; 4],
        depth: u8,
        mistaken: bool,
    },
    Pay {
        under: usize,
        units: u128,
        hold_seconds: Option<u32>,
    },
    Settle {
        pick: usize,
        units: u128,
    },
    Release {
        pick: usize,
    },
    Open {
        under: usize,
        deposit: u128,
    },
    Buy {
        pick: usize,
        units: u128,
    },
    TopUp {
        pick: usize,
        added: u128,
    },
    Close {
        pick: usize,
    },
    Pause {
        which: usize,
        above: usize,
        paused: bool,
    },
    Revoke {
        which: usize,
        above: usize,
    },
    Wait {
        ms: u64,
    },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let pick = || 0..24_usize;
    let limit = || prop_oneof![3 => 20..300_u128, 1 => Just(u128::MAX)];
    prop_oneof![
        8 => (pick(), [limit(), limit(), limit(), limit()], 0..8_u8, prop::bool::weighted(0.2))
            .prop_map(|(parent, limits, depth, mistaken)| {
                Step::Grant { parent, limits, depth, mistaken }
            }),
        16 => (pick(), 1..60_u128, prop::option::of(1..90_u32)).prop_map(
            |(under, units, hold_seconds)| Step::Pay { under, units, hold_seconds }
        ),
        5 => (pick(), 0..60_u128).prop_map(|(pick, units)| Step::Settle { pick, units }),
        3 => pick().prop_map(|pick| Step::Release { pick }),
        4 => (pick(), 1..60_u128).prop_map(|(under, deposit)| Step::Open { under, deposit }),
        4 => (pick(), 1..30_u128).prop_map(|(pick, units)| Step::Buy { pick, units }),
        3 => (pick(), 1..40_u128).prop_map(|(pick, added)| Step::TopUp { pick, added }),
        2 => pick().prop_map(|pick| Step::Close { pick }),
        2 => (pick(), 0..6_usize, any::<bool>())
            .prop_map(|(which, above, paused)| Step::Pause { which, above, paused }),
        1 => (pick(), 0..6_usize).prop_map(|(which, above)| Step::Revoke { which, above }),
        5 => prop_oneof![
            0..40_000_u64,
            Just(HOUR_MS),
            Just(8 * HOUR_MS),
            Just(DAY_MS),
            Just(17 * DAY_MS),
        ]
        .prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Restart),
    ]
}

/// Days since 1970, and months since then by a table of lengths: another way than the engine's.
fn calendar(now_ms: u64) -> (u64, u64) {
    let day = now_ms / DAY_MS;
    let (mut left, mut month) = (day, 0);
    loop {
        let year = 1970 + month / 12;
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let february = if leap { 29 } else { 28 };
        let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let length = lengths[usize::try_from(month % 12).unwrap()];
        if left < length {
            return (day, month);
        }
        left -= length;
        month += 1;
    }
}

/// Something that spends: a payment or a channel, under the node of this index of the tree.
struct Spender {
    under: usize,
    day: u64,
    month: u64,
    /// Added later to a channel: units, day, month.
    added: Vec<(u128, u64, u64)>,
    kind: Kind,
}

enum Kind {
    Payment(PaymentId, ClaimToken),
    Channel(Box<Channel>, u64, u128),
}

#[derive(Default)]
struct Naive {
    links: Vec<Link>,
    parents: Vec<Option<usize>>,
    revoked: Vec<bool>,
    /// Which granters, by their distance, have paused a node.
    paused: Vec<[bool; 6]>,
    spenders: Vec<Spender>,
    counter: u128,
}

impl Naive {
    fn chain(&self, of: usize) -> Vec<usize> {
        std::iter::successors(Some(of), |at| self.parents[*at]).collect()
    }

    fn add(&mut self, link: &Link, parent: Option<usize>) {
        self.links.push(*link);
        self.parents.push(parent);
        self.revoked.push(false);
        self.paused.push([false; 6]);
    }

    /// What a spender counts for, as (units, day, month).
    async fn counts(world: &World, spender: &Spender) -> Vec<(u128, u64, u64)> {
        let opened = |units| (units, spender.day, spender.month);
        match &spender.kind {
            Kind::Payment(payment, _) => {
                let view = world.payment(*payment).await.unwrap();
                vec![opened(match view.state {
                    PaymentState::Held => view.authorized.units(),
                    PaymentState::Settled => view.settled.units(),
                    PaymentState::Released => 0,
                })]
            }
            Kind::Channel(channel, _, deposit) => {
                let view = channel.seen(world).await;
                let added: u128 = spender.added.iter().map(|(units, ..)| units).sum();
                if view.state == ChannelPhase::Closed {
                    // What was spent counts; on its days as little as the rule gives back.
                    return vec![opened(view.settled)];
                }
                let mut counts = vec![opened(deposit - added)];
                counts.extend(&spender.added);
                counts
            }
        }
    }

    /// Spent under a node and all below it: in this day, this month, and in all. Channels that are
    /// closed may have more left in day and month than they spent, so those are bounds from below.
    async fn sums(&self, world: &World, node: usize) -> [u128; 3] {
        let (day, month) = calendar(now_ms(world));
        let mut sums = [0; 3];
        for spender in &self.spenders {
            if !self.chain(spender.under).contains(&node) {
                continue;
            }
            for (units, on, in_month) in Self::counts(world, spender).await {
                sums[0] += if on == day { units } else { 0 };
                sums[1] += if in_month == month { units } else { 0 };
                sums[2] += units;
            }
        }
        sums
    }

    /// The refusal that the rules name for so much more; `None` if all allow it.
    async fn expected(&self, world: &World, under: usize, units: u128) -> Option<AuthorizeError> {
        use AuthorizeError as E;
        let chain = self.chain(under);
        if chain.iter().any(|node| self.revoked[*node]) {
            return Some(E::MandateRevoked);
        }
        if chain.iter().any(|node| self.paused[*node].contains(&true)) {
            return Some(E::MandatePaused);
        }
        if units > self.links[under].terms.limits.per_payment {
            return Some(E::MandatePerPayment);
        }
        for (window, error) in
            [E::MandatePerDay, E::MandatePerMonth, E::MandateExceeded].into_iter().enumerate()
        {
            for node in &chain {
                let Limits { per_day, per_month, total, .. } = self.links[*node].terms.limits;
                let limit = [per_day, per_month, total][window];
                if self.told(world, *node).await[window] + units > limit {
                    return Some(error);
                }
            }
        }
        None
    }

    /// What the engine tells of a node, after it was compared with the naive sums.
    async fn told(&self, world: &World, node: usize) -> [u128; 3] {
        let view = world.mandate(&self.links[node]).await.unwrap();
        let told = [view.spent_today, view.spent_this_month, view.spent].map(Amount::units);
        let naive = self.sums(world, node).await;
        let has_channels = self.spenders.iter().any(|it| matches!(it.kind, Kind::Channel(..)));
        assert_eq!(told[2], naive[2], "in all");
        for window in 0..2 {
            let equal = told[window] == naive[window];
            assert!(equal || (has_channels && told[window] > naive[window]), "{window}");
        }
        told
    }

    async fn check(&self, world: &World) {
        for (node, link) in self.links.iter().enumerate() {
            let Limits { per_day, per_month, total, .. } = link.terms.limits;
            let told = self.told(world, node).await;
            let left = [per_day - told[0], per_month - told[1], total - told[2]];
            let view = world.mandate(link).await.unwrap();
            assert!(left.iter().all(|left| view.remaining.units() <= *left));
        }
    }
}

fn now_ms(world: &World) -> u64 {
    engine::Clock::now_ns(&world.clock) / 1_000_000
}

impl Naive {
    async fn take(&mut self, world: &mut World, step: Step) {
        match step {
            Step::Grant { parent, limits, depth, mistaken } => {
                let parent = parent % self.links.len();
                let above = self.links[parent].terms.limits;
                let most = [above.per_payment, above.per_day, above.per_month, above.total];
                let narrow = std::array::from_fn(|at| limits[at].min(most[at]));
                let (limits, depth) = if mistaken {
                    (limits, depth)
                } else {
                    (narrow, above.depth.saturating_sub(1))
                };
                self.grant(world, parent, limits, depth).await;
            }
            Step::Pay { under, units, hold_seconds } => {
                self.pay(world, under, units, hold_seconds).await;
            }
            Step::Settle { .. } | Step::Release { .. } => self.finish(world, step).await,
            Step::Open { under, deposit } => self.open(world, under, deposit).await,
            Step::Buy { .. } | Step::TopUp { .. } | Step::Close { .. } => {
                self.use_channel(world, step).await;
            }
            Step::Pause { which, above, paused } => {
                let which = which % self.links.len();
                let chain = self.chain(which);
                let above = above % chain.len();
                self.counter += 1;
                let sequence = u64::try_from(self.counter).unwrap();
                let by = self.links[chain[above]].granter;
                let result = world.pause(&self.links[which], by, sequence, paused).await;
                assert_eq!(result.is_err(), self.revoked[which]);
                self.paused[which][above] =
                    paused && result.is_ok() || self.paused[which][above] && result.is_err();
            }
            Step::Revoke { which, above } => {
                let which = which % self.links.len();
                let chain = self.chain(which);
                let by = self.links[chain[above % chain.len()]].granter;
                world.end(&self.links[which], by).await.unwrap();
                self.revoked[which] = true;
            }
            Step::Wait { ms } => world.clock.advance_ms(ms),
            Step::Restart => drop(world.restart().await),
        }
    }

    async fn grant(&mut self, world: &World, parent: usize, limits: [u128; 4], depth: u8) {
        let [per_payment, per_day, per_month, total] = limits;
        let limits = Limits { per_payment, per_day, per_month, total, depth, ..wide() };
        let number = u8::try_from(self.links.len()).unwrap();
        let above = self.links[parent].terms.limits;
        let link = self.links[parent].child(number, 150 + number % 100, limits);
        let revoked = self.chain(parent).iter().any(|node| self.revoked[*node]);
        let expected = if per_payment > above.per_payment {
            Err(GrantError::WiderPerPayment)
        } else if per_day > above.per_day {
            Err(GrantError::WiderPerDay)
        } else if per_month > above.per_month {
            Err(GrantError::WiderPerMonth)
        } else if total > above.total {
            Err(GrantError::WiderTotal)
        } else if depth >= above.depth {
            Err(GrantError::WiderDepth)
        } else if revoked {
            Err(GrantError::ParentRevoked)
        } else {
            Ok(())
        };
        // The whole chain, as a holder would present it.
        let mut chain: Vec<Link> =
            self.chain(parent).iter().rev().map(|node| self.links[*node]).collect();
        chain.push(link);
        assert_eq!(world.chain(&chain).await, expected);
        if expected.is_ok() {
            self.add(&link, Some(parent));
        }
    }

    async fn pay(&mut self, world: &World, under: usize, units: u128, seconds: Option<u32>) {
        let under = under % self.links.len();
        let expected = self.expected(world, under, units).await;
        self.counter += 1;
        let mode = seconds.map_or(Mode::Charge, |seconds| Mode::Hold { seconds });
        let mut buy = self.links[under].buy(self.counter, units).mode(mode);
        buy.order.expires_at_ms = now_ms(world) + 60_000;
        let kind = match world.engine.authorize(buy.command()).await {
            Ok(Authorized::Proceed { payment, claim }) => Kind::Payment(payment, claim),
            Ok(Authorized::Charged(view)) => Kind::Payment(view.payment, ClaimToken(0)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => return assert_eq!(Some(error), expected),
        };
        assert_eq!(expected, None);
        self.spend(world, under, kind);
    }

    fn spend(&mut self, world: &World, under: usize, kind: Kind) {
        let (day, month) = calendar(now_ms(world));
        self.spenders.push(Spender { under, day, month, added: Vec::new(), kind });
    }

    async fn finish(&mut self, world: &World, step: Step) {
        let payments: Vec<_> = (self.spenders.iter())
            .filter_map(|it| match it.kind {
                Kind::Payment(payment, claim) => Some((payment, claim)),
                Kind::Channel(..) => None,
            })
            .collect();
        // Refused if it is over, or more was asked for than is held.
        match step {
            Step::Settle { pick, units } if !payments.is_empty() => {
                let (payment, _) = payments[pick % payments.len()];
                let _ = world.engine.settle(payment, Some(units), None, false).await;
            }
            Step::Release { pick } if !payments.is_empty() => {
                let (payment, claim) = payments[pick % payments.len()];
                let _ = world.engine.release(payment, claim, None).await;
            }
            _ => {}
        }
    }

    async fn open(&mut self, world: &World, under: usize, deposit: u128) {
        let under = under % self.links.len();
        let expected = self.expected(world, under, deposit).await;
        let link = self.links[under];
        let salt = u8::try_from(self.spenders.len()).unwrap();
        let mut channel = Channel::new(salt).deposit(deposit);
        channel.signer = link.delegate;
        channel.terms.signer = link.terms.delegate;
        channel.terms.payer = link.terms.payer;
        channel.terms.mandate = Some(link.id());
        channel.terms.expires_at_ms = now_ms(world) + 300 * DAY_MS;
        let opened = world.engine.open_channel(channel.command()).await;
        assert_eq!(opened.is_ok(), expected.is_none(), "{opened:?} {expected:?}");
        if opened.is_ok() {
            self.spend(world, under, Kind::Channel(Box::new(channel), 0, deposit));
        }
    }

    async fn use_channel(&mut self, world: &World, step: Step) {
        let (day, month) = calendar(now_ms(world));
        let channels: Vec<usize> = (0..self.spenders.len())
            .filter(|at| matches!(self.spenders[*at].kind, Kind::Channel(..)))
            .collect();
        let (Step::Buy { pick, .. } | Step::TopUp { pick, .. } | Step::Close { pick }) = step
        else {
            return;
        };
        if channels.is_empty() {
            return;
        }
        let spender = &mut self.spenders[channels[pick % channels.len()]];
        let Kind::Channel(channel, sequence, deposit) = &mut spender.kind else { return };
        let view = channel.seen(world).await;
        match step {
            Step::Buy { units, .. } => {
                *sequence += 1;
                let proof = channel.voucher(*sequence, view.spent + units);
                // Refused if it is closed, empty, paused or revoked.
                let Ok(begun) = world.engine.present(channel.present(proof, units)).await else {
                    return;
                };
                let engine::Begun::Proceed { lease, .. } = begun else { panic!("{begun:?}") };
                let spend = channel.last_spend(lease, view.spent + units, None);
                world.engine.spend(spend).await.unwrap();
            }
            Step::TopUp { added, .. } => {
                if world.engine.top_up(channel.top_up(*deposit + added)).await.is_ok() {
                    *deposit += added;
                    spender.added.push((added, day, month));
                }
            }
            _ => drop(channel.close_by_payee(world).await),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_tree_spends_more_than_any_ancestor_allows(
        steps in prop::collection::vec(step(), 1..90),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            let mut naive = Naive::default();
            for (salt, owner) in [(0, 1), (1, 2)] {
                let limits = Limits { per_day: 150, per_month: 400, total: 900, depth: 4, ..wide() };
                let root = Link::root(salt, owner, limits);
                world.chain(&[root]).await.unwrap();
                naive.add(&root, None);
            }
            for step in steps {
                naive.take(&mut world, step).await;
                naive.check(&world).await;
            }
            world.assert_balanced().await;
            assert!(now_ms(&world) >= START_MS);
        });
    }
}
