DROP INDEX daily_counts_by_value;
DROP INDEX hourly_counts_by_value;
DROP INDEX events_of_bar;
ALTER TABLE events DROP COLUMN first_of_day;
