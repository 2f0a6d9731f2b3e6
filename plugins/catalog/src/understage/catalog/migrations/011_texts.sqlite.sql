-- Nothing here: a catalog of a size that suits SQLite is searched by reading its values. Postgres has an index.
SELECT 1;
