"""The docker kind's registration; it imports nothing of the engine's SDK."""

from headrace.infrastructure.kinds import KindSpec
from headrace.infrastructure.templates import DEFAULT_TEMPLATES

DOCKER = KindSpec(
    name="docker",
    template=DEFAULT_TEMPLATES["docker"],
    make="headrace.infrastructure.docker.kind:make_docker",
    modules=("docker",),
    requirement="headrace[docker]",
)
