"""What a warm child runs for a deployment of the contract's own SDK: the engine of that SDK.

Only the program of a parent for such runs loads this. Importing that SDK takes seconds: it is imported
here, once. Its engine is run as `python -m` would run it, so it reads its directory's code, follows its
deployment's pull steps, and reports to the API by itself.
"""

import contextlib
import importlib
import runpy
import sys

from headrace.core.sdks import Sdk
from headrace.infrastructure.process.engines import MODULES

_ENGINE = MODULES[Sdk.PREFECT]


# What a run of it has loaded by its end and its package alone does not load; found by looking.
LATE = (
    "prefect.main",
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect.deployments.steps",
    "prefect.deployments.steps.pull",
    "prefect.runner.runner",
    "prefect.runtime",
    "prefect.telemetry.run_telemetry",
    "prefect.utilities.visualization",
    "anyio._backends._asyncio",
    "encodings.idna",
)


def execute_claim(_: bytes) -> bool:
    """Run the run that the environment names to its end.

    Raises:
        SystemExit: Always, with the engine's own exit code. It does not say whether the API has
            acknowledged its last word, so the worker looks at the run.
    """
    runpy.run_module(_ENGINE, run_name="__main__", alter_sys=True)
    raise SystemExit(0)


def _make_ready() -> None:
    importlib.import_module(Sdk.PREFECT)
    for name in LATE:
        with contextlib.suppress(ImportError):  # of another version
            importlib.import_module(name)
    sys.modules.pop(_ENGINE, None)  # it is to be run, not to have been imported


_make_ready()
