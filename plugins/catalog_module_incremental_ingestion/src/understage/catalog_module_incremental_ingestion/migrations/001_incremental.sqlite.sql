-- A way through a provider's source, from its first page to the end of the rest after its last one.
CREATE TABLE incremental_ingestions (
    id TEXT PRIMARY KEY,
    provider_name TEXT NOT NULL,
    status TEXT NOT NULL,
    next_action TEXT NOT NULL,
    next_action_at TEXT NOT NULL,
    -- when the wait for the next action began: an earlier time than this shows that the clock was set back
    waits_since TEXT NOT NULL,
    last_error TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- set during a burst, and unique to it; who steers the provider takes it away, which ends the burst
    burst TEXT,
    created_at TEXT NOT NULL,
    ingestion_completed_at TEXT,
    rest_completed_at TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX incremental_ingestions_open_idx ON incremental_ingestions (provider_name)
    WHERE rest_completed_at IS NULL;
CREATE INDEX incremental_ingestions_provider_idx ON incremental_ingestions (provider_name);
-- A page that has come in, with where the next one begins.
CREATE TABLE incremental_marks (
    id TEXT PRIMARY KEY,
    ingestion_id TEXT NOT NULL REFERENCES incremental_ingestions (id) ON DELETE CASCADE,
    sequence INTEGER NOT NULL,
    cursor TEXT,
    created_at TEXT NOT NULL,
    UNIQUE (ingestion_id, sequence)
) WITHOUT ROWID;
-- What a provider has brought, and in which ingestion it was seen last.
CREATE TABLE incremental_entities (
    provider_name TEXT NOT NULL,
    entity_ref TEXT NOT NULL,
    ingestion_id TEXT,
    PRIMARY KEY (provider_name, entity_ref)
) WITHOUT ROWID;
