"""Task runners: where the submitted tasks of a flow run."""

from headrace.task_runners.contract import TaskRunner
from headrace.task_runners.threads import ConcurrentTaskRunner, ThreadPoolTaskRunner

__all__ = ["ConcurrentTaskRunner", "TaskRunner", "ThreadPoolTaskRunner"]
