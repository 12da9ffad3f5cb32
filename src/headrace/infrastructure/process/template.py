"""The base job template of process pools, as data."""

from types import MappingProxyType
from typing import Final

from headrace.infrastructure.process.limits import LEAST_MEMORY

_TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}}

TEMPLATE: Final = MappingProxyType(
    {
        "job_configuration": {
            "command": "{{ command }}",
            "env": "{{ env }}",
            "labels": "{{ labels }}",
            "name": "{{ name }}",
            "stream_output": "{{ stream_output }}",
            "working_dir": "{{ working_dir }}",
            "memory_limit": "{{ memory_limit }}",
            "cpu_limit": "{{ cpu_limit }}",
        },
        "variables": {
            "type": "object",
            "properties": {
                "name": {
                    "title": "Name",
                    "description": "What the process is called in lists and logs.",
                    "type": "string",
                },
                "env": {
                    "title": "Environment",
                    "description": "Environment variables of the run's process.",
                    **_TEXTS,
                },
                "labels": {
                    "title": "Labels",
                    "description": "Names and values that mark what belongs to a run.",
                    **_TEXTS,
                },
                "command": {
                    "title": "Command",
                    "description": "A shell command to run in place of the usual one. "
                    "Left empty, a run starts in a warm interpreter, in milliseconds.",
                    "type": "string",
                },
                "stream_output": {
                    "title": "Stream output",
                    "description": "Whether the worker prints what the run's process prints.",
                    "type": "boolean",
                    "default": True,
                },
                "working_dir": {
                    "title": "Working directory",
                    "description": "The folder in which the process starts; left empty, a fresh one "
                    "that is removed afterwards.",
                    "type": "string",
                    "format": "path",
                },
                "memory_limit": {
                    "title": "Memory limit",
                    "description": "The most memory that a run may have, in MiB.",
                    "type": "integer",
                    "minimum": LEAST_MEMORY,
                },
                "cpu_limit": {
                    "title": "Processor limit",
                    "description": "The most processors that a run may use, as 2 or 0.5.",
                    "type": "number",
                    "exclusiveMinimum": 0,
                },
            },
        },
    }
)
"""`job_configuration` and `variables`, with the names and types of the contract, and limits besides."""
