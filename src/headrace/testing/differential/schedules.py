"""Random schedules: cron expressions, intervals and recurrence rules, in zones with and without jumps."""

import random
from datetime import datetime, timedelta
from typing import Any, Final

ZONES: Final = [
    None, "UTC", "UTC", "Asia/Kolkata", "Asia/Tokyo", "America/Phoenix", "Africa/Lagos",
    "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo",
]  # fmt: skip
_DAYS: Final = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
_NAMED_DAYS: Final = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


class RandomSchedules:
    """Makes schedules as a client sends them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a test's choices, by seed

    def make(self, start: datetime) -> dict[str, Any]:
        """The next one; what has a beginning of its own has it near `start`."""
        kind = self._random.choice(["cron", "cron", "interval", "rrule"])
        zone = self._random.choice(ZONES)
        match kind:
            case "cron":
                day_or = self._random.random() < 0.8
                return {"cron": self._cron(), "timezone": zone, "day_or": day_or}
            case "interval":
                anchor = start + timedelta(hours=self._random.randint(-60 * 24, 60 * 24))
                return {
                    "interval": self._interval(),
                    "anchor_date": anchor.isoformat(),
                    "timezone": zone or "UTC",
                }
            case _:
                return {"rrule": self._rule(start), "timezone": zone or "UTC"}

    def _cron(self) -> str:
        if self._random.random() < 0.05:
            return self._random.choice(["@hourly", "@daily", "@weekly", "@monthly", "@yearly"])
        minute = self._field(0, 59, stars=0.2)
        hour = self._field(0, 23, stars=0.4)
        day = self._field(1, 28, stars=0.7)
        month = self._field(1, 12, stars=0.8)
        weekday = self._field(0, 6, stars=0.7)
        if weekday != "*" and self._random.random() < 0.3:
            weekday = ",".join(self._random.sample(_NAMED_DAYS, 2))
        if day != "*" and self._random.random() < 0.1:
            day = "L"
        if self._random.random() < 0.05:
            weekday = f"{self._random.randint(0, 6)}#{self._random.randint(1, 4)}"
        return f"{minute} {hour} {day} {month} {weekday}"

    def _field(self, low: int, high: int, *, stars: float) -> str:
        if self._random.random() < stars:
            return "*"
        first, last = sorted(self._random.sample(range(low, high + 1), 2))
        step = self._random.randint(2, 7)
        return self._random.choice(
            [str(first), str(last), f"{first}-{last}", f"*/{step}", f"{first},{last}",
             f"{first}-{last}/{step}"]
        )  # fmt: skip

    def _interval(self) -> float:
        unit = self._random.choice([1, _MINUTE, _MINUTE, _HOUR, _HOUR, _DAY, _DAY, 7 * _DAY])
        number = self._random.randint(1, 90)
        if unit >= _DAY:
            return unit * self._random.choice([1, 2, 3])
        return unit * number + self._random.choice([0, 0, 0, 0.5])

    def _rule(self, start: datetime) -> str:
        often = self._random.choice(
            ["MINUTELY", "HOURLY", "DAILY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"]
        )
        parts = [f"FREQ={often}"]
        if self._random.random() < 0.5:
            parts.append(f"INTERVAL={self._random.randint(1, 20)}")
        if self._random.random() < 0.3:
            parts.append(f"BYHOUR={self._random.randint(0, 23)}")
        if self._random.random() < 0.3:
            parts.append(f"BYMINUTE={self._random.randint(0, 59)}")
        if often in {"DAILY", "WEEKLY", "MONTHLY"} and self._random.random() < 0.4:
            parts.append("BYDAY=" + ",".join(sorted(self._random.sample(_DAYS, 2))))
        if often == "MONTHLY" and self._random.random() < 0.4:
            parts.append(f"BYMONTHDAY={self._random.choice([1, 15, 28, -1])}")
        if often in {"DAILY", "YEARLY"} and self._random.random() < 0.2:
            parts.append(f"BYMONTH={self._random.randint(1, 12)}")
        if self._random.random() < 0.1:
            parts.append(f"COUNT={self._random.randint(1, 200)}")
        rule = ";".join(parts)
        if self._random.random() < 0.6:
            began = start + timedelta(minutes=self._random.randint(-60 * 24 * 60, 60 * 24 * 60))
            return f"DTSTART:{began:%Y%m%dT%H%M%S}\nRRULE:{rule}"
        return rule
