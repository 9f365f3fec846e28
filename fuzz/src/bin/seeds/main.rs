//! Writes `seeds/`: accepted forms from our own encoders and the golden vectors, and a few that
//! must be refused. Run after a format changes, from the folder `fuzz`:
//! `cargo run --no-default-features --bin seeds`.

mod channels;
mod crawlers;
mod evidences;
mod life;
mod logs;
mod nodes;
mod pasts;

use std::error::Error;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use journal::Hash;
use journal::frame::FrameHeader;
use journal::segment::SegmentHeader;
use ledger::{Account, Kind, Ledger, Limit, Sides, Transfer};
use money::{AccountId, Asset, TransferId};
use serde_json::{Value, json};

type Done = Result<(), Box<dyn Error>>;

fn main() -> Done {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::remove_dir_all(root.join("seeds"))?;
    let vectors: Value =
        serde_json::from_slice(&fs::read(root.join("../conformance/formats.json"))?)?;
    texts()?;
    statements(&vectors)?;
    ticks(&vectors)?;
    payments(&vectors)?;
    credentials(&vectors)?;
    crawlers::requests()?;
    ledgers()?;
    logs::logs()?;
    evidences::evidences()?;
    pasts::indexes()?;
    journals()?;
    nodes::engines()?;
    nodes::gateways()
}

fn write(target: &str, seeds: &[impl AsRef<[u8]>]) -> Done {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    fs::create_dir_all(&folder)?;
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("{number:02}")), seed)?;
    }
    Ok(())
}

fn texts() -> Done {
    let most = u128::MAX.to_string();
    write("money_amount", &["0", "2000000", "0.002", &most, "007", "-1", "1e9", "1,5", "٣"])?;
    write("money_asset", &["USD", "X402TEST", "USD\0\0\0\0\0", "usd", "9A", "TOOLONGCODE"])?;
    let digits = "0000000000000000000000002d";
    let mut ids = vec![digits.to_owned(), "acc_2D".to_owned(), format!("acc_{digits}0")];
    for prefix in ["acc", "tr", "pay", "ord", "off", "man", "node", "ch", "x"] {
        ids.push(format!("{prefix}_{digits}"));
    }
    write("money_id", &ids)
}

fn statements(vectors: &Value) -> Done {
    for (target, list, kind) in [
        ("instrument_order", "orders", "order"),
        ("instrument_mandate", "mandates", "mandate"),
        ("instrument_tree_mandate", "tree_mandates", "tree_mandate"),
        ("instrument_revocation", "revocations", "revocation"),
        ("instrument_access", "access", "access"),
        ("instrument_channel", "channels", "channel"),
        ("instrument_voucher", "vouchers", "voucher"),
        ("instrument_top_up", "top_ups", "top_up"),
        ("instrument_close", "closes", "close"),
    ] {
        let mut seeds = Vec::new();
        let rejected = array(vectors, "rejected")?.iter().filter(|vector| vector["kind"] == kind);
        for vector in array(vectors, list)?.iter().chain(rejected) {
            let mut bytes = hex(&vector["bytes"])?;
            bytes.extend(hex(&vector["signature"])?);
            seeds.push(bytes);
        }
        seeds.push(b"farthing/".to_vec());
        write(target, &seeds)?;
    }
    Ok(())
}

/// Each tick alone, and behind its salt and the newest tick that it is followed to.
fn ticks(vectors: &Value) -> Done {
    let mut seeds = Vec::new();
    for vector in array(vectors, "ticks")? {
        let wire = hex(&vector["bytes"])?;
        let newest = vector["newest"].as_u64().ok_or("no newest tick")?;
        let index = u32::try_from(newest)?.to_be_bytes();
        let link = hex(&vector["newest_link"])?;
        let known = [&[0x82, 0x1a][..], &index, &[0x50], &link].concat();
        seeds.push([hex(&vector["salt"])?, known, wire.clone()].concat());
        seeds.push(wire);
    }
    write("instrument_tick", &seeds)
}

