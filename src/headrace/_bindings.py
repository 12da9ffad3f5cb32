"""The one table of late bindings: names that the public surface forces on a module below theirs.

Four kinds. `PUBLIC` are the lazy names of `import headrace`: loading them all at import would cost
more than the whole budget. `METHODS` are methods whose work lives in a layer above their class
(`Flow.serve` needs `deployments`), or in one that is too dear to load before it is called (the
engine brings the HTTP client). `PACKAGES` are lazy names of packages that a run loads for a single one
of their modules. `HEAVY` are imports that only some calls need. Nothing else in the
package imports inside a function.
"""

from functools import cache
from importlib import import_module
from typing import Any

PUBLIC: dict[str, str] = {
    "flow": "headrace.flows:flow",
    "Flow": "headrace.flows:Flow",
    "task": "headrace.tasks:task",
    "Task": "headrace.tasks:Task",
    "State": "headrace.states:State",
    "allow_failure": "headrace.annotations:allow_failure",
    "unmapped": "headrace.annotations:unmapped",
    "tags": "headrace.context:tags",
    "get_run_logger": "headrace.logging:get_run_logger",
    "runtime": "headrace.runtime:",
    "pause_flow_run": "headrace.flow_runs:pause_flow_run",
    "suspend_flow_run": "headrace.flow_runs:suspend_flow_run",
    "resume_flow_run": "headrace.flow_runs:resume_flow_run",
    "serve": "headrace.deployments.serving:serve",
    "deploy": "headrace.deployments.deploying:deploy",
}

METHODS: dict[str, str] = {
    "Flow.to_deployment": "headrace.deployments.deployment:deployment_of",
    "Flow.serve": "headrace.deployments.serving:serve_flow",
    "Flow.from_source": "headrace.deployments.flow_sources:flow_from_source",
    "Flow.deploy": "headrace.deployments.deploying:deploy_flow",
    "Flow.__call__": "headrace.engine.flow_calls:call_flow",
    "Task.__call__": "headrace.engine.task_calls:call_task",
    "Task.submit": "headrace.engine.task_calls:submit_task",
    "Task.map": "headrace.engine.task_calls:map_task",
    "Task.map(deferred)": "headrace.engine.background:defer_map",
    "Task.apply_async": "headrace.engine.background:defer_task",
    "Task.serve": "headrace.task_worker:serve",
    "read_task_run_state": "headrace.engine.background:read_state",
    "Flow.validate_parameters": "headrace.engine.validation:validate_parameters",
    "Flow.serialize_parameters": "headrace.engine.serialization:as_json_parameters",
    "Flow.task_runner": "headrace.task_runners.threads:ThreadPoolTaskRunner",
    "load_flow_from_entrypoint": "headrace.engine.entrypoints:load_flow",
    "run_pull_steps": "headrace.deployments.steps.core:run_steps",
    "task_input_hash": "headrace.cache_policies:task_input_hash",
}

PACKAGES: dict[str, dict[str, str]] = {
    "headrace.deployments": {
        "RunnerDeployment": "headrace.deployments.deployment:RunnerDeployment",
        "deploy": "headrace.deployments.deploying:deploy",
        "initialize_project": "headrace.deployments.project.initializing:initialize_project",
        "run_deployment": "headrace.deployments.running:run_deployment",
        "serve": "headrace.deployments.serving:serve",
    },
    "headrace.deployments.steps": {
        "StepExecutionError": "headrace.errors:StepExecutionError",
        "fetch_bundle": "headrace.sources.bundles:fetch_bundle",
        "git_clone": "headrace.sources.git:git_clone",
        "pip_install_requirements": "headrace.deployments.steps.utility:pip_install_requirements",
        "pull_from_remote_storage": "headrace.deployments.steps.pull:pull_from_remote_storage",
        "pull_with_block": "headrace.deployments.steps.pull:pull_with_block",
        "run_shell_script": "headrace.deployments.steps.utility:run_shell_script",
        "run_step": "headrace.deployments.steps.core:run_step",
        "run_steps": "headrace.deployments.steps.core:run_steps",
        "set_working_directory": "headrace.deployments.steps.pull:set_working_directory",
    },
}

HEAVY: dict[str, str] = {
    "asyncio": "asyncio:",
    "compile_dir": "compileall:compile_dir",
    "cloudpickle.dumps": "cloudpickle:dumps",
    "engine.async_driver": "headrace.engine.async_driver:",
    "engine.memory": "headrace.engine.memory:",
    "engine.tag_slots": "headrace.engine.tag_slots:",
    "docker images": "headrace.infrastructure.docker.images:open_images",
    "enter_scratch": "headrace.sources.scratch:enter_scratch",
    "git_clone": "headrace.sources.git:git_clone",
    "inspect": "inspect:",
    "md5": "hashlib:md5",
    "pydantic": "pydantic:",
    "sha256": "hashlib:sha256",
    "sources.archives": "headrace.sources.archives:",
}


def load(target: str) -> Any:
    """The object at `module:attribute`, or the module at `module:`, imported now."""
    module, _, attribute = target.partition(":")
    loaded = import_module(module)
    return getattr(loaded, attribute) if attribute else loaded


@cache
def late(method: str) -> Any:
    """What `METHODS` says is behind a method, loaded at its first call."""
    return load(METHODS[method])


def lazy_name(package: str, name: str) -> Any:
    """What `PACKAGES` says is behind a name of a package: the package's `__getattr__`.

    Raises:
        AttributeError: It has no such name.
    """
    names = PACKAGES[package]
    if name not in names:
        message = f"module {package!r} has no attribute {name!r}"
        raise AttributeError(message)
    return load(names[name])
