import io
import json
import logging
import sys
import warnings
from types import SimpleNamespace
from uuid import uuid4

import pytest
from tests.integration.stand_in import StandIn, running

from headrace.context import FlowRunContext, in_flow_run
from headrace.engine.log_handlers import ConsoleFormatter, LogLine, configure_logging
from headrace.engine.recorder import recorder
from headrace.errors import MissingContextError
from headrace.logging import LogEavesdropper, disable_run_logger, get_logger, get_run_logger
from headrace.settings import temporary_settings

RUN = SimpleNamespace(id=uuid4(), name="brave-mill")


@pytest.fixture
def api(tmp_path):
    configure_logging()
    with running(StandIn()) as server, temporary_settings(api_url=server.url, home=tmp_path):
        yield server
        recorder().close(2)


@pytest.fixture
def in_run():
    with in_flow_run(FlowRunContext(SimpleNamespace(name="mill"), RUN, {}, 0.0)):
        yield


def sent(api: StandIn) -> list[dict[str, object]]:
    assert recorder().flush(10)
    return [record for request in api.requests for record in json.loads(request.body)]


def test_what_a_run_logs_arrives_with_its_id(api, in_run):
    get_run_logger().warning("water %s", "high")
    (record,) = sent(api)
    assert record["message"] == "water high"
    assert record["level"] == logging.WARNING
    assert record["flow_run_id"] == str(RUN.id)
    assert record["task_run_id"] is None
    assert record["name"] == "headrace.flow_runs"


def test_a_traceback_goes_with_its_record(api, in_run):
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        get_run_logger().exception("it broke")
    (record,) = sent(api)
    assert "it broke\nTraceback" in str(record["message"])
    assert "ZeroDivisionError" in str(record["message"])


def test_a_record_names_its_run_itself(api):
    logging.getLogger("headrace.task_runs").error(
        "x", extra={"task_run_id": "t", "flow_run_id": "f"}
    )
    (record,) = sent(api)
    assert (record["flow_run_id"], record["task_run_id"]) == ("f", "t")


def test_what_no_database_keeps_is_replaced_and_what_is_too_long_is_cut():
    def encoded(message: str) -> str:
        record = logging.LogRecord("x", 20, __file__, 1, message, None, None)
        with temporary_settings(logging_to_api_max_log_size=100):
            return json.loads(LogLine(record, message, "f", None).encode())["message"]

    assert encoded("a\x00b \ud800") == "a\ufffdb \ufffd"
    assert encoded("é" * 1000).startswith("é" * 50 + "… (cut: the record has 2000 bytes")


def test_outside_of_a_run_there_is_no_run_logger(api):
    with pytest.raises(MissingContextError):
        get_run_logger()


@pytest.mark.parametrize("choice", ["warn", "error", "ignore"])
def test_a_record_outside_of_any_run_is_met_as_the_setting_says(api, choice):
    logger = logging.getLogger("headrace.flow_runs")
    with (
        temporary_settings(api_url=api.url, logging_to_api_when_missing_flow=choice),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        if choice == "warn":
            with pytest.raises(UserWarning, match="no run is running"):
                logger.info("x")
        elif choice == "error":
            with pytest.raises(MissingContextError):
                logger.info("x")
        else:
            logger.info("x")
    assert api.requests == []


def test_a_silenced_run_logger_says_nothing_and_needs_no_run(api, in_run):
    with disable_run_logger():
        get_run_logger().error("x")
        logging.getLogger("headrace.flow_runs").error("y")
    get_run_logger().info("z")
    assert [r["message"] for r in sent(api)] == ["z"]


def test_loggers_are_named_below_headrace():
    assert get_logger().name == "headrace"
    assert get_logger("mine").name == "headrace.mine"
    assert get_logger("headrace.mine") is get_logger("mine")


def test_the_console_shows_whose_record_it_is(in_run, monkeypatch):
    shown = io.StringIO()
    handler = logging.StreamHandler(shown)
    handler.setFormatter(ConsoleFormatter())
    logger = logging.getLogger("headrace.flow_runs")
    logger.addHandler(handler)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    try:
        with temporary_settings(logging_to_api_when_missing_flow="ignore"):
            logger.warning("high", extra={"flow_run_name": "other"})
    finally:
        logger.removeHandler(handler)
    time, level, rest = shown.getvalue().rstrip("\n").split(" | ")
    assert len(time) == len("00:00:00.000")
    assert (level, rest) == ("WARNING", "Flow run 'other' - high")


def test_an_eavesdropper_keeps_what_a_logger_says():
    with LogEavesdropper("some.package", logging.INFO) as heard:
        logging.getLogger("some.package.part").info("a")
        logging.getLogger("some.package").debug("b")
    logging.getLogger("some.package").error("c")
    assert heard.text() == "[INFO]: a"