fn payments(vectors: &Value) -> Done {
    let vector = array(vectors, "x402")?.first().ok_or("no x402 vector")?;
    let (terms, payload) = (&vector["requirements"], &vector["payload"]);
    let second = json!({
        "x402Version": 2, "resource": {"url": "http://site.example/a"}, "accepted": terms,
        "payload": payload,
    });
    let first = json!({
        "x402Version": 1, "scheme": terms["scheme"], "network": terms["network"],
        "payload": payload,
    });
    let [second_text, first_text] = [second.to_string(), first.to_string()];
    let channels = &vectors["x402_channels"];
    let mut payloads: Vec<String> = array(channels, "payloads")?
        .iter()
        .map(|payload| {
            let accepted = &channels["requirements"];
            json!({"x402Version": 2, "accepted": accepted, "payload": payload}).to_string()
        })
        .collect();
    payloads.extend([&*second_text, &first_text, "{}", "[[[[[[[["].map(str::to_owned));
    write("http402_payload", &payloads)?;
    let [second_base64, first_base64] = [base64(&second_text), base64(&first_text)];
    let lines = [
        format!("payment-signature: {second_base64}"),
        format!("x-payment: {first_base64}"),
        format!("cookie: a=b; farthing-payment={second_base64}"),
        format!("payment-signature: {second_base64}\nx-payment: {first_base64}"),
        format!("payment-signature: {second_base64}\npayment-signature: {second_base64}"),
        "payment-signature: ====".to_owned(),
    ];
    write("http402_header", &lines)?;
    let required = json!({
        "x402Version": 2, "error": "payment_required", "resource": {"url": "http://site.example/a"},
        "accepts": [terms],
    });
    write("http402_required", &[&base64(required.to_string()), &second_base64, "===="])?;
    let settlement = json!({
        "success": true, "payer": "acc_0000000000000000000000002d",
        "transaction": "pay_0000000000000000000000002d", "network": terms["network"],
        "amount": terms["amount"], "extra": {"asset": "USD", "scale": 9, "state": "settled"},
    });
    let refusal = json!({
        "success": false, "errorReason": "insufficient_funds", "transaction": "",
        "network": terms["network"],
    });
    let [settled, refused] = [settlement, refusal].map(|answer| base64(answer.to_string()));
    write("http402_settlement", &[&settled, &refused, &second_base64, "===="])?;
    let body = json!({"x402Version": 2, "paymentPayload": second, "paymentRequirements": terms});
    write("http402_facilitator", &[&body.to_string(), "{\"x402Version\":2}", ""])
}

/// Challenges and credentials of the scheme `Payment`.
fn credentials(vectors: &Value) -> Done {
    let vector = array(vectors, "x402")?.first().ok_or("no x402 vector")?;
    let terms = &vector["requirements"];
    let details = json!({
        "asset": terms["asset"], "network": terms["network"], "orderSeconds": 60,
        "purchase": terms["extra"]["purchase"], "scale": terms["extra"]["scale"],
    });
    let charge = json!({
        "amount": terms["amount"], "currency": "usd", "methodDetails": details,
        "recipient": terms["payTo"],
    });
    let mut session = charge.clone();
    session["suggestedDeposit"] = "20000000".into();
    session["unitType"] = "second".into();
    for (name, value) in [
        ("closeDelaySeconds", json!(3600)),
        ("minDeposit", json!("4000000")),
        ("per", json!(1)),
        ("start", json!("2000000")),
    ] {
        session["methodDetails"][name] = value;
    }
    let base64_url = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let line = |intent: &str, request: &Value| {
        format!(
            "Payment id=\"abc\", realm=\"site.example\", method=\"farthing\", intent=\"{intent}\", \
             request=\"{}\", expires=\"2027-01-01T00:00:00Z\", description=\"a \\u2014 b\"",
            base64_url(request)
        )
    };
    let foreign = "L402 macaroon=\"a==\", Payment id=x, method=\"evm\", intent=\"charge\"";
    let [first, second] = [line("charge", &charge), line("session", &session)];
    let all = format!("{foreign}, {first}, {second}");
    write("http402_offered", &[&first, &second, &all, "Payment id=\"", foreign])?;
    let credential = |intent: &str, request: &Value, payload: Value| {
        let challenge = json!({
            "id": "abc", "realm": "site.example", "method": "farthing", "intent": intent,
            "request": base64_url(request), "expires": "2027-01-01T00:00:00Z",
        });
        json!({"challenge": challenge, "payload": payload}).to_string()
    };
    let signature = &vector["payload"]["signature"];
    let channel = "ch_0000000000000000000000002d";
    let voucher = json!({
        "action": "voucher", "channelId": channel, "sequence": 7, "cumulativeAmount": "600",
        "signature": signature,
    });
    let top_up = json!({
        "action": "topUp", "channelId": channel, "deposit": "9000", "signature": signature,
    });
    let close = json!({
        "action": "close", "channelId": channel, "cumulativeAmount": "600", "signature": signature,
    });
    let tick = base64(hex(&json!("821a0000000950000102030405060708090a0b0c0d0e0f"))?);
    let tick = json!({"action": "voucher", "channelId": channel, "tick": tick});
    let seeds = [
        credential("charge", &charge, vector["payload"].clone()),
        credential("session", &session, voucher),
        credential("session", &session, top_up),
        credential("session", &session, close),
        credential("session", &session, tick),
        credential("session", &session, json!({"action": "open"})),
        "{}".to_owned(),
    ];
    write("http402_credential", &seeds)
}

