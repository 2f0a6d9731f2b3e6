import inspect
from typing import Any, cast

import pytest
from httpx2 import ASGITransport, AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from understage.config import Config
from understage.errors import AuthenticationError, InputError, NotAllowedError, ServiceUnavailableError
from understage.plugin_api import (
    HttpResponse,
    NonePrincipal,
    Receive,
    Scope,
    Send,
    ServiceFactory,
    ServicePrincipal,
    UserPrincipal,
    core_services,
)
from understage.testing import (
    HttpRequest,
    MockAuth,
    ServiceFactoryTester,
    create_service_mock,
    json_response,
    mock_credentials,
    mock_services,
)
from understage.testing.mocks.namespaces import MockNamespace

NAMESPACES: list[MockNamespace[Any]] = [
    value for value in vars(mock_services).values() if isinstance(value, MockNamespace)
]


def request_with(**headers: str) -> dict[str, Any]:
    return {"headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()]}


def test_every_core_service_has_its_member() -> None:
    """T5: mock_services has a member for each core service, under the name that core_services gives it."""
    references = {name: ref for name, ref in vars(core_services).items() if type(ref).__name__ == "ServiceRef"}
    assert {name: getattr(mock_services, name).ref for name in references} == references
    assert len(NAMESPACES) == len(references)


@pytest.mark.parametrize("namespace", NAMESPACES, ids=lambda namespace: namespace.ref.id)
def test_mocks_are_spies(namespace: MockNamespace[Any]) -> None:
    """T5: every mock has all methods of its service as spies, and is a feature through `factory`."""
    mock = namespace.mock()
    members = inspect.getmembers(namespace.ref.service_type, inspect.isfunction)
    methods = [name for name, _ in members if not name.startswith("_")]
    assert methods or namespace.ref is core_services.plugin_metadata
    for name in methods:
        getattr(mock, name).assert_not_called()
    assert isinstance(mock.factory, ServiceFactory)
    assert mock.factory.service is namespace.ref
    assert mock.factory.factory() is mock


@pytest.mark.parametrize(
    "namespace",
    [namespace for namespace in NAMESPACES if hasattr(namespace, "factory")],
    ids=lambda namespace: namespace.ref.id,
)
async def test_factories_provide_working_services(namespace: Any) -> None:
    """T5: every factory provides an instance that has all methods of its service."""
    service = await ServiceFactoryTester.from_factory(namespace.factory()).get_subject()
    for name, _ in inspect.getmembers(namespace.ref.service_type, inspect.isfunction):
        assert name.startswith("_") or callable(getattr(service, name))


async def test_mocks_take_parts() -> None:
    """T5: a mock's method runs a function of the test or returns a value, and records its calls either way."""
    discovery = mock_services.discovery.mock(
        get_base_url=lambda plugin_id: f"http://{plugin_id}", get_external_base_url="http://fixed"
    )
    assert await discovery.get_base_url("catalog") == "http://catalog"
    assert await discovery.get_external_base_url("catalog") == "http://fixed"
    discovery.get_base_url.assert_awaited_once_with("catalog")
    assert mock_services.plugin_metadata.mock(id="catalog").id == "catalog"


async def test_mocks_check_arguments() -> None:
    """T5: a spy refuses arguments that the service's method does not take, and parts that the service lacks."""
    logger = mock_services.logger.mock()
    logger.info("hello", count=3)
    logger.info.assert_called_once_with("hello", count=3)
    with pytest.raises(TypeError):
        logger.info()
    with pytest.raises(AttributeError):
        logger.shout("x")
    with pytest.raises(TypeError, match=r"serviceRef\{core\.logger\} has no 'shout'"):
        create_service_mock(core_services.logger, shout=1)


async def test_auth_understands_mock_tokens() -> None:
    """T7: the mock auth service turns each mock token into its principal."""
    auth = mock_services.auth()
    for token, principal in (
        (mock_credentials.user.token(), UserPrincipal("user:default/mock")),
        (mock_credentials.user.token("user:a/b"), UserPrincipal("user:a/b")),
        (mock_credentials.service.token(), ServicePrincipal("external:test-service")),
        ("mock-none-token", NonePrincipal()),
    ):
        assert (await auth.authenticate(token)).principal == principal
    limited = await auth.authenticate(mock_credentials.limited_user.token("user:a/b"), allow_limited_access=True)
    assert limited.principal == UserPrincipal("user:a/b")


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("mock-invalid-user-token", "User token is invalid"),
        ("mock-invalid-limited-user-token", "Limited user token is invalid"),
        ("mock-invalid-service-token", "Service token is invalid"),
        ('mock-limited-user-token:{"sub":"user:default/mock"}', "Limited user token is not allowed"),
        ("mock-limited-user-token", "Unknown mock token"),
        ("", "Token is empty"),
        ("other", "Unknown mock token 'other'"),
        ("mock-user-token:{", "Malformed mock token"),
        ("mock-user-token:[]", "Malformed mock token"),
        ('mock-user-token:{"sub":"x"}', "Malformed mock token"),
        ('mock-service-token:{"target":"other"}', "for plugin 'other', but this is plugin 'test'"),
    ],
)
async def test_auth_refuses_other_tokens(token: str, message: str) -> None:
    """T7: invalid, malformed and foreign tokens, and limited ones where they will not do, fail authentication."""
    with pytest.raises(AuthenticationError, match=message):
        await mock_services.auth().authenticate(token)


