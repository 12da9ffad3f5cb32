"""The background loops by name: what each does, and the setting that has a server go without it."""

from dataclasses import fields
from typing import Any, NamedTuple, cast

from headrace.server.config import ServerConfig
from headrace.server.services.loops.bundle_expiry import BundleExpiryLoop
from headrace.server.services.loops.cancellation import CancellationLoop
from headrace.server.services.loops.deployment_status import DeploymentStatusLoop
from headrace.server.services.loops.key_renewal import KeyRenewalLoop
from headrace.server.services.loops.lateness import LatenessLoop
from headrace.server.services.loops.leases import LeaseLoop
from headrace.server.services.loops.log_indexing import LogIndexingLoop
from headrace.server.services.loops.pause_expiry import PauseExpiryLoop
from headrace.server.services.loops.retention import RetentionLoop
from headrace.server.services.loops.scheduling import SchedulingLoop
from headrace.server.services.loops.signs_of_life import SignsOfLifeLoop
from headrace.server.services.loops.slot_expiry import SlotExpiryLoop
from headrace.server.services.loops.worker_status import WorkerStatusLoop

KINDS: tuple[type, ...] = (
    LeaseLoop,
    SignsOfLifeLoop,
    WorkerStatusLoop,
    SchedulingLoop,
    LatenessLoop,
    PauseExpiryLoop,
    CancellationLoop,
    KeyRenewalLoop,
    LogIndexingLoop,
    BundleExpiryLoop,
    SlotExpiryLoop,
    DeploymentStatusLoop,
    RetentionLoop,
)


class Described(NamedTuple):
    """One loop as people are told of it."""

    name: str
    enabled: bool
    setting: str
    description: str


def list_loops(config: ServerConfig) -> list[Described]:
    """All loops, and whether a server of this configuration runs them."""
    return [_describe(kind, config) for kind in KINDS]


def _describe(kind: type, config: ServerConfig) -> Described:
    default = next(one.default for one in fields(cast("Any", kind)) if one.name == "name")
    name = str(default)
    about = (kind.__doc__ or "").partition("\n")[0]
    enabled = config.loops_enabled and name not in config.loops_disabled
    return Described(name, enabled, f"HEADRACE_SERVER_SERVICES_{name.upper()}_ENABLED", about)
