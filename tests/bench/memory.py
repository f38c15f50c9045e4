"""What the kernel says of a process."""

from pathlib import Path


def peak_mb(pid: int) -> float:
    """The peak resident memory of one process so far."""
    return _status_mb(pid, "VmHWM")


def resident_mb(pid: int) -> float:
    """Its resident memory now."""
    return _status_mb(pid, "VmRSS")


def processor_ms(pid: int) -> float:
    """Milliseconds for which its threads have run so far (https://docs.kernel.org/scheduler/sched-stats.html)."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e6


def _status_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


def children_of(pid: int) -> list[int]:
    """Its child processes."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