@given(st.text() | st.text().map(lambda text: f"mock-user-token:{text}"))
async def test_auth_fails_cleanly(token: str) -> None:
    """T7: no text makes the mock auth service fail otherwise than with an AuthenticationError."""
    try:
        await MockAuth().authenticate(token, allow_limited_access=True)
    except AuthenticationError:
        return
    assert token.startswith("mock-")


async def test_auth_mints_tokens_for_one_plugin() -> None:
    """T7: a minted token carries user or service, and only the target plugin's auth service accepts it."""
    auth = mock_services.auth(plugin_id="search")
    target = mock_services.auth(plugin_id="catalog")
    own = await auth.get_own_service_credentials()
    assert own.principal == ServicePrincipal("plugin:search")
    token = await auth.get_plugin_request_token(on_behalf_of=own, target_plugin_id="catalog")
    assert (await target.authenticate(token)).principal == own.principal
    with pytest.raises(AuthenticationError):
        await auth.authenticate(token)
    token = await auth.get_plugin_request_token(
        on_behalf_of=mock_credentials.user("user:a/b"), target_plugin_id="catalog"
    )
    assert (await target.authenticate(token)).principal == UserPrincipal("user:a/b")


async def test_auth_mints_nothing_for_nobody() -> None:
    """T7: on behalf of nobody there is no token, or an empty one where the default policy is disabled."""
    none = mock_credentials.none()
    with pytest.raises(AuthenticationError, match="credential type 'none'"):
        await mock_services.auth().get_plugin_request_token(on_behalf_of=none, target_plugin_id="x")
    open_auth = mock_services.auth(disable_default_auth_policy=True)
    assert await open_auth.get_plugin_request_token(on_behalf_of=none, target_plugin_id="x") == ""
    limited = await mock_services.auth().get_limited_user_token(mock_credentials.user())
    assert limited.token == mock_credentials.limited_user.token()
    with pytest.raises(AuthenticationError, match="credential type 'service'"):
        await mock_services.auth().get_limited_user_token(mock_credentials.service())


async def test_requests_without_header_are_the_mock_users() -> None:
    """T6: no header means the mock user, unless other default credentials are given; an explicit none means nobody."""
    http_auth = mock_services.http_auth()
    assert (await http_auth.credentials(request_with())).principal == UserPrincipal("user:default/mock")
    none = request_with(**mock_credentials.none.header())
    assert (await http_auth.credentials(none)).principal == NonePrincipal()
    other = mock_services.http_auth(default_credentials=mock_credentials.service())
    assert (await other.credentials(request_with())).principal == ServicePrincipal("external:test-service")


async def test_http_auth_reads_headers_and_cookies() -> None:
    """T6: the header is read always, the cookie only where limited access will do."""
    http_auth = mock_services.http_auth()
    header = request_with(authorization="bearer mock-service-token")
    assert (await http_auth.credentials(header)).principal == ServicePrincipal("external:test-service")
    cookie = request_with(cookie=f"a=b; {mock_credentials.limited_user.cookie('user:a/b')['Cookie']}")
    limited = await http_auth.credentials(cookie, allow_limited_access=True)
    assert limited.principal == UserPrincipal("user:a/b")
    assert (await http_auth.credentials(cookie)).principal == UserPrincipal("user:default/mock")


async def test_http_auth_checks_the_kind_of_principal() -> None:
    """T6: a principal of another kind is not allowed, and nobody lacks credentials."""
    http_auth = mock_services.http_auth()
    with pytest.raises(NotAllowedError, match="'user' credentials"):
        await http_auth.credentials(request_with(), allow=["service"])
    with pytest.raises(AuthenticationError, match="Missing credentials"):
        await http_auth.credentials(request_with(**mock_credentials.none.header()), allow=["user", "service"])


class Response:
    def __init__(self) -> None:
        self.headers = self
        self.sent: list[tuple[str, str]] = []

    def append(self, key: str, value: str) -> None:
        self.sent.append((key, value))


async def test_http_auth_issues_cookies() -> None:
    """T6: the cookie holds a limited mock token of the request's user; nobody's clears it."""
    http_auth = mock_services.http_auth()
    response = Response()
    assert await http_auth.issue_user_cookie(request_with(), response) is not None
    assert await http_auth.issue_user_cookie(request_with(), response, credentials=mock_credentials.none()) is None
    assert response.sent == [
        ("set-cookie", mock_credentials.limited_user.cookie()["Cookie"]),
        ("set-cookie", "backstage-auth=; Max-Age=0"),
    ]


