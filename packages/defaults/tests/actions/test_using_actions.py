"""Listing and invoking the actions of other plugins."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understage.config import ConfigError, config_from_data
from understage.defaults.actions import actions_service_factory
from understage.defaults.actions.config import ActionFilter, ActionRule, AttributeFilter, read_actions_config
from understage.errors import InputError, ResponseError, ServiceUnavailableError, UnderstageError
from understage.plugin_api import (
    Action,
    ActionAttributes,
    ActionContext,
    ActionExample,
    Actions,
    ActionsRegistry,
    HttpResponse,
    PluginRegistrationPoints,
    create_backend_plugin,
)
from understage.testing import MockHttpClient, json_response, mock_credentials, mock_services, start_test_backend

USER = mock_credentials.user()
READ_ONLY = {"destructive": False, "idempotent": True, "readOnly": True}
DESTRUCTIVE = {"destructive": True, "idempotent": False, "readOnly": False}


def listing(plugin_id: str, **actions: Any) -> HttpResponse:
    return json_response(
        {
            "actions": [
                {
                    "id": f"{plugin_id}:{name}",
                    "name": name,
                    "title": name.title(),
                    "description": "",
                    "pluginId": plugin_id,
                    "attributes": attributes,
                    "schema": {"input": {"type": "object"}, "output": {}},
                    "futureMember": 1,
                }
                for name, attributes in actions.items()
            ]
        }
    )


class Warnings:
    """A logger that keeps its warnings."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Any]] = []

    def warning(self, message: str, /, *, error: Any) -> None:
        self.all.append((message, error))


class Plugins:
    """Other plugins, whose answers are those of a table."""

    def __init__(self, routes: Any, **config: Any) -> None:
        self.http_client = MockHttpClient(
            {key.replace("@", "http://backend.test/api/"): v for key, v in routes.items()}
        )
        self.logger = Warnings()
        factory: Any = actions_service_factory.factory
        self.actions = factory(
            auth=mock_services.auth(),
            config=config_from_data({"backend": {"actions": config}}),
            discovery=mock_services.discovery("http://backend.test"),
            http_client=self.http_client,
            logger=self.logger,
        )

    async def ids(self) -> list[str]:
        return [action.id for action in await self.actions.list(credentials=USER)]


LIST_A, LIST_B = "GET @a/.backstage/actions/v1/actions", "GET @b/.backstage/actions/v1/actions"


async def test_actions_of_all_sources() -> None:
    """S104: the actions of all configured plugins are listed, asked with tokens on behalf of who asks."""
    routes = {LIST_A: listing("a", one=READ_ONLY, two=DESTRUCTIVE), LIST_B: listing("b", three=READ_ONLY)}
    plugins = Plugins(routes, pluginSources=["b", "a", "b"])
    assert await plugins.ids() == ["b:three", "a:one", "a:two"]
    for request, plugin_id in zip(plugins.http_client.requests, ("b", "a"), strict=True):
        token = mock_credentials.service.token(on_behalf_of=USER, target_plugin_id=plugin_id)
        assert request.headers == {"authorization": f"Bearer {token}"}
    [_, one, _] = await plugins.actions.list(credentials=USER)
    assert one == Action(
        id="a:one",
        name="one",
        title="One",
        description="",
        plugin_id="a",
        attributes=ActionAttributes(destructive=False, idempotent=True, read_only=True),
        input_schema={"type": "object"},
        output_schema={},
        examples=[],
    )


async def test_no_sources_no_actions() -> None:
    """S104: without configured plugins there are no actions."""
    assert await Plugins({}).ids() == []


