"""Wire objects of automations: what they wait for, and what they do then."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from headrace.wire.events import ResourceSpecification
from headrace.wire.filters import Operator
from headrace.wire.objects import Strict, Wire
from headrace.wire.states import StateType

Source = Literal["selected", "inferred"]


class EventTrigger(Wire, kw_only=True, tag_field="type", tag="event"):
    after: list[str] = []
    expect: list[str] = []
    for_each: list[str] = []
    id: UUID | UnsetType = UNSET
    match: ResourceSpecification = {}
    match_related: ResourceSpecification | list[ResourceSpecification] = {}
    posture: Literal["Reactive", "Proactive"]
    threshold: int = 1
    within: float = 0.0


class CompoundTriggerInput(Wire, kw_only=True, tag_field="type", tag="compound"):
    id: UUID | UnsetType = UNSET
    require: int | Literal["any", "all"]
    triggers: "list[Trigger]"
    within: float | None


class SequenceTriggerInput(Wire, kw_only=True, tag_field="type", tag="sequence"):
    id: UUID | UnsetType = UNSET
    triggers: "list[Trigger]"
    within: float | None


Trigger = EventTrigger | CompoundTriggerInput | SequenceTriggerInput


class DoNothing(Wire, kw_only=True, tag_field="type", tag="do-nothing"):
    pass


class RunDeployment(Wire, kw_only=True, tag_field="type", tag="run-deployment"):
    deployment_id: UUID | None = None
    job_variables: dict[str, Any] | None = None
    parameters: dict[str, Any] | None = None
    schedule_after: float = 0.0
    source: Source = "selected"


class PauseDeployment(Wire, kw_only=True, tag_field="type", tag="pause-deployment"):
    deployment_id: UUID | None = None
    source: Source = "selected"


class ResumeDeployment(Wire, kw_only=True, tag_field="type", tag="resume-deployment"):
    deployment_id: UUID | None = None
    source: Source = "selected"


class CancelFlowRun(Wire, kw_only=True, tag_field="type", tag="cancel-flow-run"):
    pass


class DeleteFlowRun(Wire, kw_only=True, tag_field="type", tag="delete-flow-run"):
    pass


class ChangeFlowRunState(Wire, kw_only=True, tag_field="type", tag="change-flow-run-state"):
    force: bool = False
    message: str | None = None
    name: str | None = None
    state: StateType


class PauseWorkQueue(Wire, kw_only=True, tag_field="type", tag="pause-work-queue"):
    source: Source = "selected"
    work_queue_id: UUID | None = None


class ResumeWorkQueue(Wire, kw_only=True, tag_field="type", tag="resume-work-queue"):
    source: Source = "selected"
    work_queue_id: UUID | None = None


class SendNotification(Wire, kw_only=True, tag_field="type", tag="send-notification"):
    block_document_id: UUID
    body: str
    subject: str = "Prefect automated notification"


class CallWebhook(Wire, kw_only=True, tag_field="type", tag="call-webhook"):
    block_document_id: UUID
    payload: str = ""


class PauseAutomation(Wire, kw_only=True, tag_field="type", tag="pause-automation"):
    automation_id: UUID | None = None
    source: Source = "selected"


class ResumeAutomation(Wire, kw_only=True, tag_field="type", tag="resume-automation"):
    automation_id: UUID | None = None
    source: Source = "selected"


class SuspendFlowRun(Wire, kw_only=True, tag_field="type", tag="suspend-flow-run"):
    pass


class ResumeFlowRun(Wire, kw_only=True, tag_field="type", tag="resume-flow-run"):
    pass


class PauseWorkPool(Wire, kw_only=True, tag_field="type", tag="pause-work-pool"):
    source: Source = "selected"
    work_pool_id: UUID | None = None


class ResumeWorkPool(Wire, kw_only=True, tag_field="type", tag="resume-work-pool"):
    source: Source = "selected"
    work_pool_id: UUID | None = None


Action = (
    DoNothing
    | RunDeployment
    | PauseDeployment
    | ResumeDeployment
    | CancelFlowRun
    | DeleteFlowRun
    | ChangeFlowRunState
    | PauseWorkQueue
    | ResumeWorkQueue
    | SendNotification
    | CallWebhook
    | PauseAutomation
    | ResumeAutomation
    | SuspendFlowRun
    | ResumeFlowRun
    | PauseWorkPool
    | ResumeWorkPool
)


class Automation(Wire, kw_only=True):
    actions: list[Action]
    actions_on_resolve: list[Action] = []
    actions_on_trigger: list[Action] = []
    created: datetime | None
    description: str = ""
    enabled: bool = True
    id: UUID
    name: str
    tags: list[str] = []
    trigger: Trigger
    updated: datetime | None


class AutomationCreate(Strict, kw_only=True):
    actions: list[Action]
    actions_on_resolve: list[Action] = []
    actions_on_trigger: list[Action] = []
    description: str = ""
    enabled: bool = True
    name: str
    owner_resource: str | None = None
    tags: list[str] = []
    trigger: Trigger


class AutomationUpdate(Strict, kw_only=True):
    actions: list[Action]
    actions_on_resolve: list[Action] = []
    actions_on_trigger: list[Action] = []
    description: str = ""
    enabled: bool = True
    name: str
    tags: list[str] = []
    trigger: Trigger


class AutomationPartialUpdate(Strict, kw_only=True):
    enabled: bool = True


class AutomationFilterCreated(Strict, kw_only=True):
    before_: datetime | None = None


class AutomationFilterId(Strict, kw_only=True):
    any_: list[UUID] | None = None


class AutomationFilterName(Strict, kw_only=True):
    any_: list[str] | None = None


class AutomationFilterTags(Strict, kw_only=True):
    all_: list[str] | None = None
    any_: list[str] | None = None
    is_null_: bool | None = None
    operator: Operator = Operator.AND


class AutomationFilter(Strict, kw_only=True):
    created: AutomationFilterCreated | None = None
    id: AutomationFilterId | None = None
    name: AutomationFilterName | None = None
    operator: Operator = Operator.AND
    tags: AutomationFilterTags | None = None


class AutomationSort(StrEnum):
    CREATED_DESC = "CREATED_DESC"
    UPDATED_DESC = "UPDATED_DESC"
    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"


class CountAutomationsBody(Wire, kw_only=True):
    automations: AutomationFilter | None = None


class ReadAutomationsBody(Wire, kw_only=True):
    automations: AutomationFilter | None = None
    limit: int | UnsetType = UNSET
    offset: Annotated[int, Meta(ge=0)] = 0
    sort: AutomationSort = AutomationSort.NAME_ASC
