"""Registers the client plug-ins with an x402 client.

Channels are opt-in: without `channels` nothing is ever held, only paid.
"""

from typing import Any, TypeVar

from .channel_book import ChannelPolicy
from .channel_client import BatchFarthingClient
from .client import ExactFarthingClient, UptoFarthingClient
from .key import Signer
from .requirements import NETWORK_PREFIX

Client = TypeVar("Client")


def register_farthing(
    client: Client, key: Signer, *, channels: ChannelPolicy | None = None, **options: Any
) -> Client:
    """Registers the plug-ins for every Farthing node: `exact` in x402 versions 2 and 1, `upto`,
    and with `channels` also `batch-settlement`, which then goes before the others. Returns the
    client. Options are those of `ExactFarthingClient`."""
    scheme = ExactFarthingClient(key, **options)
    client.register("farthing:*", scheme)  # type: ignore[attr-defined]
    client.register_v1("farthing:*", scheme)  # type: ignore[attr-defined]
    client.register("farthing:*", UptoFarthingClient(key, **options))  # type: ignore[attr-defined]
    if channels is not None:
        batch = BatchFarthingClient(key, channels, **options)
        client.register("farthing:*", batch)  # type: ignore[attr-defined]
        client.register_policy(channels_first)  # type: ignore[attr-defined]
    return client


def channels_first(version: int, offers: list[Any]) -> list[Any]:
    """A policy for `register_policy`: what a channel can pay, a channel pays."""

    def is_other(offer: Any) -> bool:
        own = offer.network.startswith(NETWORK_PREFIX)
        return not (own and offer.scheme == BatchFarthingClient.scheme)

    return sorted(offers, key=is_other)
