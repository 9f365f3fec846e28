//! Prices by the unit and channels, as an operator writes them.
//!
//! Invariant: what is left out is derived from the price, so an offer needs a price and nothing more
//! to be paid from channels.

use engine::ChannelLimits;
use gateway::{ChannelSettings, Meter, MeterTerms, Tier, Unit};
use http::HeaderName;
use money::{Amount, Asset};
use serde::{Deserialize, Serialize};

use super::check::{Key, decimal};
use super::{ConfigError, PayeeSection};

/// How a request is priced by the unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MeterSection {
    /// `byte`, `second`, `event`, or the name of what `reported` counts.
    unit: String,
    /// Header or trailer in which the upstream says how many units it has used.
    #[serde(skip_serializing_if = "Option::is_none")]
    reported: Option<String>,
    /// How many units the price is for.
    #[serde(default = "one")]
    per: u64,
    #[serde(default)]
    free_units: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    units_max: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tiers: Vec<TierSection>,
}

/// A price from some unit on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TierSection {
    from: u64,
    /// Decimal, of `per` units.
    price: String,
}

/// How channels pay for an offer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChannelSection {
    /// Decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    deposit_min: Option<String>,
    /// Decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    deposit_suggested: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close_delay_seconds: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_units: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voucher_wait_seconds: Option<u32>,
}

const fn one() -> u64 {
    1
}

impl MeterSection {
    pub(super) fn check(&self, key: &Key<'_>, price: Amount) -> Result<Meter, ConfigError> {
        let mut tiers = Vec::new();
        for (index, tier) in self.tiers.iter().enumerate() {
            let key = key.nth("tiers", index).join("price");
            tiers.push(Tier { from: tier.from, price: decimal(&tier.price, &key, price.asset())? });
        }
        let terms = MeterTerms {
            unit: self.unit(key)?,
            price,
            per: self.per,
            free_units: self.free_units,
            units_max: self.units_max,
            tiers,
        };
        Meter::new(terms).map_err(|why| {
            let hint = "for example { unit = \"second\", per = 1, units_max = 600 }";
            key.error(why.to_string(), hint)
        })
    }

    fn unit(&self, key: &Key<'_>) -> Result<Unit, ConfigError> {
        let known = match self.unit.as_str() {
            "byte" => Some(Unit::Byte),
            "second" => Some(Unit::Second),
            "event" => Some(Unit::Event),
            _ => None,
        };
        match (known, &self.reported) {
            (Some(unit), None) => Ok(unit),
            (None, Some(header)) => {
                let header = HeaderName::try_from(header.as_str()).map_err(|_| {
                    let what = format!("`{header}` is not the name of a header");
                    key.join("reported").error(what, "for example \"Farthing-Units\"")
                })?;
                Ok(Unit::Reported { name: self.unit.clone(), header })
            }
            (Some(_), Some(_)) => {
                let what = format!("the gateway counts `{}` itself", self.unit);
                let hint =
                    "leave `reported` out, or name the unit otherwise, for example \"token\"";
                Err(key.join("reported").error(what, hint))
            }
            (None, None) => {
                let what = format!("the gateway cannot count `{}` itself", self.unit);
                let hint = "write \"byte\", \"second\" or \"event\", or name the header that says \
                            how many, for example reported = \"Farthing-Units\"";
                Err(key.join("unit").error(what, hint))
            }
        }
    }
}

impl ChannelSection {
    pub(super) fn is_empty(&self) -> bool {
        let amounts = [&self.deposit_min, &self.deposit_suggested];
        let seconds = [self.close_delay_seconds, self.voucher_wait_seconds];
        let any =
            amounts.iter().any(|amount| amount.is_some()) || seconds.iter().any(Option::is_some);
        !any && self.step_units.is_none()
    }

    pub(super) fn check(
        &self,
        key: &Key<'_>,
        price: Amount,
        meter: Option<&Meter>,
        deposit_max: u128,
    ) -> Result<ChannelSettings, ConfigError> {
        let mut settings = ChannelSettings::usual(price, meter);
        let suggested = settings.deposit_suggested.units().min(deposit_max);
        settings.deposit_suggested = Amount::new(suggested, price.asset());
        if let Some(text) = &self.deposit_min {
            settings.deposit_min = decimal(text, &key.join("deposit_min"), price.asset())?;
            // A larger least deposit raises the suggestion, unless that is named too.
            let least = settings.deposit_min.units().max(settings.deposit_suggested.units());
            settings.deposit_suggested = Amount::new(least, price.asset());
        }
        if let Some(text) = &self.deposit_suggested {
            let key = key.join("deposit_suggested");
            settings.deposit_suggested = decimal(text, &key, price.asset())?;
        }
        for (name, deposit) in [
            ("deposit_min", settings.deposit_min),
            ("deposit_suggested", settings.deposit_suggested),
        ] {
            if deposit.units() > deposit_max {
                let what = format!("{deposit} is above the payee's channel_deposit_max");
                return Err(key.join(name).error(what, "name less, or raise the payee's limit"));
            }
        }
        if let Some(seconds) = self.close_delay_seconds {
            settings.close_delay_seconds = seconds;
        }
        if let Some(seconds) = self.voucher_wait_seconds {
            settings.voucher_wait_seconds = seconds;
        }
        match (self.step_units, meter) {
            (Some(units), Some(_)) => settings.step_units = units,
            (None, _) => {}
            (Some(_), None) => {
                let hint = "leave it out, or add a meter";
                return Err(key.join("step_units").error("the offer has no meter", hint));
            }
        }
        Ok(settings)
    }
}

/// What channels to a payee may come to.
pub(super) fn channel_limits(
    section: &PayeeSection,
    key: &Key<'_>,
    asset: Asset,
) -> Result<ChannelLimits, ConfigError> {
    let limit = |name: &str, text: &Option<String>, usual: u128| {
        let Some(text) = text else { return Ok(usual) };
        let key = key.join(name);
        let amount = decimal(text, &key, asset)?;
        if amount.units() == 0 {
            let hint = "write a decimal above zero, or leave it out for the usual limit";
            return Err(key.error("no channel could be used", hint));
        }
        Ok(amount.units())
    };
    let usual = ChannelLimits::default();
    let (deposit, unsettled, exposure) = (
        &section.channel_deposit_max,
        &section.channel_unsettled_max,
        &section.channel_exposure_max,
    );
    Ok(ChannelLimits {
        deposit_max: limit("channel_deposit_max", deposit, usual.deposit_max)?,
        unsettled_max: limit("channel_unsettled_max", unsettled, usual.unsettled_max)?,
        exposure_max: limit("channel_exposure_max", exposure, usual.exposure_max)?,
    })
}
