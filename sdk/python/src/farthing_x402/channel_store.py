"""What a payer remembers of its channels, and where.

A record is saved before what it describes is sent: a store that loses the newest record makes the
payer ask for the channel's state, one that returns an old record does no harm to money.
"""

from dataclasses import dataclass
from typing import Protocol

from .formats import Asset


@dataclass(frozen=True)
class ChannelRecord:
    """One channel as its payer knows it. Amounts are base units."""

    channel: str
    """The channel's id, `ch_…`."""
    network: str
    pay_to: str
    """The payee's account, `acc_…`."""
    asset: Asset
    close_delay_seconds: int
    expires_at_ms: int
    deposit: int
    """What the payer has signed as the whole deposit."""
    sequence: int
    """Number of the newest voucher."""
    cumulative: int
    """Total of the newest voucher."""
    spent: int
    """What was charged in all, as far as the payer knows; never above `cumulative`."""
    before: int
    """What was charged before the newest voucher."""


class ChannelStore(Protocol):
    """Keeps channel records under a name. All calls are made one after another."""

    def load(self, name: str) -> ChannelRecord | None: ...

    def save(self, name: str, record: ChannelRecord) -> None: ...

    def remove(self, name: str) -> None: ...


class MemoryChannelStore:
    """Records for as long as the process lives."""

    def __init__(self) -> None:
        self._records: dict[str, ChannelRecord] = {}

    def load(self, name: str) -> ChannelRecord | None:
        return self._records.get(name)

    def save(self, name: str, record: ChannelRecord) -> None:
        self._records[name] = record

    def remove(self, name: str) -> None:
        self._records.pop(name, None)
