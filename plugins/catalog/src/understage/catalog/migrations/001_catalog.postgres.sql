-- Texts compare byte by byte, so that every installation and both dialects sort alike. Ids are of a type of their own,
-- which takes half the room of a text in every row and index.

CREATE TABLE refresh_state (
    entity_id uuid PRIMARY KEY,
    entity_ref text COLLATE "C" NOT NULL UNIQUE,
    unprocessed_entity text NOT NULL,
    unprocessed_hash text NOT NULL,
    processed_entity text,
    result_hash text,
    settled_by text,
    cache text,
    errors text NOT NULL DEFAULT '[]',
    failures integer NOT NULL DEFAULT 0,
    location_key text,
    -- 0: somebody waits for it; 1: new or changed; 2: looked at again after a while.
    lane smallint NOT NULL DEFAULT 2,
    next_update_at timestamptz NOT NULL,
    last_discovery_at timestamptz NOT NULL
);
CREATE INDEX refresh_state_lane_next_update_at_idx ON refresh_state (lane, next_update_at);

-- Batches that some process works on. Their entities are due at the next time already; if the process dies, whoever
-- finds that the lease has run out makes them due at once.
CREATE TABLE leases (
    id uuid PRIMARY KEY,
    until timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    entity_ids text NOT NULL
);

-- What keeps an entity alive: a provider (source_key) or another entity (source_entity_ref).
CREATE TABLE refresh_state_references (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_key text COLLATE "C",
    source_entity_ref text COLLATE "C" REFERENCES refresh_state (entity_ref) ON DELETE CASCADE,
    target_entity_ref text COLLATE "C" NOT NULL REFERENCES refresh_state (entity_ref) ON DELETE CASCADE
);
CREATE INDEX refresh_state_references_source_key_idx ON refresh_state_references (source_key);
CREATE INDEX refresh_state_references_source_entity_ref_idx ON refresh_state_references (source_entity_ref);
CREATE INDEX refresh_state_references_target_entity_ref_idx ON refresh_state_references (target_entity_ref);

-- What hangs on an entity has no foreign keys from here on: checking them for each of some fifty rows an entity would
-- cost more than all else. Whoever deletes entities deletes their rows; see `delete_entities`.
CREATE TABLE relations (
    originating_entity_id uuid NOT NULL,
    source_entity_ref text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    target_entity_ref text COLLATE "C" NOT NULL
);
CREATE INDEX relations_originating_entity_id_idx ON relations (originating_entity_id);
CREATE INDEX relations_source_entity_ref_idx ON relations (source_entity_ref);

CREATE TABLE final_entities (
    entity_id uuid PRIMARY KEY,
    entity_ref text COLLATE "C" NOT NULL UNIQUE,
    kind text COLLATE "C" NOT NULL,
    final_entity text NOT NULL,
    hash text NOT NULL,
    last_updated_at timestamptz NOT NULL
);

CREATE INDEX final_entities_kind_entity_id_idx ON final_entities (kind, entity_id);

-- The kind stands in every row, because nearly every question names one. Keys are numbers that are made of their texts;
-- see `understage.catalog.query.key_numbers`. A row is unique: whoever writes has taken the entity for itself.
CREATE TABLE search (
    key bigint NOT NULL,
    entity_id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    value text COLLATE "C",
    original_value text COLLATE "C"
);
CREATE INDEX search_entity_id_key_idx ON search (entity_id, key);
-- There is none that starts with key and value: whoever asks without a kind goes through the kinds, which are few, and
-- writing the index rows costs more than all else that is written.
CREATE INDEX search_key_kind_value_idx ON search (key, kind, value, entity_id) INCLUDE (original_value);
CREATE STATISTICS search_statistics (ndistinct, mcv) ON key, kind, value FROM search;
-- Plans depend on how often keys and values occur, so that is to be known soon after entities were read.
ALTER TABLE search SET (autovacuum_analyze_scale_factor = 0.01, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE final_entities SET (autovacuum_analyze_scale_factor = 0.01, autovacuum_vacuum_scale_factor = 0.02);

-- Names of entities whose final form is out of date. Claimed by deleting, so a crash leaves them here.
CREATE TABLE stitch_queue (
    entity_ref text COLLATE "C" PRIMARY KEY,
    lane smallint NOT NULL,
    requested_at timestamptz NOT NULL
);
CREATE INDEX stitch_queue_lane_requested_at_idx ON stitch_queue (lane, requested_at);
