-- How many entities have a value, for the keys that facets and totals are asked for all the time: counting them anew
-- would read every row of a key. `understage.catalog.database.counts` reads
-- and writes them.
CREATE TABLE search_counts (
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    original_value TEXT NOT NULL,
    value TEXT NOT NULL,
    entities INTEGER NOT NULL,
    PRIMARY KEY (key, original_value, kind)
) WITHOUT ROWID;
CREATE INDEX search_counts_key_value_idx ON search_counts (key, value);
CREATE INDEX search_counts_empty_idx ON search_counts (key) WHERE entities = 0;

-- There is one writer at a time, so nobody has to wait for a count: it is always up to date.
CREATE VIEW search_counted AS SELECT key, kind, original_value, value, entities FROM search_counts;
