"""Wire objects of task workers."""

from datetime import datetime

from headrace.wire.objects import Wire


class TaskWorkerFilter(Wire, kw_only=True):
    task_keys: list[str]


class ReadTaskWorkersBody(Wire, kw_only=True):
    task_worker_filter: TaskWorkerFilter | None = None


class TaskWorkerResponse(Wire, kw_only=True):
    identifier: str
    task_keys: list[str]
    timestamp: datetime
