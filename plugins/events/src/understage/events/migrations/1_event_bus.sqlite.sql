CREATE TABLE event_bus_events (
    -- Numbers of deleted events must not come again: readers remember how far they have read.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    topic TEXT NOT NULL,
    data_json TEXT NOT NULL,
    notified_subscribers TEXT NOT NULL
);

CREATE INDEX event_bus_events_topic_idx ON event_bus_events (topic, id);
CREATE INDEX event_bus_events_created_at_idx ON event_bus_events (created_at);

CREATE TABLE event_bus_subscriptions (
    id TEXT PRIMARY KEY,
    created_by TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    read_until INTEGER NOT NULL,
    topics TEXT NOT NULL
);
