"""The client, the recorder and the subscriptions against Headrace's own server."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from headrace import errors
from headrace.client import Client, flow_runs, flows, logs, task_runs, variables, work_pools
from headrace.client.events import create_events
from headrace.client.subscriptions import subscribe_events
from headrace.core.ids import new_id
from headrace.engine.recorder import Recorder
from headrace.settings import temporary_settings
from headrace.wire.events import Event, EventFilter, EventNameFilter
from headrace.wire.flow_runs import FlowRunCreate, ReadFlowRunsBody, SetFlowRunStateBody
from headrace.wire.flows import FlowCreate
from headrace.wire.logs import ReadLogsBody
from headrace.wire.states import StateCreate, StateDetails, StateType
from headrace.wire.task_runs import ReadTaskRunsBody
from headrace.wire.variables import VariableCreate
from headrace.wire.work_pools import WorkPoolCreate


@pytest.fixture
def client(sqlite_server):
    with Client(f"http://127.0.0.1:{sqlite_server.port}/api") as made:
        yield made


def event(name: str) -> Event:
    return Event(
        id=uuid4(), event=name, occurred=datetime.now(UTC), resource={"prefect.resource.id": "x"}
    )


def test_a_flow_run_goes_its_way(client):
    flow = flows.create_flow(client, FlowCreate(name="mill é"))
    assert flows.read_flow_by_name(client, "mill é").id == flow.id
    pending = StateCreate(type=StateType.PENDING)
    run = flow_runs.create_flow_run(
        client, FlowRunCreate(flow_id=flow.id, state=pending, idempotency_key="k")
    )
    again = flow_runs.create_flow_run(
        client, FlowRunCreate(flow_id=flow.id, state=pending, idempotency_key="k")
    )
    assert again.id == run.id
    for type_ in (StateType.RUNNING, StateType.COMPLETED):
        details = StateDetails(transition_id=uuid4())
        body = SetFlowRunStateBody(state=StateCreate(type=type_, state_details=details))
        assert flow_runs.set_flow_run_state(client, run.id, body).status == "ACCEPT"
    (listed,) = flow_runs.list_flow_runs(client, ReadFlowRunsBody())
    assert listed.state_type is StateType.COMPLETED
    assert [s.name for s in flow_runs.read_flow_run_states(client, run.id)][-1] == "Completed"


def test_errors_come_back_as_the_classes_that_the_server_raised(client):
    with pytest.raises(errors.ObjectNotFound, match="ariable"):
        variables.read_variable_by_name(client, "none")
    variables.create_variable(client, VariableCreate(name="a", value=1))
    with pytest.raises(errors.ObjectAlreadyExists):
        variables.create_variable(client, VariableCreate(name="a", value=2))
    with pytest.raises(errors.Unprocessable, match="limit"):
        flow_runs.list_flow_runs(client, ReadFlowRunsBody(limit=1000))
    work_pools.create_work_pool(client, WorkPoolCreate(name="p", type="process"))
    with pytest.raises(errors.ObjectAlreadyExists):
        work_pools.create_work_pool(client, WorkPoolCreate(name="p", type="process"))


def test_what_the_recorder_acknowledges_is_in_the_database(client, tmp_path):
    task_run, flow_run = new_id(), str(uuid4())
    with temporary_settings(home=tmp_path):
        recorder = Recorder(client, interval=0.005)
    now = datetime.now(UTC)
    for step, type_ in enumerate(("PENDING", "RUNNING", "COMPLETED")):
        at = (now + timedelta(milliseconds=step)).isoformat()
        recorder.event(_task_event(task_run, type_, at))
    recorder.log({"name": "x", "level": 20, "message": "hello", "timestamp": now.isoformat(),
                  "flow_run_id": flow_run})  # fmt: skip
    assert recorder.flush(10)
    (found,) = task_runs.list_task_runs(client, ReadTaskRunsBody())
    assert (str(found.id), found.state_type) == (task_run, StateType.COMPLETED)
    assert [record.message for record in logs.list_logs(client, ReadLogsBody())] == ["hello"]
    assert recorder.close(5)


def _task_event(task_run: str, type_: str, at: str) -> dict[str, object]:
    name = type_.capitalize()
    state = {"type": type_, "name": name, "message": "", "state_details": {"task_run_id": task_run}}
    return {
        "id": str(uuid4()),
        "event": f"prefect.task-run.{name}",
        "occurred": at,
        "resource": {
            "prefect.resource.id": f"prefect.task-run.{task_run}",
            "prefect.resource.name": "t",
            "prefect.state-name": name,
            "prefect.state-type": type_,
            "prefect.state-timestamp": at,
            "prefect.state-message": "",
            "prefect.orchestration": "client",
        },
        "related": [],
        "payload": {
            "intended": {"from": None, "to": type_},
            "initial_state": None,
            "validated_state": state,
            "task_run": {
                "name": "t",
                "task_key": "t",
                "dynamic_key": "0",
                "tags": [],
                "run_count": 1,
            },
        },
    }


def test_events_are_followed_from_the_past_into_the_present(client):
    create_events(client, [event("a.1"), event("b.1")])
    wanted = EventFilter(event=EventNameFilter(prefix=["a."]))
    since = datetime.now(UTC) - timedelta(minutes=1)
    with subscribe_events(client, wanted, since) as following:
        first = following.receive(10)
        assert first is not None
        assert first.event == "a.1"
        create_events(client, [event("b.2"), event("a.2")])
        second = following.receive(10)
        assert second is not None
        assert second.event == "a.2"
