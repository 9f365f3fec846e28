//! Seeds of crawlers' requests.

use std::error::Error;

use engine::Authorize;
use gateway::node::wire::AuthorizeWire;
use http402::crawler::thumbprint;
use instrument::{Order, RequestDigest, VerifiedOrder};

use crate::{base64, life, write};

/// What a crawler signs to pay up to this price; the payer of the other seeds is the crawler.
fn base(price: &str) -> String {
    let keyid = thumbprint(&life::payer_key().public());
    format!(
        "\"@authority\": shop.example\n\"crawler-max-price\": {price}\n\"@signature-params\": \
         (\"@authority\" \"crawler-max-price\");created=1800000000;expires=1800000060;\
         keyid=\"{keyid}\";alg=\"ed25519\";nonce=\"n\";tag=\"web-bot-auth\""
    )
}

/// A command whose order a signed request authorizes, with that request's signature base.
pub fn command(mut command: Authorize, price: &str) -> Result<(Authorize, String), Box<dyn Error>> {
    let base = base(price);
    let id = RequestDigest::of(base.as_bytes()).order_id();
    let order = Order { id, expires_at_ms: 1_800_000_060_000, ..*command.order.get() };
    let signature = life::payer_key().sign(base.as_bytes());
    command.order = VerifiedOrder::by_request(order, base.as_bytes(), &signature)?;
    Ok((command, base))
}

/// The message of such an order.
pub fn wire(plain: Authorize) -> Result<AuthorizeWire, Box<dyn Error>> {
    let (command, base) = command(plain, "USD 0.01")?;
    Ok(AuthorizeWire::new(&command).with_base(Some(base)))
}

/// Requests, signature bases and directories.
pub fn requests() -> Result<(), Box<dyn Error>> {
    let signature = base64([7; 64]);
    let request = |price: &str, covered: &str, agent: &str| {
        format!(
            "{price}\nsignature-agent: {agent}\nsignature: s=:{signature}:\nsignature-input: \
             s=({covered});created=1800000000;expires=1800000060;keyid=\"k\";tag=\"web-bot-auth\""
        )
    };
    let (exact, max) = ("crawler-exact-price: USD 0.01", "crawler-max-price: USD 1");
    let all = "\"@authority\" \"@method\" \"@path\" \"@query\" \"@target-uri\" \"@scheme\" \
               \"@request-target\" \"crawler-exact-price\" \"signature-agent\";key=\"a\"";
    let least = "\"@authority\" \"crawler-max-price\" \"signature-agent\"";
    let dictionary = "b=\"https://b.example\", a=\"https://bot.example\"";
    write(
        "http402_crawler",
        &[
            request(exact, all, dictionary),
            request(max, least, "\"https://bot.example\""),
            request(&format!("{exact}\n{max}"), all, dictionary),
            request(max, "\"@authority\"", "\"https://bot.example\""),
            request(exact, &format!("{all} \"@query-param\";name=\"b\""), dictionary),
            request("crawler-exact-price: 1 USD", all, dictionary),
        ],
    )?;
    let good = base("USD 0.01");
    let untagged = good.replace("web-bot-auth", "other");
    write("http402_permit", &[&good, &base("EUR"), &untagged, &good.replace('\n', "")])?;
    let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;
    let directories = [
        format!("{{\"keys\":[{key}}}]}}"),
        format!("{{\"keys\":[{{\"kty\":\"RSA\"}},{key},\"nbf\":1,\"exp\":9000000000}}]}}"),
        format!("{{\"keys\":[{key},\"exp\":1}}]}}"),
        "{\"keys\":[]}".to_owned(),
        "[]".to_owned(),
    ];
    write("http402_directory", &directories)
}
