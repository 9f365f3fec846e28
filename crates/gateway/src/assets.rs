//! The built web pages, embedded. Sources: `web/`.

/// A file that pages load, with its media type.
pub type Asset = (&'static str, &'static [u8]);

macro_rules! embedded {
    ($($name:literal: $kind:literal;)*) => {
        /// A file by name, as it stands below `/.well-known/farthing/`.
        pub fn asset(name: &str) -> Option<Asset> {
            match name {
                $( $name => Some(($kind, include_bytes!(concat!("../../../web/dist/", $name)))), )*
                _ => None,
            }
        }
    };
}

embedded! {
    "amount.js": "text/javascript; charset=utf-8";
    "budget.js": "text/javascript; charset=utf-8";
    "bytes.js": "text/javascript; charset=utf-8";
    "channel.js": "text/javascript; charset=utf-8";
    "chosen.js": "text/javascript; charset=utf-8";
    "dom.js": "text/javascript; charset=utf-8";
    "farthing.css": "text/css; charset=utf-8";
    "farthing.svg": "image/svg+xml";
    "flow.js": "text/javascript; charset=utf-8";
    "grant.js": "text/javascript; charset=utf-8";
    "index.js": "text/javascript; charset=utf-8";
    "keys.js": "text/javascript; charset=utf-8";
    "language.js": "text/javascript; charset=utf-8";
    "limits.js": "text/javascript; charset=utf-8";
    "live.js": "text/javascript; charset=utf-8";
    "mandate.js": "text/javascript; charset=utf-8";
    "message.js": "text/javascript; charset=utf-8";
    "messages.js": "text/javascript; charset=utf-8";
    "money.js": "text/javascript; charset=utf-8";
    "node.js": "text/javascript; charset=utf-8";
    "note.js": "text/javascript; charset=utf-8";
    "offline.js": "text/javascript; charset=utf-8";
    "opening.js": "text/javascript; charset=utf-8";
    "order.js": "text/javascript; charset=utf-8";
    "output.js": "text/javascript; charset=utf-8";
    "payment.js": "text/javascript; charset=utf-8";
    "paywall.js": "text/javascript; charset=utf-8";
    "player.js": "text/javascript; charset=utf-8";
    "point.js": "text/javascript; charset=utf-8";
    "policy.js": "text/javascript; charset=utf-8";
    "proof.js": "text/javascript; charset=utf-8";
    "proven.js": "text/javascript; charset=utf-8";
    "receipt.js": "text/javascript; charset=utf-8";
    "sound.js": "text/javascript; charset=utf-8";
    "strict.js": "text/javascript; charset=utf-8";
    "verdict.js": "text/javascript; charset=utf-8";
    "verify.js": "text/javascript; charset=utf-8";
    "vkey.js": "text/javascript; charset=utf-8";
    "wording.js": "text/javascript; charset=utf-8";
    "words.ar.json": "application/json";
    "words.de.json": "application/json";
    "words.en.json": "application/json";
    "words.es.json": "application/json";
    "words.js": "text/javascript; charset=utf-8";
    "words.ko.json": "application/json";
}

/// A page by name.
pub fn page(name: &str) -> Option<&'static str> {
    match name {
        "app" => Some(include_str!("../../../web/dist/app.html")),
        "grant" => Some(include_str!("../../../web/dist/grant.html")),
        "index" => Some(include_str!("../../../web/dist/index.html")),
        "live" => Some(include_str!("../../../web/dist/live.html")),
        "pay" => Some(include_str!("../../../web/dist/pay.html")),
        "paywall" => Some(include_str!("../../../web/dist/paywall.html")),
        "player" => Some(include_str!("../../../web/dist/player.html")),
        "verify" => Some(include_str!("../../../web/dist/verify.html")),
        "wallet" => Some(include_str!("../../../web/dist/wallet.html")),
        _ => None,
    }
}
