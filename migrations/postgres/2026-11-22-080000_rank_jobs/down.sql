DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (state, run_at, id, lane, kind, leased_until);
ALTER TABLE jobs DROP COLUMN priority;
