//! The state as bytes, for snapshots. A snapshot is a cache: it can be thrown away and rebuilt.
//!
//! It has two parts that are taken at the same batch: what is encoded here, and the resident part of
//! the ledger, which the ledger encodes while the writer goes on. Between them stand the manifests
//! of the two indexes, which name the files that hold the past. Invariant: equal states have equal
//! bytes, manifests aside.
//!
//! Layout, numbers little-endian: version (4), node (16), timestamp of the last entry (8), assets,
//! count of payments (8), held payments, mandates, outcomes, open channels by id, the log's key and
//! epoch records, whether events have begun (1), tags of held payments and of open channels, documents,
//! counters; then, each behind its length (8), the manifest of the ledger's changes and that of the
//! records; the rest is the ledger's.

use index::Manifest;
use ledger::{Ledger, Resident};
use money::{ChannelId, NodeId, PaymentId};

use super::log::LogBook;
use super::{Channel, Mandates, OpenedAsset, Payment, State, seed};
use crate::codec::{Decoder, Encoder, Malformed};
use crate::counter::Counters;
use crate::document::Documents;
use crate::entry::decode_list;
use crate::outcome::Outcomes;
use crate::past::{Changes, Rows};
use crate::tags::Tags;

/// Version of this layout; a newer one, or one before [`WITHOUT_CHANNELS`], is rebuilt from the
/// journal.
const VERSION: u32 = 7;

/// The layout before, which ends the head behind the documents.
const WITHOUT_COUNTERS: u32 = 6;

/// The layout before that, which ends the head behind the log.
const WITHOUT_REGISTRY: u32 = 5;

/// The layout before that, which knows mandates of version 1 only, and no pauses.
const WITHOUT_TREES: u32 = 4;

/// And before that, which ends the head behind the channels.
const WITHOUT_LOG: u32 = 3;

/// The oldest layout, which ends the head behind the outcomes.
const WITHOUT_CHANNELS: u32 = 2;

/// The two indexes as they were at a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifests {
    pub changes: Manifest,
    pub records: Manifest,
}

/// A snapshot taken apart; nothing on disk has been looked at yet.
pub(crate) struct Stored<'a> {
    /// The part that is encoded here.
    pub head: &'a [u8],
    pub manifests: Manifests,
    /// The ledger's part.
    pub resident: &'a [u8],
}

impl Manifests {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for manifest in [&self.changes, &self.records] {
            let mut bytes = Vec::new();
            manifest.encode(&mut bytes);
            out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            out.extend_from_slice(&bytes);
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, Malformed> {
        let mut manifest = || {
            let length = usize::try_from(from.u64()?).map_err(|_| Malformed("manifest length"))?;
            Manifest::decode(from.slice(length)?).map_err(|_| Malformed("manifest"))
        };
        Ok(Self { changes: manifest()?, records: manifest()? })
    }
}

impl State {
    /// Everything but the ledger and the manifests.
    pub(crate) fn head_bytes(&self) -> Vec<u8> {
        // The newest layout can tell of every state.
        self.head_bytes_in(VERSION).unwrap_or_default()
    }

    /// As [`State::head_bytes`], in the layout that a stored head has, so that they can be compared;
    /// `None` if that layout cannot tell of this state.
    pub(crate) fn head_bytes_as(&self, stored: &[u8]) -> Option<Vec<u8>> {
        let version = Decoder::new(stored).u32().ok()?;
        (WITHOUT_CHANNELS..=VERSION).contains(&version).then(|| self.head_bytes_in(version))?
    }

    fn head_bytes_in(&self, version: u32) -> Option<Vec<u8>> {
        let mut out = self.head_before_mandates(version);
        if version > WITHOUT_TREES {
            self.mandates.encode(&mut out);
        } else if !self.mandates.encode_as_before_trees(&mut out) {
            return None;
        }
        self.outcomes.encode(&mut out);
        if version > WITHOUT_CHANNELS {
            out.len(self.channels.len());
            self.channels.iter().for_each(|channel| channel.encode(&mut out));
        } else if self.channels.len() > 0 {
            return None;
        }
        if version > WITHOUT_LOG {
            self.log.encode(&mut out);
        } else if self.log != LogBook::default() {
            return None;
        }
        if version > WITHOUT_REGISTRY {
            self.encode_registry(&mut out);
        } else if self.has_events {
            return None;
        }
        if version > WITHOUT_COUNTERS {
            self.counters.encode(&mut out);
        } else if !self.counters.is_empty() {
            return None;
        }
        Some(out.bytes)
    }

