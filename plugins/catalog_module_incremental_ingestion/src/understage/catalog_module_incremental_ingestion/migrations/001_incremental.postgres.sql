-- A way through a provider's source, from its first page to the end of the rest after its last one.
CREATE TABLE incremental_ingestions (
    id text PRIMARY KEY,
    provider_name text NOT NULL,
    status text NOT NULL,
    next_action text NOT NULL,
    next_action_at timestamptz NOT NULL,
    -- when the wait for the next action began: an earlier time than this shows that the clock was set back
    waits_since timestamptz NOT NULL,
    last_error text,
    attempts integer NOT NULL DEFAULT 0,
    -- set during a burst, and unique to it; who steers the provider takes it away, which ends the burst
    burst text,
    created_at timestamptz NOT NULL,
    ingestion_completed_at timestamptz,
    rest_completed_at timestamptz
);
CREATE UNIQUE INDEX incremental_ingestions_open_idx ON incremental_ingestions (provider_name)
    WHERE rest_completed_at IS NULL;
CREATE INDEX incremental_ingestions_provider_idx ON incremental_ingestions (provider_name);
-- A page that has come in, with where the next one begins.
CREATE TABLE incremental_marks (
    id text PRIMARY KEY,
    ingestion_id text NOT NULL REFERENCES incremental_ingestions (id) ON DELETE CASCADE,
    sequence integer NOT NULL,
    cursor text,
    created_at timestamptz NOT NULL,
    UNIQUE (ingestion_id, sequence)
);
-- What a provider has brought, and in which ingestion it was seen last.
CREATE TABLE incremental_entities (
    provider_name text COLLATE "C" NOT NULL,
    entity_ref text COLLATE "C" NOT NULL,
    ingestion_id text,
    PRIMARY KEY (provider_name, entity_ref)
);
