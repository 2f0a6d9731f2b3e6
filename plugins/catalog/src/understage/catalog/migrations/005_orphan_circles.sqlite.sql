-- Entities that are kept though only a circle that they belong to leads to them: they lead to each other, so that their
-- edges alone do not tell that they are orphans.
CREATE TABLE orphan_circles (
    entity_ref TEXT PRIMARY KEY REFERENCES refresh_state (entity_ref) ON DELETE CASCADE
) WITHOUT ROWID;
