"""What flows do with the server besides running: limits, inputs, pauses, events, logs."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import reporting
from prefect import flow, get_client, get_run_logger, pause_flow_run, runtime, task
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.concurrency.sync import concurrency, rate_limit
from prefect.events import emit_event
from prefect.events.clients import get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter
from prefect.flow_runs import resume_flow_run
from prefect.input import RunInput, receive_input, send_input
from prefect.logging.clients import get_logs_subscriber
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

WAIT_SECONDS = 40


class Approval(RunInput):
    """What a pause asks for."""

    ok: bool
    note: str = "none"


class Most:
    """Counts how many are inside at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.2)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


INSIDE = Most()


@flow
def limited() -> int:
    """Three tasks, one slot of a global limit."""
    most = Most()

    @task
    def use() -> None:
        with concurrency("narrow", occupy=1, timeout_seconds=WAIT_SECONDS), most:
            pass

    for one in [use.submit() for _ in range(3)]:
        one.result()
    return most.most


@flow
def rated() -> float:
    """Three passages through a limit whose slots come back at 4 a second."""
    begun = time.monotonic()
    for _ in range(3):
        rate_limit("slow", occupy=1)
    return time.monotonic() - begun


@task(tags=["one-at-a-time"])
def tagged() -> None:
    with INSIDE:
        pass


@flow
def tag_limited() -> int:
    for one in [tagged.submit() for _ in range(3)]:
        one.result()
    return INSIDE.most


@flow
def pausing() -> dict[str, Any]:
    approval = pause_flow_run(wait_for_input=Approval, timeout=WAIT_SECONDS, poll_interval=1)
    return approval.model_dump()


@flow
def asking(of: str) -> None:
    send_input("hello", flow_run_id=UUID(of))


@flow
def hearing() -> list[str]:
    asking(str(runtime.flow_run.id))
    return [next(iter(receive_input(str, timeout=WAIT_SECONDS, poll_interval=1)))]


@flow(name="talkative")
def talkative() -> str:
    for i in range(3):
        get_run_logger().info("line %d", i)
    return str(runtime.flow_run.id)


def resume_when_paused(name: str) -> None:
    """Answer the run of a flow once it has asked."""
    with get_client(sync_client=True) as client:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for run in client.read_flow_runs():
                state = run.state
                if state is not None and state.is_paused() and run.name == name:
                    try:
                        resume_flow_run(run.id, run_input={"ok": True, "note": "fine"})
                    except Exception as error:  # it asks a moment after it pauses  # noqa: BLE001
                        print("not yet", error)
                    else:
                        return
            time.sleep(0.2)


def paused_and_resumed() -> Any:
    thread = threading.Thread(target=resume_when_paused, args=("waits",))
    thread.start()
    result = pausing.with_options(flow_run_name="waits")()
    thread.join()
    return result


async def events() -> list[str]:
    """Events that came over a subscription, and one from before it."""
    emit_event(event="early.bird", resource={"prefect.resource.id": "birds.1"})
    await asyncio.sleep(1)
    wanted = EventFilter(event=EventNameFilter(prefix=["early.", "late."]))
    wanted.occurred.since = datetime.now(UTC) - timedelta(minutes=5)
    found: list[str] = []
    async with asyncio.timeout(WAIT_SECONDS):
        async with get_events_subscriber(filter=wanted) as subscriber:
            emit_event(event="late.bird", resource={"prefect.resource.id": "birds.2"})
            async for event in subscriber:
                found.append(event.event)
                if event.event == "late.bird":
                    break
    return found


async def logs(run: str) -> list[str]:
    """Lines of a run, over a subscription."""
    wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[UUID(run)]))
    found: list[str] = []
    async with asyncio.timeout(WAIT_SECONDS):
        async with get_logs_subscriber(filter=wanted) as subscriber:
            async for line in subscriber:
                found.append(line.message)
                if len([one for one in found if one.startswith("line ")]) == 3:
                    break
    return found


def prepare_limits() -> None:
    with get_client(sync_client=True) as client:
        client.create_concurrency_limit(tag="one-at-a-time", concurrency_limit=1)
        for name, decay in (("narrow", 0.0), ("slow", 4.0)):
            body = {"name": name, "limit": 1, "slot_decay_per_second": decay}
            client.request("POST", "/v2/concurrency_limits/", json=body)


def main() -> None:
    prepare_limits()
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        report = {
            "limited": limited(),
            "rated": rated(),
            "tag-limited": tag_limited(),
            "paused": paused_and_resumed(),
            "heard": hearing(),
            "talkative": (run := talkative()),
        }
    report["logs"] = asyncio.run(logs(run))
    report["events"] = asyncio.run(events())
    reporting.write(report)


if __name__ == "__main__":
    main()
