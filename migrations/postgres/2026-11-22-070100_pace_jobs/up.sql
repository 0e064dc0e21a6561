-- Jobs that must not run too many at a time, nor too fast, stand in a lane: mails to one domain.
ALTER TABLE jobs ADD COLUMN lane text;
-- With all that a look for the next job asks, so that lanes that have to wait are stepped over quickly.
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (state, run_at, id, lane, kind, leased_until);
CREATE INDEX jobs_leased ON jobs (leased_until, kind, lane) WHERE leased_until IS NOT NULL;

-- How many jobs of a lane began in a minute (since 1970), the last in which one did.
CREATE TABLE job_lanes (
  kind text NOT NULL,
  lane text NOT NULL,
  minute bigint NOT NULL,
  taken integer NOT NULL,
  PRIMARY KEY (kind, lane)
);
CREATE INDEX job_lanes_of_minute ON job_lanes (minute, kind, taken);
