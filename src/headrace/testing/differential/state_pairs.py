"""Proposes every pair of states to a server and describes what comes of it.

    python -m headrace.testing.differential.state_pairs URL --record FILE
    python -m headrace.testing.differential.state_pairs URL --against FILE [--every 10]

The first writes down what a server answers, the second compares another server with that. What we
answer differently on purpose is listed in `state_differences`.
"""

import argparse
import http.client
import json
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit
from uuid import uuid4

from headrace.testing.differential.findings import Findings
from headrace.testing.differential.state_cases import (
    EXPIRED_KEY,
    KNOWN_KEY,
    LONG_AGO,
    Case,
    Minutes,
    Proposal,
    all_cases,
)
from headrace.testing.differential.state_differences import explain

REQUEST_SECONDS: Final = 60.0  # for one answer, of a server under load
_NEAR_MINUTES: Final = 3.0  # what a loaded machine may take between a request and reading it back

_TRIES: Final = 50  # of one case; a server of the contract on SQLite is busy now and then

Json = dict[str, Any]
Recording = dict[str, dict[str, str]]
"""By row, then by the proposed state's label, what came of it in one line."""


class Busy(Exception):
    """The server answered 503: whether it did anything is not known."""


class Api:
    """Sends requests; each thread has a connection of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        self._prefix = parts.path.rstrip("/")
        self._local = threading.local()
        self._open: list[http.client.HTTPConnection] = []

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """The status and the decoded body of an answer."""
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection(self._host, timeout=REQUEST_SECONDS)
            self._local.connection = connection
            self._open.append(connection)
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        try:
            connection.request(method, self._prefix + path, body=data, headers=headers)
            answer = connection.getresponse()
            raw = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()  # the next request opens it again
            raise Busy(str(error)) from error
        if answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
            message = f"{method} {path}"
            raise Busy(message)
        return answer.status, json.loads(raw) if raw else None

    def make(self, path: str, body: object) -> Json:
        """What a POST made. Raises `RuntimeError` where the server refuses."""
        status, made = self.call("POST", path, body)
        if status not in {200, 201}:
            message = f"POST {path} answered {status}: {made}"
            raise RuntimeError(message)
        return made

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._open:
            connection.close()


class Proposer:
    """Makes runs on one server and proposes states for them."""

    def __init__(self, api: Api) -> None:
        """Make what all cases share: a flow, a deployment, flow runs for tasks, kept results."""
        self._api = api
        self._flow = api.make("/flows/", {"name": f"state-pairs-{uuid4()}"})["id"]
        deployment = {"name": "pairs", "flow_id": self._flow}
        self._deployment = api.make("/deployments/", deployment)["id"]
        self._suffix = str(uuid4())
        self._enclosing: dict[str, str] = {}
        for state in ("RUNNING", "PENDING", "PAUSED", "CANCELLING", "COMPLETED", "FAILED"):
            run = api.make("/flow_runs/", {"flow_id": self._flow, "state": {"type": "PENDING"}})
            self._enclosing[state] = run["id"]
            self._force("flow_runs", run["id"], Proposal(state, state))
        self._keep(KNOWN_KEY, {})
        self._keep(EXPIRED_KEY, {"cache_expiration": Minutes(LONG_AGO)})

    def outcome(self, case: Case) -> str:
        """What came of a case, in one line that is the same on every server that does the same.

        Raises `Busy` where the server is busy for long.
        """
        for _ in range(_TRIES - 1):
            with suppress(Busy):
                return self._outcome(case)
        return self._outcome(case)

    def _outcome(self, case: Case) -> str:
        path = "flow_runs" if case.kind == "flow-run" else "task_runs"
        run_id = self._api.make(f"/{path}/", self._run(case))["id"]
        self._force(path, run_id, case.initial)
        body = {"state": self._state(case.proposed), "force": case.force}
        status, answer = self._api.call("POST", f"/{path}/{run_id}/set_state", body)
        if status not in {200, 201}:
            return f"{status}"
        _, run = self._api.call("GET", f"/{path}/{run_id}")
        return _describe(case, status, answer, run)

    def _run(self, case: Case) -> Json:
        body: Json = {"state": {"type": "PENDING"}, "empirical_policy": case.setting.policy}
        if case.kind == "flow-run":
            body |= {"flow_id": self._flow}
            if case.setting.has_deployment:
                body |= {"deployment_id": self._deployment}
            return body
        enclosing = case.setting.enclosing
        flow_run_id = None if enclosing is None else self._enclosing[enclosing]
        return body | {"flow_run_id": flow_run_id, "task_key": "t", "dynamic_key": str(uuid4())}

    def _keep(self, key: str, details: Mapping[str, Any]) -> None:
        flow_run_id = self._enclosing["RUNNING"]
        body = {"flow_run_id": flow_run_id, "task_key": "kept", "dynamic_key": key}
        run_id = self._api.make("/task_runs/", body)["id"]
        data = {"type": "reference", "storage_key": "kept"}
        for kind in ("RUNNING", "COMPLETED"):
            named = {"cache_key": key, **details}
            self._force("task_runs", run_id, Proposal(kind, kind, None, named, data))

    def _force(self, path: str, run_id: str, proposal: Proposal) -> None:
        body = {"state": self._state(proposal), "force": True}
        self._api.make(f"/{path}/{run_id}/set_state", body)

    def _state(self, proposal: Proposal) -> Json:
        details = {name: self._value(name, value) for name, value in proposal.details.items()}
        state: Json = {"type": proposal.type, "state_details": details, "data": proposal.data}
        return state if proposal.name is None else state | {"name": proposal.name}

    def _value(self, name: str, value: Any) -> Any:
        if isinstance(value, Minutes):
            return (datetime.now(UTC) + timedelta(minutes=value.ahead)).isoformat()
        if name == "cache_key":  # servers keep results of earlier comparisons
            return f"{value}-{self._suffix}"
        return value


_TIMES: Final = ("expected_start_time", "next_scheduled_start_time", "start_time", "end_time")
_DETAILS: Final = (
    "pause_key",
    "pause_reschedule",
    "pause_timeout",
    "cache_expiration",
    "retriable",
)
_POLICY: Final = ("pause_keys", "resuming", "retry_type", "retries", "retry_delay")


def _describe(case: Case, status: int, answer: Json, run: Json) -> str:
    details: Json = answer["details"] or {}
    words = [str(status), answer["status"], details.get("type", "-")]
    if "delay_seconds" in details:
        words.append(f"delay={_rounded(details['delay_seconds'] / 60)}")
    words.append(f"told={_state_words(answer.get('state'))}")
    words.append(f"is={_state_words(run.get('state'))}")
    words.append(f"runs={run['run_count']}")
    words += [f"{name}={_moment(run.get(name))}" for name in _TIMES]
    policy: Json = run["empirical_policy"]
    for name in _POLICY:
        value, given = policy.get(name), case.setting.policy.get(name)
        if name in policy and _in_order(value) != _in_order(given):
            shown = len(cast("list[object]", value)) if isinstance(value, list) else value
            words.append(f"{name}={shown:g}" if isinstance(shown, float) else f"{name}={shown}")
    return " ".join(words)


def _in_order(value: Any) -> Any:
    """The keys of pauses are a set, in no order of its own."""
    return sorted(cast("list[str]", value), key=str) if isinstance(value, list) else value


def _state_words(state: Json | None) -> str:
    if state is None:
        return "none"
    details: Json = state["state_details"]
    words = [f"{state['type']}:{state['name']}"]
    if details.get("scheduled_time"):
        words.append(f"at{_moment(details['scheduled_time'])}")
    words += [
        f"{name}={_moment(details[name]) if name.endswith(('timeout', 'tion')) else details[name]}"
        for name in _DETAILS
        if details.get(name) not in {None, False}
    ]
    if state.get("data"):
        words.append(f"data:{cast('Json', state['data']).get('type')}")
    return "(" + ",".join(words) + ")"


def _moment(text: str | None) -> str:
    if text is None:
        return "none"
    moment = datetime.fromisoformat(text)
    return _rounded((moment - datetime.now(UTC)).total_seconds() / 60)


def _rounded(minutes: float) -> str:
    return "now" if abs(minutes) < _NEAR_MINUTES else f"{round(minutes, -1):+.0f}m"


def record(url: str, cases: Iterable[Case], connections: int = 1) -> Recording:
    """What a server answers to these cases.

    Args:
        url: Of its API, as `http://127.0.0.1:4200/api`.
        cases: In the order of `all_cases`.
        connections: At once. More than one is too much for a server of the contract on SQLite.
    """
    api = Api(url)
    found: Recording = {}
    try:
        proposer = Proposer(api)
        with ThreadPoolExecutor(connections) as pool:
            listed = list(cases)
            for case, outcome in zip(listed, pool.map(proposer.outcome, listed), strict=True):
                found.setdefault(case.row, {})[case.proposed.label] = outcome
    finally:
        api.close()
    return found


def sample(every: int, start: int = 0) -> Iterator[Case]:
    """One case in `every`, from all rows alike; `start` chooses which."""
    return (case for number, case in enumerate(all_cases()) if (number - start) % every == 0)


def compare(theirs: Recording, ours: Recording) -> list[str]:
    """The differences that nothing explains, a line each; cases that only one side has are left out."""
    findings = Findings()
    judge(theirs, ours, "ours", findings)
    return [line for several in findings.differences.values() for line in several]


def judge(theirs: Recording, ours: Recording, side: str, findings: Findings) -> None:
    """Add every case that both have to the findings, and the reasons of what differs on purpose."""
    for row, outcomes in ours.items():
        operation = f"POST /{row.partition(' ')[0].replace('-', '_')}s/{{id}}/set_state"
        for label, outcome in outcomes.items():
            expected = theirs.get(row, {}).get(label)
            if expected is None:
                continue
            findings.asked[operation] += 1
            if expected == outcome:
                findings.answered[operation] += 1
                continue
            reason = explain(row, label, expected, outcome)
            if reason is None:
                what = f"{row} → {label}\n  theirs {expected}\n  ours   {outcome}"
                findings.differences.setdefault(operation, []).append(f"[{side}] {what}")
            else:
                findings.deliberate[" ".join(reason.split())] += 1


def save(path: Path, recording: Recording) -> None:
    """Write a recording, each outcome once."""
    outcomes = sorted({one for row in recording.values() for one in row.values()})
    number = {outcome: at for at, outcome in enumerate(outcomes)}
    rows = {
        row: {label: number[outcome] for label, outcome in of_row.items()}
        for row, of_row in recording.items()
    }
    by_labels: Json = {}
    for labels, group in groupby(sorted(rows, key=lambda row: [*rows[row]]), lambda r: [*rows[r]]):
        by_labels[" | ".join(labels)] = {row: list(rows[row].values()) for row in group}
    text = json.dumps({"outcomes": outcomes, "rows": by_labels}, separators=(",", ":"))
    path.write_text(text.replace('],"', '],\n"').replace('","', '",\n"') + "\n", encoding="utf-8")


def load(path: Path) -> Recording:
    """What `save` wrote."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {
        row: {
            label: stored["outcomes"][at]
            for label, at in zip(labels.split(" | "), numbers, strict=True)
        }
        for labels, rows in stored["rows"].items()
        for row, numbers in rows.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 1 where there are differences."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url", help="of the server's API")
    parser.add_argument("--record", type=Path, help="file to write the answers to")
    parser.add_argument("--against", type=Path, help="recording to compare the answers with")
    parser.add_argument("--every", type=int, default=1, help="take one case in so many")
    parser.add_argument("--start", type=int, default=0, help="which of them")
    parser.add_argument("--connections", type=int, default=1, help="at once")
    given = parser.parse_args(arguments)
    found = record(given.url, sample(given.every, given.start), given.connections)
    number = sum(map(len, found.values()))
    if given.record is not None:
        save(given.record, found)
    if given.against is None:
        print(f"{number} cases")  # noqa: T201 - the command's output
        return 0
    differences = compare(load(given.against), found)
    print("\n".join([*differences, f"{number} cases, {len(differences)} differences"]))  # noqa: T201
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
