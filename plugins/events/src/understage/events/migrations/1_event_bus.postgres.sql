CREATE TABLE event_bus_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_by TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    topic TEXT NOT NULL,
    data_json TEXT NOT NULL,
    notified_subscribers TEXT[] NOT NULL
);

CREATE INDEX event_bus_events_topic_idx ON event_bus_events (topic, id);
CREATE INDEX event_bus_events_created_at_idx ON event_bus_events (created_at);

CREATE TABLE event_bus_subscriptions (
    id TEXT PRIMARY KEY,
    created_by TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    read_until BIGINT NOT NULL,
    topics TEXT[] NOT NULL
);
