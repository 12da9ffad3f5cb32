"""Typed input of flow runs: what a paused run asks for, and what is sent to a running one."""

from headrace.input.keysets import Keyset, keyset_from_base_key, keyset_from_paused_state
from headrace.input.models import RunInput, RunInputMetadata
from headrace.input.receiving import GetInputHandler, receive_input, send_input
from headrace.input.stored import (
    create_flow_run_input,
    create_flow_run_input_from_model,
    delete_flow_run_input,
    filter_flow_run_input,
    read_flow_run_input,
)

__all__ = [
    "GetInputHandler",
    "Keyset",
    "RunInput",
    "RunInputMetadata",
    "create_flow_run_input",
    "create_flow_run_input_from_model",
    "delete_flow_run_input",
    "filter_flow_run_input",
    "keyset_from_base_key",
    "keyset_from_paused_state",
    "read_flow_run_input",
    "receive_input",
    "send_input",
]
