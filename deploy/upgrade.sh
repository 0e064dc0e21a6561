#!/usr/bin/env bash
# A new version without downtime: one process after the other; the proxy asks whoever is ready.
# The first to start brings the database up to date, and the old version runs on the new tables (expand, then contract).
set -euo pipefail
cd "$(dirname "$0")"
docker compose build one
for process in one two; do
    docker compose up --detach --no-deps --wait "$process"
done
