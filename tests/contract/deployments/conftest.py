import pytest
from deployments_world import World


@pytest.fixture
def world(database):
    """Deployments, their runs and the loops on them, in a fresh database of each kind."""
    return World(database)
