"""The kubernetes kind's registration; it imports nothing of the cluster's client."""

from headrace.infrastructure.kinds import KindSpec
from headrace.infrastructure.templates import DEFAULT_TEMPLATES

KUBERNETES = KindSpec(
    name="kubernetes",
    template=DEFAULT_TEMPLATES["kubernetes"],
    make="headrace.infrastructure.kubernetes.kind:make_kubernetes",
    modules=("kubernetes", "jsonpatch"),
    requirement="headrace[kubernetes]",
    launchers=8,  # a launch is two requests of a few milliseconds each
)
