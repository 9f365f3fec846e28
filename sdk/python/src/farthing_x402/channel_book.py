"""A payer's channels: opens one for each payee, signs its vouchers, keeps count.

Knows no dialect: it says what to sign and what an answer means, plug-ins word it. Invariants: no
number is used twice, a total never goes down, nothing is signed above the payer's limits, and what
a stranger says about a channel is believed only as far as the payer's own signature proves it; so
the worst that a seller can do is to be paid what was signed.
"""

import secrets
import threading
import time
from dataclasses import dataclass, field, replace

from .channel_formats import ChannelTerms, close_bytes, top_up_bytes, voucher_bytes
from .channel_store import ChannelRecord, ChannelStore, MemoryChannelStore
from .delegation import Delegation
from .encoding import id_from_text, id_text
from .formats import Asset, payer_account
from .key import Signer, verify_signature
from .spend_limits import ProposedPayment, SpendControl

_DAY_SECONDS = 86_400
_SEQUENCE_MAX = 2**53 - 1
_LIFE_LEFT_SECONDS_MIN = 600
"""A channel that ends sooner is not paid from any more."""


@dataclass(frozen=True)
class ChannelPolicy:
    """Limits and habits of a payer with channels. Amounts are base units."""

    deposit_max: int | None = None
    """Most that one channel may hold unspent; one whole unit of the asset if None."""
    deposit: int | None = None
    """What a channel is opened with; what the seller suggests if None, within the limit."""
    close_delay_seconds_max: int = 7 * _DAY_SECONDS
    """Longest delay before the payer alone gets its money back."""
    lifetime_seconds: int = 30 * _DAY_SECONDS
    opens_max: int = 8
    """How often a channel with one payee may be opened anew in this process."""
    store: ChannelStore = field(default_factory=MemoryChannelStore)


@dataclass(frozen=True)
class ChannelOffer:
    """What a seller asks for. Amounts are base units."""

    network: str
    node: bytes
    asset: Asset
    pay_to: str
    amount: int
    """What this request may cost."""
    deposit_min: int
    deposit_suggested: int
    close_delay_seconds: int
    group: str = ""
    """Tells offers of one payee apart that do not share channels."""


@dataclass(frozen=True)
class SignedVoucher:
    """A voucher with its signature; `channel` is `ch_…`."""

    channel: str
    sequence: int
    cumulative: int
    signature: bytes


@dataclass(frozen=True)
class ChannelPayment:
    """What pays for one request."""

    voucher: SignedVoucher
    terms: tuple[bytes, bytes] | None = None
    """Bytes and signature, if the channel is opened with it."""
    top_up: tuple[int, bytes] | None = None
    """Whole deposit and signature, if it is raised with it."""


@dataclass(frozen=True)
class ChannelClaim:
    """Where a channel stands, as somebody says."""

    channel: str
    deposit: int
    spent: int
    voucher: SignedVoucher | None = None


class ChannelRefused(Exception):
    """Nothing was signed; `code` is stable: `deposit_above_limit`, `close_delay_above_limit`,
    `opened_too_often` or `sequence_used_up`."""

    def __init__(self, code: str) -> None:
        super().__init__(f"nothing was signed: {code}")
        self.code = code


