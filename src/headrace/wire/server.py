"""What a Headrace server says of itself: beside the contract."""

from datetime import datetime

from headrace.wire.objects import Wire


class ServerInfo(Wire, kw_only=True):
    """What a Headrace server says of itself; a server of another make has no such answer.

    Args:
        version: Of Headrace.
        contract_version: The release whose wire form it speaks.
        database: `sqlite` or `postgresql`.
        time: Its clock.
    """

    version: str
    contract_version: str
    database: str
    time: datetime
