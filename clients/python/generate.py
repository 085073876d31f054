"""Writes `types.py` and `nouns.py` of the package from the checkout's JSON Schemas. `--check` only compares."""

from __future__ import annotations

import json
import keyword
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SCHEMAS = HERE.parents[1] / "schemas"
PACKAGE = HERE / "src/ibnats"
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
# What a reader gets is text with the gateway's digits; what is asked may be any number.
SIZES = {"answer": "str", "request": "Quantity"}

Schema = dict[str, Any]


def load() -> dict[str, Schema]:
    others = {"asyncapi", "config"}
    return {
        path.stem: json.loads(path.read_text()) for path in sorted(SCHEMAS.glob("*.json")) if path.stem not in others
    }


class Types:
    """Every named type of all schemas, each once."""

    def __init__(self, schemas: dict[str, Schema]) -> None:
        self.lines: dict[str, str] = {}
        self._bodies: dict[str, Schema] = {}
        self._asked = self._reachable(schemas)
        for name, schema in schemas.items():
            names = {inner: self.name_for(inner, body, name) for inner, body in schema.get("$defs", {}).items()}
            for inner, body in schema.get("$defs", {}).items():
                self._define(names[inner], body, names)
            if not name.startswith("reply."):
                self._define(self.name_for(schema["title"], _root(schema), name), _root(schema), names)
            schema["x-names"] = names

    @staticmethod
    def _reachable(schemas: dict[str, Schema]) -> set[str]:
        """Names of what a request is made of."""
        asked = [schema for name, schema in schemas.items() if name.startswith("request.")]
        return {inner for schema in asked for inner in [schema["title"], *schema.get("$defs", {})]}

    def name_for(self, name: str, body: Schema, where: str) -> str:
        """Its own name, with that of the noun before it if another type came first."""
        if self._bodies.setdefault(name, body) == body:
            return name
        longer = where.split(".")[1].title() + name
        if self._bodies.setdefault(longer, body) != body:
            raise SystemExit(f"two types want to be called {longer}")
        return longer

    def _define(self, name: str, body: Schema, names: dict[str, str]) -> None:
        if name in self.lines or name == "Size":
            return
        self.lines[name] = ""  # Its place, before those of its parts.
        if body.get("type") == "object":
            self.lines[name] = self._record(name, body, names)
        else:
            kind = self.expression(body, names, name)
            self.lines[name] = (
                f"{name}: TypeAlias = {kind if kind.startswith('Literal') else _quoted(kind)}\n{_doc(body)}"
            )

    def _record(self, name: str, body: Schema, names: dict[str, str]) -> str:
        required = set(body.get("required", ()))
        fields: list[tuple[str, str, str]] = []
        for field, schema in body.get("properties", {}).items():
            kind = self.expression(schema, names, name, field)
            fields.append((field, kind if field in required else f"NotRequired[{kind}]", _doc(schema, "    ")))
        if any(keyword.iskeyword(field) for field, _, _ in fields):
            inner = "".join(f'        "{field}": {kind!r},\n' for field, kind, _ in fields)
            return f'{name} = TypedDict(\n    "{name}",\n    {{\n{inner}    }},\n)\n{_doc(body)}'
        inner = "".join(f"    {field}: {kind}\n{doc}" for field, kind, doc in fields)
        return f"class {name}(TypedDict):\n{_doc(body, '    ') or '    pass'}\n{inner}"

    def expression(self, schema: Schema, names: dict[str, str], owner: str, field: str = "") -> str:
        """The Python type of a schema; objects without a name get one from where they are."""
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            if name == "Size":
                return SIZES["request" if owner in self._asked else "answer"]
            return names[name]
        if "const" in schema:
            return f"Literal[{_quoted(schema['const'])}]"
        if "enum" in schema:
            return f"Literal[{', '.join(_quoted(value) for value in schema['enum'])}]"
        for union in ("oneOf", "anyOf"):
            if union in schema:
                return self._union([part for part in schema[union] if part.get("type") != "null"], names, owner, field)
        if isinstance(schema.get("type"), list):
            return self._union(
                [{**schema, "type": kind} for kind in schema["type"] if kind != "null"], names, owner, field
            )
        if "properties" in schema:
            name = owner + field.title().replace("_", "")
            if name not in self.lines:
                self.lines[name] = self._record(name, schema, names)
            return name
        if schema.get("type") == "array":
            return f"list[{self.expression(schema.get('items', {}), names, owner, field)}]"
        if schema.get("type") == "object":
            values = schema.get("additionalProperties")
            return f"dict[str, {self.expression(values, names, owner, field) if isinstance(values, dict) else 'Any'}]"
        return SCALARS[schema["type"]] if "type" in schema else "Any"

    def _union(self, parts: list[Schema], names: dict[str, str], owner: str, field: str) -> str:
        words = [part["const"] for part in parts if "const" in part]
        rest = [(number, part) for number, part in enumerate(parts) if "const" not in part]
        kinds = [f"Literal[{', '.join(map(_quoted, words))}]"] if words else []
        for number, part in rest:
            tag = next((word["const"] for word in part.get("properties", {}).values() if "const" in word), None)
            is_alone = len(rest) == 1 or "properties" not in part
            kinds.append(self.expression(part, names, owner, field if is_alone else f"{field}_{tag or number}"))
        return " | ".join(dict.fromkeys(kinds))


