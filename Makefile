# One way to run it all; .ci/run calls the same commands.
.PHONY: check test peers fuzz doc bench static static-check fmt

TARGET ?= x86_64-unknown-linux-gnu
SECONDS_EACH ?= 60
NAME ?=

check: ## what must be clean before a commit
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo check -p sockeye --no-default-features
	cargo check -p sockeye --no-default-features --features tls
	.ci/rules
	@if command -v cargo-deny >/dev/null; then cargo deny check; else echo "cargo-deny is not installed: skipped"; fi

test: ## everything but what needs programs that are not installed
	cargo test --workspace

peers: ## the same with real peers required
	.ci/peers
	SOCKEYE_REQUIRE_PEERS=1 cargo test --workspace

fuzz: ## each target for SECONDS_EACH seconds; needs cargo-fuzz and a nightly toolchain
	@for target in $$(cargo +nightly fuzz list); do \
		cargo +nightly fuzz run $$target -- -max_total_time=$(SECONDS_EACH) || exit 1; \
	done

doc: ## the library's documentation; a broken link is an error
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps

bench: ## beside the peers; NAME=relay for one comparison
	bench/run $(NAME)

static: ## one file that needs nothing, not even a C library
	RUSTFLAGS="-C target-feature=+crt-static" CARGO_TARGET_DIR=target/static \
		cargo build --release -p sockeye-cli --target $(TARGET)
	@binary=target/static/$(TARGET)/release/sockeye; \
	if readelf -l $$binary | grep -q INTERP; then echo "$$binary is not static"; exit 1; fi; \
	echo "$$binary is static, $$(stat -c %s $$binary) bytes"

static-check: static ## it works in an empty root, and resolves names there; needs root
	.ci/chroot target/static/$(TARGET)/release/sockeye

fmt:
	cargo fmt --all
