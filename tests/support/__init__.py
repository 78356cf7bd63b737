"""What the black-box suites share. Python's standard library, httpx and h2 only."""
