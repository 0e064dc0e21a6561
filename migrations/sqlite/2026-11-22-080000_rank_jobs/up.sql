-- 0 goes before 1: what somebody waits for, before a mass of mails that may take its time.
ALTER TABLE jobs ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (state, priority, run_at, id, lane, kind, leased_until);
