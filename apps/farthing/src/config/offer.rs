//! Offers of the file become offers of the gateway.

use std::cmp::Reverse;

use gateway::{FreeUses, Offer, Pass, PathPattern, Payees, Routes, Tool, ToolName};
use http::Method;
use http402::Identifier;
use money::{Amount, Asset, Shares};

use super::check::{Key, decimal, find_asset};
use super::{
    ConfigError, FreeSection, IdentifierSection, OfferSection, PassSection, PayeeSettings,
    usual_methods,
};

/// Percent with four decimals are parts per million, so shares are read as exactly as money.
const SHARE_SCALE: u8 = 4;

/// The offers of one gateway, in their order. `site` is its origin.
pub(super) fn routes(
    sections: &[OfferSection],
    site: &str,
    gateway: &Key<'_>,
    assets: &[(Asset, bool)],
    payees: &[PayeeSettings],
) -> Result<Routes, ConfigError> {
    let mut offers = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        let key = gateway.nth("offer", index);
        let offer = offer(section, site, &key, assets, payees)?;
        offer.check().map_err(|why| key.error(why.to_string(), "correct the offer"))?;
        offers.push(offer);
    }
    Routes::new(offers).map_err(|why| gateway.error(why.to_string(), "correct the offers"))
}

fn offer(
    section: &OfferSection,
    site: &str,
    key: &Key<'_>,
    assets: &[(Asset, bool)],
    payees: &[PayeeSettings],
) -> Result<Offer, ConfigError> {
    let tool = tool(section, key)?;
    let path = tool.as_ref().map_or_else(|| section.path.clone(), Tool::path);
    let path = PathPattern::parse(&path).map_err(|why| {
        let hint = "for example \"/articles/{id}\" or \"/files/{*path}\"";
        key.join("path").error(why.to_string(), hint)
    })?;
    let payee = find_payee(&section.pay_to, &key.join("pay_to"), payees)?;
    let asset = match &section.asset {
        Some(code) => find_asset(code, &key.join("asset"), assets)?,
        None => payee.asset,
    };
    if asset != payee.asset {
        let what = format!("`{}` is paid in {}, not {}", payee.name, payee.asset, asset);
        let hint = "sell in the payee's asset, or add a payee in this one";
        return Err(key.join("pay_to").error(what, hint));
    }
    let price = decimal(&section.price, &key.join("price"), asset)?;
    let meter = section.meter.as_ref();
    let meter = meter.map(|meter| meter.check(&key.join("meter"), price)).transpose()?;
    let channel = section.channel.check(
        &key.join("channel"),
        price,
        meter.as_ref(),
        payee.channels.deposit_max,
    )?;
    let priced = match &section.methods {
        // A call is a POST, and nobody needs to say so.
        usual if tool.is_some() && *usual == usual_methods() => vec![Method::POST],
        texts => methods(texts, &key.join("methods"))?,
    };
    Ok(Offer {
        id: Offer::file_id(site, &path, &priced),
        prices: Vec::new(),
        own_amount: None,
        free: section.free.map(|FreeSection { count, seconds }| FreeUses { count, seconds }),
        passes: passes(&section.passes, key, asset)?,
        path,
        methods: priced,
        free_methods: methods(&section.free_methods, &key.join("free_methods"))?,
        price,
        meter,
        channel,
        payees: split(section, key, payee, payees)?,
        description: section.description.clone(),
        mime_type: section.mime_type.clone(),
        access_seconds: section.access_seconds,
        hold_seconds: section.hold_seconds,
        order_seconds: section.order_seconds,
        identifier: match section.payment_identifier {
            IdentifierSection::Off => Identifier::Off,
            IdentifierSection::Optional => Identifier::Optional,
            IdentifierSection::Required => Identifier::Required,
        },
        listed: section.listed,
        crawl: section.crawl,
        tool,
    })
}

fn passes(sections: &[PassSection], key: &Key<'_>, asset: Asset) -> Result<Vec<Pass>, ConfigError> {
    let pass = |(index, section): (usize, &PassSection)| {
        let key = key.nth("pass", index);
        Ok(Pass {
            name: section.name.clone(),
            title: section.title.clone().unwrap_or_else(|| section.name.clone()),
            price: decimal(&section.price, &key.join("price"), asset)?.units(),
            seconds: section.seconds,
            uses: section.uses,
        })
    };
    sections.iter().enumerate().map(pass).collect()
}

fn tool(section: &OfferSection, key: &Key<'_>) -> Result<Option<Tool>, ConfigError> {
    let Some(name) = &section.tool else { return Ok(None) };
    let name = ToolName::new(name).map_err(|why| {
        key.join("tool").error(why.to_string(), "rename the tool, or leave it free")
    })?;
    Ok(Some(Tool { endpoint: section.path.clone(), name }))
}

fn methods(texts: &[String], key: &Key<'_>) -> Result<Vec<Method>, ConfigError> {
    let method = |text: &String| {
        let upper = text.bytes().all(|byte| byte.is_ascii_uppercase());
        let read = Method::from_bytes(text.as_bytes()).ok().filter(|_| upper);
        read.ok_or_else(|| {
            let what = format!("`{text}` is not a method");
            key.error(what, "for example [\"GET\", \"POST\"]")
        })
    };
    texts.iter().map(method).collect()
}

fn find_payee<'p>(
    name: &str,
    key: &Key<'_>,
    payees: &'p [PayeeSettings],
) -> Result<&'p PayeeSettings, ConfigError> {
    payees.iter().find(|payee| payee.name == name).ok_or_else(|| {
        let hint = format!("add a [[payee]] with name = \"{name}\"");
        key.error(format!("there is no payee `{name}`"), hint)
    })
}

fn split(
    section: &OfferSection,
    key: &Key<'_>,
    pay_to: &PayeeSettings,
    payees: &[PayeeSettings],
) -> Result<Payees, ConfigError> {
    let mut named =
        Payees { pay_to: pay_to.account, split: None, name: pay_to.name.clone(), split_text: None };
    if section.split.is_empty() {
        return Ok(named);
    }
    let key = key.join("split");
    let mut parts = Vec::new();
    for (name, share) in &section.split {
        let payee = find_payee(name, &key.join(name), payees)?;
        if payee.asset != pay_to.asset {
            let what = format!("`{name}` is paid in another asset than `{}`", pay_to.name);
            return Err(key.join(name).error(what, "share among payees of one asset"));
        }
        parts.push((payee, share, parts_per_million(share, &key.join(name))?));
    }
    // The largest share first, as people name them.
    parts.sort_by_key(|part| Reverse(part.2));
    let shares = Shares::new(parts.iter().map(|part| part.2).collect())
        .map_err(|why| key.error(why.to_string(), "let the shares sum to 100%"))?;
    let words = parts.iter().map(|(payee, share, _)| {
        format!("{} {} %", payee.name, share.trim_end_matches('%').trim_end())
    });
    named.split_text = Some(words.collect::<Vec<_>>().join(", "));
    let accounts = parts.iter().map(|(payee, ..)| payee.account).collect();
    named.split = Some((accounts, shares));
    Ok(named)
}

fn parts_per_million(share: &str, key: &Key<'_>) -> Result<u32, ConfigError> {
    let wrong = || key.error(format!("`{share}` is not a share"), "write for example \"80%\"");
    let percent = Asset::new("PERCENT", SHARE_SCALE).map_err(|_| wrong())?;
    let number = share.strip_suffix('%').ok_or_else(wrong)?.trim_end();
    let parts = Amount::parse_decimal(number, percent).map_err(|_| wrong())?;
    u32::try_from(parts.units()).map_err(|_| wrong())
}
