//! The naive ledger: a list of what happened. Balances are counted from the list each time, a chain
//! works on a copy. Written without a look at the real one's structure, and slow on purpose.

use ledger::{Account, Kind, Limit, Transfer};
use money::{AccountId, Asset, TransferId};

#[derive(Clone, Default)]
pub struct Model {
    pub accounts: Vec<Account>,
    pub transfers: Vec<Past>,
    pub failed: Vec<TransferId>,
}

#[derive(Clone)]
pub struct Past {
    pub event: Transfer,
    pub timestamp_ns: u64,
    /// For a pending transfer: `pending`, `posted`, `voided` or `expired`.
    pub outcome: &'static str,
}

/// Debits pending, debits posted, credits pending, credits posted.
pub type Balances = [u128; 4];

impl Model {
    pub fn balances(&self, id: AccountId) -> Balances {
        let mut balances = [0; 4];
        for past in &self.transfers {
            let column = match (past.event.kind, past.outcome) {
                (Kind::Single | Kind::Post { .. }, _) => 1,
                (Kind::Pending { .. }, "pending") => 0,
                _ => continue,
            };
            if past.event.debit_account == id {
                balances[column] += past.event.amount;
            }
            if past.event.credit_account == id {
                balances[column + 2] += past.event.amount;
            }
        }
        balances
    }

    pub fn expires_at_ns(past: &Past) -> Option<u64> {
        match past.event.kind {
            Kind::Pending { timeout_seconds } if timeout_seconds > 0 => {
                Some(past.timestamp_ns + u64::from(timeout_seconds) * 1_000_000_000)
            }
            _ => None,
        }
    }

    pub fn expire(&mut self, now_ns: u64, limit: usize) -> Vec<TransferId> {
        let mut due: Vec<(u64, u64, TransferId)> = Vec::new();
        for past in &self.transfers {
            if let Some(end_ns) = Self::expires_at_ns(past)
                && past.outcome == "pending"
                && end_ns <= now_ns
            {
                due.push((end_ns, past.timestamp_ns, past.event.id));
            }
        }
        due.sort_unstable();
        due.truncate(limit);
        for (_, _, id) in &due {
            self.past_mut(*id).unwrap().outcome = "expired";
        }
        due.into_iter().map(|(_, _, id)| id).collect()
    }

