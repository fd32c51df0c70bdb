"""The requirements that a JSON Schema can say, each by the definition that is named after it."""

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.protocols import Validator

from crate_iscc.errors import InputError
from crate_iscc.jsonld import Entity, as_list


class Definitions:
    """The `$defs` of the profile's JSON Schema, as tests of one entity each.

    Raises InputError for a schema that is none, or lacks a definition that is asked for.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        try:
            Draft202012Validator.check_schema(schema)
            definitions = schema["$defs"]
        except (SchemaError, KeyError) as error:
            raise InputError(
                "the JSON Schema of the profile is damaged",
                cause=f"{error:.200}",
                hint="install crate-iscc anew",
            ) from error
        self._schema = schema
        self._definitions: dict[str, Any] = definitions
        self._validators: dict[str, Validator] = {}

    def holds(self, name: str, entity: Entity) -> bool:
        """Tell whether an entity is as the definition of that name says."""
        if name not in self._validators:
            self._validators[name] = self._validator(name)
        validator = self._validators[name]
        return validator.is_valid(entity) or validator.is_valid(_plain(entity))

    def _validator(self, name: str) -> Validator:
        if name not in self._definitions:
            raise InputError(
                f"the JSON Schema of the profile does not define {name}",
                hint="install crate-iscc anew",
            )
        definition = self._definitions[name]
        return Draft202012Validator({"$defs": self._definitions, **definition})


def _plain(entity: Entity) -> Entity:
    """Return an entity with each value once, and literals without their `@value` objects.

    A schema counts what is written, JSON-LD what is meant.
    """
    plain: Entity = {}
    for key, value in entity.items():
        values: list[Any] = []
        for item in as_list(value):
            literal = item["@value"] if isinstance(item, dict) and "@value" in item else item
            if literal not in values:
                values.append(literal)
        plain[key] = values[0] if len(values) == 1 else values
    return plain
