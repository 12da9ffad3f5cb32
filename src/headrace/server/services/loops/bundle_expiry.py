"""The loop that deletes uploaded code which no deployment names any more."""

import logging
from dataclasses import dataclass
from datetime import datetime

from headrace.server.services.bundles import delete_unused
from headrace.server.services.loops.service import Pace
from headrace.server.store.database import Database

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BundleExpiryLoop:
    """Deletes bundles that are not used; see `services.bundles`."""

    database: Database
    name: str = "bundle_expiry"
    pace: Pace = Pace(interval=3600.0)  # noqa: RUF009 - frozen
    topics: tuple[str, ...] = ()

    async def run_once(self, now: datetime) -> float | None:
        """Delete those that are due now."""
        deleted = await delete_unused(self.database, now)
        if deleted:
            _log.info("Deleted %d bundles that no deployment names", deleted)
        return None
