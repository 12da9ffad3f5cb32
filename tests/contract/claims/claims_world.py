"""What claims are tested on: pools, queues, deployments and runs, written straight to the tables."""

from dataclasses import dataclass, field

from sqlalchemy import bindparam, func, insert, select, update

from headrace.core.ids import new_id
from headrace.core.states import StateType
from headrace.core.times import later, now_text
from headrace.server.services.claims import Answer, Claims
from headrace.server.services.grants import Demand
from headrace.server.services.signals import Signals
from headrace.server.services.sources import PoolSource, ServedSource
from headrace.server.store import schema, transitions
from headrace.server.store.claims import IS_LIVE
from headrace.server.store.database import Database, Statement, Write
from headrace.server.store.facts import FLOW_RUN_FACTS, FlowRunRow


@dataclass
class World:
    database: Database
    signals: Signals
    queues: dict[str, str] = field(default_factory=dict)
    deployments: dict[str, str] = field(default_factory=dict)
    pools: dict[str, str] = field(default_factory=dict)
    flow: str = ""
    source: Database | None = None
    """Read by the sources of claims, where not `database` itself."""
    _inserts: dict[str, Statement] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.claims = Claims(self.database, self.signals)

    async def insert(self, table, *rows: dict[str, object]) -> None:
        now = now_text()
        full = [{"id": new_id(), "created": now, "updated": now, **row} for row in rows]
        statement = self._inserts.setdefault(
            f"{table.name}:{sorted(full[0])}", Statement(insert(table))
        )
        for at in range(0, len(full), 100):
            await self.database.apply([Write(statement, full[at : at + 100])])

    async def pool(self, name: str = "p", queues: dict[str, dict] | None = None, **columns) -> str:
        """A pool and its queues, by name, each with its columns."""
        if not self.flow:
            self.flow = new_id()
            await self.insert(schema.flow, {"id": self.flow, "name": "f"})
        pool = new_id()
        await self.insert(
            schema.work_pool, {"id": pool, "name": name, "type": "process", **columns}
        )
        self.pools[name] = pool
        for priority, (queue, options) in enumerate((queues or {"default": {}}).items(), 1):
            self.queues[queue] = new_id()
            row = {"id": self.queues[queue], "work_pool_id": pool, "name": queue}
            await self.insert(schema.work_queue, row | {"priority": priority} | options)
        return pool

    async def deployment(self, name: str, queue: str | None = None, **columns) -> str:
        if not self.flow:
            self.flow = new_id()
            await self.insert(schema.flow, {"id": self.flow, "name": "f"})
        self.deployments[name] = new_id()
        row = {"id": self.deployments[name], "flow_id": self.flow, "name": name}
        await self.insert(
            schema.deployment, row | {"work_queue_id": self.queues.get(queue or "")} | columns
        )
        return self.deployments[name]

    async def runs(
        self, queue: str | None, number: int = 1, *, due: float = -10.0, **columns
    ) -> list[str]:
        """Scheduled runs, due `due` seconds from now, a microsecond apart."""
        now = now_text()
        rows = []
        for at in range(number):
            moment = later(now, due + at * 1e-6)
            state = transitions.new_state(
                StateType.SCHEDULED, timestamp=now, details={"scheduled_time": moment}
            )
            rows.append(
                {
                    "id": new_id(),
                    "name": f"run-{at}",
                    "flow_id": self.flow,
                    "work_queue_id": self.queues.get(queue or ""),
                    "state_id": state.id,
                    "state_type": "SCHEDULED",
                    "state_name": "Scheduled",
                    "state": transitions.encode_state(state),
                    "expected_start_time": moment,
                    "next_scheduled_start_time": moment,
                    **columns,
                }
            )
        await self.insert(schema.flow_run, *rows)
        topics = [f"queue:{self.queues[queue]}"] if queue else []
        if columns.get("deployment_id"):
            topics.append(f"deployment:{columns['deployment_id']}")
        self.signals.publish(*topics)
        return [row["id"] for row in rows]

    async def claim(
        self,
        limit: int = 10,
        *,
        pool: str = "p",
        queues: tuple[str, ...] = (),
        serve: list[str] | None = None,
        owner: str = "worker",
        claim_id: str | None = None,
        wait: float = 0.0,
        prefetch: float = 0.0,
        claims: Claims | None = None,
    ) -> Answer:
        source = (
            PoolSource(self.source or self.database, pool, frozenset(queues))
            if serve is None
            else ServedSource(self.database, frozenset(serve))
        )
        demand = Demand(claim_id or new_id(), owner, limit, prefetch)
        return await (claims or self.claims).claim(source, demand, wait)

    async def facts(self, run_id: str) -> FlowRunRow:
        row = await self.database.fetch_one(FLOW_RUN_FACTS, {"run_id": run_id})
        assert row is not None
        return FlowRunRow(*row)

    async def state(self, run_id: str) -> str:
        state = (await self.facts(run_id)).facts().state
        assert state is not None
        return state.type

    async def move(self, run_id: str, state_type: StateType, **options) -> None:
        """As the orchestration service does it: one unit, then signals."""
        row = await self.facts(run_id)
        state = transitions.new_state(state_type, timestamp=now_text(), **options)
        await self.database.apply(transitions.flow_run(row, state, now=now_text()))
        self.signals.publish(*transitions.signals(row, state))

    async def change(self, table, row_id: str, **columns) -> None:
        await self.database.apply(
            [
                Write(
                    Statement(
                        update(table).where(table.c.id == bindparam("row")).values(**columns)
                    ),
                    {"row": row_id},
                )
            ]
        )

    async def live(self) -> dict[str, int]:
        """Live runs by queue name."""
        rows = await self.database.fetch_all(_LIVE_BY_QUEUE)
        return dict(rows)


_LIVE_BY_QUEUE = Statement(
    select(schema.work_queue.c.name, func.count())
    .select_from(schema.flow_run.join(schema.work_queue))
    .where(IS_LIVE)
    .group_by(schema.work_queue.c.name)
)