    fn encode_registry(&self, out: &mut Encoder) {
        out.u8(u8::from(self.has_events));
        let held = self.held.iter().map(|(id, payment)| (id.get(), payment.tags));
        encode_tags(out, held);
        let open = self.channels.iter().map(|channel| (channel.id().get(), channel.opened.tags));
        encode_tags(out, open);
        self.documents.encode(out);
    }

    fn head_before_mandates(&self, version: u32) -> Encoder {
        let mut out = Encoder::default();
        out.u32(version);
        out.u128(self.node.get());
        out.u64(self.last_timestamp_ns);
        out.len(self.assets.len());
        for opened in self.assets.values() {
            out.asset(opened.asset);
            out.u8(u8::from(opened.sandbox));
        }
        out.u64(self.payment_count);
        out.len(self.held.len());
        for (id, payment) in &self.held {
            out.u128(id.get());
            payment.encode(&mut out);
        }
        out
    }

    /// The ledger's part, to be encoded later.
    pub(crate) fn resident(&self) -> Resident {
        self.ledger.snapshot()
    }

    /// The node of a snapshot, if this program knows its layout.
    pub(crate) fn snapshot_node(bytes: &[u8]) -> Result<NodeId, Malformed> {
        Ok(Self::version_and_node(&mut Decoder::new(bytes))?.1)
    }

    fn version_and_node(from: &mut Decoder<'_>) -> Result<(u32, NodeId), Malformed> {
        match from.u32()? {
            version @ WITHOUT_CHANNELS..=VERSION => Ok((version, from.id(NodeId::new)?)),
            _ => Err(Malformed("snapshot version")),
        }
    }

    /// Takes a snapshot apart and decodes everything but the ledger, over a past that is not there.
    fn decode_head(bytes: &[u8]) -> Result<(Self, Stored<'_>), Malformed> {
        let from = &mut Decoder::new(bytes);
        let (version, node) = Self::version_and_node(from)?;
        let mut state = Self::counted(node);
        state.last_timestamp_ns = from.u64()?;
        for _ in 0..from.len()? {
            let opened = OpenedAsset { asset: from.asset()?, sandbox: from.flag()? };
            state.assets.insert(opened.asset.code, opened);
        }
        state.payment_count = from.u64()?;
        for _ in 0..from.len()? {
            let id = from.id(PaymentId::new)?;
            let payment = Payment::decode(from)?;
            state.reserved.add(id, payment.legs.len());
            state.held.insert(id, payment);
        }
        state.mandates = Mandates::decode(from, version > WITHOUT_TREES)?;
        state.outcomes = Outcomes::decode(from)?;
        if version > WITHOUT_CHANNELS {
            state.decode_channels(from)?;
        }
        if version > WITHOUT_LOG {
            state.log = LogBook::decode(from)?;
        }
        if version > WITHOUT_REGISTRY {
            state.decode_registry(from)?;
        }
        if version > WITHOUT_COUNTERS {
            state.counters = Counters::decode(from, |id| state.held.contains_key(&id))?;
        }
        let head = &bytes[..bytes.len() - from.left()];
        let manifests = Manifests::decode(from)?;
        let resident = from.slice(from.left())?;
        Ok((state, Stored { head, manifests, resident }))
    }

    fn decode_channels(&mut self, from: &mut Decoder<'_>) -> Result<(), Malformed> {
        for _ in 0..from.len()? {
            let channel = Channel::decode(from)?;
            if self.channels.get(channel.id()).is_some() {
                return Err(Malformed("a channel stands twice"));
            }
            let opened = &channel.opened;
            self.reserved.add_channel(opened.id, channel.hold, opened.leg_count());
            self.channels.insert(channel);
        }
        Ok(())
    }

    fn decode_registry(&mut self, from: &mut Decoder<'_>) -> Result<(), Malformed> {
        self.has_events = from.flag()?;
        for (id, tags) in decode_tags(from)? {
            let held = PaymentId::new(id).ok().and_then(|id| self.held.get_mut(&id));
            held.ok_or(Malformed("tags of a payment that is not held"))?.tags = tags;
        }
        for (id, tags) in decode_tags(from)? {
            let id = ChannelId::new(id).ok().filter(|id| self.channels.get(*id).is_some());
            let id = id.ok_or(Malformed("tags of a channel that is not open"))?;
            self.channels.update(id, |channel| channel.opened.tags = tags);
        }
        self.documents = Documents::decode(from)?;
        Ok(())
    }

