"""`docs/api-bodies.md`, written from the API's OpenAPI document: `python -m tools.api_bodies > docs/api-bodies.md`."""

import json
import re
from collections.abc import Iterator
from typing import Any

from americano_assets.api.app import create_app
from americano_assets.api.examples import REQUESTS
from americano_assets.settings import Settings

_HEADER = """\
# Request and response bodies

Every call of [the HTTP service](api.md) with what it takes, one example of what it answers, and what each field means:
the same as `/docs` shows. Where a call fails, the answer is [a problem document](api.md#errors).

Written by `python -m tools.api_bodies > docs/api-bodies.md`.
"""
_JSON = "application/json"

Schema = dict[str, Any]


def api_bodies() -> str:
    """The text: a heading a call, below it its parameters, bodies and fields."""
    document = openapi()
    schemas = document["components"]["schemas"]
    parts = [_HEADER]
    told: set[str] = set()
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            parts += [f"## {method.upper()} {path}\n", f"{call['description']}\n"]
            parts += _taken(call, schemas)
            parts += _given(call, schemas, told)
    return "\n".join(parts)


def openapi() -> Schema:
    """The document as the service gives it."""
    return create_app(Settings(_env_file=None)).openapi()  # type: ignore[call-arg]


def answer(call: Schema, schemas: Schema) -> tuple[str, str, Any]:
    """Status, name of the schema, and the example of what one call answers; the latter two empty: no JSON."""
    status, found = next((code, one) for code, one in call["responses"].items() if code.startswith("2"))
    content = found["content"].get(_JSON)
    if content is None:
        return status, "", None
    return status, _named(content["schema"]), _whole(content.get("example", {}), content["schema"], schemas)


def _whole(value: Any, schema: Schema, schemas: Schema) -> Any:
    """The example with every field in it: OpenAPI's leaves out what is null, and there may be none."""
    name = _named(schema)
    if isinstance(value, list):
        return [_whole(one, schema, schemas) for one in value] if name else value
    properties = schemas.get(name, {}).get("properties")
    if properties is None or value is None:
        return value
    absent = {field: None if "anyOf" in one else one.get("default") for field, one in properties.items()}
    return {field: _whole(one, properties.get(field, {}), schemas) for field, one in (absent | value).items()}


def _taken(call: Schema, schemas: Schema) -> Iterator[str]:
    if call.get("parameters"):
        yield "| parameter | in | type | |\n| --- | --- | --- | --- |"
        for one in call["parameters"]:
            needed = "needed. " if one["required"] else ""
            text = needed + _meaning({**one["schema"], "description": one.get("description", "")})
            yield f"| `{one['name']}` | {one['in']} | {_type(one['schema'])} | {text} |"
        yield ""
    if "requestBody" in call:
        name = _named(call["requestBody"]["content"][_JSON]["schema"])
        yield f"Takes:\n\n{_block(REQUESTS[name])}"
        yield from _fields(name, schemas)


def _given(call: Schema, schemas: Schema, told: set[str]) -> Iterator[str]:
    status, name, example = answer(call, schemas)
    if not name:
        yield f"Answers {status} with `{next(iter(call['responses'][status]['content']))}`.\n"
        return
    yield f"Answers {status}:\n\n{_block(example)}"
    for one in _with_parts(name, schemas):
        if one in told:
            yield f"`{one}`: as above.\n"
            continue
        told.add(one)
        yield f"**`{one}`**: {schemas[one]['description']}\n"
        yield from _fields(one, schemas)


def _with_parts(name: str, schemas: Schema) -> list[str]:
    """The schema and those that its fields lead to, each once."""
    found = [name]
    for one in found:
        for field in schemas[one]["properties"].values():
            part = _named(field)
            if "properties" in schemas.get(part, {}) and part not in found:
                found.append(part)
    return found


def _fields(name: str, schemas: Schema) -> Iterator[str]:
    yield "| field | type | |\n| --- | --- | --- |"
    for field, schema in schemas[name]["properties"].items():
        yield f"| `{field}` | {_type(schema, schemas)} | {_meaning(schema)} |"
    yield ""


def _named(schema: Schema) -> str:
    """The schema that this one refers to, directly, in a list or as one of several; empty: none."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", [])
    return next((name for one in inner if (name := _named(one))), "")


def _type(schema: Schema, schemas: Schema | None = None) -> str:
    if "$ref" in schema:
        name = _named(schema)
        return ", ".join((schemas or {}).get(name, {}).get("enum", [])) or f"`{name}`"
    if "anyOf" in schema:
        return " or ".join(_type(one, schemas) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return ", ".join(map(str, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return "list" + (f" of {_type(schema['items'], schemas)}" if schema.get("items") else "")
    return str(schema.get("format") or schema.get("type", "any"))


def _meaning(schema: Schema) -> str:
    text, default = schema.get("description", ""), schema.get("default")
    if isinstance(default, int) and not isinstance(default, bool):
        text += f" Default: {default}."
    return " ".join(text.split())


def _block(value: object) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    on_one_line = re.sub(r"\[([\d\s.,-]+)\]", lambda found: f"[{' '.join(found[1].split())}]", text)
    return f"```json\n{on_one_line}\n```\n"


if __name__ == "__main__":
    print(api_bodies(), end="")
