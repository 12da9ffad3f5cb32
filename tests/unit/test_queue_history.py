"""The judge of queues' histories sees a limit that is passed and an order that is broken."""

from bench.queues.history import TOLD_BEFORE_FREE, Held, Queue, problems

QUEUES = (Queue("first", 1, 1), Queue("rest", 10, None))
LONG = 10 * TOLD_BEFORE_FREE


def held(queue: str, start: float, end: float, due: float = 0.0) -> Held:
    return Held(f"{queue}-{start}", queue, due, start, end)


def test_a_good_history_has_no_problems() -> None:
    """One after the other in the first queue, the rest beside it, all within the pool's limit."""
    runs = [held("first", 1, 2), held("first", 2, 3), held("rest", 1, 3), held("rest", 3, 4)]
    assert problems(runs, QUEUES, 2) == []


def test_a_pool_over_its_limit_is_seen() -> None:
    """Three live runs where the pool has two slots."""
    runs = [held("rest", 1, 3), held("rest", 1.5, 3), held("rest", 2, 3)]
    [problem] = problems(runs, QUEUES, 2)
    assert "3 runs are live, the pool's limit is 2" in problem


def test_a_queue_over_its_limit_is_seen() -> None:
    """Two live runs of a queue that has one slot."""
    [problem] = problems([held("first", 1, 3), held("first", 2, 3)], QUEUES, 5)
    assert "2 runs of 'first' are live, its limit is 1" in problem


def test_a_lower_queue_served_first_is_seen() -> None:
    """A run of the rest began while one of the first queue was due and had room."""
    [problem] = problems([held("rest", LONG, LONG + 1), held("first", 2 * LONG, 9)], QUEUES, 5)
    assert "waited, which had room" in problem


def test_a_slot_that_came_free_a_moment_ago_is_not_held_against_a_claim() -> None:
    """Its run's end is told before its slot is free for others."""
    just_free = LONG - TOLD_BEFORE_FREE / 2
    runs = [held("first", 1, just_free), held("rest", LONG, 9), held("first", LONG + 0.01, 9)]
    assert problems(runs, QUEUES, 5) == []
