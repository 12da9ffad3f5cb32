"""What runs here, as plain values: `headrace.runtime.flow_run.id`, `….task_run.name` and so on.

Each attribute is looked up when it is read. Outside of a run they are None, or empty.
"""

from headrace.runtime import deployment, flow_run, task_run

__all__ = ["deployment", "flow_run", "task_run"]
