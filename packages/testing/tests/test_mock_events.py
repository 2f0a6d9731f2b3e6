import pytest

from understage.plugin_api import (
    Event,
    Events,
    EventsService,
    PluginRegistrationPoints,
    core_services,
    create_backend_plugin,
)
from understage.testing import mock_services, start_test_backend


async def test_the_fake_delivers_and_remembers() -> None:
    """T5, T6: `mock_services.events()` delivers at once, in order of subscribing, and remembers what was published."""
    events = mock_services.events()
    heard: list[tuple[str, Event]] = []

    async def first(event: Event) -> None:
        heard.append(("first", event))

    async def second(event: Event) -> None:
        heard.append(("second", event))

    await events.subscribe("one", ["t", "u"], first)
    await events.subscribe("two", ["t"], second)
    await events.publish("t", 1, metadata={"k": "v"})
    await events.publish("u", 2)
    await events.publish("v", 3)
    t, u, v = Event("t", 1, {"k": "v"}), Event("u", 2), Event("v", 3)
    assert heard == [("first", t), ("second", t), ("first", u)]
    assert events.published == [t, u, v]


async def test_a_failing_subscriber_fails_the_test() -> None:
    """T6: what a subscriber raises, the publisher gets, so that a test does not pass over it."""
    events = mock_services.events()

    async def fail(_event: Event) -> None:
        raise ValueError("broken")

    await events.subscribe("one", ["t"], fail)
    with pytest.raises(ValueError, match="broken"):
        await events.publish("t", 1)


async def test_plugins_of_a_test_backend_share_events() -> None:
    """T4: a test backend has one events service for all plugins, or the test's own; none talks to a bus."""
    heard: list[Event] = []

    @create_backend_plugin(plugin_id="listener")
    def listener(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(events: Events) -> None:
            async def hear(event: Event) -> None:
                heard.append(event)

            await events.subscribe("all", ["t"], hear)

    async with start_test_backend(features=[listener]) as backend:
        speaker = await backend.service(core_services.events, "speaker")
        await speaker.publish("t", 1)
    assert heard == [Event("t", 1)]
    own = mock_services.events()
    async with start_test_backend(features=[listener, mock_services.events.factory(own)]) as backend:
        await (await backend.service(core_services.events, "speaker")).publish("t", 2)
    assert own.published == [Event("t", 2)]


async def test_the_mock_is_all_spies() -> None:
    """T5: `mock_services.events.mock()` has the service's methods as spies."""
    events: EventsService = mock_services.events.mock()
    await events.publish("t", 1)
    spy: object = events.publish
    spy.assert_awaited_once_with("t", 1)  # type: ignore[attr-defined]
