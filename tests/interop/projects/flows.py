"""Flows that the projects beside this file deploy."""

from datetime import datetime
from enum import Enum
from typing import Literal

from prefect import flow
from pydantic import BaseModel


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Order(BaseModel):
    number: int
    note: str = ""


@flow
def greet(name: str = "you", n: int = 1) -> str:
    """Says hello.

    Args:
        name: Who is greeted.
        n: How often.
    """
    return name * n


@flow(name="counted things", version="v9", description="Counts.")
def count_things(x: int) -> int:
    return x


@flow
async def typed(
    order: Order,
    when: datetime,
    colour: Colour = Colour.RED,
    size: Literal["s", "l"] = "s",
    rate: float | None = None,
    names: list[str] = [],  # noqa: B006
) -> None: ...


def no_flow() -> None: ...
