"""`python -m headrace.testing.differential --seed N`: the whole comparison, and its report."""

import argparse
import contextlib
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from headrace.testing.differential import state_pairs
from headrace.testing.differential.comparison import compare, plan_load
from headrace.testing.differential.findings import Findings
from headrace.testing.differential.kept import KeptLoad
from headrace.testing.differential.report import Versions, write_report
from headrace.testing.differential.schedule_dates import AT_ONCE, compare_schedules
from headrace.testing.differential.servers import Servers
from headrace.testing.peer import install

_PAIRS_CONNECTIONS = 4
_START_SECONDS = 60


def main() -> int:
    """Compare; the exit code is 1 when something differs that is not meant to."""
    options = _options()
    servers = Servers(options.python or install(options.peer.resolve()), options.postgresql)
    found: dict[str, Findings] = {}
    for seed in options.seed or ():
        found[f"seed {seed}"] = _compare(options, servers, seed)
    if options.state_pairs is not None:
        found["pairs of states"] = _compare_pairs(options, servers)
    versions = Versions(version("headrace"), _peers_version(servers.python), servers.databases)
    report = write_report(datetime.now(UTC).date(), versions, _command(options), found)
    if options.output:
        options.output.write_text(report)
    _tell(report)
    return 1 if any(findings.unexplained for findings in found.values()) else 0


def _compare(options: argparse.Namespace, servers: Servers, seed: int) -> Findings:
    findings = Findings()
    if options.runs:
        steps = plan_load(seed, options.runs)
        with contextlib.ExitStack() as stack:
            place = options.keep or stack.enter_context(TemporaryDirectory())
            keep = KeptLoad(Path(place).resolve(), seed, steps)
            world = stack.enter_context(servers.world(keep.home))
            compare(world, seed, steps, options.reads, findings, keep=keep, progress=_tell)
    if options.schedules:
        with servers.world() as world:
            compare_schedules(
                world, seed, options.schedules, options.dates, findings, progress=_tell
            )
    return findings


def _compare_pairs(options: argparse.Namespace, servers: Servers) -> Findings:
    """Every pair of states, with what the peer answered to them when it was recorded."""
    findings = Findings()
    theirs = state_pairs.load(options.state_pairs)
    with TemporaryDirectory() as home, servers.ours(Path(home)) as ours:
        for side in ours:
            cases = list(state_pairs.sample(1))
            answers = state_pairs.record(side.url, cases, _PAIRS_CONNECTIONS)
            state_pairs.judge(theirs, answers, side.name, findings)
    return findings


def _command(options: argparse.Namespace) -> str:
    """What repeats the comparison anywhere: without the places of this machine."""
    words = ["python -m headrace.testing.differential"]
    words += [f"--seed {seed}" for seed in options.seed or ()]
    if options.seed:
        words += [f"--runs {options.runs} --reads {options.reads}"]
        words += [f"--schedules {options.schedules} --dates {options.dates}"]
    words += ["--state-pairs FILE"] if options.state_pairs else []
    words += ["--postgresql ADDRESS"] if options.postgresql else []
    return " ".join(words)


def _peers_version(python: Path) -> str:
    code = "from importlib.metadata import version; print(version('prefect'))"
    done = subprocess.run(  # noqa: S603 - an interpreter that the caller chose
        [python, "-c", code], capture_output=True, text=True, timeout=_START_SECONDS, check=True
    )
    return done.stdout.strip()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m headrace.testing.differential")
    add = parser.add_argument
    add("--seed", type=int, action="append", help="decides on all but the pairs; may be repeated")
    add("--runs", type=int, default=5000, help="flow runs to load, and as many task runs")
    add("--reads", type=int, default=2000, help="questions to ask about what was loaded")
    add("--schedules", type=int, default=500, help="random schedules")
    add("--dates", type=int, default=100, choices=range(1, AT_ONCE + 1), metavar="DATES",
        help="to plan of each schedule")  # fmt: skip
    add(
        "--state-pairs",
        type=Path,
        metavar="FILE",
        help="compare every pair of states with a recording",
    )
    add(
        "--postgresql",
        metavar="ADDRESS",
        help="of an installation in which databases are made for ours",
    )
    add(
        "--keep", type=Path, metavar="DIRECTORY", help="keep what the peer was loaded with, by seed"
    )
    add("--output", type=Path, help="file for the report")
    add("--peer", type=Path, default=Path(".peer"), help="directory of the peer's environment")
    add("--python", type=Path, help="interpreter that has the peer installed")
    return parser.parse_args()


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
