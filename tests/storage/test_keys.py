"""Keys: what they hold, and what can never be one."""

import hashlib

import pytest

from stackroom.errors import Invalid
from stackroom.storage.keys import blob_key, export_key, new_generation, rendition_key, rendition_prefix

DIGEST = hashlib.sha256(b"bytes").digest()


def test_a_blob_lies_under_its_owner_and_its_hash() -> None:
    key = blob_key("12", DIGEST, "0a1b2c3d4e5f")
    assert key == f"blobs/12/{DIGEST.hex()[:2]}/{DIGEST.hex()}-0a1b2c3d4e5f"


def test_a_rendition_shares_the_prefix_of_its_blob_alone() -> None:
    key = blob_key("12", DIGEST, "0a1b2c3d4e5f")
    assert rendition_key(key, "thumb-200").startswith(rendition_prefix(key))
    assert not rendition_key(key, "thumb-200").startswith(rendition_prefix(blob_key("12", DIGEST, "0a1b")))
    assert not rendition_key(key, "thumb-200").startswith(
        rendition_prefix(blob_key("1", DIGEST, "0a1b2c3d4e5f"))
    )


def test_the_same_content_arriving_again_gets_another_key() -> None:
    keys = {blob_key("12", DIGEST, new_generation()) for _ in range(1000)}
    assert len(keys) == 1000


def test_an_export_lies_under_its_owner() -> None:
    assert export_key("12", "abc", "0a1b2c3d4e5f") == "exports/12/abc-0a1b2c3d4e5f"


@pytest.mark.parametrize("owner", ["..", "", "a/../..", "/etc"])
def test_an_owner_cannot_lead_elsewhere(owner: str) -> None:
    with pytest.raises(Invalid):
        blob_key(owner, DIGEST, "0")
