import pytest

from headrace.client.retries import LONGEST_ASKED, LONGEST_DELAY, RetryRule

RULE = RetryRule(attempts=5, jitter=0.2, extra_codes=(418,))


@pytest.mark.parametrize(
    ("status", "is_idempotent", "again"),
    [
        (429, False, True),
        (503, False, True),
        (418, False, True),
        (500, False, False),
        (500, True, True),
        (502, True, True),
        (404, True, False),
        (422, True, False),
    ],
)
def test_an_answer_is_followed_by_another_try_only_where_that_does_no_harm(
    status, is_idempotent, again
):
    delay = RULE.delay_after_status(0, status, None, 0.5, is_idempotent=is_idempotent)
    assert (delay is not None) is again


@pytest.mark.parametrize(
    ("was_sent", "is_idempotent", "again"),
    [(False, False, True), (False, True, True), (True, True, True), (True, False, False)],
)
def test_a_request_that_may_have_been_processed_is_not_sent_twice(was_sent, is_idempotent, again):
    delay = RULE.delay_after_failure(0, 0.5, was_sent=was_sent, is_idempotent=is_idempotent)
    assert (delay is not None) is again


def test_tries_are_bounded_in_number_and_in_time():
    delays = [
        RULE.delay_after_failure(n, 1.0, was_sent=False, is_idempotent=True) for n in range(6)
    ]
    assert delays[-1] is None
    assert all(d is not None for d in delays[:-1])
    late = RetryRule(attempts=50).delay_after_failure(40, 1.0, was_sent=False, is_idempotent=True)
    assert late is not None
    assert late <= LONGEST_DELAY * 1.1


def test_the_server_says_when_to_come_back_up_to_a_bound():
    asked = RULE.delay_after_status(0, 503, 3.0, 0.0, is_idempotent=False)
    assert asked == 3.0
    capped = RULE.delay_after_status(0, 503, 1e9, 0.0, is_idempotent=False)
    assert capped == LONGEST_ASKED
