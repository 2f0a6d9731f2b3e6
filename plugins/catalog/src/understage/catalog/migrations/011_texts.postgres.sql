-- Finds texts within values by their trigrams, for the keys that the stock frontend searches; without it, searching reads
-- all values of a key. The extension comes with Postgres, but a role may lack the right to create it, and some servers
-- leave it out: the catalog then works without, and says so when it starts. The numbers are those of the keys
-- `metadata.name`, `metadata.title` and `spec.profile.displayname`. It is not on the bare column, because Postgres would
-- use it to look up whole values then, which takes it many times longer than by the other index.
DO $$
DECLARE
    home text;
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    SELECT nspname INTO home FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'pg_trgm';
    EXECUTE format(
        'CREATE INDEX search_texts_idx ON search USING gin ((value || '''') %I.gin_trgm_ops) WITH (gin_pending_list_limit = 512)'
        || ' WHERE key IN (5187275717636843332, 1809342646252912255, 5422269145793589725)',
        home
    );
EXCEPTION
    WHEN insufficient_privilege OR feature_not_supported OR undefined_file THEN
        RAISE NOTICE 'no index of trigrams: %', SQLERRM;
END
$$;
