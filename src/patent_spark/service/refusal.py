"""A request that is refused: a status and one sentence, which never repeats what the client sent."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.types import Send

SLOW = "slow"
"""The reason of a refusal after which nothing more is read."""


class Refusal(Exception):
    """Answer with `status` and {"error": sentence}. `reason` names it in the metrics."""

    def __init__(
        self, status: int, sentence: str, reason: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.reason = reason
        self.headers = dict(headers or {})


def busy(what: str, seconds: int = 1) -> Refusal:
    """503 with Retry-After: `what` is full at the moment."""
    return Refusal(503, f"{what}; try again in {seconds} s", "busy", headers={"Retry-After": str(seconds)})


def error_body(sentence: str) -> bytes:
    """The JSON of every error."""
    return json.dumps({"error": sentence}, ensure_ascii=False).encode()


async def send_refusal(send: Send, refusal: Refusal) -> None:
    """The answer of a request that was refused before it reached its route."""
    body = error_body(refusal.sentence)
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **{name.lower(): value for name, value in refusal.headers.items()},
    }
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
