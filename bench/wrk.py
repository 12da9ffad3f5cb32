"""The load generator: `wrk -t1`, playing a prepared file of requests and checking the answers."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SCRIPT = Path(__file__).parent / "load" / "calls.lua"
CONNECTIONS = 16
SLACK_SECONDS = 60


@dataclass(frozen=True)
class Call:
    """One request and the text by which its answer is known to be good."""

    method: str
    path: str
    body: Any
    contains: str = ""


@dataclass(frozen=True)
class Load:
    """What came of one load."""

    per_second: float
    errors: int
    distinct: int
    p99_ms: float
    example: str


def play(url: str, calls: Sequence[Call], ids: Sequence[str], seconds: int, scratch: Path) -> Load:
    """Play `calls` in order for `seconds` on 16 connections of one thread."""
    if shutil.which("wrk") is None:
        sys.exit("the load generator is missing: install the package `wrk`")
    parts = urlsplit(url)
    requests, known = scratch / "requests.tsv", scratch / "ids.txt"
    with requests.open("w") as lines:
        for call in calls:
            body = "" if call.body is None else json.dumps(call.body, separators=(",", ":"))
            lines.write(f"{call.method}\t{parts.path}{call.path}\t{body}\t{call.contains}\n")
    known.write_text("\n".join(ids))
    done = subprocess.run(
        [
            *("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s"),
            *(
                "-s",
                str(SCRIPT),
                f"http://{parts.netloc}",
                "--",
                str(requests),
                str(known) if ids else "-",
            ),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds + SLACK_SECONDS,
    )
    line = next((x for x in done.stdout.splitlines() if x.startswith("RESULT ")), None)
    if line is None:
        sys.exit(f"wrk gave no result:\n{done.stdout}{done.stderr}")
    raw = json.loads(line.removeprefix("RESULT "))
    rate = (raw["requests"] - raw["bad"]) / raw["seconds"]
    return Load(rate, raw["bad"] + raw["socket"], raw["distinct"], raw["p99_ms"], raw["example"])
