"""`RunInput`: a pydantic model of what a run asks a person, or another run, for."""

import inspect
import json
from contextlib import suppress
from typing import Any, ClassVar, Self
from uuid import UUID

import pydantic

from headrace.core.ids import new_id
from headrace.errors import ObjectAlreadyExists
from headrace.input.keysets import Keyset, keyset_from_base_key
from headrace.input.stored import (
    create_flow_run_input,
    create_flow_run_input_from_model,
    read_flow_run_input,
)
from headrace.wire.flow_run_inputs import FlowRunInput


class RunInputMetadata(pydantic.BaseModel):
    """Where an input came from."""

    key: str
    sender: str | None = None
    receiver: UUID


class RunInput(pydantic.BaseModel):
    """Subclass it with the fields to ask for; unknown fields are refused."""

    model_config = pydantic.ConfigDict(extra="forbid")

    _description: str | None = pydantic.PrivateAttr(default=None)
    _metadata: RunInputMetadata | None = pydantic.PrivateAttr(default=None)
    shown_description: ClassVar[str | None] = None

    @property
    def metadata(self) -> RunInputMetadata | None:
        """Where this came from; None for one that was made here."""
        return self._metadata

    @classmethod
    def keyset_from_type(cls) -> Keyset:
        """The keys under which inputs of this type lie when they are not tied to a pause."""
        return keyset_from_base_key(cls.__name__.lower())

    @classmethod
    def save(cls, keyset: Keyset, flow_run_id: UUID | None = None) -> None:
        """Store what is asked for, so that a form can be shown. Storing it again changes nothing."""
        # The schema last: who finds it finds the description too, if there is one.
        if cls.shown_description is not None:
            _store_once(keyset["description"], cls.shown_description, flow_run_id)
        _store_once(keyset["schema"], cls.model_json_schema(mode="validation"), flow_run_id)

    @classmethod
    def load(cls, keyset: Keyset, flow_run_id: UUID | None = None) -> Any:
        """What was entered.

        Raises:
            ObjectNotFound: Nothing was.
        """
        entered = read_flow_run_input(keyset["response"], flow_run_id)
        return cls.from_entered(entered or {})

    @classmethod
    def from_entered(cls, entered: Any) -> Any:
        """An object of this type from what JSON holds."""
        return cls.model_validate(entered)

    @classmethod
    def load_from_flow_run_input(cls, flow_run_input: FlowRunInput) -> Self:
        """An object of this type from an input that was sent."""
        instance = cls.model_validate(json.loads(flow_run_input.value))
        instance._metadata = RunInputMetadata(  # noqa: SLF001  # this class's own
            key=flow_run_input.key,
            sender=flow_run_input.sender,
            receiver=flow_run_input.flow_run_id,
        )
        return instance

    @classmethod
    def with_initial_data(cls, description: str | None = None, **values: Any) -> type[Self]:
        """This type with values filled in and a text shown above the form.

        Args:
            description: The text, as markdown.
            values: Defaults by field.
        """
        fields: dict[str, Any] = {
            name: (cls.model_fields[name].annotation, value) for name, value in values.items()
        }
        changed: Any = pydantic.create_model(cls.__name__, __base__=cls, **fields)
        changed.shown_description = description
        return changed

    @classmethod
    def subclass_from_base_model_type(cls, model_cls: type[pydantic.BaseModel]) -> type["RunInput"]:
        """A run input with a pydantic model's fields."""
        made: Any = type(f"{model_cls.__name__}RunInput", (RunInput, model_cls), {})
        return made

    def respond(
        self, run_input: Any, sender: str | None = None, key_prefix: str | None = None
    ) -> None:
        """Send something back to the run that sent this.

        Raises:
            ValueError: This was not sent by a run.
        """
        origin = self._metadata.sender if self._metadata is not None else None
        prefixes = ("prefect.flow-run.", "headrace.flow-run.")
        prefix = next((p for p in prefixes if origin and origin.startswith(p)), None)
        if prefix is None or origin is None:
            message = f"{self!r} was not sent by a flow run, so nothing can be sent back."
            raise ValueError(message)
        run_input.send_to(UUID(origin.removeprefix(prefix)), sender, key_prefix)

    def send_to(
        self, flow_run_id: UUID, sender: str | None = None, key_prefix: str | None = None
    ) -> None:
        """Send this to a flow run. See `send_input`."""
        key = new_input_key(key_prefix or f"{type(self).__name__.lower()}-auto")
        create_flow_run_input_from_model(key, self, flow_run_id, sender)


class ValueInput(RunInput):
    """An input that is one plain value; who asked for it gets the value alone."""

    @classmethod
    def from_entered(cls, entered: Any) -> Any:
        """The value."""
        instance: Any = cls.model_validate(entered)
        return instance.value


def run_input_from_type(wanted: Any) -> type[RunInput]:
    """The run input of a type: itself, one of a pydantic model's fields, or one of a single value."""
    is_class = inspect.isclass(wanted)
    if is_class and issubclass(wanted, RunInput):
        return wanted
    if is_class and issubclass(wanted, pydantic.BaseModel):
        return RunInput.subclass_from_base_model_type(wanted)
    shown = getattr(wanted, "__name__", str(wanted)).title()
    fields: Any = {"value": (wanted, ...)}
    return pydantic.create_model(f"{shown}Input", __base__=ValueInput, **fields)


def new_input_key(prefix: str) -> str:
    """A key that no other input of the run has; later ones sort after earlier ones."""
    return f"{prefix}-{new_id()}"


def _store_once(key: str, value: Any, flow_run_id: UUID | None) -> None:
    with suppress(ObjectAlreadyExists):  # the answer to an earlier request was lost
        create_flow_run_input(key, value, flow_run_id)
