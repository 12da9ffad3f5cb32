"""What runs a flow in a container of any kind: the image has the flow's SDK on its path."""

from types import MappingProxyType
from typing import Final

from headrace.core.sdks import Sdk

COMMANDS: Final = MappingProxyType(
    {
        Sdk.HEADRACE: ("headrace", "flow-run", "execute"),
        Sdk.PREFECT: ("prefect", "flow-run", "execute"),
    }
)
"""Each executes the flow run that `…__FLOW_RUN_ID` names, with the engine of that SDK."""
