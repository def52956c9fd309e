"""Waiting for what comes by itself. How long is no part of what is tested: a busy machine takes its time."""

import time


def until(condition, seconds=60):
    """Returns once the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
