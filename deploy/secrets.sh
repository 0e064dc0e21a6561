#!/usr/bin/env bash
# Makes the secrets that compose.yaml hands out, once: a password for PostgreSQL, and the URL that holds it.
set -euo pipefail
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
[[ ! -e secrets/postgres_password ]] || { echo "secrets/ is there already" >&2; exit 1; }
password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
printf %s "$password" >secrets/postgres_password
printf 'postgres://contactbar:%s@db/contactbar' "$password" >secrets/database_url
# The folder is its owner's alone; the files are mounted singly, for the service's user in the container to read.
chmod 644 secrets/*
echo "made secrets/postgres_password and secrets/database_url"
