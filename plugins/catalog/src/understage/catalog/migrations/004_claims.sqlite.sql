-- Entities that were refused because another location has their names. They wait here until it has them no longer.
CREATE TABLE claims (
    id INTEGER PRIMARY KEY,
    entity_ref TEXT NOT NULL,
    source_key TEXT,
    source_entity_ref TEXT REFERENCES refresh_state (entity_ref) ON DELETE CASCADE,
    unprocessed_entity TEXT NOT NULL,
    unprocessed_hash TEXT NOT NULL,
    location_key TEXT,
    since TEXT NOT NULL
);
CREATE INDEX claims_entity_ref_idx ON claims (entity_ref);
CREATE INDEX claims_source_key_idx ON claims (source_key);
CREATE INDEX claims_source_entity_ref_idx ON claims (source_entity_ref);
