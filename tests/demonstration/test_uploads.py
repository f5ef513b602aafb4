"""What visitors may bring: how much, and of which kind."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from datamodules.image_files.reading import read_image
from demonstration.limits import MAX_REQUEST, Limits, Message, Receive, Send
from demonstration.uploads import MAX_BYTES, read_upload


def test_a_picture_is_read_as_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.effect_noise((90, 70), 90).convert("RGB").save(path)
    assert torch.equal(read_upload(path, 32, name="photo"), read_image(path, 32))


def test_what_is_too_large_or_no_picture_is_refused_by_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "0123456789"
    path.write_bytes(bytes(MAX_BYTES + 1))
    with pytest.raises(ValueError, match=r"holiday\.png: it has 16,777,217 bytes, expected at most 16,777,216; make"):
        read_upload(path, 32, name="holiday.png")
    Image.new("1", (10_000, 4001)).save(path, "png")
    with pytest.raises(ValueError, match=r"holiday\.png: it has 40,010,000 pixels, expected at most 40,000,000"):
        read_upload(path, 32, name="holiday.png")
    path.write_text("<svg/>")
    with pytest.raises(ValueError, match=r"holiday\.png: not a usable image"):
        read_upload(path, 32, name="holiday.png")


@pytest.mark.parametrize(
    ("method", "size", "status"),
    [
        ("GET", None, 200),
        ("POST", b"10", 200),
        ("POST", str(MAX_REQUEST + 1).encode(), 413),
        ("POST", None, 411),
        ("POST", b"-1", 411),
    ],
)
def test_large_requests_are_refused_and_pages_load_nothing_from_elsewhere(
    method: str, size: bytes | None, status: int
) -> None:
    sent: list[Message] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        raise AssertionError("nothing is read of what is refused")

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if size is None else [(b"content-length", size)]
    scope: Any = {"type": "http", "method": method, "headers": headers}
    asyncio.run(Limits(app)(scope, receive, send))
    assert sent[0]["status"] == status
    assert b"default-src 'self'" in dict(sent[0]["headers"])[b"content-security-policy"]
