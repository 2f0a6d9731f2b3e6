CREATE TABLE backstage_backend_public_keys__keys (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    -- seconds since 1970
    expires_at BIGINT NOT NULL
);
