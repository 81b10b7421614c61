import time


def words(count: int, interval_ms: int):
    """Each token is the instant at which it was due."""
    began = time.monotonic()
    for number in range(count):
        due = began + number * interval_ms / 1000
        time.sleep(max(0.0, due - time.monotonic()))
        yield f"{due:.6f}"
