"""These tests run in a process of their own, which `test_triton` starts: whether Triton interprets
its kernels is settled when it is imported."""

import os

collect_ignore_glob = [] if os.environ.get("TRITON_INTERPRET") == "1" else ["test_*.py"]
