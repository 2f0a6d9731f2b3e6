-- What entities are made of, such as `url:https://...`: whoever hears that one has changed has its entities looked at.
CREATE TABLE refresh_keys (
    entity_id uuid NOT NULL REFERENCES refresh_state (entity_id) ON DELETE CASCADE,
    key text COLLATE "C" NOT NULL,
    PRIMARY KEY (entity_id, key)
);
CREATE INDEX refresh_keys_key_idx ON refresh_keys (key);
