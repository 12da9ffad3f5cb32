"""Wire objects of what schedules do about missed times: Headrace's own, beside the contract."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self, cast

from msgspec import Meta

from headrace.core.misfires import Misfire, Policy
from headrace.wire.objects import Strict


class MisfirePolicy(StrEnum):
    SKIP = "skip"
    LATEST = "latest"
    ALL = "all"


LONGEST_LATENESS = 366 * 86_400.0
"""Seconds. Beyond a year nobody means a bound."""


class MisfireOptions(Strict, kw_only=True):
    policy: MisfirePolicy
    max_lateness: Annotated[float, Meta(ge=0, le=LONGEST_LATENESS)] | None = None

    @classmethod
    def of(cls, misfire: Misfire | str) -> Self:
        """The form of the wire; a text is a policy. Raises `ValueError`."""
        rule = Misfire(cast("Policy", misfire)) if isinstance(misfire, str) else misfire
        bound = rule.max_lateness
        return cls(
            policy=MisfirePolicy(rule.policy),
            max_lateness=None if bound is None else bound.total_seconds(),
        )

    def rule(self) -> Misfire:
        """What it means."""
        bound = None if self.max_lateness is None else timedelta(seconds=self.max_lateness)
        return Misfire(self.policy.value, bound)
