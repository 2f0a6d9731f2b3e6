-- How many entities have a value, for the keys that facets and totals are asked for all the time: counting them anew
-- would read every row of a key. `understage.catalog.database.counts` reads them, and names the same keys.
CREATE TABLE search_counts (
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    original_value TEXT NOT NULL,
    value TEXT NOT NULL,
    entities INTEGER NOT NULL,
    PRIMARY KEY (key, original_value, kind)
) WITHOUT ROWID;
CREATE INDEX search_counts_key_value_idx ON search_counts (key, value);

-- There is one writer at a time, so nobody has to wait for a count: it is always up to date.
CREATE VIEW search_counted AS SELECT key, kind, original_value, value, entities FROM search_counts;

-- Triggers, so that no way of writing the index can forget to count.
CREATE TRIGGER search_count_inserted AFTER INSERT ON search WHEN NEW.original_value IS NOT NULL AND NEW.key IN (
    'kind', 'metadata.namespace', 'metadata.tags', 'relations.ownedby', 'spec.lifecycle', 'spec.type'
) BEGIN
    INSERT INTO search_counts (key, kind, original_value, value, entities)
    VALUES (NEW.key, NEW.kind, NEW.original_value, NEW.value, 1)
    ON CONFLICT (key, original_value, kind) DO UPDATE SET entities = entities + 1;
END;
CREATE TRIGGER search_count_deleted AFTER DELETE ON search WHEN OLD.original_value IS NOT NULL AND OLD.key IN (
    'kind', 'metadata.namespace', 'metadata.tags', 'relations.ownedby', 'spec.lifecycle', 'spec.type'
) BEGIN
    UPDATE search_counts SET entities = entities - 1
    WHERE key = OLD.key AND kind = OLD.kind AND original_value = OLD.original_value;
    DELETE FROM search_counts
    WHERE key = OLD.key AND kind = OLD.kind AND original_value = OLD.original_value AND entities = 0;
END;
CREATE TRIGGER search_count_updated AFTER UPDATE ON search BEGIN
    SELECT raise(ABORT, 'index rows are not updated: delete them and insert others, so that they are counted');
END;

INSERT INTO search_counts (key, kind, original_value, value, entities)
SELECT key, kind, original_value, min(value), count(*) FROM search
WHERE original_value IS NOT NULL AND key IN (
    'kind', 'metadata.namespace', 'metadata.tags', 'relations.ownedby', 'spec.lifecycle', 'spec.type'
)
GROUP BY key, kind, original_value;