    /// The parts of a snapshot.
    pub(crate) fn stored(bytes: &[u8]) -> Result<Stored<'_>, Malformed> {
        Ok(Self::decode_head(bytes)?.1)
    }

    /// The state of a snapshot over a past that `open` provides for the manifests.
    pub(crate) fn restore<E: From<Malformed>>(
        bytes: &[u8],
        open: impl FnOnce(&Manifests) -> Result<[Rows; 2], E>,
    ) -> Result<Self, E> {
        let (mut state, stored) = Self::decode_head(bytes)?;
        let [changes, records] = open(&stored.manifests)?;
        let ledger = Ledger::restore(stored.resident, Changes(changes), seed());
        state.ledger = ledger.map_err(|_| Malformed("ledger"))?;
        if state.log.epochs.last().is_some_and(|last| last.rows_before > state.ledger.len()) {
            return Err(Malformed("an epoch record behind rows that are not there").into());
        }
        state.records.0 = records;
        Ok(state)
    }
}

/// Of those that have some.
fn encode_tags(out: &mut Encoder, all: impl Iterator<Item = (u128, Tags)>) {
    let tagged: Vec<_> = all.filter(|(_, tags)| !tags.is_empty()).collect();
    out.len(tagged.len());
    for (id, tags) in tagged {
        out.u128(id);
        tags.encode(out);
    }
}

fn decode_tags(from: &mut Decoder<'_>) -> Result<Vec<(u128, Tags)>, Malformed> {
    decode_list(from, |from| Ok((from.u128()?, Tags::decode_some(from)?)))
}

#[cfg(test)]
mod tests {
    use money::Asset;

    use super::*;
    use crate::counter::Counter;
    use crate::document::DocumentKind;
    use crate::entry::{CountedBy, Entry, Stamped};
    use crate::fuzzing;

    /// The snapshot of a new node after these entries and a few usual ones.
    fn snapshot(further: Vec<Entry>) -> Vec<u8> {
        let put = Entry::DocumentPut {
            kind: DocumentKind::Offer,
            id: "off_1".to_owned(),
            revision: 1,
            body: Some(b"{}".to_vec()),
        };
        let opened = Entry::AssetOpened { asset: Asset::new("USD", 9).unwrap(), sandbox: true };
        let mut batch = Encoder::default();
        let entries = [Entry::EventsBegun, opened, put].into_iter().chain(further);
        for (number, entry) in (1..).zip(entries) {
            Stamped { timestamp_ns: number * 10_000, entry }.encode(&mut batch);
        }
        fuzzing::fold(NodeId::new(5).unwrap(), &batch.bytes).unwrap().unwrap()
    }

    /// The same snapshot as the program before wrote it, if it could.
    fn as_before(bytes: &[u8]) -> Option<Vec<u8>> {
        let (state, stored) = State::decode_head(bytes).unwrap();
        let mut before = state.head_bytes_in(WITHOUT_COUNTERS)?;
        stored.manifests.encode(&mut before);
        before.extend(stored.resident);
        Some(before)
    }

    #[test]
    fn a_snapshot_from_before_there_were_counters_is_read() {
        let now = snapshot(Vec::new());
        let before = as_before(&now).unwrap();
        assert_ne!(before, now);
        let (state, stored) = State::decode_head(&before).unwrap();
        assert_eq!(state.documents.count(DocumentKind::Offer), 1);
        assert_eq!(state.head_bytes(), State::stored(&now).unwrap().head);
        assert_eq!(state.head_bytes_as(stored.head).as_deref(), Some(stored.head));
    }

    #[test]
    fn counters_are_in_the_newest_layout_alone() {
        let counter = Counter { id: [7; 16], max: 3, ends_at_ms: u64::MAX };
        let by = CountedBy::Use([1; 16]);
        let now = snapshot(vec![Entry::Counted { by, counters: vec![counter] }]);
        assert_eq!(as_before(&now), None);
        let (state, _) = State::decode_head(&now).unwrap();
        assert_eq!(state.counter_uses([7; 16]), 1);
    }
}
