-- Statistics under filters: what was whose first event of the day stands with the event, so that filtered sums know
-- visitors as the roll-ups do; and one value's roll-ups are found without reading all the others.
ALTER TABLE events ADD COLUMN first_of_day boolean NOT NULL DEFAULT false;
UPDATE events SET first_of_day = true WHERE (member_id, bar_id, event_id) IN (
  SELECT member_id, bar_id, event_id FROM (
    SELECT member_id, bar_id, event_id, row_number() OVER (
      PARTITION BY member_id, bar_id, visitor, floor(extract(epoch FROM received_at) / 86400)
      ORDER BY received_at, event_id
    ) AS place FROM events
  ) AS places WHERE place = 1
);
CREATE INDEX events_of_bar ON events (member_id, bar_id, received_at);
CREATE INDEX hourly_counts_by_value ON hourly_counts (member_id, bar_id, dimension, value, hour);
CREATE INDEX daily_counts_by_value ON daily_counts (member_id, bar_id, dimension, value, day);
