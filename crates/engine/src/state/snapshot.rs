//! The state as bytes, for snapshots. A snapshot is a cache: it can be thrown away and rebuilt.

use money::{AccountId, MandateId, NodeId, PaymentId, TransferId};

use super::{GrantedMandate, Holder, OpenedAsset, Payment, State, books};
use crate::codec::{Decoder, Encoder, Malformed};
use crate::entry::AccountRole;
use crate::outcome::Outcomes;

/// Version of this layout; an older or newer one is rebuilt from the journal.
const VERSION: u32 = 2;

impl State {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        out.u32(VERSION);
        out.u128(self.node.get());
        out.u64(self.last_timestamp_ns);
        out.len(self.assets.len());
        for opened in self.assets.values() {
            out.asset(opened.asset);
            out.u8(u8::from(opened.sandbox));
        }
        out.len(self.holders.len());
        for (id, holder) in &self.holders {
            out.u128(id.get());
            out.u8(holder.role as u8);
            out.str(&holder.label);
        }
        out.len(self.payment_order.len());
        for id in &self.payment_order {
            if let Some(payment) = self.payments.get(id) {
                out.u128(id.get());
                payment.encode(&mut out);
            }
        }
        out.len(self.idempotency.len());
        for ((payer, key), (payment, fingerprint)) in &self.idempotency {
            out.u128(payer.get());
            out.raw(key);
            out.u128(payment.get());
            out.raw(fingerprint);
        }
        let granted = self.mandates_of.values().flatten().filter_map(|id| self.mandates.get(id));
        out.len(self.mandates.len());
        granted.for_each(|granted| granted.encode(&mut out));
        out.len(self.fund_references.len());
        for (id, reference) in &self.fund_references {
            out.u128(id.get());
            out.str(reference);
        }
        self.outcomes.encode(&mut out);
        books::encode(&self.ledger, &mut out);
        out.bytes
    }

    /// The node of a snapshot, if its layout is the one of this program.
    pub(crate) fn snapshot_node(bytes: &[u8]) -> Result<NodeId, Malformed> {
        Self::head(&mut Decoder::new(bytes))
    }

    fn head(from: &mut Decoder<'_>) -> Result<NodeId, Malformed> {
        if from.u32()? == VERSION {
            from.id(NodeId::new)
        } else {
            Err(Malformed("snapshot version"))
        }
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut from = Decoder::new(bytes);
        let mut state = Self::new(Self::head(&mut from)?);
        state.last_timestamp_ns = from.u64()?;
        for _ in 0..from.len()? {
            let opened = OpenedAsset { asset: from.asset()?, sandbox: from.flag()? };
            state.assets.insert(opened.asset.code, opened);
        }
        for _ in 0..from.len()? {
            let id = from.id(AccountId::new)?;
            let role = AccountRole::decode(&mut from)?;
            state.holders.insert(id, Holder { role, label: from.str()?.to_owned() });
        }
        for position in 0..from.len()? {
            let id = from.id(PaymentId::new)?;
            let payment = Payment::decode(&mut from)?;
            state.payments_of.entry(payment.payer).or_default().push(position);
            state.payment_order.push(id);
            state.payments.insert(id, payment);
        }
        for _ in 0..from.len()? {
            let key = (from.id(AccountId::new)?, from.array()?);
            state.idempotency.insert(key, (from.id(PaymentId::new)?, from.array()?));
        }
        for _ in 0..from.len()? {
            let granted = GrantedMandate::decode(&mut from)?;
            let (id, payer): (MandateId, AccountId) = (granted.terms().id, granted.terms().payer);
            state.mandates_of.entry(payer).or_default().push(id);
            if state.mandates.insert(id, granted).is_some() {
                return Err(Malformed("a mandate stands twice"));
            }
        }
        for _ in 0..from.len()? {
            let id = from.id(TransferId::new)?;
            state.fund_references.insert(id, from.str()?.to_owned());
        }
        state.outcomes = Outcomes::decode(&mut from)?;
        state.ledger = books::decode(&mut from)?;
        from.finish()?;
        Ok(state)
    }
}
