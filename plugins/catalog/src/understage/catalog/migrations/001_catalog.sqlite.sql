CREATE TABLE refresh_state (
    entity_id TEXT PRIMARY KEY,
    entity_ref TEXT NOT NULL UNIQUE,
    unprocessed_entity TEXT NOT NULL,
    unprocessed_hash TEXT NOT NULL,
    processed_entity TEXT,
    result_hash TEXT,
    settled_by TEXT,
    cache TEXT,
    errors TEXT NOT NULL DEFAULT '[]',
    failures INTEGER NOT NULL DEFAULT 0,
    location_key TEXT,
    -- 0: somebody waits for it; 1: new or changed; 2: looked at again after a while.
    lane INTEGER NOT NULL DEFAULT 2,
    next_update_at TEXT NOT NULL,
    last_discovery_at TEXT NOT NULL
);
CREATE INDEX refresh_state_lane_next_update_at_idx ON refresh_state (lane, next_update_at);

-- Batches that some process works on. Their entities are due at the next time already; if the process dies, whoever
-- finds that the lease has run out makes them due at once.
CREATE TABLE leases (
    id TEXT PRIMARY KEY,
    until TEXT NOT NULL,
    due_at TEXT NOT NULL,
    entity_ids TEXT NOT NULL
);

-- What keeps an entity alive: a provider (source_key) or another entity (source_entity_ref).
CREATE TABLE refresh_state_references (
    id INTEGER PRIMARY KEY,
    source_key TEXT,
    source_entity_ref TEXT REFERENCES refresh_state (entity_ref) ON DELETE CASCADE,
    target_entity_ref TEXT NOT NULL REFERENCES refresh_state (entity_ref) ON DELETE CASCADE
);
CREATE INDEX refresh_state_references_source_key_idx ON refresh_state_references (source_key);
CREATE INDEX refresh_state_references_source_entity_ref_idx ON refresh_state_references (source_entity_ref);
CREATE INDEX refresh_state_references_target_entity_ref_idx ON refresh_state_references (target_entity_ref);

-- What hangs on an entity has no foreign keys from here on: checking them for each of some fifty rows an entity would
-- cost more than all else. Whoever deletes entities deletes their rows; see `delete_entities`.
CREATE TABLE relations (
    originating_entity_id TEXT NOT NULL,
    source_entity_ref TEXT NOT NULL,
    type TEXT NOT NULL,
    target_entity_ref TEXT NOT NULL
);
CREATE INDEX relations_originating_entity_id_idx ON relations (originating_entity_id);
CREATE INDEX relations_source_entity_ref_idx ON relations (source_entity_ref);

CREATE TABLE final_entities (
    entity_id TEXT PRIMARY KEY,
    entity_ref TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    final_entity TEXT NOT NULL,
    hash TEXT NOT NULL,
    last_updated_at TEXT NOT NULL
);

CREATE INDEX final_entities_kind_entity_id_idx ON final_entities (kind, entity_id);

-- The kind stands in every row, because nearly every question names one. Keys are numbers that are made of their texts;
-- see `understage.catalog.query.key_numbers`. A row is unique: whoever writes has taken the entity for itself.
CREATE TABLE search (
    key INTEGER NOT NULL,
    entity_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT,
    original_value TEXT
);
CREATE INDEX search_entity_id_key_idx ON search (entity_id, key);
CREATE INDEX search_key_value_entity_id_idx ON search (key, value, entity_id);
CREATE INDEX search_key_kind_value_idx ON search (key, kind, value, entity_id, original_value);

-- Names of entities whose final form is out of date. Claimed by deleting, so a crash leaves them here.
CREATE TABLE stitch_queue (
    entity_ref TEXT PRIMARY KEY,
    lane INTEGER NOT NULL,
    requested_at TEXT NOT NULL
);
CREATE INDEX stitch_queue_lane_requested_at_idx ON stitch_queue (lane, requested_at);
