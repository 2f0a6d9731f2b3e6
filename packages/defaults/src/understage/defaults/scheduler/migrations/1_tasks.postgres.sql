CREATE TABLE backstage_backend_tasks__tasks (
    id text PRIMARY KEY,
    settings_json text NOT NULL,
    next_run_start_at timestamptz,
    -- set while somebody runs the task, and unique to that run
    current_run_ticket text,
    current_run_started_at timestamptz,
    current_run_expires_at timestamptz,
    last_run_ended_at timestamptz,
    last_run_error_json text
);
CREATE INDEX backstage_backend_tasks__due ON backstage_backend_tasks__tasks (next_run_start_at)
    WHERE current_run_ticket IS NULL;
CREATE INDEX backstage_backend_tasks__running ON backstage_backend_tasks__tasks (current_run_expires_at)
    WHERE current_run_ticket IS NOT NULL;
