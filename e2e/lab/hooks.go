package lab

// What is changed in Patroni, in Python.

// stopHook makes Patroni wait where it runs before_stop since 3.0.3: after the state is `stopping`,
// before PostgreSQL is told to stop. It stands in for that setting where Patroni has none, as Debian
// 12's 3.0.2.
const stopHook = `import os, time
from patroni.postgresql.postmaster import PostmasterProcess

stop = PostmasterProcess.signal_stop

def wait_then_stop(self, *args, **kwargs):
    while os.path.exists(os.environ["LAB_HOLD_STOP"]):
        time.sleep(0.1)
    return stop(self, *args, **kwargs)

PostmasterProcess.signal_stop = wait_then_stop
`

// ownClock replaces the wall clock by one that [Clock] sets.
const ownClock = `import os, time

true_time = time.time

def wall_clock():
    with open(os.environ["LAB_CLOCK"]) as off:
        return true_time() + int(off.read())

time.time = wall_clock
`

// wallWaits makes Patroni's sleep between two loops end by the wall clock, as Python's waits did
// before 3.11, where a lock is waited for with sem_timedwait (bpo-41710). A condition's wait that
// times out just as it is notified says that it was not: hence the flag is asked each time.
const wallWaits = `import threading, time

wait = threading.Event.wait

def wait_by_wall_clock(self, timeout=None):
    if timeout is None:
        return wait(self)
    end = time.time() + timeout
    while not self.is_set() and time.time() < end:
        wait(self, max(0, min(end - time.time(), 0.1)))
    return self.is_set()

threading.Event.wait = wait_by_wall_clock
`
