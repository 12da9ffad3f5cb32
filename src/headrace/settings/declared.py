"""The settings: name, type, default. One line each.

The annotations are read as text, by `values.parse`: what stands here is all there is to adding a
setting. Where a default differs from the contract's, the comment says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.errors import InvalidSetting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    # read by `values` in their own way
    Level = str  # of logging: a name or a number
    Seconds = float  # 0 or more
    Count = int  # 0 or more
    Url = str  # of http or https


class Settings:
    """What this process was configured with. Durations are seconds, sizes bytes."""

    home: Path
    profiles_path: Path
    debug_mode: bool = False

    # The API and the way to it
    api_url: Url | None = None
    api_key: str | None = None
    api_auth_string: str | None = None
    api_request_timeout: Seconds = 60.0
    api_connect_timeout: Seconds = 10.0
    api_ssl_cert_file: Path | None = None
    api_tls_insecure_skip_verify: bool = False
    silence_api_url_misconfiguration: bool = False
    client_max_retries: Count = 5
    client_retry_jitter_factor: Seconds = 0.2
    client_retry_extra_codes: tuple[int, ...] = ()
    client_csrf_support_enabled: bool = True
    client_custom_headers: dict[str, str] = {}  # noqa: RUF012  # read only, as all of a Settings
    client_server_version_check_enabled: bool = True
    client_metrics_enabled: bool = False
    client_metrics_port: int = 4201
    ui_url: str | None = None

    # The embedded server. The contract has it off; here a flow runs without any set-up.
    server_ephemeral_enabled: bool = True
    server_ephemeral_startup_timeout_seconds: Count = 20
    server_ephemeral_idle_seconds: Count = 300  # the contract has no such bound: it never stops it

    # The command line
    cli_colors: bool = True
    cli_prompt: bool | None = None
    cli_wrap_lines: bool = True

    # Logging
    logging_level: Level = "INFO"
    logging_config_path: Path | None = None
    logging_extra_loggers: tuple[str, ...] = ()
    logging_log_prints: bool = False
    logging_colors: bool = True
    logging_to_api_enabled: bool = True
    logging_to_api_batch_interval: Seconds = 0.2  # the contract's 2 s is what makes logs look late
    logging_to_api_batch_size: Count = 4_000_000
    logging_to_api_max_log_size: Count = 1_000_000
    logging_to_api_when_missing_flow: str = "warn"

    # The recorder: what it holds and what it may put on disk while the API is away
    events_worker_max_queue_size: Count = 0  # 0: the recorder's own bound
    recorder_spool_size: Count = 256_000_000
    recorder_exit_timeout_seconds: Seconds = 5.0

    # Flows, tasks, results
    flows_default_retries: Count = 0
    flows_default_retry_delay_seconds: float | tuple[float, ...] = 0
    flows_heartbeat_frequency: int | None = 180
    tasks_default_retries: Count = 0
    tasks_default_retry_delay_seconds: float | tuple[float, ...] = 0
    tasks_default_persist_result: bool | None = None
    tasks_default_no_cache: bool = False
    tasks_disable_caching: bool = False
    tasks_refresh_cache: bool = False
    tasks_runner_thread_pool_max_workers: int | None = None
    tasks_runner_process_pool_max_workers: int | None = None
    tasks_scheduling_default_storage_block: str | None = None
    tasks_scheduling_delete_failed_submissions: bool = True
    results_default_serializer: str = "pickle"
    results_default_storage_block: str | None = None
    results_local_storage_path: Path
    results_persist_by_default: bool = False

    # Deployments, runners, workers
    deployments_default_work_pool_name: str | None = None
    deployments_default_docker_build_namespace: str | None = None
    runner_process_limit: Count = 5
    runner_poll_frequency: int = 10  # an upper bound: delivery itself is a long poll
    runner_auto_install_dependencies: bool = False
    runner_crash_on_cancellation_failure: bool = False
    runner_server_enable: bool = False
    runner_server_host: str = "localhost"
    runner_server_port: int = 8080
    runner_server_log_level: str = "ERROR"
    runner_server_missed_polls_tolerance: int = 2
    worker_heartbeat_seconds: Seconds = 30
    worker_query_seconds: Seconds = 10  # an upper bound, as above
    worker_prefetch_seconds: Seconds = 10
    worker_enable_cancellation: bool = True  # cancelling that leaves the job running is a fault
    worker_cancellation_poll_seconds: float = 120
    worker_debug_mode: bool = False
    worker_webserver_host: str = "127.0.0.1"  # the contract's 0.0.0.0 opens a port to the network
    worker_webserver_port: int = 8080

    # Plugins
    plugins_enabled: bool = False
    plugins_allow: tuple[str, ...] | None = None
    plugins_deny: tuple[str, ...] | None = None
    plugins_safe_mode: bool = False
    plugins_setup_timeout_seconds: float = 20.0
    plugins_strict: bool = False

    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        message = f"settings are read-only: use temporary_settings({name}=…) instead"
        raise AttributeError(message)

    @classmethod
    def kinds(cls) -> dict[str, str]:
        """Every setting's name and its type as text."""
        return cls.__annotations__

    def items(self) -> Iterator[tuple[str, object]]:
        """Every setting's name and value."""
        return ((name, getattr(self, name)) for name in self.kinds())

    def replace(self, **changes: object) -> Settings:
        """A copy with other values.

        Raises:
            InvalidSetting: A name is not a setting.
        """
        for name in changes:
            if name not in self.kinds():
                message = f"there is no setting {name!r}"
                raise InvalidSetting(message)
        return Settings(**{**self.__dict__, **changes})


SECRETS = frozenset({"api_key", "api_auth_string", "client_custom_headers"})
"""Settings whose values are never shown."""
