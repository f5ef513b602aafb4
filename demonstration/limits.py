"""What every request is held to: how large it may be, and that the page loads nothing from elsewhere."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from demonstration.uploads import MAX_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

MAX_REQUEST = MAX_BYTES + 2**16  # with what surrounds a file in it
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; frame-ancestors 'self'; form-action 'self'; base-uri 'self'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


class Limits:
    """Refuses requests that are too large or do not tell their size, and adds headers to every answer.

    Args:
        app: The application that answers the rest (ASGI).
    """

    def __init__(self, app: Application) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        status = _refusal(scope)
        if status is None:
            await self.app(scope, receive, send_with_headers)
            return
        await send_with_headers({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"expected a request of at most 16 MB\n"})


def _refusal(scope: Message) -> int | None:
    """Return the status that a request is refused with; None for one that is not."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return None
    size = dict(scope["headers"]).get(b"content-length", b"")
    if not size.isdigit():
        return 411
    return 413 if int(size) > MAX_REQUEST else None
