"""What tools/bench and the load scripts of bench/ share: messages, huge pages for a run, and facts of the machine."""
import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HUGE_PAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
HUGE_PAGE_MIB = 2

# A run that is told to end gives back its huge pages and ends its children as one that ends by itself.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def say(text):
    print(f"== {text}", file=sys.stderr, flush=True)


def die(text, code=1):
    print(f"{Path(sys.argv[0]).name}: {text}", file=sys.stderr)
    sys.exit(code)


def run(command, **options):
    result = subprocess.run(command, check=False, **options)
    if result.returncode != 0:
        die(f"'{' '.join(map(str, command))}' ended with code {result.returncode}")
    return result


def need(program, package):
    """Ends with the package to install where a program is missing."""
    found = shutil.which(program)
    if not found:
        die(f"{program} is not installed; as root: apt-get install {package}")
    return found


def build(tree, *targets, source=ROOT):
    """Configures and builds these targets of the source tree in the build folder `tree`."""
    say(f"building {tree}")
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    run(["cmake", "--preset", "release", "-S", source, "-B", tree, *launcher], stdout=subprocess.DEVNULL, cwd=source)
    run(["cmake", "--build", tree, "--target", *targets], stdout=subprocess.DEVNULL)
    return Path(tree)


def field(path, name):
    """What stands behind `name:` in a file such as /proc/meminfo."""
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(name):
                return line.split(":", 1)[1].strip()
    return ""


def revision():
    result = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True,
                            check=False)
    return result.stdout.strip() or "of an unknown revision"


def machine():
    memory = int(field("/proc/meminfo", "MemTotal").split()[0]) / 1024 / 1024
    return (f"{field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} CPUs, {memory:.0f} GiB of memory, "
            f"Linux {platform.release()}")


@contextlib.contextmanager
def huge_pages(wanted_mib):
    """Asks for 2 MiB pages where root can have them, for the time of the with block; gives how many it got."""
    got = 0
    if os.geteuid() == 0 and HUGE_PAGES.exists():
        before = int(HUGE_PAGES.read_text())
        available = int(field("/proc/meminfo", "MemAvailable").split()[0]) // 1024
        HUGE_PAGES.write_text(str(before + min(wanted_mib, available // 2) // HUGE_PAGE_MIB))
        got = max(0, int(HUGE_PAGES.read_text()) - before)
        say(f"{got} huge pages of 2 MiB reserved")
    else:
        say("not root: no huge pages reserved; transparent ones are asked for")
    try:
        yield got
    finally:
        if got:
            # Others may have changed the number meanwhile: what was added is taken away, no more.
            HUGE_PAGES.write_text(str(max(0, int(HUGE_PAGES.read_text()) - got)))


class Steal:
    """The share of the CPUs' time that the hypervisor took since this was made, in percent."""

    def __init__(self):
        self.ticks, self.start = self._ticks(), time.time()

    @staticmethod
    def _ticks():
        with open("/proc/stat", encoding="ascii") as file:
            return int(file.readline().split()[8])

    def percent(self):
        seconds = max(time.time() - self.start, 0.01)
        return (self._ticks() - self.ticks) / os.sysconf("SC_CLK_TCK") / (seconds * os.cpu_count()) * 100
