"""Answers already given: what makes a retry safe.

The first answer to a write that carried an idempotency key is kept in the transaction of its effect, so there is
never one without the other. A second request with the key gets that answer; one that arrives while the first is
still running waits for it, because both writes need the same row. Refusals are not kept: they changed nothing, so
the request is simply tried again.

An answer that holds a secret, such as a key just made, is kept so that only the key it was given to can read it:
the database has neither the one nor the other.
"""

import hashlib
import secrets

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select

from stackroom import clock
from stackroom.access import Actor
from stackroom.database.schema import answer
from stackroom.errors import Invalid

KEPT_FOR = clock.DAY
MAX_KEY = 255


_VEIL = "veil"
"""Stands among the kept headers of a veiled answer, with what was mixed into its veil."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A response as it was sent. A `secret` one is not for whoever reads the database."""

    status: int
    headers: dict[str, str]
    body: bytes
    secret: bool = False


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One write with a key, which counts for its caller, method and path only: what a client calls its first request
    to one address says nothing about another. `fingerprint` tells whether a later one asks for the same thing;
    `token` is the caller's own secret, and is kept nowhere."""

    organization_id: int
    key: str
    fingerprint: bytes
    token: str = ""


def identify(actor: Actor, key: str, method: str, path: str, asked: bytes, *, token: str = "") -> Request:
    """`asked` is all that the answer depends on beside the address: the body, and the query if there is one.
    Without the caller's `token` no secret answer can be kept.

    Raises `Invalid` (`bad_idempotency_key`).
    """
    if not 1 <= len(key) <= MAX_KEY or not key.isprintable():
        raise Invalid(
            f"Idempotency-Key must be 1 to {MAX_KEY} printable characters", code="bad_idempotency_key"
        )
    scope = hashlib.sha256(f"{actor.key_id} {method} {path}".encode()).hexdigest()
    return Request(
        organization_id=actor.organization_id,
        key=f"{scope}:{key}",
        fingerprint=hashlib.sha256(asked).digest(),
        token=token,
    )


# Run for every write, and built once: building a statement takes longer than running it.
_MINE = (answer.c.organization_id == bindparam("mine")) & (answer.c.key == bindparam("wanted"))
_RECALL = select(answer).where(_MINE, answer.c.created_at > bindparam("old"))
_FORGET = delete(answer).where(_MINE, answer.c.created_at <= bindparam("old"))


def _about(request: Request, now: int) -> dict[str, object]:
    return {"mine": request.organization_id, "wanted": request.key, "old": now - KEPT_FOR}


def recall(conn: Connection, request: Request, *, now: int) -> Answer | None:
    """The answer given to this request before, if any. Raises `Invalid` (`idempotency_key_reused`) if the key came
    with another request."""
    row = conn.execute(_RECALL, _about(request, now)).first()
    if row is None:
        return None
    if row.fingerprint != request.fingerprint:
        raise Invalid(
            "this Idempotency-Key was used for a different request",
            code="idempotency_key_reused",
            hint="Use a fresh key for every new request; repeat a key only with the very same request.",
        )
    headers = msgspec.json.decode(row.headers, type=dict[str, str])
    nonce = headers.pop(_VEIL, None)
    body = row.body if nonce is None else _veiled(row.body, request.token, nonce)
    return Answer(status=row.status, headers=headers, body=body, secret=nonce is not None)


def remember(conn: Connection, request: Request, given: Answer, *, now: int) -> None:
    """Keep an answer, in the transaction of its effect. Another's answer to the same key raises a unique violation,
    upon which the whole transaction runs again and recalls it."""
    conn.execute(_FORGET, _about(request, now))
    headers, body = given.headers, given.body
    if given.secret:
        assert request.token
        nonce = secrets.token_hex(16)
        headers, body = {**headers, _VEIL: nonce}, _veiled(body, request.token, nonce)
    row = {
        "organization_id": request.organization_id,
        "key": request.key,
        "fingerprint": request.fingerprint,
        "status": given.status,
        "headers": msgspec.json.encode(headers).decode(),
        "body": body,
        "created_at": now,
    }
    conn.execute(insert(answer), row)


def forget_old(conn: Connection, *, now: int) -> None:
    conn.execute(delete(answer).where(answer.c.created_at <= now - KEPT_FOR))


def _veiled(body: bytes, token: str, nonce: str) -> bytes:
    """`body` under a stream of bytes that only the token and the nonce lead to; a second time, `body` again.

    A token is 160 random bits or more and its veil is used once, so this is a one-time pad to whoever lacks the token.
    """
    stream = hashlib.shake_256(f"veil {nonce} {token}".encode()).digest(len(body))
    mixed = int.from_bytes(body) ^ int.from_bytes(stream)
    return mixed.to_bytes(len(body))
