"""What is read of the cluster's objects: the few fields that tell how an attempt is."""

from datetime import datetime
from typing import Any

import msgspec


class View(msgspec.Struct, frozen=True, rename="camel"):
    """A part of an object; fields that are not named here are skipped unread."""


class OwnerView(View, frozen=True):
    """What an object belongs to."""

    uid: str = ""


class MetaView(View, frozen=True):
    """Names, marks and times."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerView] = []
    resource_version: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None


class ConditionView(View, frozen=True):
    """One thing that is so, or not."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is so."""
        return self.status == "True"


class JobSpecView(View, frozen=True):
    """How often a job tries."""

    backoff_limit: int = 6  # the API's own default


class JobStatusView(View, frozen=True):
    """How a job is."""

    conditions: list[ConditionView] = []
    failed: int = 0


class JobView(View, frozen=True):
    """A job."""

    metadata: MetaView = MetaView()
    spec: JobSpecView = JobSpecView()
    status: JobStatusView = JobStatusView()

    def condition(self, *types: str) -> ConditionView | None:
        """The first condition of these types that holds."""
        return next((c for c in self.status.conditions if c.type in types and c.holds), None)


class WaitingView(View, frozen=True):
    """Why a container does not run yet."""

    reason: str = ""
    message: str = ""


class TerminatedView(View, frozen=True):
    """How a container ended."""

    exit_code: int = 0
    reason: str = ""
    message: str = ""


class ContainerStateView(View, frozen=True):
    """Exactly one is set; none means that nothing is known yet."""

    waiting: WaitingView | None = None
    running: dict[str, Any] | None = None
    terminated: TerminatedView | None = None


class ContainerStatusView(View, frozen=True):
    """How one container is."""

    name: str = ""
    image: str = ""
    state: ContainerStateView = ContainerStateView()


class ResourcesView(View, frozen=True):
    """What a container may use."""

    limits: dict[str, str | int | float] = {}


class ContainerView(View, frozen=True):
    """A container that was asked for."""

    name: str = ""
    image: str = ""
    resources: ResourcesView = ResourcesView()


class PodSpecView(View, frozen=True):
    """What a pod was asked to be."""

    containers: list[ContainerView] = []
    node_name: str = ""


class PodStatusView(View, frozen=True):
    """How a pod is."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    conditions: list[ConditionView] = []
    container_statuses: list[ContainerStatusView] = []
    init_container_statuses: list[ContainerStatusView] = []


class PodView(View, frozen=True):
    """A pod."""

    metadata: MetaView = MetaView()
    spec: PodSpecView = PodSpecView()
    status: PodStatusView = PodStatusView()

    @property
    def is_over(self) -> bool:
        """Whether none of its containers runs, nor will again."""
        return self.status.phase in {"Succeeded", "Failed"}

    @property
    def main(self) -> ContainerView:
        """The container that the run lives in: the first."""
        return self.spec.containers[0] if self.spec.containers else ContainerView()

    @property
    def main_state(self) -> ContainerStateView:
        """How the run's container is."""
        name = self.main.name
        found = (s.state for s in self.status.container_statuses if s.name == name)
        return next(found, ContainerStateView())

    @property
    def has_begun(self) -> bool:
        """Whether the run's container has printed, or could have."""
        state = self.main_state
        return state.running is not None or state.terminated is not None

    def condition(self, type_: str) -> ConditionView | None:
        """The condition of this type, whether it holds or not."""
        return next((c for c in self.status.conditions if c.type == type_), None)


class EventView(View, frozen=True):
    """Something that was noted about an object."""

    type: str = ""
    reason: str = ""
    message: str = ""
    count: int | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    metadata: MetaView = MetaView()


class ListMetaView(View, frozen=True):
    """Where a list stands, and where it goes on."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class JobListView(View, frozen=True):
    """A page of jobs."""

    metadata: ListMetaView = ListMetaView()
    items: list[JobView] = []


class PodListView(View, frozen=True):
    """A page of pods."""

    metadata: ListMetaView = ListMetaView()
    items: list[PodView] = []


class EventListView(View, frozen=True):
    """A page of events."""

    items: list[EventView] = []


class WatchView(View, frozen=True):
    """One line of a watch."""

    type: str = ""
    object: msgspec.Raw = msgspec.Raw(b"{}")


class StatusView(View, frozen=True):
    """How the API says no."""

    code: int = 0
    reason: str = ""
    message: str = ""
