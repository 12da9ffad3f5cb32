"""What a warm child runs: the engine, on a claim as it came. Only the parent's program loads this."""

import msgspec

from headrace.engine.execute import REPORTED, execute_flow_run
from headrace.wire.claims import ClaimedRun

_decoder = msgspec.json.Decoder(ClaimedRun)


def execute_claim(claim: bytes) -> bool:
    """Run a claimed run to its end; true when the API knows how it ended.

    Args:
        claim: A `ClaimedRun`, JSON.
    """
    return execute_flow_run(_decoder.decode(claim)) == REPORTED
