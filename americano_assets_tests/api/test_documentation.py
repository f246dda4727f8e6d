"""The pages about the service are what the service is: bodies of every call, codes of every error."""

import ast
import json
import re

import pytest
from pydantic import BaseModel

from americano_assets.api.examples import REQUESTS
from americano_assets.api.middleware.problems import Problem
from americano_assets.api.schemas import Answer, Request
from americano_assets.installation import PACKAGE, PROJECT_ROOT
from tools.api_bodies import answer, api_bodies, openapi

_DOCS = PROJECT_ROOT / "docs"
_RAISED = {"ProblemError", "try_again", "_RefusedError", "response"}
_CODE = re.compile(r"[a-z_]+")
# What Starlette says of a path or a method that no route has.
_OF_PATHS = {"not_found", "method_not_allowed"}


def test_the_page_of_bodies_is_current() -> None:
    written = (_DOCS / "api-bodies.md").read_text()
    assert api_bodies() == written, "python -m tools.api_bodies > docs/api-bodies.md"


def _examples() -> dict[str, object]:
    """By the name of its schema, each body that the documentation shows."""
    document = openapi()
    calls = [call for methods in document["paths"].values() for call in methods.values()]
    answers = [answer(call, document["components"]["schemas"]) for call in calls]
    return {name: example for _, name, example in answers if name} | REQUESTS


@pytest.mark.parametrize("name", sorted(_examples()))
def test_an_example_is_a_body_that_the_service_takes_or_gives(name: str) -> None:
    models: dict[str, type[BaseModel]] = {
        model.__name__: model for base in (Answer, Request) for model in base.__subclasses__()
    }
    example = _examples()[name]
    assert models[name].model_validate(example).model_dump(mode="json") == example


def test_the_table_of_errors_names_every_code() -> None:
    told = set(re.findall(r"^\| \d{3} \| `([a-z_]+)` \|", (_DOCS / "api.md").read_text(), re.MULTILINE))
    raised = {
        one.value
        for path in (PACKAGE / "api").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) in _RAISED
        for one in call.args
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and _CODE.fullmatch(one.value)
    }
    assert told == raised | _OF_PATHS


def test_the_example_of_an_error_is_one() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", (_DOCS / "api.md").read_text(), re.DOTALL)
    shown = json.loads(block)
    assert Problem.model_validate(shown).model_dump(exclude_none=True) == shown
