-- Entities that were refused because another location has their names. They wait here until it has them no longer.
CREATE TABLE claims (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entity_ref text COLLATE "C" NOT NULL,
    source_key text COLLATE "C",
    source_entity_ref text COLLATE "C" REFERENCES refresh_state (entity_ref) ON DELETE CASCADE,
    unprocessed_entity text NOT NULL,
    unprocessed_hash text NOT NULL,
    location_key text,
    since timestamptz NOT NULL
);
CREATE INDEX claims_entity_ref_idx ON claims (entity_ref);
CREATE INDEX claims_source_key_idx ON claims (source_key);
CREATE INDEX claims_source_entity_ref_idx ON claims (source_entity_ref);