@pytest.mark.parametrize(
    "answer",
    [
        json_response({"error": {"name": "NotFoundError", "message": "gone"}}, 404),
        HttpResponse(200, "OK", {}, b"<html>"),
        json_response({"actions": [{"id": 1}]}),
        json_response([]),
    ],
)
async def test_a_failing_source_is_left_out(answer: Any) -> None:
    """S104: a plugin that does not answer, or not as it should, is logged and left out."""
    plugins = Plugins({LIST_A: answer, LIST_B: listing("b", three=READ_ONLY)}, pluginSources=["a", "b", "c"])
    assert await plugins.ids() == ["b:three"]
    assert [message for message, _ in plugins.logger.all] == [
        "The actions of plugin 'a' are left out",
        "The actions of plugin 'c' are left out",
    ]
    assert all(isinstance(error, UnderstageError) for _, error in plugins.logger.all)


async def test_nobody_sees_nothing() -> None:
    """S104: nobody has no token, hence no actions."""
    plugins = Plugins({LIST_A: listing("a", one=READ_ONLY)}, pluginSources=["a"])
    assert await plugins.actions.list(credentials=mock_credentials.none()) == []
    assert plugins.http_client.requests == []


async def test_invoking() -> None:
    """S104: an action is invoked at the plugin whose id is before the first colon; the output is unwrapped."""
    route = "POST @a/.backstage/actions/v1/actions/a%3Ab%3Ac%20d/invoke"
    plugins = Plugins({route: json_response({"output": {"x": [1]}})})
    assert await plugins.actions.invoke("a:b:c d", input={"n": 1}, credentials=USER) == {"x": [1]}
    assert await plugins.actions.invoke("a:b:c d", credentials=USER) == {"x": [1]}
    assert [json.loads(request.body or b"") for request in plugins.http_client.requests] == [{"n": 1}, {}]
    token = mock_credentials.service.token(on_behalf_of=USER, target_plugin_id="a")
    expected = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    assert plugins.http_client.requests[0].headers == expected


async def test_secrets_need_the_second_version() -> None:
    """S103, S104: secrets travel in the wrapper of the second version."""
    plugins = Plugins({"POST @a/.backstage/actions/v2/actions/a%3Ab/invoke": json_response({"output": None})})
    assert await plugins.actions.invoke("a:b", input={"n": 1}, secrets={"t": "x"}, credentials=USER) is None
    [request] = plugins.http_client.requests
    assert json.loads(request.body or b"") == {"input": {"n": 1}, "secrets": {"t": "x"}}


@pytest.mark.parametrize("action_id", ["nocolon", ":name", "plugin:", ""])
async def test_an_id_names_its_plugin(action_id: str) -> None:
    """S104: an id without plugin or name is an error, before anybody is asked."""
    plugins = Plugins({})
    with pytest.raises(InputError, match="Invalid action id: "):
        await plugins.actions.invoke(action_id, credentials=USER)
    assert plugins.http_client.requests == []


