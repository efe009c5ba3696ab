"""What is said of what went wrong."""

import pickle

from stackroom.errors import NotFound


def test_a_message_does_not_repeat_a_whole_book() -> None:
    error = NotFound(f"there is no dataset '{'x' * 70_000}' here", details={"given": 1})
    assert len(error.message) < 2100
    assert error.message.startswith("there is no dataset 'xxx")
    assert "xxx … xxx" in error.message
    assert error.message.endswith("xxx' here")
    assert pickle.loads(pickle.dumps(error)).message == str(error) == error.message


def test_a_message_of_usual_length_is_left_as_it_is() -> None:
    assert NotFound("x" * 2000).message == "x" * 2000
