"""A small world of deployments: made as clients make them, looked at as tables."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from headrace.core.ids import new_id
from headrace.core.states import State, StateType, default_name
from headrace.core.times import now_text
from headrace.server.services import deployment_runs, deployments, flow_run_states
from headrace.server.services.deployment_targets import Client
from headrace.server.services.flows import create_flow
from headrace.server.services.signals import Signals
from headrace.server.store.database import Database, Statement, Write
from headrace.server.store.deployments import SHAPE
from headrace.server.store.flow_runs import SHAPE as RUN
from headrace.server.store.flows import SHAPE as FLOW
from headrace.server.store.schema import flow_run
from headrace.wire.deployments import DeploymentCreate, DeploymentFlowRunCreate
from headrace.wire.flows import FlowCreate

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class World:
    database: Database
    signals: Signals = field(default_factory=Signals)

    async def deploy(self, name="d", **body):
        row, _ = await create_flow(self.database, self.signals, FlowCreate(name="f"))
        whole = {"name": name, "flow_id": row[FLOW.positions["id"]]} | body
        made, _ = await deployments.create_deployment(
            self.database,
            self.signals,
            msgspec.json.decode(msgspec.json.encode(whole), type=DeploymentCreate),
            Client(),
        )
        return msgspec.json.decode(SHAPE.encode(made))

    async def pause(self, deployment, *, paused=True):
        await deployments.set_paused(self.database, self.signals, deployment["id"], paused=paused)

    async def run(self, deployment, **body):
        row, _ = await deployment_runs.create_flow_run(
            self.database,
            self.signals,
            deployment["id"],
            msgspec.convert(body, DeploymentFlowRunCreate),
            Client(),
        )
        return row[RUN.positions["id"]]

    async def planned(self):
        """When the runs of schedules are due, as days and minutes."""
        rows = await self.rows(flow_run, auto_scheduled=True)
        return sorted(row["next_scheduled_start_time"][5:16] for row in rows)

    async def move(self, run_id, kind, name=None, **details):
        """Propose a state that the rules accept."""
        kind = StateType(kind)
        state = State(kind, name or default_name(kind), new_id(), now_text(), None, details)
        outcome = await flow_run_states.set_state(
            self.database, self.signals, run_id, state, force=True
        )
        assert outcome.status == 201, outcome.body

    async def rows(self, table, **where):
        query = select(*table.c)
        for column, value in where.items():
            query = query.where(table.c[column] == value)
        found = await self.database.fetch_all(query)
        return [dict(zip(table.c.keys(), row, strict=True)) for row in found]

    async def one(self, table, **where):
        (row,) = await self.rows(table, **where)
        return row

    async def count(self, table):
        return len(await self.rows(table))

    async def change(self, table, row_id, **values):
        """Write columns behind everybody's back."""
        binds = {name: bindparam(f"v_{name}") for name in values}
        statement = Statement(update(table).where(table.c.id == bindparam("row")).values(**binds))
        params = {"row": row_id} | {f"v_{name}": value for name, value in values.items()}
        await self.database.apply([Write(statement, params)])

    async def delete(self, table):
        """Empty a table behind everybody's back."""
        await self.database.apply([Write(Statement(delete(table)), {})])

    async def insert(self, table, *rows):
        names = [*rows[0]]
        statement = Statement(insert(table).values({name: bindparam(name) for name in names}))
        for at in range(0, len(rows), 200):
            await self.database.apply([Write(statement, list(rows[at : at + 200]))])
