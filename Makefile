# make app: set up and open the page.  make test: set up and run all tests.
.PHONY: app test lint bench clean
BIN := .venv/bin

app:
	@.ci/setup app shape
	@$(BIN)/fieldfit app

test:
	@.ci/setup app shape dev
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint:
	@.ci/setup app shape dev
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

bench:
	@.ci/setup app shape
	@$(BIN)/fieldfit bench image

clean:
	rm -rf .venv dist build .pytest_cache .ruff_cache
