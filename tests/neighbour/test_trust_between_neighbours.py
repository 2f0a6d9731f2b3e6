"""A Node backend of the official packages and an Understage backend trust each other's tokens, and refuse the same."""

from typing import Any
from urllib.parse import quote

import pytest
from tests.neighbour.installation import STATIC_TOKENS, USER, Installation

pytestmark = pytest.mark.xdist_group("neighbours")
both_ways = pytest.mark.parametrize(("asker", "asked"), [("north", "south"), ("south", "north")])
on_both = pytest.mark.parametrize("plugin", ["north", "south"])


@pytest.fixture(scope="session")
def user_token(installation: Installation) -> str:
    return installation.user_token()


def answer_to(installation: Installation, asker: str, token: str, query: str) -> Any:
    """Makes a plugin call another one, and returns what it was answered."""
    answer = installation.get(asker, f"/ask?{query}", token)
    assert answer.status_code == 200, answer.text
    return answer.json()


@both_ways
def test_a_plugin_calls_the_neighbour_as_itself(
    installation: Installation, user_token: str, asker: str, asked: str
) -> None:
    """A20 A31 A44: a plugin token is accepted by the neighbour's plugin, which sees the service that called."""
    answer = answer_to(installation, asker, user_token, f"plugin={asked}&as=self")
    assert answer == {"status": 200, "body": {"type": "service", "subject": f"plugin:{asker}"}}


@both_ways
def test_a_plugin_calls_the_neighbour_on_behalf_of_a_user(
    installation: Installation, user_token: str, asker: str, asked: str
) -> None:
    """A11 A33: the neighbour sees the user, with the plugin as the actor, and learns what the user owns."""
    answer = answer_to(installation, asker, user_token, f"plugin={asked}&as=caller")
    expected = {"type": "user", "userEntityRef": USER, "actor": f"plugin:{asker}", "ownershipEntityRefs": [USER]}
    assert answer == {"status": 200, "body": expected}


@both_ways
def test_the_user_is_kept_along_a_chain(installation: Installation, user_token: str, asker: str, asked: str) -> None:
    """A21: there and back again, the user is the same and the last plugin is the actor."""
    back = quote(f"/ask?plugin={asker}&as=caller")
    answer = answer_to(installation, asker, user_token, f"plugin={asked}&as=caller&path={back}")
    assert answer["status"] == answer["body"]["status"] == 200
    who = answer["body"]["body"]
    assert (who["userEntityRef"], who["actor"]) == (USER, f"plugin:{asked}")


@both_ways
@pytest.mark.parametrize("principal", ["self", "caller"])
def test_a_token_for_another_plugin_is_refused(
    installation: Installation, user_token: str, asker: str, asked: str, principal: str
) -> None:
    """A31: a token whose audience is another plugin is a 401, and the reason stays in the log."""
    query = f"plugin={asked}&audience=somebody-else&as={principal}"
    answer = answer_to(installation, asker, user_token, query)
    assert answer["status"] == 401
    assert answer["body"]["error"]["name"] == "AuthenticationError"
    assert answer["body"]["error"]["message"] == "Failed plugin token verification"


@on_both
def test_a_users_token_works_on_either_side(installation: Installation, user_token: str, plugin: str) -> None:
    """A34 P14 P15: the token of the one auth plugin proves the user to the plugins of both backends."""
    answer = installation.get(plugin, "/who", user_token)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "type": "user",
        "userEntityRef": USER,
        "actor": None,
        "ownershipEntityRefs": [USER],
    }


@on_both
def test_a_tampered_users_token_is_refused(installation: Installation, user_token: str, plugin: str) -> None:
    """A34: a signature that was changed is a 401 on both sides."""
    head, payload, signature = user_token.split(".")
    tampered = ".".join([head, payload, ("B" if signature[0] == "A" else "A") + signature[1:]])
    answer = installation.get(plugin, "/who", tampered)
    assert (answer.status_code, answer.json()["error"]["name"]) == (401, "AuthenticationError")


def test_either_side_issues_the_same_cookie(installation: Installation, user_token: str) -> None:
    """A11 A53: both backends derive the same limited token, byte for byte."""
    cookies = {plugin: cookie_from(installation, plugin, user_token) for plugin in ("north", "south")}
    assert cookies["north"] == cookies["south"]


@both_ways
def test_the_cookie_of_one_side_reads_on_the_other(
    installation: Installation, user_token: str, asker: str, asked: str
) -> None:
    """A34 H73: a cookie opens the routes that accept it on the neighbour's side, and no others."""
    cookie = cookie_from(installation, asker, user_token)
    page = installation.get(asked, "/page", cookies={"backstage-auth": cookie})
    assert (page.status_code, page.json()) == (200, {"reader": USER})
    refused = installation.get(asked, "/who", cookie)
    assert refused.status_code == 401, refused.text


@on_both
def test_a_restricted_external_token_is_refused_elsewhere(installation: Installation, plugin: str) -> None:
    """A66: a token of an outside caller that is for one plugin only is a 403 on the other, whichever side it is on."""
    other = "south" if plugin == "north" else "north"
    accepted = installation.get(plugin, "/who", STATIC_TOKENS[plugin])
    assert accepted.json() == {"type": "service", "subject": f"caller-of-{plugin}"}
    refused = installation.get(other, "/who", STATIC_TOKENS[plugin])
    assert (refused.status_code, refused.json()["error"]["name"]) == (403, "NotAllowedError")
    assert refused.json()["error"]["message"] == f"This token's access is restricted to plugin(s) '{plugin}'"


@on_both
def test_nobody_is_refused(installation: Installation, plugin: str) -> None:
    """H75: without credentials both sides answer 401."""
    assert installation.get(plugin, "/who").status_code == 401


def cookie_from(installation: Installation, plugin: str, token: str) -> str:
    answer = installation.get(plugin, "/.backstage/auth/v1/cookie", token)
    assert answer.status_code == 200, answer.text
    return answer.headers["set-cookie"].removeprefix("backstage-auth=").split(";")[0]
