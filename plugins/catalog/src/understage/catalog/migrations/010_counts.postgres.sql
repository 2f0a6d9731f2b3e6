-- How many entities have a value, for the keys that facets and totals are asked for all the time: counting them anew
-- would read every row of a key. `understage.catalog.database.counts` reads
-- and writes them.
CREATE TABLE search_counts (
    key text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    original_value text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    entities integer NOT NULL,
    PRIMARY KEY (key, original_value, kind)
);
CREATE INDEX search_counts_key_value_idx ON search_counts (key, value);
CREATE INDEX search_counts_empty_idx ON search_counts (key) WHERE entities = 0;

-- What has changed since the counts were last brought up to date. Whoever writes only adds rows here: updating the counts
-- themselves would make replicas wait for each other. A count is the sum of both.
CREATE TABLE search_count_changes (
    key text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    original_value text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    entities integer NOT NULL
);
ALTER TABLE search_count_changes SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE VIEW search_counted AS
    SELECT key, kind, original_value, value, entities FROM search_counts
    UNION ALL SELECT key, kind, original_value, value, entities FROM search_count_changes;
