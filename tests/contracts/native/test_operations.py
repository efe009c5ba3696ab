"""Operations over the native protocol."""

import pytest

pytestmark = pytest.mark.every_database


def test_a_move_answers_with_an_outcome_for_every_item(face):
    photos = face.a_dataset(names=["a.jpg", "b.jpg"])
    answer = face.operate(
        "move", selection={"ids": [*photos.ids, "nonsense"], "dataset": "photos"}, to={"folder": "sorted/cars/"}
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["outcomes"] == {"done": 2, "not_found": 1}
    assert set(face.places("photos").values()) == {"/sorted/cars/a.jpg", "/sorted/cars/b.jpg"}
