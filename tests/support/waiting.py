"""Waiting for a condition, with a deadline and a sentence when it does not come."""
import time


def wait_until(condition, seconds=10, what="the condition", every=0.02):
    """Returns the first true value of condition()."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(every)
