-- Times are milliseconds since 1970.
CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL,
    key TEXT NOT NULL
);

CREATE TABLE user_info (
    user_entity_ref TEXT PRIMARY KEY,
    user_info TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
