"""Refuses a payment that this process is already serving, so that copies sent at the same moment
run a handler once.

A guard of one process only; the node's replay guard decides about the money. An entry is dropped
when its request ends, at the latest when its order must have expired.
"""

import threading
import time

_ENTRY_SECONDS_MAX = 86_400


class InFlight:
    """Payments between verification and settlement."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deadlines: dict[str, float] = {}

    def enter(self, payment: str, timeout_seconds: int) -> bool:
        """False if the payment is in flight already."""
        now = time.monotonic()
        with self._lock:
            for entry in [e for e, deadline in self._deadlines.items() if deadline <= now]:
                del self._deadlines[entry]
            if payment in self._deadlines:
                return False
            self._deadlines[payment] = now + min(timeout_seconds, _ENTRY_SECONDS_MAX)
            return True

    def leave(self, payment: str) -> None:
        with self._lock:
            self._deadlines.pop(payment, None)
