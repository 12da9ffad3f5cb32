import pytest
from orchestration_world import World


@pytest.fixture
def world(database):
    """Runs and proposals in a fresh database of each kind."""
    return World(database)
