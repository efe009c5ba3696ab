"""Saving many images' annotations, in requests of a size that the server takes."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import pytest

from stackroom import AnnotationsSaved, BulkSaved, Client, ImageStatus, NetworkError
from stackroom.cli.annotations import save_all


class FakeClient:
    """Saves everything, until its line breaks."""

    def __init__(self, breaks_at: int | None = None) -> None:
        self.annotations = self
        self.asked: list[list[str]] = []
        self._breaks_at = breaks_at

    def bulk_save(self, saves: Mapping[str, Iterable[Mapping[str, Any]]]) -> BulkSaved:
        if len(self.asked) == self._breaks_at:
            raise NetworkError("the line is broken")
        self.asked.append(list(saves))
        return BulkSaved([AnnotationsSaved(each, 0, 0, ImageStatus.NEW) for each in saves])


IMAGES: dict[str, list[Mapping[str, Any]]] = {str(number): [] for number in range(401)}


def test_every_image_is_asked_for_once_in_its_order() -> None:
    client = FakeClient()
    saved, failed = save_all(cast("Client", client), IMAGES)
    assert [len(each) for each in client.asked] == [200, 200, 1]
    assert [each.image_id for each in saved] == list(IMAGES)
    assert failed == []


def test_when_the_line_breaks_it_is_said_how_far_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NetworkError):
        save_all(cast("Client", FakeClient(breaks_at=2)), IMAGES)
    with pytest.raises(NetworkError):
        save_all(cast("Client", FakeClient(breaks_at=0)), IMAGES)
    assert capsys.readouterr().err.count("400 of 401 images were saved before that.") == 1
