"""The pool that synchronous tools run in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from flowstead_runtime.flow.threads import LIMIT, ThreadPool

PATIENCE_S = 20.0


def with_pool(body: Callable[[ThreadPool], Awaitable[None]], limit: int = LIMIT) -> None:
    async def main() -> None:
        pool = ThreadPool(limit)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await body(pool)
        finally:
            pool.close()

    asyncio.run(main())


def test_one_caller_needs_one_thread() -> None:
    async def body(pool: ThreadPool) -> None:
        for i in range(20):
            assert await pool.submit(lambda i: i, {"i": i}) == i
        assert pool.threads == 1

    with_pool(body)


def test_it_grows_with_the_calls_that_block() -> None:
    async def body(pool: ThreadPool) -> None:
        barrier = threading.Barrier(600)
        calls = [pool.submit(barrier.wait, {"timeout": PATIENCE_S}) for _ in range(600)]
        assert sorted(await asyncio.gather(*calls)) == list(range(600))
        assert pool.threads == 600

    with_pool(body)


def test_calls_wait_when_the_system_gives_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def body(pool: ThreadPool) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", no_more)
            with pytest.raises(RuntimeError, match="new thread"):
                pool.submit(lambda: None, {})
        release = threading.Event()
        first = pool.submit(release.wait, {"timeout": PATIENCE_S})
        monkeypatch.setattr(threading.Thread, "start", no_more)
        second = pool.submit(lambda: 2, {})
        release.set()
        assert (await first, await second) == (True, 2)
        assert pool.threads == 1

    with_pool(body)


def test_calls_over_the_limit_wait_and_a_cancelled_one_never_starts() -> None:
    async def body(pool: ThreadPool) -> None:
        release, ran = threading.Event(), []
        first = pool.submit(release.wait, {"timeout": PATIENCE_S})
        dropped = pool.submit(lambda: ran.append(1), {})
        last = pool.submit(lambda: ran.append(2), {})
        dropped.cancel()
        release.set()
        await asyncio.gather(first, last)
        assert (pool.threads, ran) == (1, [2])

    with_pool(body, limit=1)


def test_the_result_of_a_call_that_nobody_waits_for_is_dropped() -> None:
    async def body(pool: ThreadPool) -> None:
        release, done = threading.Event(), threading.Event()

        def slow() -> None:
            release.wait(PATIENCE_S)
            done.set()

        call = pool.submit(slow, {})
        await pool.submit(lambda: None, {})
        call.cancel()
        release.set()
        await pool.submit(done.wait, {"timeout": PATIENCE_S})
        assert call.cancelled()

    with_pool(body)


def test_exceptions_of_every_kind_come_back() -> None:
    async def body(pool: ThreadPool) -> None:
        def fail(error: BaseException) -> None:
            raise error

        for error in (ValueError("x"), SystemExit(2)):
            with pytest.raises(type(error)):
                await pool.submit(fail, {"error": error})
        with pytest.raises(RuntimeError, match="StopIteration"):
            await pool.submit(fail, {"error": StopIteration()})

    with_pool(body)


def test_other_threads_keep_their_stack_size() -> None:
    async def body(pool: ThreadPool) -> None:
        before = threading.stack_size()
        await pool.submit(lambda: None, {})
        assert threading.stack_size() == before

    with_pool(body)
