"""`Block`: a pydantic model whose objects are saved on the server under a name."""

import re
from collections.abc import Generator, Mapping
from typing import Any, ClassVar, TypeGuard, cast
from uuid import UUID

import pydantic

from headrace.blocks import stored
from headrace.blocks.schemas import describe, models_of, types_in
from headrace.core.blocks import DOCUMENT_KEY, checksum
from headrace.engine.commands import Command
from headrace.engine.drivers import run_for_caller
from headrace.wire.blocks import BlockDocument, BlockSchema

_CLASSES: dict[str, "type[Block]"] = {}
"""Every class of blocks by its slug; the one defined last wins."""


class BlockNotSavedError(RuntimeError):
    """The block must be saved before this can be asked."""


class InvalidBlockRegistration(Exception):
    """This class cannot be registered: it is `Block` itself."""


class UnknownBlockType(Exception):
    """No class for this type of blocks is imported."""


def block_schema_to_key(schema: BlockSchema) -> str:
    """What classes are found by for a schema."""
    if schema.block_type is None:
        message = f"The schema {schema.id} does not say of which type it is."
        raise UnknownBlockType(message)
    return schema.block_type.slug


class Block(pydantic.BaseModel):
    """Subclass it with the fields to keep. Secrets are of type `SecretStr`.

    What asks the server returns its answer; in an async flow or task, or where an event loop runs,
    something to await.
    """

    _block_type_name: ClassVar[str | None] = None
    _block_type_slug: ClassVar[str | None] = None
    _logo_url: ClassVar[str | None] = None
    _documentation_url: ClassVar[str | None] = None
    _description: ClassVar[str | None] = None
    _code_example: ClassVar[str | None] = None
    _block_schema_capabilities: ClassVar[list[str]] = []
    _block_schema_version: ClassVar[str] = "non-versioned"
    _registered: ClassVar[tuple[UUID, UUID] | None] = None

    _document_id: UUID | None = pydantic.PrivateAttr(default=None)
    _document_name: str | None = pydantic.PrivateAttr(default=None)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Make the class known, so that blocks of its type can be loaded."""
        super().__pydantic_init_subclass__(**kwargs)
        cls._registered = None
        _CLASSES[cls.get_block_type_slug()] = cls

    def model_post_init(self, context: Any, /) -> None:
        """Finish an object."""
        super().model_post_init(context)
        self.block_initialization()

    def block_initialization(self) -> None:
        """For subclasses: what is to be done once the fields are set."""

    @property
    def document_id(self) -> UUID | None:
        """The id of its document; None while it is not saved."""
        return self._document_id

    @property
    def document_name(self) -> str | None:
        """The name it is saved under."""
        return self._document_name

    def remember_document(self, document_id: UUID, name: str | None) -> None:
        """Note which document holds this block."""
        self._document_id, self._document_name = document_id, name

    # What the class says of itself

    @classmethod
    def get_block_type_name(cls) -> str:
        """What people call its type: `_block_type_name`, or the class's name."""
        return cls._block_type_name or cls.__name__

    @classmethod
    def get_block_type_slug(cls) -> str:
        """What programs call its type: `_block_type_slug`, or the name in lower case with dashes."""
        return cls._block_type_slug or _slug(cls.get_block_type_name())

    @classmethod
    def get_block_capabilities(cls) -> frozenset[str]:
        """What its blocks can do, that of its bases included."""
        bases = [base for base in cls.__mro__ if issubclass(base, Block)]
        each = (base._block_schema_capabilities for base in bases)  # noqa: SLF001 - of its own kind
        return frozenset(name for names in each for name in names)

    @classmethod
    def get_block_schema_version(cls) -> str:
        """The version of its fields."""
        return cls._block_schema_version

    @classmethod
    def get_description(cls) -> str | None:
        """What its type is for: `_description`, or the first lines of the class's docstring."""
        doc = None if cls is Block else cls.__dict__.get("__doc__")
        return cls._description or (doc.strip().partition("\n\n")[0] if doc else None)

    @classmethod
    def get_code_example(cls) -> str | None:
        """How it is used, in Markdown."""
        if cls._code_example is not None:
            return cls._code_example
        name = cls.__name__
        use = f"from {cls.__module__} import {name}\n\nblock = {name}.load('my-block')"
        return f"```python\n{use}\n```"

    @classmethod
    def type_details(cls) -> dict[str, str | None]:
        """What is told about its type beside its name."""
        return {
            "code_example": cls.get_code_example(),
            "description": cls.get_description(),
            "documentation_url": cls._documentation_url,
            "logo_url": cls._logo_url,
        }

    @classmethod
    def nested_classes(cls) -> dict[str, "type[Block]"]:
        """The classes of blocks that are values in it, by their names."""
        return {
            kind.__name__: kind
            for _, kind in models_of(cls)
            if issubclass(kind, Block) and kind is not cls
        }

    @classmethod
    def schema_fields(cls) -> dict[str, Any]:
        """Its schema as the API has it."""
        nested = {name: kind.schema_fields() for name, kind in cls.nested_classes().items()}
        fields = describe(cls, cls.get_block_type_slug(), nested)
        references: dict[str, Any] = {}
        for name, kind in models_of(cls):
            if issubclass(kind, Block) and kind is not cls:
                one = {
                    "block_type_slug": kind.get_block_type_slug(),
                    "block_schema_checksum": checksum(nested[kind.__name__]),
                }
                before = references.get(name)
                references[name] = one if before is None else [*_listed(before), one]
        fields["block_schema_references"] = references
        return fields

    # On the server

    @classmethod
    def remember_registration(cls, type_id: UUID, schema_id: UUID) -> None:
        """Note what the server calls its type and schema."""
        cls._registered = (type_id, schema_id)

    @classmethod
    def registration(cls) -> tuple[UUID, UUID]:
        """The ids of its type and schema. Raises `BlockNotSavedError` before it is registered."""
        if cls._registered is None:
            message = f"{cls.__name__} is not registered: call register_type_and_schema()."
            raise BlockNotSavedError(message)
        return cls._registered

    @classmethod
    def register_type_and_schema(cls) -> Any:
        """Tell the server about this class and the blocks in it.

        Raises:
            InvalidBlockRegistration: Called on `Block` itself.
        """
        if cls is Block:
            message = "Block is what blocks are made of: register one of its subclasses."
            raise InvalidBlockRegistration(message)
        return run_for_caller(stored.register(cls))

    def save(self, name: str | None = None, overwrite: bool = False) -> Any:
        """Store it under a name; the id of its document.

        Args:
            name: Lower-case letters, digits and dashes. None: the name it has, or none at all.
            overwrite: Replace the values of a block of this name and type.

        Raises:
            ObjectAlreadyExists: There is one, and `overwrite` is false.
        """
        return run_for_caller(stored.save(self, name, overwrite=overwrite))

    @classmethod
    def load(cls, name: str, validate: bool = True) -> Any:
        """The block that was saved under a name.

        Args:
            name: On `Block` itself, `<type's slug>/<name>`.
            validate: Check the stored values; otherwise they are taken as they are.

        Raises:
            ObjectNotFound: There is none.
            UnknownBlockType: No class for it is imported.
        """
        slug, name = _address(cls, name)
        return run_for_caller(cls._loading(stored.load(slug, name), validate=validate))

    @classmethod
    def load_from_ref(cls, ref: str | UUID | dict[str, Any], validate: bool = True) -> Any:
        """The block that a reference means: a document's id, `<slug>/<name>`, or a `$ref` object."""
        if isinstance(ref, dict):
            found = cast("dict[str, Any]", ref.get("$ref", ref))
            ref = str(found.get(DOCUMENT_KEY) or found.get("block_document_slug") or "")
        try:
            document_id = ref if isinstance(ref, UUID) else UUID(ref)
        except ValueError:
            return cls.load(str(ref), validate=validate)
        return run_for_caller(cls._loading(stored.load_by_id(document_id), validate=validate))

    @classmethod
    def delete(cls, name: str) -> Any:
        """Remove the block of a name. Raises `ObjectNotFound`."""
        return run_for_caller(stored.delete(*_address(cls, name)))

    def get_block_placeholder(self) -> str:
        """What stands for it in job templates and deployment files.

        Raises:
            BlockNotSavedError: It has no name on the server.
        """
        if self._document_id is None or self._document_name is None:
            message = "The block has no name on the server yet: save it under one."
            raise BlockNotSavedError(message)
        return f"headrace.blocks.{self.get_block_type_slug()}.{self._document_name}"

    # Classes by what the server says

    @staticmethod
    def get_block_class_from_key(key: str) -> "type[Block]":
        """The class of a type's slug. Raises `UnknownBlockType`."""
        try:
            return _CLASSES[key]
        except KeyError as error:
            message = (
                f"No class of blocks of the type {key!r} is imported: import its module first."
            )
            raise UnknownBlockType(message) from error

    @classmethod
    def get_block_class_from_schema(cls, schema: BlockSchema) -> "type[Block]":
        """The class of a schema's type. Raises `UnknownBlockType`."""
        return cls.get_block_class_from_key(block_schema_to_key(schema))

    @staticmethod
    def is_block_class(block: Any) -> "TypeGuard[type[Block]]":
        """Whether something is a class of blocks."""
        return isinstance(block, type) and issubclass(block, Block)

    @classmethod
    def annotation_refers_to_block_class(cls, annotation: Any) -> bool:
        """Whether blocks are among the values that an annotation allows."""
        return any(cls.is_block_class(kind) for kind in types_in(annotation))

    @classmethod
    def _loading(
        cls, steps: Generator[Command, Any, BlockDocument], *, validate: bool
    ) -> Generator[Command, Any, Any]:
        document = yield from steps
        kind = cls if cls is not Block else cls.get_block_class_from_key(_slug_of(document))
        block = _build(kind, document.data, document.block_document_references, validate=validate)
        block.remember_document(document.id, None if document.is_anonymous else document.name)
        return block


def _build(
    kind: type[Block], data: Mapping[str, Any], references: Mapping[str, Any], *, validate: bool
) -> Any:
    """An object of a class; the parts that are documents of their own become blocks first."""
    values = dict(data)
    for name, reference in references.items():
        document = reference["block_document"]
        part = _CLASSES.get(document["block_type"]["slug"])
        if part is None or name not in values:
            continue
        inner: dict[str, Any] = document.get("block_document_references", {})
        block = _build(part, values[name], inner, validate=validate)
        block.remember_document(UUID(document["id"]), document["name"])
        values[name] = block
    return kind.model_validate(values) if validate else kind.model_construct(**values)


def _address(kind: type[Block], name: str) -> tuple[str, str]:
    if kind is not Block:
        return kind.get_block_type_slug(), name
    slug, slash, rest = name.partition("/")
    if not slash:
        message = f"{name!r} does not say which block is meant: write <type's slug>/<name>"
        raise ValueError(message)
    return slug, rest


def _slug_of(document: BlockDocument) -> str:
    return "" if document.block_type is None else document.block_type.slug


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]
