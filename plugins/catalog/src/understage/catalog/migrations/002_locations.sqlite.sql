-- Locations that were registered over HTTP. The name of a location's entity stays when its target changes.
CREATE TABLE locations (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    target TEXT NOT NULL,
    location_entity_ref TEXT NOT NULL
);
CREATE UNIQUE INDEX locations_type_target_idx ON locations (type, target);
