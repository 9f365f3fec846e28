"""Reads the purchase of a request that an x402 server SDK is serving.

The SDK's adapter hides the raw path and the body of the request, and both decide what is bought:
they are taken from the web framework's request where the adapter holds one (Starlette and FastAPI,
Werkzeug and Flask).
"""

import inspect
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

from .formats import Purchase, split_url

RequestBody = Callable[[Any], "bytes | Awaitable[bytes]"]
"""The request body as sent, from the SDK's request adapter."""


def read_purchase(
    adapter: Any, origin: str | None, request_body: RequestBody | None
) -> Purchase | Awaitable[Purchase]:
    """The purchase of the adapter's request; awaitable if the body has to be awaited."""
    seen_origin, path, query = _target(adapter)
    body = (request_body or _body)(adapter)

    def purchase(data: bytes) -> Purchase:
        return Purchase(adapter.get_method(), origin or seen_origin, path, query, data)

    if not inspect.isawaitable(body):
        return purchase(body)

    async def later() -> Purchase:
        return purchase(await body)

    return later()


def _target(adapter: Any) -> tuple[str, str, str]:
    origin, path, query = split_url(adapter.get_url())
    scope = getattr(getattr(adapter, "_request", None), "scope", None)
    # Starlette's URL shows the decoded path, in which %3F would look like a query.
    raw_path = scope.get("raw_path") if isinstance(scope, dict) else None
    return origin, raw_path.decode("latin-1") if raw_path else path, query


def _body(adapter: Any) -> bytes | Awaitable[bytes]:
    request = getattr(adapter, "_request", None)
    if inspect.iscoroutinefunction(getattr(request, "body", None)):
        return request.body()
    if hasattr(request, "get_data"):
        body = request.get_data()
        # The application reads the same WSGI input after us: give it the bytes again.
        request.environ["wsgi.input"] = io.BytesIO(body)
        return body
    body = adapter.get_body()
    if body is None or isinstance(body, bytes):
        return body or b""
    return (body if isinstance(body, str) else json.dumps(body, sort_keys=True)).encode()