def test_root_config_is_called_mock_config() -> None:
    """T6: errors call the source mock-config; the data can be changed as a reload would."""
    config = mock_services.root_config({"a": {"b": "x"}})
    with pytest.raises(InputError, match="mock-config"):
        config.get_number("a.b")
    heard: list[str] = []
    config.subscribe(lambda: heard.append(config.get_string("a.b")))
    config.update({"a": {"b": "y"}})
    assert heard == ["y"]
    assert isinstance(config, Config)


def test_the_root_logger_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    """T6: the root logger writes nothing unless a level is given."""
    mock_services.root_logger().error("hidden")
    mock_services.root_logger("info").child(plugin="test").info("shown")
    output = capfd.readouterr().out
    assert "hidden" not in output
    assert "test info shown" in output


async def test_discovery_points_nowhere() -> None:
    """T6: discovery uses port 0, so that a call that nobody mocked fails."""
    discovery = mock_services.discovery()
    assert await discovery.get_base_url("catalog") == "http://localhost:0/api/catalog"
    assert await discovery.get_external_base_url("a/b") == "http://localhost:0/api/a%2Fb"


async def test_users_own_through_their_own_ref() -> None:
    """T6: user info names the user's own ref as the sole ownership ref, and knows no services."""
    info = await mock_services.user_info().get_user_info(mock_credentials.user("user:a/b"))
    assert (info.user_entity_ref, info.ownership_entity_refs) == ("user:a/b", ["user:a/b"])
    info = await mock_services.user_info(["group:a/c"]).get_user_info(mock_credentials.user())
    assert info.ownership_entity_refs == ["group:a/c"]
    with pytest.raises(InputError):
        await mock_services.user_info().get_user_info(mock_credentials.service())


async def test_databases_are_real() -> None:
    """T6: the database is a real one in memory, a fresh one for each plugin, or the one that the test gives."""
    given_database = mock_services.database()
    await given_database.execute("CREATE TABLE t (n INTEGER)")
    await given_database.execute("INSERT INTO t VALUES ($1)", 3)
    tester = ServiceFactoryTester.from_factory(mock_services.database.factory(given_database))
    assert await tester.get_subject("a") is await tester.get_subject("b") is given_database
    assert await given_database.fetch("SELECT n FROM t") == [(3,)]
    await cast("Any", given_database).close()

    fresh = ServiceFactoryTester.from_factory(mock_services.database.factory())
    first, second = await fresh.get_subject("a"), await fresh.get_subject("b")
    await first.execute("CREATE TABLE t (n INTEGER)")
    assert await second.fetch("SELECT name FROM sqlite_master") == []
    await (await fresh.get_service(core_services.root_lifecycle)).shutdown()


async def test_the_http_client_answers_from_a_table() -> None:
    """T5: the mock HTTP client answers what the test lists, records requests, and fails for the rest."""

    async def greet(request: HttpRequest) -> HttpResponse:
        return json_response({"hello": request.headers["x-name"]}, 201)

    client = mock_services.root_http_client(
        {"GET https://example.com/a": json_response([1]), "POST https://example.com/b": greet}
    )
    assert (await client.request("get", "https://example.com/a?q=1")).json() == [1]
    response = await client.request("POST", "https://example.com/b", headers={"X-Name": "you"}, body=b"x")
    assert (response.status, response.json()) == (201, {"hello": "you"})
    assert client.requests[1].body == b"x"
    with pytest.raises(ServiceUnavailableError, match=r"GET https://example\.com/c failed"):
        await client.request("GET", "https://example.com/c")


async def test_instance_metadata() -> None:
    """T5: the mock instance metadata lists the plugins that the test names."""
    (plugin,) = await mock_services.root_instance_metadata({"catalog": ["github"]}).get_installed_plugins()
    assert (plugin.plugin_id, [module.module_id for module in plugin.modules]) == ("catalog", ["github"])


async def test_health_follows_the_lifecycle() -> None:
    """T5: the health service is the real one: it follows the lifecycle that the test drives."""
    lifecycle = mock_services.root_lifecycle()
    health = mock_services.root_health(lifecycle)
    assert (await health.get_readiness()).status == 503
    await lifecycle.startup()
    assert (await health.get_readiness()).status == 200


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def test_routers_answer_without_a_backend() -> None:
    """T5: the HTTP routers are the real ones, and answer as ASGI apps without a backend around them."""
    router, root = mock_services.http_router(), mock_services.root_http_router()
    router.use(answer, "/a")
    root.use("/.well-known", answer)
    async with AsyncClient(transport=ASGITransport(app=router), base_url="http://test") as client:
        assert (await client.get("/a/b")).text == "/a/b"
        assert (await client.get("/other")).status_code == 404
        assert (await client.get("/a", headers=mock_credentials.none.header())).status_code == 401
    async with AsyncClient(transport=ASGITransport(app=root.app), base_url="http://test") as client:
        assert (await client.get("/.well-known/x")).text == "/.well-known/x"
