-- A search finds what holds its words anywhere. Where the server has no pg_trgm, or will not have it, searches read the
-- member's list as before.
DO $$
BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_trgm;
  CREATE INDEX contacts_by_search ON contacts USING gin (search gin_trgm_ops);
EXCEPTION WHEN insufficient_privilege OR undefined_file OR undefined_object OR feature_not_supported THEN
  RAISE WARNING 'contacts are searched without an index: %', SQLERRM;
END
$$;