fn ledgers() -> Done {
    let asset = Asset::new("USD", 9)?;
    let account = |number, limit| -> Result<Account, Box<dyn Error>> {
        let id = AccountId::new(number)?;
        Ok(Account {
            id,
            asset,
            code: 1,
            user_data: number,
            user_data_64: 0,
            user_data_32: 0,
            limit,
            history: true,
            closed: false,
            linked: false,
        })
    };
    let accounts = [account(1, Limit::None)?, account(2, Limit::DebitsMustNotExceedCredits)?];
    let transfer = |number, kind| -> Result<Transfer, Box<dyn Error>> {
        Ok(Transfer {
            id: TransferId::new(number)?,
            kind,
            debit_account: accounts[0].id,
            credit_account: accounts[1].id,
            asset,
            amount: 2_000_000,
            code: 1,
            user_data: 0,
            user_data_64: 0,
            user_data_32: 0,
            linked: false,
        })
    };
    let pending_id = TransferId::new(11)?;
    let transfers = [
        transfer(10, Kind::SINGLE)?,
        transfer(11, Kind::pending(60))?,
        transfer(12, Kind::Post { pending_id })?,
        transfer(13, Kind::Void { pending_id })?,
        transfer(14, Kind::Single { balancing: Sides::DEBIT })?,
        transfer(
            15,
            Kind::Pending { timeout_seconds: 60, balancing: Sides::CREDIT, closing: Sides::BOTH },
        )?,
    ];
    let encoded = |encode: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        encode(&mut bytes);
        bytes
    };
    let mut seeds: Vec<_> =
        accounts.iter().map(|account| encoded(&|out| account.encode(out))).collect();
    seeds.push(vec![0; 60]);
    write("ledger_account", &seeds)?;
    let mut seeds: Vec<_> =
        transfers.iter().map(|transfer| encoded(&|out| transfer.encode(out))).collect();
    seeds.push(vec![0xff; 110]);
    write("ledger_transfer", &seeds)?;
    let mut ledger = Ledger::new();
    let empty = ledger.snapshot().to_bytes();
    let Ok(_) = ledger.create_accounts(&accounts, 1_000);
    let Ok(_) = ledger.create_transfers(&transfers, 2_000);
    let full = ledger.snapshot().to_bytes();
    let cut = full[..full.len() / 2].to_vec();
    write("ledger_snapshot", &[empty, full, cut])?;
    let Ok(_) = ledger.expire(100_000_000_000_000, 1);
    let rows = ledger.past().rows();
    write("ledger_rows", &[rows, &rows[..rows.len() / 2 - 1]])
}

fn journals() -> Done {
    let header = FrameHeader { sequence: 7, body_bytes: 300, previous: Hash([9; 32]) };
    let frame = header.encode(&fuzz::JOURNAL_KEY).to_vec();
    write("journal_frame", &[&frame, &frame[..40]])?;
    let header = SegmentHeader { journal: [3; 16], first: 7, chain: Hash([9; 32]) };
    let segment = header.encode().to_vec();
    write("journal_segment", &[&segment, &segment[..100]])
}

fn array<'a>(vectors: &'a Value, name: &str) -> Result<&'a Vec<Value>, Box<dyn Error>> {
    vectors[name].as_array().ok_or_else(|| format!("no list `{name}`").into())
}

fn hex(text: &Value) -> Result<Vec<u8>, Box<dyn Error>> {
    let digits = text.as_str().ok_or("no hexadecimal text")?.as_bytes();
    digits.chunks(2).map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}

/// Standard alphabet with padding.
fn base64(bytes: impl AsRef<[u8]>) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.as_ref().chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit)) & 63;
            out.push(if digit > chunk.len() { '=' } else { char::from(ALPHABET[index as usize]) });
        }
    }
    out
}
