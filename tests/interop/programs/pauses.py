"""Flows that wait for a person: paused, answered, refused, too late; and inputs sent to and fro.

A thread of this program is the person.
"""

import threading
import time
from typing import Any
from uuid import UUID

import reporting
from prefect import flow, get_client, pause_flow_run, resume_flow_run, runtime, task
from prefect.input import RunInput, receive_input, send_input
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

WAIT_SECONDS = 60


class Approval(RunInput):
    approved: bool
    by: str = "nobody"
    amounts: list[float]


@task
def before() -> str:
    return "before"


@flow(name="approved", flow_run_name="approved")
def approved() -> dict[str, Any]:
    first = before()
    form = Approval.with_initial_data(description="May it **go**?", approved=False)
    answer = pause_flow_run(wait_for_input=form, timeout=WAIT_SECONDS, poll_interval=0.2)
    return {"first": first, **answer.model_dump()}


@flow(name="asked", flow_run_name="asked")
def asked() -> int:
    return pause_flow_run(wait_for_input=int, timeout=WAIT_SECONDS, poll_interval=0.2)


@flow(name="plain", flow_run_name="plain")
def plain() -> str:
    pause_flow_run(timeout=WAIT_SECONDS, poll_interval=0.2)
    return "went on"


@flow(name="late", flow_run_name="late")
def late() -> None:
    pause_flow_run(timeout=1, poll_interval=0.2)


@flow(name="listening", flow_run_name="listening")
def listening() -> list[Any]:
    heard = []
    for word in receive_input(str, timeout=WAIT_SECONDS, poll_interval=0.1, with_metadata=True):
        heard.append(word.value)
        word.respond(f"heard {word.value}")
        if word.value == "stop":
            break
    return heard


@flow(name="speaking", flow_run_name="speaking")
def speaking(to: str) -> list[str]:
    for word in ("go", "stop"):
        send_input(word, flow_run_id=UUID(to))
    answers = receive_input(str, timeout=WAIT_SECONDS, poll_interval=0.1)
    return [next(answers), next(answers), runtime.flow_run.name]


def find(name: str, state: str) -> UUID:
    """The run of that name, once it is in a state of that name."""
    deadline = time.monotonic() + WAIT_SECONDS
    with get_client(sync_client=True) as client:
        while time.monotonic() < deadline:
            for run in client.read_flow_runs():
                if run.name == name and run.state is not None and run.state.name == state:
                    return run.id
            time.sleep(0.1)
    raise TimeoutError(f"{name} never was {state}")


def answer(name: str, refusals: list[str], *wrong: Any, given: Any = None) -> None:
    """Resume a paused run, after answers that are to be refused."""
    run = find(name, "Paused")
    for each in wrong:
        try:
            resume_flow_run(run, run_input=each)
        except Exception as refusal:  # noqa: BLE001 - whatever the client makes of it
            refusals.append(f"{type(refusal).__name__}: {refusal}")
    resume_flow_run(run, run_input=given)


def with_person(a_flow: Any, person: Any, *args: Any, **options: Any) -> Any:
    """Run a flow while somebody else does something."""
    thread = threading.Thread(target=person, args=args, kwargs=options)
    thread.start()
    state = a_flow(return_state=True)
    thread.join()
    result = state.result(raise_on_failure=False)
    run = str(state.state_details.flow_run_id)
    return {"state": state.name, "run": run, "result": result, "message": state.message}


def main() -> None:
    refusals: list[str] = []
    heard: list[Any] = []
    good = {"approved": True, "by": "me", "amounts": [1, 2.5]}
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        report = {
            "approved": with_person(
                approved, answer, "approved", refusals, {"by": "me"}, None, given=good
            ),
            "asked": with_person(asked, answer, "asked", [], given={"value": 7}),
            "plain": with_person(plain, answer, "plain", []),
            "late": with_person(late, lambda: None),
            "listening": with_person(
                listening, lambda: heard.extend(speaking(str(find("listening", "Running"))))
            ),
        }
    reporting.write(report | {"refusals": refusals, "heard": heard})


if __name__ == "__main__":
    main()
