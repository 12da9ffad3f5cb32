"""Concurrency limits in user code: `headrace.concurrency.sync` and `headrace.concurrency.asyncio`."""
