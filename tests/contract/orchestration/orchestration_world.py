"""A small world to orchestrate: flows, runs, and proposals for them."""

from dataclasses import dataclass, field

import msgspec
from sqlalchemy import bindparam, insert, select

from headrace.core.ids import new_id
from headrace.core.states import State, StateType, default_name
from headrace.core.times import now_text
from headrace.server.services import flow_run_states, flow_runs
from headrace.server.services.flows import create_flow
from headrace.server.services.signals import Signals
from headrace.server.store.database import Database, Statement, Write
from headrace.server.store.flow_runs import SHAPE
from headrace.server.store.flows import SHAPE as FLOW
from headrace.wire.flow_runs import FlowRunCreate
from headrace.wire.flows import FlowCreate


def state(kind: str, name: str | None = None, *, message: str | None = None, data=None, **details):
    kind = StateType(kind)
    return State(kind, name or default_name(kind), new_id(), now_text(), message, details, data)


@dataclass
class World:
    database: Database
    signals: Signals = field(default_factory=Signals)

    async def run(self, **body) -> str:
        return (await self.make(**body))["id"]

    async def make(self, **body):
        run, _ = await self.make_or_find(**body)
        return run

    async def make_or_find(self, **body):
        if "flow_id" not in body:
            body["flow_id"] = await self.flow()
        new = await flow_runs.describe(self.database, msgspec.convert(body, FlowRunCreate))
        row, created = await flow_runs.create_flow_run(self.database, self.signals, new)
        return msgspec.json.decode(SHAPE.encode(row)), created

    async def flow(self, name: str = "f") -> str:
        row, _ = await create_flow(self.database, self.signals, FlowCreate(name=name))
        return row[FLOW.positions["id"]]

    async def rows(self, table, **where):
        query = select(*table.c)
        for column, value in where.items():
            query = query.where(table.c[column] == value)
        found = await self.database.fetch_all(query)
        return [dict(zip(table.c.keys(), row, strict=True)) for row in found]

    async def propose(self, run_id: str, proposed: State | str, **options):
        if isinstance(proposed, str):
            proposed = state(proposed)
        outcome = await flow_run_states.set_state(
            self.database, self.signals, run_id, proposed, **options
        )
        return outcome.status, msgspec.json.decode(outcome.body)

    async def read(self, run_id: str):
        return msgspec.json.decode(
            SHAPE.encode(await flow_runs.read_flow_run(self.database, run_id))
        )

    async def insert(self, table, **values) -> None:
        await self.insert_many(table, [values])

    async def insert_many(self, table, rows) -> None:
        statement = Statement(insert(table).values({name: bindparam(name) for name in rows[0]}))
        for at in range(0, len(rows), 200):
            await self.database.apply([Write(statement, rows[at : at + 200])])
