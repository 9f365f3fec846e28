//! Fuzz targets: one function for each decoder of foreign bytes.
//!
//! A target feeds the bytes to the decoder and asserts what must hold for whatever was accepted:
//! one value has one byte form, so writing it again gives the same bytes. It answers whether the
//! bytes were accepted. The same functions run under libFuzzer (`fuzz_targets/`) and, on the seeds
//! and seeded mutations of them, in an ordinary test (`tests/replay.rs`).

mod channels;
mod crawlers;
mod engines;
mod events;
pub mod evidences;
mod gateways;
mod guards;
mod http_payments;
mod indexes;
mod journals;
mod ledgers;
pub mod logs;
mod monies;
pub mod mutation;
mod statements;

pub use indexes::{OPTIONS as INDEX_OPTIONS, SCHEMA as INDEX_SCHEMA, packed as packed_index};
pub use journals::KEY as JOURNAL_KEY;

/// Feeds bytes to one decoder; true if it accepted them. Panics if an assertion fails.
pub type Target = fn(&[u8]) -> bool;

/// Every target under the name of its file in `fuzz_targets/` and its folder in `seeds/`.
pub const TARGETS: &[(&str, Target)] = &[
    ("admission_range", guards::range),
    ("client_events", events::stream),
    ("engine_batch", engines::batch),
    ("engine_snapshot", engines::snapshot),
    ("evidence_epoch", evidences::epoch),
    ("evidence_opening", evidences::opening),
    ("evidence_receipt", evidences::receipt),
    ("evidence_statement", evidences::statement),
    ("gateway_answer", gateways::answer),
    ("gateway_authorize", gateways::authorize),
    ("gateway_digest", gateways::digest),
    ("gateway_finish", gateways::finish),
    ("gateway_listing", gateways::listing),
    ("gateway_offer", guards::offer),
    ("gateway_path", gateways::path),
    ("gateway_pattern", gateways::pattern),
    ("gateway_tool", gateways::tool),
    ("http402_crawler", crawlers::request),
    ("http402_credential", http_payments::credential),
    ("http402_directory", crawlers::keys),
    ("http402_facilitator", http_payments::facilitator),
    ("http402_header", http_payments::header),
    ("http402_offered", http_payments::offered),
    ("http402_payload", http_payments::payload),
    ("http402_permit", crawlers::permit),
    ("http402_required", http_payments::required),
    ("http402_settlement", http_payments::settlement),
    ("index_files", indexes::files),
    ("index_manifest", indexes::manifest),
    ("instrument_access", statements::access),
    ("instrument_channel", channels::terms),
    ("instrument_close", channels::close),
    ("instrument_mandate", statements::mandate),
    ("instrument_tree_mandate", statements::tree_mandate),
    ("instrument_order", statements::order),
    ("instrument_revocation", statements::revocation),
    ("instrument_tick", channels::tick),
    ("instrument_top_up", channels::top_up),
    ("instrument_voucher", channels::voucher),
    ("journal_frame", journals::frame),
    ("journal_segment", journals::segment),
    ("ledger_account", ledgers::account),
    ("ledger_rows", ledgers::rows),
    ("ledger_snapshot", ledgers::snapshot),
    ("ledger_transfer", ledgers::transfer),
    ("money_amount", monies::amount),
    ("money_asset", monies::asset),
    ("money_id", monies::id),
    ("seal_text", guards::sealed),
    ("tlog_note", logs::note),
    ("tlog_policy", logs::policy),
    ("tlog_receipt", logs::receipt),
    ("tlog_witness", logs::messages),
];

/// The target of this name; a name that is not in the table stops the fuzzer at once.
#[must_use]
pub fn target(name: &str) -> Target {
    let found = TARGETS.iter().find(|(other, _)| *other == name);
    found.expect("the name stands in the table of targets").1
}
