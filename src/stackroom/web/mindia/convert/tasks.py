"""Tasks: a job's number as a UUID and back, and its state in the words of the protocol."""

from collections import Counter
from typing import Any, Final
from uuid import UUID

from stackroom import ids
from stackroom.processing import embedding, transcoding
from stackroom.processing.tasks import Task
from stackroom.queue.jobs import PRIORITY, State
from stackroom.web.mindia.wire import tasks as wire
from stackroom.web.mindia.wire.base import moment, moment_or_none

_BEFORE: Final = bytes.fromhex("00000000000080008000")
"""A UUID of version 8, of which the number is the last six bytes."""
_NUMBER = 6
MAX_RETRIES = 3
_HIGH = 7
_TYPES: Final[dict[str, wire.TaskType]] = {
    transcoding.KIND: "video_transcode",
    embedding.KIND: "generate_embedding",
}
_PRIORITIES: Final = {transcoding.KIND: 5, embedding.KIND: 3}
_STATUS: Final[dict[State, wire.Status]] = {
    State.READY: "pending",
    State.RUNNING: "running",
    State.DONE: "completed",
    State.FAILED: "failed",
    State.WAITING: "scheduled",
    State.CANCELLED: "cancelled",
}


def id_of(number: int) -> UUID:
    return UUID(bytes=_BEFORE + number.to_bytes(_NUMBER))


def number_of(raw: bytes) -> int | None:
    """None for the id of something else."""
    return int.from_bytes(raw[-_NUMBER:]) if raw.startswith(_BEFORE) else None


def state_of(status: wire.Status) -> State:
    return next(state for state, word in _STATUS.items() if word == status)


def kind_of(task_type: wire.TaskType) -> str | None:
    """None for what there never is."""
    return next((kind for kind, word in _TYPES.items() if word == task_type), None)


def shown(task: Task) -> wire.Task:
    return wire.Task(
        id=id_of(task.id),
        task_type=_TYPES[task.kind],
        status=_STATUS[task.state],
        priority=_HIGH if task.priority == PRIORITY else _PRIORITIES[task.kind],
        payload=_payload(task),
        result=None if task.error is None else {"error": task.error, "code": task.error_code},
        scheduled_at=moment(task.run_at or task.created_at),
        started_at=moment_or_none(task.started_at),
        completed_at=moment_or_none(task.finished_at),
        retry_count=max(0, task.attempt - 1),
        max_retries=MAX_RETRIES,
        created_at=moment(task.created_at),
        updated_at=moment(task.finished_at or task.started_at or task.created_at),
    )


def stats(counted: Counter[State]) -> wire.Stats:
    return wire.Stats(total=counted.total(), **{word: counted[state] for state, word in _STATUS.items()})


def _payload(task: Task) -> dict[str, Any]:
    about = ids.text(task.asset)
    if task.kind == transcoding.KIND:
        return {"video_id": about}
    return {"entity_id": about, "entity_type": task.asset_kind, "s3_url": None}
