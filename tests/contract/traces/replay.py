"""Sends recorded requests and frames again, in their order, and compares the answers."""

import gzip
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.contract.traces.likeness import Likeness
from tests.contract.traces.sockets import Sockets
from tests.integration.conftest import LiveServer, Reply

WAIT_SECONDS = 60.0  # for what was told over a socket


class Replay:
    """Traces against one server. Ids that one trace told of are known in the next."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._likeness = Likeness()

    def run(self, trace: Path, headers: Mapping[int, Mapping[str, str]]) -> Iterator[str]:
        """Each difference, with the number of the record and the request that it is of.

        Args:
            trace: A gzipped recording, a record a line.
            headers: Of the requests on some lines: they are not in the recording.
        """
        with (
            gzip.open(trace, "rt", encoding="utf-8") as lines,
            Sockets(self._server.port, self._likeness.ours) as sockets,
        ):
            for number, line in enumerate(lines, 1):
                record = json.loads(line)
                self._likeness.notice(record)
                if "ws" in record:
                    sockets.play(number, record)
                    continue
                for what in self._exchange(record, headers.get(number, {})):
                    yield f"{number} {record['http']}: {what}"
                sockets.go_on()
            for number, frame, recorded in sockets.answers():
                if recorded is None:
                    yield f"{number} frame: {json.dumps(frame)[:300]}, none was recorded"
                    continue
                for what in self._likeness.differences(frame, recorded):
                    yield f"{number} frame {recorded.get('type')}: {what}"

    def _exchange(self, record: dict[str, Any], headers: Mapping[str, str]) -> list[str]:
        """The differences of an answer; what was sent over a socket may take effect a little later."""
        if record["status"] >= 500:
            return []  # what the recorded server failed at left nothing behind
        deadline = time.monotonic() + WAIT_SECONDS
        known = self._likeness.known()
        found = self._compare(record, headers)
        while found and "task_runs" in record["http"] and time.monotonic() < deadline:
            time.sleep(0.02)
            self._likeness.forget(known)
            found = self._compare(record, headers)
        return found

    def _compare(self, record: dict[str, Any], headers: Mapping[str, str]) -> list[str]:
        request, recorded = record["request"], record["response"]
        reply = self._call(record, headers)
        if reply.status == 404 and "/block_schemas/checksum/" in record["http"]:
            self._register(recorded)
            reply = self._call(record, headers)
        if reply.status != record["status"]:
            return [f"status {reply.status}, recorded {record['status']}: {reply.body[:300]!r}"]
        answer = json.loads(reply.body) if reply.body else None
        if isinstance(request, dict) and request.get("name", "") is None and "flow_id" in recorded:
            self._likeness.belongs(recorded["name"], answer["name"])  # each server made one up
        if isinstance(request, dict) and request.get("sort", "") is None and recorded:
            answer = self._likeness.in_order(answer, recorded, "id")  # ids order as they come
        return list(self._likeness.differences(answer, recorded))

    def _call(self, record: dict[str, Any], headers: Mapping[str, str]) -> Reply:
        method, _, path = self._likeness.ours(record["http"]).partition(" ")
        if record["query"]:
            path += "?" + urlencode(self._likeness.ours(record["query"]))
        request = record["request"]
        raw = request.encode() if isinstance(request, str) else None
        body = None if raw is not None else self._likeness.ours(request)
        return self._server.call(method, "/" + path, body, raw=raw, headers=headers)

    def _register(self, schema: dict[str, Any]) -> None:
        """A schema of the client's own that the server does not know: the client tells it."""
        names = ("fields", "capabilities", "version", "block_type_id")
        body = self._likeness.ours({name: schema[name] for name in names})
        reply = self._server.post("/block_schemas/", body)
        assert reply.status == 201, reply
