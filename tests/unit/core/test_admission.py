"""Which runs limits and pauses let through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.admission import ADMITTED, Blocked, Resource, ResourceKind, Slots, limited


def pool(**options) -> Resource:
    return Resource(ResourceKind.WORK_POOL, "p", "main", **options)


def queue(**options) -> Resource:
    return Resource(ResourceKind.WORK_QUEUE, "q", "high", **options)


def deployment(**options) -> Resource:
    return Resource(ResourceKind.DEPLOYMENT, "d", "nightly", **options)


def test_without_limits_everything_is_admitted():
    slots = Slots({})
    assert all(slots.admit([pool(), queue(), deployment()]) is ADMITTED for _ in range(1000))


def test_a_limit_of_five_with_three_live_admits_two():
    slots = Slots({"0:work_pool:p": 3})
    answers = [slots.admit([pool(limit=5), queue()]) for _ in range(4)]
    assert answers[:2] == [ADMITTED, ADMITTED]
    assert answers[2:] == [Blocked(pool(limit=5), 5)] * 2
    assert "'main' allows 5 runs at once and 5 hold a slot" in answers[2].sentence


def test_a_run_that_one_resource_refuses_takes_no_slot_of_the_others():
    slots = Slots({"0:work_pool:p": 0, "2:deployment:d": 1})
    assert slots.admit([pool(limit=1), deployment(limit=1)]).kind == "deployment_limit"
    assert slots.admit([pool(limit=1), queue()]) is ADMITTED


def test_a_limit_of_zero_admits_nothing():
    assert Slots({}).admit([queue(limit=0)]) == Blocked(queue(limit=0), 0)


def test_a_pause_is_named_before_a_limit():
    blocked = Slots({"0:work_pool:p": 9}).admit([pool(limit=1), queue(is_paused=True)])
    assert blocked.kind == "work_queue_paused"
    assert blocked.sentence == "The work queue 'high' is paused."


@pytest.mark.parametrize(("used", "cancel"), [(1, True), (0, False)])
def test_only_a_full_deployment_with_that_strategy_cancels(used, cancel):
    full = deployment(limit=1, cancel_new=True)
    answer = Slots({"2:deployment:d": used}).admit([pool(), full])
    assert (isinstance(answer, Blocked) and answer.cancel) is cancel


def test_only_limited_resources_need_a_lock():
    assert [r.lock_key for r in limited([pool(), queue(limit=0)])] == ["1:work_queue:q"]


@given(st.integers(0, 8), st.integers(0, 8), st.integers(0, 20))
def test_never_more_are_admitted_than_the_tightest_limit_has_room_for(limit, used, tries):
    slots = Slots({"0:work_pool:p": used})
    admitted = sum(slots.admit([pool(limit=limit), queue()]) is ADMITTED for _ in range(tries))
    assert admitted == min(tries, max(0, limit - used))