class ChannelBook:
    """The channels of one payer. Its calls may come from several threads."""

    def __init__(
        self,
        key: Signer,
        policy: ChannelPolicy,
        *,
        delegation: Delegation | None = None,
        spend_control: SpendControl | None = None,
    ) -> None:
        self._key = key
        self._policy = policy
        self._store = policy.store
        self._delegation = delegation
        self._spend_control = spend_control
        self._opens: dict[str, int] = {}
        self._lock = threading.Lock()

    def name(self, offer: ChannelOffer) -> str:
        """The name under which the channel for an offer is kept."""
        asset = offer.asset
        parts = [offer.network, offer.pay_to, asset.code, str(asset.scale)]
        return " ".join([*parts, self._account(asset), offer.group])

    def pay(self, offer: ChannelOffer, now_ms: int | None = None) -> ChannelPayment:
        """Signs what pays for one request: from the channel with this payee, or a new one."""
        now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        name = self.name(offer)
        with self._lock:
            record = self._store.load(name)
            if record and record.expires_at_ms - now_ms > 1000 * _LIFE_LEFT_SECONDS_MIN:
                return self._continue(name, record, offer)
            return self._open(name, offer, now_ms)

    def charged(self, name: str, channel: str, sequence: int, amount: int) -> None:
        """Notes what a request was charged, as the seller told with its answer."""
        with self._lock:
            record = self._store.load(name)
            if record and record.channel == channel and record.sequence == sequence:
                spent = min(record.before + amount, record.cumulative)
                self._store.save(name, replace(record, spent=spent))

    def correct(self, name: str, claim: ChannelClaim) -> bool:
        """Takes up the state that a seller claims; True if the payer can go on with it. Only a
        voucher with the payer's own signature is believed, and the numbers never go down."""
        with self._lock:
            record = self._store.load(name)
            voucher = claim.voucher
            if record is None or record.channel != claim.channel:
                return False
            if voucher and not self._is_own(voucher, claim.channel):
                return False
            cumulative = max(record.cumulative, voucher.cumulative if voucher else 0)
            spent = min(claim.spent, cumulative)
            corrected = replace(
                record,
                sequence=max(record.sequence, voucher.sequence if voucher else 0),
                cumulative=cumulative,
                spent=spent,
                before=spent,
                # A top-up may have been lost; a larger deposit than was signed cannot be.
                deposit=min(record.deposit, claim.deposit),
            )
            self._store.save(name, corrected)
            return True

    def adopt(self, offer: ChannelOffer, claim: ChannelClaim, expires_at_ms: int) -> bool:
        """Takes up a channel of which the payer has kept the id alone; True if it goes on with it.
        Only a voucher with the payer's own signature is believed, and a deposit up to the payer's
        limit."""
        voucher, name = claim.voucher, self.name(offer)
        with self._lock:
            if voucher is None or not self._is_own(voucher, claim.channel):
                return False
            if self._store.load(name) is not None:
                return False
            spent = min(claim.spent, voucher.cumulative)
            record = ChannelRecord(
                channel=claim.channel,
                network=offer.network,
                pay_to=offer.pay_to,
                asset=offer.asset,
                close_delay_seconds=offer.close_delay_seconds,
                expires_at_ms=expires_at_ms,
                deposit=min(claim.deposit, spent + self._limit(offer.asset)),
                sequence=voucher.sequence,
                cumulative=voucher.cumulative,
                spent=spent,
                before=spent,
            )
            self._store.save(name, record)
            return True

    def forget(self, name: str, channel: str) -> bool:
        """Gives a channel up that its seller does not take any more; what it holds returns by
        itself. True if another one may be opened."""
        with self._lock:
            record = self._store.load(name)
            if record is None or record.channel != channel:
                return False
            self._store.remove(name)
            return self._opens.get(name, 0) < self._policy.opens_max

    def find(self, name: str) -> ChannelRecord | None:
        """The channel with a payee, if there is one."""
        with self._lock:
            return self._store.load(name)

    def close(self, record: ChannelRecord) -> bytes:
        """Signs the closing of a channel at what was spent."""
        return self._key.sign(close_bytes(id_from_text("ch", record.channel), record.spent))

    def _account(self, asset: Asset) -> str:
        if self._delegation is not None:
            return self._delegation.payer
        return id_text("acc", payer_account(self._key.public_key, asset))

    def _open(self, name: str, offer: ChannelOffer, now_ms: int) -> ChannelPayment:
        opens = self._opens.get(name, 0)
        if opens >= self._policy.opens_max:
            raise ChannelRefused("opened_too_often")
        if offer.close_delay_seconds > self._policy.close_delay_seconds_max:
            raise ChannelRefused("close_delay_above_limit")
        deposit = self._first_deposit(offer)
        self._reserve(offer, offer.amount)
        mandate = self._delegation and id_from_text("man", self._delegation.mandate)
        terms = ChannelTerms(
            node=offer.node,
            salt=secrets.token_bytes(16),
            payer=id_from_text("acc", self._account(offer.asset)),
            signer=self._key.public_key,
            voucher_key=self._key.public_key,
            payee=id_from_text("acc", offer.pay_to),
            asset=offer.asset,
            deposit=deposit,
            close_delay_seconds=offer.close_delay_seconds,
            expires_at_ms=now_ms + 1000 * self._policy.lifetime_seconds,
            mandate=mandate,
        )
        record = ChannelRecord(
            channel=id_text("ch", terms.channel()),
            network=offer.network,
            pay_to=offer.pay_to,
            asset=offer.asset,
            close_delay_seconds=offer.close_delay_seconds,
            expires_at_ms=terms.expires_at_ms,
            deposit=deposit,
            sequence=1,
            cumulative=offer.amount,
            spent=offer.amount,
            before=0,
        )
        self._opens[name] = opens + 1
        self._store.save(name, record)
        data = terms.to_bytes()
        return ChannelPayment(self._voucher(record), terms=(data, self._key.sign(data)))

    def _continue(self, name: str, record: ChannelRecord, offer: ChannelOffer) -> ChannelPayment:
        if record.sequence >= _SEQUENCE_MAX:
            raise ChannelRefused("sequence_used_up")
        cumulative = max(record.cumulative, record.spent + offer.amount)
        deposit = self._raised_deposit(record, offer, cumulative)
        if cumulative > record.cumulative:
            self._reserve(offer, cumulative - record.cumulative)
        following = replace(
            record,
            deposit=record.deposit if deposit is None else deposit,
            sequence=record.sequence + 1,
            cumulative=cumulative,
            before=record.spent,
            # Until the seller tells what it charged, all of it counts as spent.
            spent=min(record.spent + offer.amount, cumulative),
        )
        self._store.save(name, following)
        voucher = self._voucher(following)
        if deposit is None:
            return ChannelPayment(voucher)
        data = top_up_bytes(id_from_text("ch", record.channel), deposit)
        return ChannelPayment(voucher, top_up=(deposit, self._key.sign(data)))

    def _first_deposit(self, offer: ChannelOffer) -> int:
        least = max(offer.deposit_min, offer.amount)
        limit = self._limit(offer.asset)
        if least > limit:
            raise ChannelRefused("deposit_above_limit")
        return min(max(self._step(offer), least), limit)

    def _raised_deposit(
        self, record: ChannelRecord, offer: ChannelOffer, cumulative: int
    ) -> int | None:
        if cumulative <= record.deposit:
            return None
        most = record.spent + self._limit(offer.asset)
        if cumulative > most:
            raise ChannelRefused("deposit_above_limit")
        return min(max(cumulative, record.deposit + self._step(offer)), most)

    def _step(self, offer: ChannelOffer) -> int:
        own = self._policy.deposit
        return offer.deposit_suggested if own is None else own

    def _limit(self, asset: Asset) -> int:
        own = self._policy.deposit_max
        return 10**asset.scale if own is None else own

    def _reserve(self, offer: ChannelOffer, amount: int) -> None:
        if self._spend_control is not None:
            proposed = ProposedPayment(offer.network, offer.asset, amount, offer.pay_to)
            self._spend_control.reserve(proposed)

    def _voucher(self, record: ChannelRecord) -> SignedVoucher:
        channel = id_from_text("ch", record.channel)
        signature = self._key.sign(voucher_bytes(channel, record.sequence, record.cumulative))
        return SignedVoucher(record.channel, record.sequence, record.cumulative, signature)

    def _is_own(self, voucher: SignedVoucher, channel: str) -> bool:
        if voucher.channel != channel or not 0 <= voucher.sequence <= _SEQUENCE_MAX:
            return False
        data = voucher_bytes(id_from_text("ch", channel), voucher.sequence, voucher.cumulative)
        return verify_signature(self._key.public_key, data, voucher.signature)
