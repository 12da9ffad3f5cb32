"""Pages of the site that are made from the code: commands, settings, the SDK, and the decisions' list.

MkDocs loads this file as a hook. Nothing of it is kept: a page is as new as the code beside it.
"""

import ast
import inspect
import logging
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from headrace._bindings import PUBLIC
from headrace.cli.root import root
from headrace.core.leases import LeaseTerms
from headrace.server import config as server_config
from headrace.settings import Settings
from headrace.settings.unused import WITHOUT_EFFECT

SDK = {
    "headrace.flows": "Flows",
    "headrace.tasks": "Tasks",
    "headrace.states": "States",
    "headrace.futures": "Futures",
    "headrace.flow_runs": "Pause, suspend and resume",
    "headrace.input": "Typed input",
    "headrace.artifacts": "Artifacts",
    "headrace.variables": "Variables",
    "headrace.schedules": "Schedules",
    "headrace.cache_policies": "Cache policies",
    "headrace.results": "Results",
    "headrace.logging": "Logging",
    "headrace.runtime.flow_run": "The flow run that runs here",
    "headrace.runtime.task_run": "The task run that runs here",
    "headrace.runtime.deployment": "The deployment that runs here",
    "headrace.concurrency.sync": "Concurrency limits in code",
    "headrace.blocks.core": "Blocks",
    "headrace.deployments.deploying": "Deploying",
    "headrace.deployments.deployment": "Deployments",
    "headrace.deployments.images": "Images",
    "headrace.deployments.running": "Running a deployment",
    "headrace.deployments.serving": "Serving",
    "headrace.task_runners": "Task runners",
    "headrace.task_worker": "Task workers",
    "headrace.infrastructure.contract": "Infrastructure kinds",
    "headrace.exceptions": "Exceptions",
}
"""The public modules, each a page. A test holds that every lazy top-level name is on one of them."""

READERS = tuple(f"reader.{kind}" for kind in ("text", "words", "number", "integer", "boolean"))
"""How `read_config` asks the environment for a value."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let pass what is no fault: the names of `headrace` itself are computed from a table."""
    known = "headrace.__all__: PUBLIC"
    logging.getLogger("mkdocs.plugins.griffe").addFilter(
        lambda told: known not in told.getMessage()
    )
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made to what is there."""
    for path, content in pages(Path(config.docs_dir)):
        files.append(File.generated(config, path, content=content))
    return files


def pages(docs: Path) -> Iterator[tuple[str, str]]:
    """Paths and texts of all pages that are made."""
    yield "reference/cli.md", "\n".join(_commands())
    yield "reference/settings.md", "\n".join(_settings())
    yield "reference/sdk.md", "\n".join(_sdk())
    for module, title in SDK.items():
        yield f"reference/sdk/{module}.md", "\n".join(_module(module, title))
    yield "decisions/index.md", "\n".join(_decisions(docs / "decisions"))


def _commands() -> Iterator[str]:
    yield "# Command line\n"
    yield "`headrace --help`, and `--help` after any command, shows the same.\n"
    yield from _command(root, click.Context(root, info_name="headrace"), 2)


def _command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * min(level, 4)} `{context.command_path}`\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _command(
                    found, click.Context(found, parent=context, info_name=name), level + 1
                )
        return
    yield f"    {command.get_usage(context).removeprefix('Usage: ')}\n"
    rows = [option.get_help_record(context) for option in command.get_params(context)]
    if shown := [row for row in rows if row is not None]:
        yield "| option | what it does |\n| --- | --- |"
        yield from (f"| `{_cell(names)}` | {_cell(text)} |" for names, text in shown)
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield (
        "Values come from, in this order: the environment, `.env`, `headrace.toml` and the table "
        "`tool.headrace` of `pyproject.toml` in the working directory, the profile in use. "
        "`headrace config view --show-defaults` shows those in force and where each came from. "
        "Durations are seconds, sizes bytes.\n"
    )
    yield "## Of clients, workers and flows\n"
    yield "| setting | type | default |\n| --- | --- | --- |"
    for name, kind in Settings.kinds().items():
        if name not in WITHOUT_EFFECT:
            default = getattr(Settings, name, None)
            told = f"`{default}`" if default not in (None, (), {}) else ""
            yield f"| `HEADRACE_{name.upper()}` | {_cell(kind)} | {_cell(told)} |"
    yield "\n## Of the server\n"
    yield "A server reads them from the environment alone; `headrace server start` has options for the "
    yield "common ones.\n"
    yield "| setting | default | what it is |\n| --- | --- | --- |"
    yield from _server_settings()
    yield "\n## Of the contract, without effect here\n"
    yield "| setting | why |\n| --- | --- |"
    for name, why in sorted(WITHOUT_EFFECT.items()):
        yield f"| `HEADRACE_{name.upper()}` | {_cell(why)} |"


def _server_settings() -> Iterator[str]:
    """What `read_config` asks the environment for, with what `ServerConfig` says of it."""
    module = ast.parse(inspect.getsource(server_config))
    said = dict(_described(module))
    (reader,) = (
        node
        for node in module.body
        if isinstance(node, ast.FunctionDef) and node.name == "read_config"
    )
    (table,) = (node for node in ast.walk(reader) if isinstance(node, ast.Dict) and node.keys)
    for key, value in zip(table.keys, table.values, strict=True):
        field = ast.literal_eval(key) if key else ""
        for call in ast.walk(value):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in READERS and call.args:
                default = f"`{told}`" if (told := _default(call)) else ""
                name = ast.literal_eval(call.args[0])
                yield f"| `HEADRACE_{name}` | {default} | {_cell(said.get(field, ''))} |"


def _default(call: ast.Call) -> str:
    given = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
    text = " ".join(ast.unparse(node) for node in given).strip("'")
    leases, _, term = text.partition("().")
    return str(getattr(LeaseTerms(), term)) if leases == "LeaseTerms" else text


def _described(module: ast.Module) -> Iterator[tuple[str, str]]:
    """The fields of `ServerConfig`, and the text under each."""
    for node in module.body:
        if isinstance(node, ast.ClassDef) and node.name == "ServerConfig":
            for field, after in pairwise(node.body):
                if isinstance(field, ast.AnnAssign) and isinstance(after, ast.Expr):
                    text = ast.literal_eval(after.value)
                    yield ast.unparse(field.target), " ".join(text.split())


def _sdk() -> Iterator[str]:
    yield "# SDK\n"
    yield "Names of `headrace` itself, and where each is defined:\n"
    yield "| name | module |\n| --- | --- |"
    for name, target in PUBLIC.items():
        module = target.partition(":")[0]
        where = f"[{module}](sdk/{module}.md)" if module in SDK else f"`{module}`"
        yield f"| `headrace.{name}` | {where} |"
    yield "\n## Modules\n"
    yield from (f"- [{title}](sdk/{module}.md): `{module}`" for module, title in SDK.items())


def _module(module: str, title: str) -> Iterator[str]:
    yield f"# {title}\n\n`{module}`\n\n::: {module}\n"
    if module.startswith("headrace.runtime."):  # its names are looked up when they are read
        yield from (f"- `{name}`" for name in import_module(module).__all__)


def _decisions(folder: Path) -> Iterator[str]:
    yield "# Decisions\n"
    yield "What was decided, why, and the figures that were measured.\n"
    for path in sorted(folder.glob("[0-9]*.md")):
        title = re.sub(r"^#\s*", "", path.read_text().partition("\n")[0])
        yield f"- [{title}]({path.name})"
