-- Locations that were registered over HTTP. The name of a location's entity stays when its target changes.
CREATE TABLE locations (
    id text COLLATE "C" PRIMARY KEY,
    type text COLLATE "C" NOT NULL,
    target text COLLATE "C" NOT NULL,
    location_entity_ref text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX locations_type_target_idx ON locations (type, md5(target));
