"""Runs that `nohup` starts: an example of a kind of infrastructure from another package."""

from headrace.infrastructure.kinds import KindSpec

NOHUP = KindSpec(
    name="nohup",
    template={
        "job_configuration": {"command": "{{ command }}", "env": "{{ env }}"},
        "variables": {
            "type": "object",
            "properties": {
                "command": {"type": "string", "description": "In place of executing the flow run."},
                "env": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
    },
    make="headrace_nohup.kind:make_nohup",
)
