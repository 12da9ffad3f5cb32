"""How a cluster is reached: the official client's own ways, made into one."""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final

from kubernetes import client, config
from kubernetes.config.config_exception import ConfigException
from urllib3 import Retry

from headrace.errors import InfrastructureError

# The client's own types are half unknown; what comes out of it is typed where it is read.
_client: Final[Any] = client
_config: Final[Any] = config


@dataclass(frozen=True, slots=True)
class Access:
    """How a cluster is reached: by a kubeconfig's content, or by what is around this process.

    Args:
        config: The content of a kubeconfig; None is the pod's own account, else the user's kubeconfig.
        context: Which of its contexts; None is its current one.
    """

    config: Mapping[str, Any] | None = None
    context: str | None = None

    @property
    def fingerprint(self) -> str:
        """Names the cluster in handles, which hold no credentials; empty for what is around us."""
        if self.config is None:
            return self.context or ""
        raw = json.dumps([self.config, self.context], sort_keys=True).encode()
        return sha256(raw).hexdigest()[:16]


def connect(access: Access, most: int) -> Any:
    """A client of the cluster; nothing is sent yet.

    Args:
        access: How it is reached.
        most: Connections that are kept open.

    Raises:
        InfrastructureError: There is nothing that says how it is reached, or it cannot be used.
    """
    settings: Any = _client.Configuration()
    settings.retries = Retry(0, redirect=3)  # tries are ours: the client knows no pause
    settings.connection_pool_maxsize = most
    make = (
        partial(_config.new_client_from_config_dict, dict(access.config), persist_config=False)
        if access.config is not None
        # The client itself reads the variable when it is imported, and never again.
        else partial(
            _config.new_client_from_config,
            config_file=os.environ.get("KUBECONFIG"),
            persist_config=False,
        )
    )
    try:
        if access.config is None and access.context is None:
            with contextlib.suppress(ConfigException):  # not in a pod
                _config.load_incluster_config(client_configuration=settings)
                return _client.ApiClient(settings)
        return make(context=access.context, client_configuration=settings)
    except (ConfigException, TypeError, KeyError, ValueError, OSError) as error:
        said = str(error).rstrip(".")
        message = (
            f"no way to reach a Kubernetes cluster: {said}. Run the worker in a pod with a service "
            "account, set KUBECONFIG, or give the job a cluster-config block"
        )
        raise InfrastructureError(message) from None
