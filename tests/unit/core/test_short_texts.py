"""What texts mean is remembered while they are short."""

from headrace.core.short_texts import SHORT, remember_short


def test_short_texts_are_read_once_and_long_ones_each_time():
    """A few hundred long ones would fill the memory; the bound is of all texts of a call together."""
    read: list[tuple[int, int]] = []

    @remember_short(2)
    def lengths(first: str | None, second: str = "") -> int:
        read.append((len(first or ""), len(second)))
        return len(first or "") + len(second)

    long = "x" * (SHORT - 1)
    for _ in range(2):
        assert lengths(None) == 0
        assert lengths("ab", long) == SHORT + 1
        assert lengths(long, "a") == SHORT
    assert read == [(0, 0), (2, len(long)), (len(long), 1), (2, len(long))]