def _root(schema: Schema) -> Schema:
    return {
        key: value for key, value in schema.items() if key not in ("$schema", "$defs", "x-subject", "x-names", "title")
    }


def _quoted(value: object) -> str:
    return json.dumps(value)


def _doc(schema: Schema, indent: str = "") -> str:
    text = " ".join(schema.get("description", "").split()).replace("\\", "\\\\").replace('"""', "'''")
    return f'{indent}"""{text}{" " if text.endswith(chr(34)) else ""}"""\n' if text else ""


def types_text(types: Types) -> str:
    head = '''"""What goes over NATS. Written by generate.py from the JSON Schemas; do not edit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, TypeAlias

from typing_extensions import NotRequired, TypedDict

Quantity: TypeAlias = str | int | float | Decimal
"""A decimal quantity in a request. Answers and events have text with the gateway's own digits."""
'''
    return "\n\n".join([head, *(types.lines[name] for name in sorted(types.lines))])


def nouns_text(schemas: dict[str, Schema], types: Types) -> str:
    verbs: dict[str, list[str]] = {}
    for name in (name.removeprefix("request.") for name in schemas if name.startswith("request.")):
        noun, verb = name.split(".")
        verbs.setdefault(noun, []).append(_method(name, verb, schemas, types))
    head = '''"""A class for each noun, a method for each verb. Written by generate.py from the schemas; do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from typing_extensions import Unpack

from . import types


class Desk(Protocol):
    """Who carries requests."""

    async def ask(self, verb: str, request: Mapping[str, Any]) -> Any:
        """The answer to `noun.verb`."""
        ...

    def pages(self, verb: str, request: Mapping[str, Any]) -> AsyncIterator[Any]:
        """The pages of the answer to `noun.verb`."""
        ...
'''
    start = "    def __init__(self, desk: Desk) -> None:\n"
    classes = [
        f'class {noun.title()}:\n    """`ib.req.{noun}.*`"""\n\n{start}        self._desk = desk\n{"".join(methods)}'
        for noun, methods in verbs.items()
    ]
    fields = "".join(f"        self.{noun} = {noun.title()}(desk)\n" for noun in verbs)
    nouns = f'class Nouns:\n    """All of them."""\n\n{start}{fields}'
    return "\n\n".join([head, *classes, nouns])


def _method(name: str, verb: str, schemas: dict[str, Schema], types: Types) -> str:
    request, reply = schemas[f"request.{name}"], schemas[f"reply.{name}"]
    asked = f"types.{types.name_for(request['title'], _root(request), f'request.{name}')}"
    data = next(part for part in reply["properties"]["data"]["anyOf"] if part.get("type") != "null")
    answer = f"types.{types.expression(data, reply['x-names'], '')}"
    doc = " ".join(request.get("description", "").split()).partition(": ")[2] or f"Asks `{name}`."
    doc = f'"""{doc[:1].upper()}{doc[1:]}"""'
    signature = f"def {verb}(self, **request: Unpack[{asked}])"
    body = reply["$defs"].get(data["$ref"].rpartition("/")[2], {})
    if {"page", "last"} <= body.get("properties", {}).keys():
        lines = [
            f"{signature} -> AsyncIterator[{answer}]:",
            f"    {doc}",
            f'    return self._desk.pages("{name}", request)',
        ]
    else:
        call = f'answer: {answer} = await self._desk.ask("{name}", request)'
        lines = [f"async {signature} -> {answer}:", f"    {doc}", f"    {call}", "    return answer"]
    return "\n" + "".join(f"    {line}\n" for line in lines)


def generated() -> dict[Path, str]:
    schemas = load()
    types = Types(schemas)
    return {PACKAGE / "types.py": types_text(types), PACKAGE / "nouns.py": nouns_text(schemas, types)}


def main() -> None:
    texts = generated()
    if "--check" in sys.argv:
        stale = [path.name for path, text in texts.items() if not path.exists() or path.read_text() != text]
        raise SystemExit(f"not as the schemas say, run generate.py: {stale}" if stale else 0)
    for path, text in texts.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
