# Everything one does here, by name. `make` alone lists it.

SHELL   := /bin/bash
PROFILE ?= dev
export CARGO_TARGET_DIR ?= $(CURDIR)/target

.DEFAULT_GOAL := help
.PHONY: help run test setup fmt lint openapi widget dashboard size screenshots bench crash fuzz test-rust test-widget test-dashboard test-openapi test-mail test-browser

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build, make a demo member, and serve it on SQLite in ./data (PROFILE=release: the one to measure)
	@PROFILE=$(PROFILE) tools/run

test: ## set up what is missing and run every check, on SQLite and PostgreSQL
	@tools/test

setup: ## install the Debian packages and Python tools that the tests need
	@tools/setup build test python

fmt: ## format the code
	@cargo fmt
	@cd widget-js && npm run --silent format
	@cd dashboard && npm run --silent format

lint: ## formatting, clippy, licences and stray secrets
	@tools/test tidy fmt clippy deny

openapi: ## rewrite openapi/openapi.json from the code
	@mkdir -p openapi
	@cargo run --quiet -- openapi > openapi/openapi.json.new && mv openapi/openapi.json.new openapi/openapi.json

widget: ## build the bar's script
	@tools/frontend widget-js

dashboard: ## build the dashboard
	@tools/frontend dashboard

size: widget dashboard ## the weight of the bar's script, part by part, and of the dashboard's first page
	@cd widget-js && node build.mjs --parts
	@cd dashboard && npm run --silent weight

screenshots: widget dashboard ## pictures of every layout of the bar, every page of the dashboard and every mail in .build/screenshots
	@cd widget-js && node test/screenshots.mjs ../.build/screenshots
	@cargo build --locked --quiet --bin contactbar
	@cd dashboard && CONTACTBAR_BIN=$(CARGO_TARGET_DIR)/debug/contactbar node test/screenshots.mjs ../.build/screenshots/dashboard
	@tools/mail-pictures .build/screenshots/mail

bench: widget dashboard ## what it carries beside a bare server, statistics and contacts by the million, main thread and first page
	@tools/setup build test bench python
	@cargo build --locked --quiet --release --bin contactbar --example bare_server --example run_sql
	@CONTACTBAR_BIN=$(CARGO_TARGET_DIR)/release/contactbar .build/venv/bin/python benches/bench.py
	@cd dashboard && CONTACTBAR_BIN=$(CARGO_TARGET_DIR)/release/contactbar node bench/interactive.mjs
	@cd widget-js && node bench/main-thread.mjs

crash: ## kill -9 under load 200 times, beacons and mails, both databases; a disk that fails, a database that goes away
	@tools/setup strace
	@CRASH_ROUNDS=200 tools/test crash
	@cat .build/log/crash.log

fuzz: ## what strangers send: beacon, form post and configuration, FUZZ_SECONDS (120) each; needs cargo-fuzz and a C++ compiler
	@command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
	@cd fuzz && for target in beacon form configuration; do mkdir -p corpus/$$target && \
	  RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . --sanitizer none --dev $$target corpus/$$target seeds/$$target -- \
	    -max_total_time=$${FUZZ_SECONDS:-120} -max_len=16384 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 || exit 1; done

test-rust: ## the Rust tests, on both databases
	@tools/test rust

test-widget: ## the bar's script: types, lint, tests
	@tools/test frontends widget

test-dashboard: ## the dashboard in a real browser, on both databases
	@tools/test frontends dashboard

test-openapi: ## the API document: valid, true (schemathesis), good for a generated client
	@tools/test openapi schemathesis

test-mail: ## mail to real SMTP servers: STARTTLS, TLS, passwords, and those it must not talk to
	@tools/test mail

test-browser: ## the main job in a real browser, on both databases
	@tools/test browser
