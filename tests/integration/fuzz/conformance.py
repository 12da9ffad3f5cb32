"""Holds answers against the server's own document, by schemathesis."""

from collections.abc import Iterator
from typing import Any

import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from headrace.server.api.operations import Operation
from tests.integration.fuzz.catalogue import declared_path
from tests.integration.fuzz.rights import right_request
from tests.integration.fuzz.world import World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CALL_SECONDS = 60
SHOWN = 600  # characters of a finding


class Document:
    """The document of all operations, and what answers have otherwise than it says."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api"
        self._session = requests.Session()
        raw = self._session.get(f"{self._url}/openapi.json", timeout=CALL_SECONDS).json()
        self._schema = schemathesis.openapi.from_dict(raw)

    def operation(self, operation: Operation) -> APIOperation[Any, Any, Any, Any]:
        return self._schema[declared_path(operation)][operation.method]

    def ask(self, case: schemathesis.Case) -> tuple[int, list[str]]:
        """Send a case; the answer's status, and each thing that the document does not foresee."""
        response = case.call(self._url, session=self._session, timeout=CALL_SECONDS)
        return response.status_code, list(self._differences(case, response))

    def ask_rightly(self, world: World, operation: Operation) -> tuple[int, list[str]]:
        """Send a request that must succeed; the same."""
        right = right_request(world, operation)
        body = NOT_SET if right.body is None else right.body
        case = self.operation(operation).Case(
            path_parameters=right.path_parameters,
            query=right.query,
            body=body,
            media_type="application/json",
        )
        return self.ask(case)

    def _differences(self, case: schemathesis.Case, response: Any) -> Iterator[str]:
        declared = case.operation.definition.raw["responses"]
        if response.status_code < 400 and str(response.status_code) not in declared:
            yield f"status {response.status_code} is not in the document"
        # A documented 501 is an answer: what is not there yet says so.
        checks = CHECKS[1:] if response.status_code == 501 and "501" in declared else CHECKS
        try:
            case.validate_response(response, checks=checks)
        except Failure as failure:
            yield _describe(failure, response)
        except FailureGroup as group:
            for failure in group.exceptions:
                yield _describe(failure, response)

    def close(self) -> None:
        self._session.close()


def _describe(failure: Exception, response: Any) -> str:
    text = " ".join(str(failure).split())[:SHOWN]
    return f"{response.status_code}: {type(failure).__name__}: {text}"
