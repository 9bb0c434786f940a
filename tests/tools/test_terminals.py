import re
import signal
from pathlib import Path

import pytest
from terminals import OnTerminal


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="no /proc")
def test_a_closed_terminal_is_noticed_also_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = OnTerminal(["--help"])
    finally:
        signal.signal(signal.SIGHUP, before)
    status = Path(f"/proc/{process._process.pid}/status").read_text()
    ignored = int(re.search(r"SigIgn:\s*([0-9a-f]+)", status)[1], 16)
    process.join(60)
    process.close()
    assert not ignored >> (signal.SIGHUP - 1) & 1
    assert process.exitcode == 0
