"""Sends what is due for attempts, in threads of its own: ends, and secrets that could not be made yet."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor

from headrace.errors import HeadraceError, InfrastructureError, InfrastructureUnavailable
from headrace.infrastructure.contract import NAME
from headrace.infrastructure.kubernetes.attempts import Attempt
from headrace.infrastructure.kubernetes.field import Field
from headrace.infrastructure.kubernetes.requests import create_secret, end_job, let_begin

_log = logging.getLogger("headrace.worker")

_HANDS = 4  # threads for requests that nobody waits for
_AGAIN = 2.0  # seconds until a request that did not work is sent again


class Ender:
    """Ends attempts. Thread-safe; nothing here waits for the cluster but its own threads.

    Args:
        field: The clusters.
    """

    def __init__(self, field: Field) -> None:
        self._field = field
        self._hands = ThreadPoolExecutor(_HANDS, "kubernetes-hands")

    def pursue(self, attempt: Attempt) -> None:
        """Send what is due for an attempt, if anything is."""
        with attempt.lock:
            now = time.monotonic()
            if attempt.status.exited or attempt.is_busy or now < attempt.again:
                return
            grace = attempt.due_grace(now)
            if attempt.place is None or (grace is None and not attempt.owes_secret):
                return
            attempt.is_busy = True
        self._submit(attempt, grace)

    def end(self, attempt: Attempt, grace: float) -> None:
        """End what is left of an attempt, once."""
        self._submit(attempt, grace)

    def hand_over(self, attempt: Attempt) -> None:
        """Make the secret that an attempt's job waits for, now, and let the job begin."""
        assert attempt.place is not None
        cluster = self._field.cluster(attempt.place)
        details = attempt.handle.details
        try:
            if attempt.secret is not None:
                job = str(details[NAME])
                create_secret(cluster, attempt.secret, job, str(details["uid"]))
                let_begin(cluster, attempt.place.namespace, job, held=attempt.held)
            attempt.secret = None
        except InfrastructureUnavailable as error:
            _log.warning("run %s waits for its secret: %s", attempt.handle.run_id, error)
            attempt.again = time.monotonic() + _AGAIN
        except InfrastructureError as error:
            attempt.doom = f"could not start: {error}"

    def close(self) -> None:
        """Send nothing more."""
        self._hands.shutdown(wait=False, cancel_futures=True)

    def _submit(self, attempt: Attempt, grace: float | None) -> None:
        try:
            self._hands.submit(self._do, attempt, grace)
        except RuntimeError:
            return  # closing: the worker's next process goes on

    def _do(self, attempt: Attempt, grace: float | None) -> None:
        try:
            if grace is None:
                self.hand_over(attempt)
            else:
                self._end(attempt, grace)
        except HeadraceError as error:
            _log.warning("run %s cannot be ended yet: %s", attempt.handle.run_id, error)
        except Exception:  # the edge of a thread  # noqa: BLE001
            _log.exception("run %s could not be ended", attempt.handle.run_id)
        finally:
            attempt.again = time.monotonic() + _AGAIN
            attempt.is_busy = False

    def _end(self, attempt: Attempt, grace: float) -> None:
        assert attempt.place is not None
        cluster = self._field.cluster(attempt.place)
        name = str(attempt.handle.details[NAME])
        is_there = end_job(cluster, attempt.place.namespace, name, attempt.handle, grace)
        attempt.asked_grace = grace
        if not is_there:
            self._field.observe(attempt.place).look_soon()  # no watch will tell
