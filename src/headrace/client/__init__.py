"""The HTTP and WebSocket client that SDK, worker and command line share.

`http.Client` sends; one module per noun has plain functions that take it, as
`flow_runs.read_flow_run(client, flow_run_id)`.
"""

from headrace.client.http import Client

__all__ = ["Client"]
