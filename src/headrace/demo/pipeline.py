"""The example pipeline: score real records in batches, notice drift, retrain, ask, promote.

The records are the 1,250 web pages of the Phishing data set that ships inside `river`. They are played
in the order in which a fraud team could meet them: at first pages served over HTTPS, which the champion
was trained on; then the others, which it has never seen. The champion's accuracy falls, the drift
detector notices, a challenger learns from the newer records, both are compared on records that neither
has seen, and a person decides.
"""

import itertools
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import Field
from river import compose, datasets, drift, linear_model, preprocessing

from headrace import flow, get_run_logger, suspend_flow_run, task
from headrace.demo import VARIABLE
from headrace.input import RunInput
from headrace.runtime import task_run
from headrace.variables import Variable

TRAINED_ON = 300  # records that the first champion learned from
HELD_BACK = 200  # newest records, kept for the comparison
LOOK_BACK = 2  # batches before the alarm that the challenger also learns from

Record = tuple[dict[str, float], bool]


Model = bytes
"""A pickled classifier. As bytes it has the same fingerprint whenever it is loaded again, so that
what was computed with it is found and not computed twice when the run goes on after the approval."""


class Approval(RunInput):
    """What the person who approves fills in."""

    promote: bool = Field(description="Put the challenger in the champion's place?", default=True)
    reason: str = Field(description="Why, for the record", default="")


class Comparison(dict[str, float]):
    """Accuracy of both models on the records held back, 0 to 1."""


@task(persist_result=True)
def first_champion() -> Model:
    """Train the champion on the oldest records."""
    return _learn(_records()[:TRAINED_ON])


@task(retries=3, retry_delay_seconds=0.5, persist_result=True)
def fetch_batch(number: int, size: int, late_batch: int) -> list[Record]:
    """Read one batch of records; the feed of `late_batch` is not there at the first try."""
    if number == late_batch and task_run.run_count == 1:
        message = f"the feed for batch {number} is not there yet"
        raise ConnectionError(message)
    begin = TRAINED_ON + number * size
    return _records()[begin : begin + size]


@task(persist_result=True)
def score_batch(model: Model, batch: Sequence[Record]) -> list[bool]:
    """Whether the model was right, record by record."""
    return _hits(model, batch)


@task(persist_result=True)
def find_drift(right: Sequence[Sequence[bool]], delta: float) -> int | None:
    """The number of the batch in which the error rate changed, by ADWIN; None if it did not."""
    detector = drift.ADWIN(delta=delta)
    for number, batch in enumerate(right):
        for is_right in batch:
            detector.update(0 if is_right else 1)
            if detector.drift_detected:
                return number
    return None


@task(persist_result=True)
def train_challenger(batches: Sequence[Sequence[Record]]) -> Model:
    """Train a new model on the newer records."""
    return _learn(list(itertools.chain.from_iterable(batches)))


@task(persist_result=True)
def compare(champion: Model, challenger: Model) -> Comparison:
    """Accuracy of both on the records that neither has seen."""
    unseen = _records()[-HELD_BACK:]
    return Comparison(
        champion=_accuracy(champion, unseen), challenger=_accuracy(challenger, unseen)
    )


@task(retries=2, retry_delay_seconds=1)
def promote(model: Model, accuracy: float, reason: str, directory: str) -> dict[str, Any]:
    """Keep the model on disk and make it the champion."""
    path = Path(directory) / "champion.pickle"
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(".new")
    written.write_bytes(model)
    written.replace(path)
    facts = {"path": str(path), "accuracy": accuracy, "reason": reason}
    Variable.set(VARIABLE, facts, overwrite=True)
    return facts


@flow(name="champion-challenger", log_prints=True)
def champion_challenger(
    directory: str = "models",
    batch_size: int = 50,
    delta: float = 0.02,
    late_batch: int = 2,
    approval_hours: float = 24,
) -> dict[str, Any]:
    """Watch the champion at work and replace it when it no longer fits.

    Args:
        directory: Where the promoted model is kept.
        batch_size: Records in one batch.
        delta: ADWIN's confidence; smaller raises fewer false alarms.
        late_batch: The batch whose feed fails once, to show a retry; -1 for none.
        approval_hours: How long to wait for the person.

    Returns:
        What was decided, and the facts it was decided on.
    """
    logger = get_run_logger()
    champion = first_champion()
    count = (len(_records()) - TRAINED_ON - HELD_BACK) // batch_size
    batches = [fetch_batch(number, batch_size, late_batch) for number in range(count)]
    right = [score_batch(champion, batch) for batch in batches]
    for number, batch in enumerate(right):
        logger.info("batch %2d: accuracy %.0f %%", number, 100 * sum(batch) / len(batch))
    alarm = find_drift(right, delta)
    if alarm is None:
        return {"decision": "kept", "because": "no drift"}
    logger.warning("drift in batch %d: training a challenger", alarm)
    challenger = train_challenger(batches[max(0, alarm - LOOK_BACK) :])
    scores = compare(champion, challenger)
    logger.info(
        "champion %.1f %%, challenger %.1f %%",
        *(100 * scores[k] for k in ("champion", "challenger")),
    )
    if scores["challenger"] <= scores["champion"]:
        return {"decision": "kept", "because": "the challenger is no better", **scores}
    answer = suspend_flow_run(
        wait_for_input=Approval.with_initial_data(description=_question(scores)),
        timeout=int(approval_hours * 3600),
    )
    if not answer.promote:
        return {"decision": "kept", "because": answer.reason, **scores}
    facts = promote(challenger, scores["challenger"], answer.reason, directory)
    logger.info("the challenger is champion now: %s", facts["path"])
    return {"decision": "promoted", "because": answer.reason, **scores}


def _question(scores: Comparison) -> str:
    return (
        f"On {HELD_BACK} records that neither has seen, the champion is right in "
        f"{scores['champion']:.1%} and the challenger in {scores['challenger']:.1%} of cases."
    )


def _records() -> list[Record]:
    pages = cast("list[Record]", list(datasets.Phishing()))
    return [p for p in pages if p[0]["https"] == 1.0] + [p for p in pages if p[0]["https"] != 1.0]


def _learn(records: Sequence[Record]) -> Model:
    steps: Any = compose.Pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression())
    for page, is_phishing in records:
        steps.learn_one(page, is_phishing)
    return pickle.dumps(steps)


def _hits(model: Model, records: Sequence[Record]) -> list[bool]:
    steps: Any = pickle.loads(model)  # noqa: S301  # made by this very run
    return [bool(steps.predict_one(page) == is_phishing) for page, is_phishing in records]


def _accuracy(model: Model, records: Sequence[Record]) -> float:
    return sum(_hits(model, records)) / len(records)