async def test_failures_are_passed_on() -> None:
    """S104: the plugin's refusal is raised with status and cause; outages and odd answers are errors too."""
    route = "POST @a/.backstage/actions/v1/actions/a%3Ab/invoke"
    refusal = json_response({"error": {"name": "NotFoundError", "message": 'Action "a:b" not found'}}, 404)
    with pytest.raises(ResponseError, match='Action "a:b" not found') as caught:
        await Plugins({route: refusal}).actions.invoke("a:b", credentials=USER)
    assert (caught.value.status_code, caught.value.cause.name) == (404, "NotFoundError")
    with pytest.raises(ServiceUnavailableError):
        await Plugins({}).actions.invoke("a:b", credentials=USER)
    with pytest.raises(UnderstageError, match="output is not understood"):
        await Plugins({route: HttpResponse(200, "OK", {}, b"<html>")}).actions.invoke("a:b", credentials=USER)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["a:one", "a:two", "b:three"]),
        ({"include": []}, ["a:one", "a:two", "b:three"]),
        ({"include": [{"id": "a:*"}]}, ["a:one", "a:two"]),
        ({"include": [{"id": "?:t*"}]}, ["a:two", "b:three"]),
        ({"include": [{"id": "a:one"}, {"id": "b:*"}]}, ["a:one", "b:three"]),
        ({"include": [{}]}, ["a:one", "a:two", "b:three"]),
        ({"include": [{"id": "a:*", "attributes": {"readOnly": True}}]}, ["a:one"]),
        ({"include": [{"attributes": {"destructive": True, "readOnly": True}}]}, []),
        ({"exclude": [{"attributes": {"destructive": True}}]}, ["a:one", "b:three"]),
        ({"exclude": [{"attributes": {"idempotent": True}}]}, ["a:two"]),
        ({"include": [{"id": "a:*"}], "exclude": [{"id": "*:one"}]}, ["a:two"]),
        ({"include": [{"id": "a:one"}], "exclude": [{"id": "a:one"}]}, []),
        ({"include": [{"id": "A:ONE"}]}, []),
        ({"include": [{"id": "a"}]}, []),
    ],
)
async def test_filters(filters: Any, expected: list[str]) -> None:
    """S105: exclusion wins over inclusion, no inclusion means all, and all parts of a rule must match."""
    routes = {LIST_A: listing("a", one=READ_ONLY, two=DESTRUCTIVE), LIST_B: listing("b", three=READ_ONLY)}
    assert await Plugins(routes, pluginSources=["a", "b"], filter=filters).ids() == expected


@given(st.text(alphabet="ab:*?[]!^-", max_size=8), st.text(alphabet="ab:", max_size=6))
def test_patterns_never_break(pattern: str, action_id: str) -> None:
    """S105: whatever is written as a pattern can be matched, and excluding what is included leaves nothing."""
    rule = ActionRule(pattern)
    attributes = ActionAttributes()
    matches = rule.matches(action_id, attributes)
    assert ActionFilter([rule], [rule]).passes(action_id, attributes) is False
    assert ActionFilter([rule]).passes(action_id, attributes) is matches
    assert ActionRule(pattern, AttributeFilter(destructive=False)).matches(action_id, attributes) is False


def test_configuration_is_checked() -> None:
    """S105: a configuration that is not understood is an error that names the key."""
    config = config_from_data({"backend": {"actions": {"filter": {"include": [{"attributes": {"readOnly": 3}}]}}}})
    with pytest.raises(ConfigError, match="readOnly"):
        read_actions_config(config)


async def test_between_plugins() -> None:
    """S102, S104: a plugin lists and invokes what another one offers, as the user whose request it serves."""
    kept: list[Any] = []

    @create_backend_plugin(plugin_id="greeter")
    def greeter_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(actions: ActionsRegistry) -> None:
            async def greet(context: ActionContext) -> Any:
                return {"text": f"{context.input['greeting']}, {context.credentials.cache_key()}"}

            actions.register(
                name="greet",
                title="Greet",
                description="Greets",
                input_schema={"type": "object", "properties": {"greeting": {"type": "string"}}},
                read_only=True,
                examples=[ActionExample("Plain", input={"greeting": "Hi"})],
                action=greet,
            )

    @create_backend_plugin(plugin_id="caller")
    def caller_plugin(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(actions: Actions) -> None:
            kept.append(actions)

    data = {"backend": {"baseUrl": "http://localhost:7007", "actions": {"pluginSources": ["greeter", "gone"]}}}
    features = [greeter_plugin, caller_plugin, mock_services.root_config.factory(data)]
    async with start_test_backend(features=features):
        [actions] = kept
        [action] = await actions.list(credentials=USER)
        output = await actions.invoke("greeter:greet", input={"greeting": "Hi"}, credentials=USER)
        with pytest.raises(ResponseError, match="not found"):
            await actions.invoke("greeter:nope", credentials=USER)
    assert (action.id, action.attributes.destructive) == ("greeter:greet", False)
    assert action.examples == [ActionExample("Plain", None, {"greeting": "Hi"})]
    assert output == {"text": "Hi, user:user:default/mock"}
