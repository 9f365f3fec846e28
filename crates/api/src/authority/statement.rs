//! Access statements, by which a payer proves its key; what they must be is `gateway::access_key`'s.

use engine::Engine;
use gateway::access_key;
use instrument::PublicKey;

use super::Fault;

/// The key that an access statement proves.
pub(super) fn check(shown: &str, engine: &Engine) -> Result<PublicKey, Fault> {
    let proven = access_key(shown, engine.node(), engine.clock().now_ms());
    proven.map_err(|why| Fault::unproven(why.code(), "Farthing", why.to_string()))
}
