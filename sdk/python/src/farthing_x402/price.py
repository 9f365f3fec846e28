"""Prices as people write them, to base units, exactly.

Decimal digits are moved, never multiplied: no price passes through binary fractions. A price finer
than one base unit is an error, not a rounding.
"""

import re
from decimal import Decimal

_PRICE = re.compile(
    r"\$?\s*([0-9]{1,30})(?:\.([0-9]{1,30}))?(?:\s+([A-Z][A-Z0-9]{0,7}))?", re.ASCII
)


def parse_price(price: str | int | float | Decimal, scale: int) -> tuple[str, str | None]:
    """Reads `"$0.002"`, `"0.002 USD"` or `0.002` at a scale: base units, and the asset code if
    the text named one."""
    text = price.strip() if isinstance(price, str) else _plain_digits(price)
    match = _PRICE.fullmatch(text)
    if not match:
        raise ValueError(f"not a price: {text}")
    fraction = (match[2] or "").rstrip("0")
    if len(fraction) > scale:
        raise ValueError(f"the price is finer than {scale} decimals")
    return str(int(match[1] + fraction.ljust(scale, "0"))), match[3]


def _plain_digits(value: int | float | Decimal) -> str:
    """The shortest decimal text of a number, without an exponent."""
    return format(Decimal(str(value)), "f")
