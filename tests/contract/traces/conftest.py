"""The server of the traces."""

from tests.integration.conftest import serve

__all__ = ["serve"]
