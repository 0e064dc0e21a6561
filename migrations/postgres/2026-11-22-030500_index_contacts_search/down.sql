DROP INDEX IF EXISTS contacts_by_search;
