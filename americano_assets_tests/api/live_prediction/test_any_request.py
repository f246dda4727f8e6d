"""Requests that nobody thought of: schemathesis makes them from the OpenAPI document, a real server answers them."""

import copy
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis import CheckFunction
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from schemathesis.specs.openapi.schemas import OpenApiSchema

from americano_assets.api import examples
from americano_assets.api.app import create_app
from americano_assets.api.tokens import create_token
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.stages.s6_publication.transaction import PREDICTIONS, RECOMMENDATIONS
from americano_assets_tests.api.live_prediction.conftest import MISSION, MORNING, School, copied
from americano_assets_tests.world import world_settings

NOW = MORNING.replace(tzinfo=UTC)


def document(*, secured: bool) -> OpenApiSchema:
    """What the API says of itself; where no token was ever made, nobody is asked for one."""
    found: dict[str, Any] = copy.deepcopy(
        create_app(world_settings("postgresql://nowhere/none", Path("/tmp"))).openapi()
    )
    if not secured:
        for item in found["paths"].values():
            for route in item.values():
                route.pop("security", None)
    return schemathesis.openapi.from_dict(found)


OPEN, CLOSED = document(secured=False), document(secured=True)
QUICK = settings(max_examples=3, derandomize=True, suppress_health_check=list(HealthCheck))
# schemathesis puts the operation into a test's name only beside another parameter.
NAMED = pytest.mark.parametrize("sender", ["nobody"])
MANY = settings(QUICK, max_examples=40, derandomize=False)


@contextmanager
def answering(school: School) -> Iterator[str]:
    """URL of a server over a school in which the documentation's own examples are there."""
    world = school.world
    world.learner(examples.LEARNER)
    world.mission(examples.LEARNER, MISSION, ["heart"])
    world.reviews(examples.LEARNER, "heart", MORNING - timedelta(hours=1), "AAAG")
    world.execute(f'UPDATE {PREDICTIONS} SET "id" = %s WHERE "userId" = %s', examples.PREDICTION, "quiet")
    world.execute(f'UPDATE {RECOMMENDATIONS} SET "id" = %s WHERE "userId" = %s', examples.INTERVENTION, "quiet")
    values = {**school.values, "americano_generate_per_minute": 600}
    app = create_app(world_settings(school.url, school.home, **values), clock=lambda: NOW)
    running = uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # who comes before the server is ready waits
        thread = threading.Thread(target=running.run, args=[[listener]])
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        running.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def unguarded(
    after_a_night: tuple[str, Path], server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """URL of a server for which no token was ever made."""
    for school in copied(after_a_night, server, tmp_path_factory.mktemp("unguarded")):
        with answering(school) as url:
            yield url


@pytest.fixture(scope="module")
def guarded(
    after_a_night: tuple[str, Path], server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, dict[str, str]]]:
    """URL of a server, and a token for the app and for a learner."""
    for school in copied(after_a_night, server, tmp_path_factory.mktemp("guarded")):
        with answering(school) as url:
            tokens = {
                name: create_token(school.world.connection, name, NOW, learner_id=learner)
                for name, learner in (("app", None), ("phone", examples.LEARNER))
            }
            yield url, tokens


def names_no_status(case: schemathesis.Case[Any], url: str) -> bool:
    """Whether the request, as it is sent, has a `status=` with nothing in it: no filter, as the document says."""
    sent = requests.Request(**case.as_transport_kwargs(base_url=url)).prepare().url
    given = parse_qs(urlsplit(sent or "").query, keep_blank_values=True).get("status")
    return given is not None and not "".join(given).strip(" ,")


def answered(case: schemathesis.Case[Any], url: str, token: str | None = None) -> None:
    """Send it, and hold the answer against the document: status, body, headers, and what must be refused."""
    asked = case.query or {}
    excluded: list[CheckFunction] = []
    if "cursor" in asked:  # which words are cursors no schema can say: those that this API gave
        excluded.append(positive_data_acceptance)
    if names_no_status(case, url):
        excluded.append(negative_data_rejection)
    headers = {"Authorization": f"Bearer {token}"} if token else None
    case.call_and_validate(base_url=url, headers=headers, excluded_checks=excluded)


@NAMED
@OPEN.parametrize()
@QUICK
def test_without_tokens(case: schemathesis.Case[Any], unguarded: str, sender: str) -> None:
    answered(case, unguarded)


@NAMED
@CLOSED.parametrize()
@QUICK
def test_nobody_comes_in_without_a_token(
    case: schemathesis.Case[Any], guarded: tuple[str, dict[str, str]], sender: str
) -> None:
    """With the app's token, and as schemathesis sends it once more: without, and with another."""
    url, tokens = guarded
    headers = {"Authorization": f"Bearer {tokens['app']}"}
    # What is wrong with a request may be that it has no token; ours is sent with it all the same.
    case.call_and_validate(
        base_url=url, headers=headers, excluded_checks=[negative_data_rejection, positive_data_acceptance]
    )


@pytest.mark.long
@NAMED
@OPEN.parametrize()
@MANY
def test_without_tokens_at_length(case: schemathesis.Case[Any], unguarded: str, sender: str) -> None:
    answered(case, unguarded)


@pytest.mark.long
@pytest.mark.parametrize("who", ["app", "phone"])
@OPEN.parametrize()
@MANY
def test_with_a_token_at_length(case: schemathesis.Case[Any], guarded: tuple[str, dict[str, str]], who: str) -> None:
    url, tokens = guarded
    answered(case, url, tokens[who])
