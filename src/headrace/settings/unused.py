"""Settings of the contract that are accepted and have no effect, each with the reason.

A machine's environment may carry them for other programs; `headrace config` shows the reason. A test
holds that every declared setting is either read somewhere or stands here.
"""

from __future__ import annotations

_DEFAULTS = "not used yet: give it at the flow or task itself"
_LATER = "not used yet"
_RUNNER = "the runner answers no requests of its own; look at the server"
_PLUGINS = "there are no plugins"
_METRICS = "the client serves no metrics; the server's are at /api/metrics"

WITHOUT_EFFECT: dict[str, str] = {
    "silence_api_url_misconfiguration": "an address that is none is refused",
    "client_server_version_check_enabled": "versions are not compared: the wire contract decides",
    "client_metrics_enabled": _METRICS,
    "client_metrics_port": _METRICS,
    "cli_wrap_lines": "tables are cut at a terminal, and never in a pipe",
    "tasks_runner_process_pool_max_workers": _LATER,
    "tasks_scheduling_default_storage_block": _LATER,
    "results_default_serializer": _DEFAULTS,
    "results_default_storage_block": _LATER,
    "runner_poll_frequency": "runs are delivered by a call that is held open",
    "runner_auto_install_dependencies": "nothing is installed by itself",
    "runner_crash_on_cancellation_failure": _LATER,
    "runner_server_enable": _RUNNER,
    "runner_server_host": _RUNNER,
    "runner_server_port": _RUNNER,
    "runner_server_log_level": _RUNNER,
    "runner_server_missed_polls_tolerance": _RUNNER,
    "worker_query_seconds": "runs are delivered by a call that is held open",
    "worker_enable_cancellation": "a cancelled run is always stopped",
    "worker_cancellation_poll_seconds": "cancelling is told with the leases, within seconds",
    "worker_debug_mode": "use HEADRACE_LOGGING_LEVEL=DEBUG",
    "plugins_enabled": _PLUGINS,
    "plugins_allow": _PLUGINS,
    "plugins_deny": _PLUGINS,
    "plugins_safe_mode": _PLUGINS,
    "plugins_setup_timeout_seconds": _PLUGINS,
    "plugins_strict": _PLUGINS,
}
