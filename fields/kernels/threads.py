"""How kernels share the processor: waiting that yields, and one small pool of helper threads.

Import this before torch: how OpenMP's threads wait is read once, when its library is loaded. Left
alone they spin for a while after each operation, and so take the core from whoever works next.

The kernels do not use numba's own thread pools. The one that is always there (workqueue) ends the
process when two Python threads use it at once, and takes twice as long to start as this pool.
"""

import atexit
import os
import queue
import threading
from collections.abc import Callable

import numpy as np

for _name, _value in (("OMP_WAIT_POLICY", "passive"), ("KMP_BLOCKTIME", "0")):
    os.environ.setdefault(_name, _value)


def _available() -> int:
    """Cores this process may use, or fewer where the user asked for fewer."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    # OMP_NUM_THREADS may be a list, one number for each level of nesting.
    asked = [os.environ.get(n, "") for n in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS")]
    limits = [int(a.split(",")[0]) for a in asked if a.split(",")[0].strip().isdigit()]
    return max(1, min([cores, *limits]))


COUNT = _available()
CLOSING_SECONDS = 1.0  # that a helper thread is waited for at the end of the process


class _Share:
    """One helper's share of a kernel call: started by the helper or withdrawn by the caller."""

    def __init__(self, work: Callable[[], object]):
        self.work = work
        self.error: BaseException | None = None
        self._taken = threading.Lock()
        self._done = threading.Lock()
        self._done.acquire()

    def run(self) -> None:
        if not self._taken.acquire(blocking=False):
            return
        try:
            self.work()
        except BaseException as error:  # handed to the caller by `finish`
            self.error = error
        finally:
            self._done.release()

    def finish(self) -> None:
        """Withdraw the share if nobody has begun it, else wait for its end."""
        if self._taken.acquire(blocking=False):
            return
        self._done.acquire()
        if self.error is not None:
            raise self.error


class _Pool:
    """Threads that wait for shares; more are started as calls ask for them."""

    def __init__(self) -> None:
        self._shares: queue.SimpleQueue[_Share | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def submit(self, share: _Share, helpers: int) -> None:
        if len(self._threads) < helpers:
            self._start(helpers)
        self._shares.put(share)

    def _start(self, helpers: int) -> None:
        with self._lock:
            while len(self._threads) < helpers:
                name = f"fields-kernel-{len(self._threads) + 1}"
                self._threads.append(threading.Thread(target=self._help, name=name, daemon=True))
                self._threads[-1].start()

    def _help(self) -> None:
        while (share := self._shares.get()) is not None:
            share.run()

    def close(self) -> None:
        """Let every thread come to its end."""
        with self._lock:
            for _ in self._threads:
                self._shares.put(None)
            for thread in self._threads:
                thread.join(CLOSING_SECONDS)
            self._threads.clear()


_pool = _Pool()


def _close_pool() -> None:
    """A thread that wakes while the interpreter is being taken down would abort the process."""
    _pool.close()


atexit.register(_close_pool)


def _forget_pool() -> None:
    """A forked child inherits none of the threads."""
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def share(kernel: Callable[..., object], *args: object, parts: int) -> None:
    """Run `kernel(ticket, *args)` in several threads at once, the calling one among them.

    The kernel takes part after part from `ticket` (an int64 counter, advanced atomically) until
    `parts` are taken, so that a thread that is held up does less, and releases the interpreter
    lock meanwhile. What a part computes must not depend on which thread takes it.
    """
    ticket = np.zeros(1, np.int64)

    def work() -> object:
        return kernel(ticket, *args)

    helpers = min(COUNT, parts) - 1
    shares = [_Share(work) for _ in range(helpers)]
    for each in shares:
        _pool.submit(each, helpers)
    try:
        work()
    finally:
        for each in shares:
            each.finish()
