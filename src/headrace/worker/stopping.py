"""How a worker stops attempts: each for its reason, in a way that their SDK understands."""

from headrace.core.sdks import Sdk
from headrace.infrastructure.contract import Infrastructure
from headrace.worker.contract_control import ContractControl
from headrace.worker.holdings import Held

_LOST_GRACE = 5.0  # seconds for a process whose lease is another's, or whose run is over


class Stopper:
    """Stops attempts.

    Args:
        infrastructure: What runs them.
        control: How the contract's own SDK hears of a cancellation.
        grace_seconds: What a stopped run is given to end by itself.
    """

    def __init__(
        self, infrastructure: Infrastructure, control: ContractControl, grace_seconds: float
    ) -> None:
        self._infrastructure = infrastructure
        self._control = control
        self._grace = grace_seconds

    def cancel(self, held: Held) -> None:
        """The run is to be cancelled."""
        held.cancelling = True
        quiet = not _is_contract(held) or self._control.announce_cancellation(held)
        # That engine would report a crash if it were only asked to end.
        self._infrastructure.stop(held.handle, self._grace if quiet else 0.0)

    def drop(self, held: Held) -> None:
        """The attempt is not ours any more, and must say nothing more of the run."""
        if held.lost:
            return
        held.lost = True
        # Our engine sends the number of its attempt, and is refused; the other one must not speak.
        self._infrastructure.stop(held.handle, 0.0 if _is_contract(held) else _LOST_GRACE)

    def stop_again(self, held: Held) -> None:
        """It was launched only after its end had been asked for: its flow has hardly begun."""
        self._infrastructure.stop(held.handle, 0.0 if _is_contract(held) else _LOST_GRACE)

    def stop(self, held: Held, why: str) -> None:
        """The worker itself goes."""
        held.stopping = why
        self._infrastructure.stop(held.handle, self._grace)


def _is_contract(held: Held) -> bool:
    return held.handle.sdk is Sdk.PREFECT
