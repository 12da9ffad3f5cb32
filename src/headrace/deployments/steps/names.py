"""Which function a step's name means: names of the contract mean ours, any other its own."""

from typing import Final

_PACKAGES: Final = ("prefect", "headrace")
_OURS: Final = "headrace.deployments.steps"

_MODULES: Final = {
    "fetch_bundle": "pull",
    "git_clone": "pull",
    "pull_from_remote_storage": "pull",
    "pull_with_block": "pull",
    "set_working_directory": "pull",
    "pip_install_requirements": "utility",
    "run_shell_script": "utility",
}
"""Our steps, and the module of `headrace.deployments.steps` that each is in."""

_INTEGRATIONS: Final = {
    "prefect_aws.deployments.steps": {
        "push_to_s3": "storage",
        "pull_from_s3": "storage",
    },
    "prefect_azure.deployments.steps": {
        "push_to_azure_blob_storage": "storage",
        "pull_from_azure_blob_storage": "storage",
    },
    "prefect_docker.deployments.steps": {
        "build_docker_image": "docker",
        "push_docker_image": "docker",
    },
    "prefect_gcp.deployments.steps": {
        "push_to_gcs": "storage",
        "pull_from_gcs": "storage",
    },
}
"""Steps of the contract's integration packages that we have ourselves."""


_ELSEWHERE: Final = {
    "git_clone": "headrace.sources.git:git_clone",
    "fetch_bundle": "headrace.sources.bundles:fetch_bundle",
}
"""Where a step is that `pull` has only by name: not to be loaded with the rest of that module."""


def _ours() -> dict[str, str]:
    known: dict[str, str] = {}
    for name, module in _MODULES.items():
        target = _ELSEWHERE.get(name, f"{_OURS}.{module}:{name}")
        for package in _PACKAGES:
            for place in ("", f"{module}."):
                known[f"{package}.deployments.steps.{place}{name}"] = target
    for package, steps in _INTEGRATIONS.items():
        for name, module in steps.items():
            target = f"{_OURS}.{module}:{name}"
            known[f"{package}.{name}"] = target
            known[f"{_OURS}.{module}.{name}"] = target
    return known


OURS: Final = _ours()
"""Every name that means a step of ours, and its `module:function`."""
