//! Seeds of the log's texts.

use fuzz::logs::{LEAVES, entry, hashes, head, log, policy_text, witness};
use tlog::witness::{AddCheckpoint, cosigned_body};
use tlog::{Checkpoint, Note, Receipt, prove_consistency, prove_inclusion};

use super::{Done, write};

/// Notes, receipts, policies, requests to witnesses and their answers.
pub fn logs() -> Done {
    let checkpoint = Checkpoint::new(log().verifier().name(), head(LEAVES)).to_string();
    let signed = log().sign(checkpoint.clone())?;
    let line = witness().cosign(&signed, 1_700_000_000)?;
    let whole = signed.with_signatures(std::slice::from_ref(&line))?;
    write("tlog_note", &notes(&checkpoint, &signed, &whole)?)?;
    write("tlog_receipt", &receipts(&whole)?)?;
    write("tlog_policy", &policies())?;
    let first = AddCheckpoint::new(0, vec![], signed)?.to_string();
    let grown =
        AddCheckpoint::new(3, prove_consistency(&mut hashes, 3, LEAVES)?, whole)?.to_string();
    let refused = grown.replace("old 3", "old 03");
    write("tlog_witness", &[first, grown, refused, cosigned_body(&[line]), "7\n".to_owned()])
}

fn notes(
    checkpoint: &str,
    signed: &Note,
    whole: &Note,
) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    Ok(vec![
        signed.to_string(),
        whole.to_string(),
        log().sign(format!("{checkpoint}further\n"))?.to_string(),
        log().sign("a\n\nb\n".to_owned())?.to_string(),
        whole.to_string().replace('=', ""),
        checkpoint.to_owned(),
    ])
}

fn receipts(note: &Note) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let proof = prove_inclusion(&mut hashes, 3, LEAVES)?;
    let bare = Receipt::new(3, proof.clone(), note.clone(), None)?.to_string();
    let open = Receipt::new(3, proof, note.clone(), Some(entry(3)))?.to_string();
    let alone = Receipt::new(0, vec![], note.clone(), None)?.to_string();
    let refused = bare.replace("index 3", "index three");
    Ok(vec![bare, open, alone, refused])
}

fn policies() -> Vec<String> {
    let text = policy_text();
    let groups = "# two\ngroup g any w\n\tgroup h 1 g\nquorum h\n";
    vec![
        text.clone(),
        text.replace("quorum w\n", groups),
        "quorum none\n".to_owned(),
        text.replace("quorum w\n", "group g 2 w\nquorum g\n"),
        text.replace("quorum w", "quorum v"),
    ]
}