    pub fn create_accounts(&mut self, events: &[Account]) -> Vec<&'static str> {
        self.batch(events, |event| event.linked, |model, event, _| model.create_account(event))
    }

    pub fn create_transfers(&mut self, events: &[Transfer], last_ns: u64) -> Vec<&'static str> {
        let count = u64::try_from(events.len()).unwrap();
        self.batch(
            events,
            |event| event.linked,
            |model, event, index| {
                model.create_transfer(event, last_ns - count + u64::try_from(index).unwrap() + 1)
            },
        )
    }

    fn batch<E>(
        &mut self,
        events: &[E],
        linked: impl Fn(&E) -> bool,
        create: impl Fn(&mut Self, &E, usize) -> &'static str,
    ) -> Vec<&'static str> {
        let mut statuses = vec![""; events.len()];
        let mut start = 0;
        while start < events.len() {
            let mut end = start;
            while end + 1 < events.len() && linked(&events[end]) {
                end += 1;
            }
            let open = linked(&events[end]);
            let mut copy = self.clone();
            let mut breaker = None;
            for (index, event) in events.iter().enumerate().take(end + 1).skip(start) {
                let status = if open && index == end {
                    "linked_event_chain_open"
                } else {
                    create(&mut copy, event, index)
                };
                if status != "created" {
                    breaker = Some((index, status));
                    break;
                }
            }
            if let Some((breaker, status)) = breaker {
                statuses[start..=end].fill("linked_event_failed");
                statuses[breaker] = status;
                if open {
                    statuses[end] = "linked_event_chain_open";
                }
                self.failed = copy.failed;
            } else {
                statuses[start..=end].fill("created");
                *self = copy;
            }
            start = end + 1;
        }
        statuses
    }

    fn create_account(&mut self, event: &Account) -> &'static str {
        for old in &self.accounts {
            if old.id == event.id {
                return match () {
                    () if (old.limit, old.linked) != (event.limit, event.linked) => {
                        "exists_with_different_flags"
                    }
                    () if old.user_data != event.user_data => "exists_with_different_user_data",
                    () if old.asset != event.asset => "exists_with_different_asset",
                    () if old.code != event.code => "exists_with_different_code",
                    () => "exists",
                };
            }
        }
        if event.code == 0 {
            return "code_must_not_be_zero";
        }
        self.accounts.push(*event);
        "created"
    }

    fn create_transfer(&mut self, event: &Transfer, timestamp_ns: u64) -> &'static str {
        if let Some(old) = self.past(event.id) {
            return self.exists(event, &old);
        }
        if self.failed.contains(&event.id) {
            return "id_already_failed";
        }
        let status = match event.kind {
            Kind::Single | Kind::Pending { .. } => self.refuse_movement(event, timestamp_ns),
            Kind::Post { pending_id } | Kind::Void { pending_id } => {
                self.refuse_resolution(event, pending_id, timestamp_ns)
            }
        };
        if let Some(status) = status {
            let transient = ["exceeds_credits", "exceeds_debits"].contains(&status)
                || status.ends_with("_not_found");
            if transient {
                self.failed.push(event.id);
            }
            return status;
        }
        let mut event = *event;
        let mut outcome = "none";
        match event.kind {
            Kind::Single => {}
            Kind::Pending { .. } => outcome = "pending",
            Kind::Post { pending_id } => {
                event = self.filled(&event);
                self.past_mut(pending_id).unwrap().outcome = "posted";
            }
            Kind::Void { pending_id } => {
                event = self.filled(&event);
                self.past_mut(pending_id).unwrap().outcome = "voided";
            }
        }
        self.transfers.push(Past { event, timestamp_ns, outcome });
        "created"
    }

    fn exists(&self, event: &Transfer, old: &Past) -> &'static str {
        let name = |kind| match kind {
            Kind::Single => "single",
            Kind::Pending { .. } => "pending",
            Kind::Post { .. } => "post",
            Kind::Void { .. } => "void",
        };
        let old = old.event;
        if name(event.kind) != name(old.kind) || event.linked != old.linked {
            return "exists_with_different_flags";
        }
        if event.kind != old.kind {
            return match event.kind {
                Kind::Pending { .. } => "exists_with_different_timeout",
                _ => "exists_with_different_pending_id",
            };
        }
        let event = self.filled(event);
        for (same, status) in [
            (event.debit_account == old.debit_account, "exists_with_different_debit_account_id"),
            (event.credit_account == old.credit_account, "exists_with_different_credit_account_id"),
            (event.amount == old.amount, "exists_with_different_amount"),
            (event.user_data == old.user_data, "exists_with_different_user_data"),
            (event.asset == old.asset, "exists_with_different_asset"),
            (event.code == old.code, "exists_with_different_code"),
        ] {
            if !same {
                return status;
            }
        }
        "exists"
    }

    /// A post or void with amount and user data as they will be remembered.
    fn filled(&self, event: &Transfer) -> Transfer {
        let mut event = *event;
        let hold = match event.kind {
            Kind::Post { pending_id } | Kind::Void { pending_id } => {
                self.past(pending_id).unwrap().event
            }
            _ => return event,
        };
        if matches!(event.kind, Kind::Post { .. }) && event.amount == u128::MAX {
            event.amount = hold.amount;
        }
        if matches!(event.kind, Kind::Void { .. }) && event.amount == 0 {
            event.amount = hold.amount;
        }
        if event.user_data == 0 {
            event.user_data = hold.user_data;
        }
        event
    }

    fn refuse_movement(&self, event: &Transfer, timestamp_ns: u64) -> Option<&'static str> {
        if event.debit_account == event.credit_account {
            return Some("accounts_must_be_different");
        }
        if event.code == 0 {
            return Some("code_must_not_be_zero");
        }
        let account = |id| self.accounts.iter().find(|account| account.id == id);
        let Some(debit) = account(event.debit_account) else {
            return Some("debit_account_not_found");
        };
        let Some(credit) = account(event.credit_account) else {
            return Some("credit_account_not_found");
        };
        if debit.asset != credit.asset {
            return Some("accounts_must_have_the_same_asset");
        }
        if event.asset != debit.asset {
            return Some("transfer_must_have_the_same_asset_as_accounts");
        }
        let [debits_pending, debits_posted, _, _] = self.balances(debit.id);
        let [_, _, credits_pending, credits_posted] = self.balances(credit.id);
        let over = |columns: &[u128]| {
            let mut room = u128::MAX - event.amount;
            columns.iter().any(|&column| {
                let too_much = column > room;
                room = room.saturating_sub(column);
                too_much
            })
        };
        let pending = matches!(event.kind, Kind::Pending { .. });
        let [all_pending, all_posted] = self.sums(event.asset);
        for (bad, status) in [
            (pending && over(&[debits_pending]), "overflows_debits_pending"),
            (pending && over(&[credits_pending]), "overflows_credits_pending"),
            (over(&[debits_posted]), "overflows_debits_posted"),
            (over(&[credits_posted]), "overflows_credits_posted"),
            (over(&[debits_pending, debits_posted]), "overflows_debits"),
            (over(&[credits_pending, credits_posted]), "overflows_credits"),
            (over(&[all_pending, all_posted]), "overflows_asset_totals"),
        ] {
            if bad {
                return Some(status);
            }
        }
        self.refuse_beyond_limits(event, [debit, credit], timestamp_ns)
    }

    fn refuse_beyond_limits(
        &self,
        event: &Transfer,
        [debit, credit]: [&Account; 2],
        timestamp_ns: u64,
    ) -> Option<&'static str> {
        let [debits_pending, debits_posted, _, debit_income] = self.balances(debit.id);
        let [_, credit_outgo, credits_pending, credits_posted] = self.balances(credit.id);
        if let Kind::Pending { timeout_seconds } = event.kind {
            let end_ns = u128::from(timestamp_ns) + u128::from(timeout_seconds) * 1_000_000_000;
            if end_ns > u128::from(u64::MAX) {
                return Some("overflows_timeout");
            }
        }
        if debit.limit == Limit::DebitsMustNotExceedCredits
            && debits_pending + debits_posted + event.amount > debit_income
        {
            return Some("exceeds_credits");
        }
        if credit.limit == Limit::CreditsMustNotExceedDebits
            && credits_pending + credits_posted + event.amount > credit_outgo
        {
            return Some("exceeds_debits");
        }
        None
    }

    fn refuse_resolution(
        &self,
        event: &Transfer,
        pending_id: TransferId,
        timestamp_ns: u64,
    ) -> Option<&'static str> {
        if event.id == pending_id {
            return Some("pending_id_must_be_different");
        }
        let Some(past) = self.past(pending_id) else {
            return Some("pending_transfer_not_found");
        };
        let hold = past.event;
        let amount = self.filled(event).amount;
        let void = matches!(event.kind, Kind::Void { .. });
        let due = Self::expires_at_ns(&past).is_some_and(|end_ns| end_ns <= timestamp_ns);
        let is = |outcome| past.outcome == outcome;
        [
            (is("none"), "pending_transfer_not_pending"),
            (
                event.debit_account != hold.debit_account,
                "pending_transfer_has_different_debit_account_id",
            ),
            (
                event.credit_account != hold.credit_account,
                "pending_transfer_has_different_credit_account_id",
            ),
            (event.asset != hold.asset, "pending_transfer_has_different_asset"),
            (event.code != hold.code, "pending_transfer_has_different_code"),
            (amount > hold.amount, "exceeds_pending_transfer_amount"),
            (void && amount != hold.amount, "pending_transfer_has_different_amount"),
            (is("posted"), "pending_transfer_already_posted"),
            (is("voided"), "pending_transfer_already_voided"),
            (is("expired") || due, "pending_transfer_expired"),
        ]
        .into_iter()
        .find_map(|(applies, status)| applies.then_some(status))
    }

    /// Pending and posted sums of one side of an asset.
    pub fn sums(&self, asset: Asset) -> [u128; 2] {
        let of_asset = self.accounts.iter().filter(|account| account.asset == asset);
        of_asset.fold([0, 0], |[pending, posted], account| {
            let balances = self.balances(account.id);
            [pending + balances[0], posted + balances[1]]
        })
    }

    pub fn past(&self, id: TransferId) -> Option<Past> {
        self.transfers.iter().find(|past| past.event.id == id).cloned()
    }

    fn past_mut(&mut self, id: TransferId) -> Option<&mut Past> {
        self.transfers.iter_mut().find(|past| past.event.id == id)
    }
}
