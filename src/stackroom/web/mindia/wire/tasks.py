"""Tasks, in the words of the protocol."""

from typing import Any, Literal
from uuid import UUID

from stackroom.web.mindia.wire.base import Asked, Given, Moment

Status = Literal["pending", "running", "completed", "failed", "scheduled", "cancelled"]
TaskType = Literal["video_transcode", "generate_embedding", "plugin_execution", "content_moderation"]


class Wanted(Asked, frozen=True, kw_only=True):
    status: Status | None = None
    task_type: TaskType | None = None


class Task(Given, frozen=True, kw_only=True):
    id: UUID
    task_type: TaskType
    status: Status
    priority: int
    payload: dict[str, Any]
    result: dict[str, Any] | None
    scheduled_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    retry_count: int
    max_retries: int
    created_at: Moment
    updated_at: Moment


class Tasks(Given, frozen=True, kw_only=True):
    tasks: list[Task]
    count: int


class Stats(Given, frozen=True, kw_only=True):
    total: int
    pending: int
    running: int
    completed: int
    failed: int
    scheduled: int
    cancelled: int


class Submitted(Given, frozen=True, kw_only=True):
    task_id: UUID
