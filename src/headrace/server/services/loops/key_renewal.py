"""The loop that encrypts what older keys encrypted with the newest one."""

from dataclasses import dataclass
from datetime import datetime

from headrace.server.services.block_documents import BlockDocuments
from headrace.server.services.loops.service import Pace


@dataclass(frozen=True, slots=True)
class KeyRenewalLoop:
    """Brings blocks to the newest key, a page at a time; an older key may go once it has ended.

    Args:
        page: Documents of one transaction.
    """

    blocks: BlockDocuments
    page: int = 100
    name: str = "key_renewal"
    pace: Pace = Pace(interval=3600.0)  # noqa: RUF009 - frozen
    topics: tuple[str, ...] = ()

    async def run_once(self, now: datetime) -> float | None:
        """Encrypt one page anew."""
        del now
        if not await self.blocks.any():
            return None
        return 0 if await self.blocks.encrypt_anew(self.page) == self.page else None
