"""Task workers: processes that run what is handed to background workers of their tasks."""

from headrace.engine.background import read_parameters, store_parameters
from headrace.task_worker.serving import serve
from headrace.task_worker.worker import StopTaskWorker, TaskWorker

__all__ = ["StopTaskWorker", "TaskWorker", "read_parameters", "serve", "store_parameters"]
