CREATE TABLE backstage_backend_tasks__tasks (
    id TEXT PRIMARY KEY,
    settings_json TEXT NOT NULL,
    next_run_start_at TEXT,
    -- set while somebody runs the task, and unique to that run
    current_run_ticket TEXT,
    current_run_started_at TEXT,
    current_run_expires_at TEXT,
    last_run_ended_at TEXT,
    last_run_error_json TEXT
) WITHOUT ROWID;
CREATE INDEX backstage_backend_tasks__due ON backstage_backend_tasks__tasks (next_run_start_at)
    WHERE current_run_ticket IS NULL;
CREATE INDEX backstage_backend_tasks__running ON backstage_backend_tasks__tasks (current_run_expires_at)
    WHERE current_run_ticket IS NOT NULL;
