DROP TABLE job_lanes;
DROP INDEX jobs_leased;
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (state, run_at, id);
ALTER TABLE jobs DROP COLUMN lane;
