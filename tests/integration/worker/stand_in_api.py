"""The few routes that a worker needs, on a real port: claims with leases, states, logs."""

import json
import socket
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4


@dataclass
class Run:
    id: str
    do: list[str]
    configuration: dict[str, Any] | None = None
    state: str = "SCHEDULED"
    epoch: int = 0
    message: str = ""
    claim: str = ""
    owner: str = ""
    expires: float = 0.0
    claimed_at: float = 0.0
    logs: list[str] = field(default_factory=list)
    process: str = ""


class StandInApi:
    """Runs, leased for `lease` seconds, of which a process has `first` until the first renewal."""

    def __init__(self, lease: float = 30.0, first: float = 10.0) -> None:
        self.lease, self.first = lease, first
        self.runs: dict[str, Run] = {}
        self.cancel: set[str] = set()
        self.heartbeats: list[str] = []
        self.pool: dict[str, Any] | None = {"name": "p", "type": "process"}
        self.away = False
        self.drop_claims = 0
        self.renewals = 0
        self.caller = threading.local()
        self._changed = threading.Condition()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self._answer("POST")

            def do_GET(self) -> None:
                self._answer("GET")

            def do_PATCH(self) -> None:
                self._answer("PATCH")

            def _answer(self, method: str) -> None:
                length = int(self.headers.get("content-length") or 0)
                raw = self.rfile.read(length)
                if api.away:
                    self.close_connection = True
                    return
                path = self.path.removeprefix("/api")
                epoch = int(self.headers.get("x-headrace-epoch") or 0)
                api.caller.connection = self.connection
                status, body = api.answer(method, path, json.loads(raw or b"null"), epoch)
                if status == 0:
                    self.close_connection = True
                    return
                encoded = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(encoded)))
                self.end_headers()
                self.wfile.write(encoded)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/api"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, *do: str, **configuration: Any) -> Run:
        run = Run(str(uuid4()), list(do), configuration or None)
        with self._changed:
            self.runs[run.id] = run
            self._changed.notify_all()
        return run

    def wait(self, run: Run, *states: str, seconds: float = 60.0) -> str:
        with self._changed:
            assert self._changed.wait_for(lambda: run.state in states, seconds), (
                f"{run.state} epoch {run.epoch}: {run.message}"
            )
        return run.state

    def answer(self, method: str, path: str, body: Any, epoch: int) -> tuple[int, Any]:
        if path == "/headrace/claims":
            return self._claim(body)
        if path == "/headrace/leases/renew":
            return 200, self._renew(body)
        if path.startswith("/flow_runs/"):
            return self._flow_run(method, path, body, epoch)
        if path == "/logs/":
            for line in body:
                self.runs[line["flow_run_id"]].logs.append(line["message"])
            return 201, None
        return self._pools(method, path, body)

    def _pools(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if path.endswith("/workers/heartbeat"):
            self.heartbeats.append(body["name"])
            return 204, None
        if method == "POST" and path == "/work_pools/":
            self.pool = body
        if self.pool is None:
            return 404, {"detail": "no such pool"}
        return 200, {"id": str(uuid4()), "created": None, "updated": None, **self.pool}

    def _expire(self) -> None:
        for run in self.runs.values():
            if run.expires and run.expires < time.monotonic():
                run.expires = 0.0
                run.state = "SCHEDULED" if run.state == "PENDING" else "CRASHED"
                run.message = "lease expired"

    def _claim(self, body: Any) -> tuple[int, Any]:
        def ready() -> list[Run]:
            self._expire()
            again = [r for r in self.runs.values() if r.claim == body["claim_id"]]
            due = [r for r in self.runs.values() if r.state == "SCHEDULED"]
            return again or due[: body["limit"]]

        with self._changed:
            end = time.monotonic() + body["wait_seconds"]
            while not (runs := ready()) and not self._cancelling(body["owner"]):
                left = end - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(min(left, 0.2))
                if self._hung_up():
                    return 0, None
            for run in runs:
                if run.state == "SCHEDULED":
                    run.state, run.epoch = "PENDING", run.epoch + 1
                    run.claimed_at = time.monotonic()
                run.claim, run.owner = body["claim_id"], body["owner"]
                run.expires = time.monotonic() + self.first
            self._changed.notify_all()
            if self.drop_claims:
                self.drop_claims -= 1
                return 0, None
            return 200, {
                "claim_id": body["claim_id"],
                "lease_seconds": self.lease,
                "runs": [self._claimed(run) for run in runs],
                "cancelling": self._cancelling(body["owner"]),
            }

    def _hung_up(self) -> bool:
        try:
            return not self.caller.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _cancelling(self, owner: str) -> list[str]:
        return [r for r in self.cancel if self.runs[r].owner == owner and self.runs[r].expires]

    def _claimed(self, run: Run) -> dict[str, Any]:
        return {
            "flow_run": {"id": run.id, "name": "a-run"},
            "flow_name": "f",
            "epoch": run.epoch,
            "lease_expires": (datetime.now(UTC) + timedelta(seconds=self.first)).isoformat(),
            "job_configuration": run.configuration,
            "do": run.do,
            "url": self.url,
        }

    def _renew(self, body: Any) -> dict[str, Any]:
        lost: list[str] = []
        with self._changed:
            self.renewals += 1
            self._expire()
            for lease in body["leases"]:
                run = self.runs[lease["flow_run_id"]]
                if run.epoch == lease["epoch"] and run.owner == body["owner"] and run.expires:
                    run.expires = time.monotonic() + self.lease
                else:
                    lost.append(run.id)
            self._changed.notify_all()
            cancelling = self._cancelling(body["owner"])
            return {"lease_seconds": self.lease, "lost": lost, "cancelling": cancelling}

    def _flow_run(self, method: str, path: str, body: Any, epoch: int) -> tuple[int, Any]:
        run = self.runs[path.split("/")[2]]
        with self._changed:
            self._expire()
            if method == "PATCH":
                run.process = body["infrastructure_pid"]
                return 204, None
            if method == "GET":
                flow = {"flow_id": str(uuid4()), "created": None, "updated": None}
                return 200, {"id": run.id, "state_type": run.state, **flow}
            if epoch and epoch != run.epoch:
                return 409, {"detail": "another attempt has begun"}
            terminal = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
            accepted = run.state not in terminal
            if accepted:
                run.state = body["state"]["type"]
                run.message = body["state"].get("message") or ""
                if run.state in terminal:
                    run.expires = 0.0
            self._changed.notify_all()
            state = {"id": str(uuid4()), "type": run.state, "state_details": {}}
            kind = "accept_details" if accepted else "abort_details"
            return 201, {
                "state": state,
                "status": "ACCEPT" if accepted else "ABORT",
                "details": {"type": kind},
            }
