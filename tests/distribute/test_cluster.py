"""TF_CONFIG, and the start-up barrier."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from lsgan_tf.distribute.cluster import Cluster, from_environment, meet
from lsgan_tf.errors import UserError


def environment(**changes):
    config = {
        "cluster": {"worker": ["a:2222", "b:2223"]},
        "task": {"type": "worker", "index": 1},
        **changes,
    }
    return {"TF_CONFIG": json.dumps(config)}


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class TestFromEnvironment:
    def test_reads_the_workers(self):
        assert from_environment(environment()) == Cluster(("a:2222", "b:2223"), 1)

    def test_a_chief_of_its_own_is_the_first_worker(self):
        jobs = {"chief": ["c:1"], "worker": ["a:1", "b:1"]}
        for task, index in (("chief", 0), 0), (("worker", 1), 2):
            task = {"type": task[0], "index": task[1]}
            found = from_environment(environment(cluster=jobs, task=task))
            assert found == Cluster(("c:1", "a:1", "b:1"), index)
            assert found.chief == (index == 0)

    @pytest.mark.parametrize("text", ["", "  ", "{}"])
    def test_nothing_is_no_cluster(self, text):
        assert from_environment({"TF_CONFIG": text}) is None
        assert from_environment({}) is None

    def test_one_worker_is_no_cluster(self):
        one = environment(cluster={"worker": ["a:1"]}, task={"type": "worker", "index": 0})
        assert from_environment(one) is None

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{", "Expecting property name"),
            ("[]", "list indices"),
            ("[" * 100_000, "nested too deep"),
            ('{"task": {}}', "'cluster' is missing"),
            ('{"cluster": {"worker": ["a:1", "b:1"]}}', "'task' is missing"),
            (environment(cluster={"ps": ["a:1"]})["TF_CONFIG"], "unknown job ps"),
            (environment(cluster={"worker": ["a", "b:1"]})["TF_CONFIG"], "'a' is not an address"),
            (environment(cluster={"worker": ["a:99999", "b:1"]})["TF_CONFIG"], "not an address"),
            (environment(cluster={"worker": [1, 2]})["TF_CONFIG"], "expected string"),
            (environment(cluster={"worker": ["a:1", "a:1"]})["TF_CONFIG"], "twice"),
            (environment(task={"type": "worker", "index": 2})["TF_CONFIG"], "no task worker 2"),
            (environment(task={"type": "worker", "index": "0"})["TF_CONFIG"], "no task worker 0"),
            (environment(task={"type": "chief", "index": 0})["TF_CONFIG"], "no task chief 0"),
        ],
    )
    def test_malformed_values_are_refused_in_one_line(self, text, reason):
        with pytest.raises(UserError, match=reason) as caught:
            from_environment({"TF_CONFIG": text})
        assert str(caught.value).startswith("TF_CONFIG: ")
        assert "expected the form" in str(caught.value) and "\n" not in str(caught.value)


class TestMeet:
    def test_all_go_when_all_are_there(self):
        workers = tuple(f"127.0.0.1:{port}" for port in free_ports(3))
        met = []

        def come(index):
            meet(Cluster(workers, index), 60)
            met.append(index)

        threads = [threading.Thread(target=come, args=(index,)) for index in (2, 1)]
        for thread in threads:
            thread.start()
        assert met == []
        come(0)
        for thread in threads:
            thread.join()
        assert sorted(met) == [0, 1, 2]

    def test_the_chief_names_who_is_missing(self):
        workers = tuple(f"127.0.0.1:{port}" for port in free_ports(3))

        def come():
            with pytest.raises(UserError):
                meet(Cluster(workers, 1), 2)

        thread = threading.Thread(target=come)
        thread.start()
        with pytest.raises(
            UserError, match=rf"worker 2 \({workers[2]}\) did not connect"
        ) as caught:
            meet(Cluster(workers, 0), 2)
        thread.join()
        assert "worker 1 (" not in str(caught.value)
        assert "--worker_timeout" in str(caught.value)

    def test_a_worker_does_not_wait_without_end(self):
        workers = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
        with pytest.raises(UserError, match=r"not all workers connected within 0\.5 s"):
            meet(Cluster(workers, 1), 0.5)

    @pytest.mark.parametrize("index", [0, 1])
    def test_a_port_in_use_is_refused(self, index):
        with socket.create_server(("", 0)) as server:
            port = server.getsockname()[1]
            workers = ["127.0.0.1:1", "127.0.0.1:1"]
            workers[index] = f"127.0.0.1:{port}"
            with pytest.raises(UserError, match=f"port {port} of this host cannot be used"):
                meet(Cluster(tuple(workers), index), 1)

    def test_strangers_are_turned_away(self):
        workers = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
        chief = threading.Thread(target=meet, args=(Cluster(workers, 0), 60))
        chief.start()
        for _ in range(100):
            try:
                stranger = socket.create_connection(("127.0.0.1", int(workers[0][10:])))
                break
            except OSError:
                threading.Event().wait(0.05)
        stranger.sendall(b"GET / HTTP/1.0")
        meet(Cluster(workers, 1), 60)
        chief.join()
        stranger.close()


CHIEF = """
import ctypes, sys
from lsgan_tf.cli.app import run
from lsgan_tf.distribute import cluster
from lsgan_tf.distribute.cluster import Cluster, meet

cluster._SECONDS_TO_BEGIN = 2

def begin():
    print("begins", flush=True)
    # As TensorFlow does: in C, holding the GIL.
    ctypes.PyDLL(None).sleep(int(sys.argv[1]))
    return "begun"

def main(argv):
    print(meet(Cluster(tuple(sys.argv[3:]), 0), float(sys.argv[2]), begin), flush=True)

run(main, usage=None)
"""


@pytest.fixture
def chief(tmp_path):
    """Starts the chief of two workers with a simulated TensorFlow start, and connects to it."""
    (tmp_path / "chief.py").write_text(CHIEF)
    with contextlib.ExitStack() as stack:

        def start(*, takes=60, timeout=60):
            workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
            words = [sys.executable, tmp_path / "chief.py", str(takes), str(timeout), *workers]
            process = subprocess.Popen(
                words,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
            stack.enter_context(process)
            stack.callback(process.kill)

            def knock():
                while True:
                    assert process.poll() is None
                    with contextlib.suppress(OSError):
                        port = int(workers[0].rpartition(":")[2])
                        return stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                    time.sleep(0.05)

            return process, knock

        yield start


def ended(process, *, within=20):
    start = time.monotonic()
    out, errors = process.communicate(timeout=60)
    assert time.monotonic() - start < within
    return process.returncode, out, errors


def let_go(connection):
    connection.sendall(b"1")
    assert connection.recv(2) == b"go"


def knock(workers, says=b"1"):
    """A connection that had time to identify itself to the chief."""
    while True:
        with contextlib.suppress(OSError):
            port = int(workers[0].rpartition(":")[2])
            connection = socket.create_connection(("127.0.0.1", port))
            connection.sendall(says)
            time.sleep(0.5)
            return connection
        time.sleep(0.05)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class TestLoss:
    def test_a_worker_that_leaves_before_all_are_there_may_come_again(self):
        workers = tuple(f"127.0.0.1:{port}" for port in free_ports(3))
        met = []

        def come(index):
            met.append(meet(Cluster(workers, index), 60, lambda: index))

        threads = [threading.Thread(target=come, args=(0,))]
        threads[0].start()
        for _ in range(2):
            reset(knock(workers))
        assert not met
        threads += [threading.Thread(target=come, args=(index,)) for index in (1, 2)]
        for thread in threads[1:]:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        assert sorted(met) == [0, 1, 2]

    def test_three_of_whom_one_leaves_and_never_comes_back(self):
        workers = tuple(f"127.0.0.1:{port}" for port in free_ports(3))
        messages = []

        def gather():
            with pytest.raises(UserError) as caught:
                meet(Cluster(workers, 0), 3)
            messages.append(str(caught.value))

        thread = threading.Thread(target=gather)
        thread.start()
        reset(knock(workers))
        thread.join(timeout=30)
        assert "did not connect, worker 1 connected and left within 3 seconds" in messages[0]

    @pytest.mark.parametrize("end", [socket.socket.close, reset])
    def test_a_worker_that_dies_when_it_was_let_go(self, chief, end):
        process, knock = chief()
        connection = knock()
        let_go(connection)
        assert process.stdout.readline() == "begins\n"
        end(connection)
        status, _, errors = ended(process)
        assert status == 4
        assert "\nerror: worker 0: worker 1 left before training began" in errors
        assert errors.count("\n") == 2

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_signals_are_heard_while_tensorflow_waits(self, chief, number):
        process, knock = chief()
        let_go(knock())
        assert process.stdout.readline() == "begins\n"
        process.send_signal(number)
        assert ended(process)[0] == -number

    def test_a_worker_that_is_silent_is_not_waited_for_longer_than_said(self, chief):
        process, knock = chief(takes=100, timeout=1)
        let_go(knock())
        status, _, errors = ended(process, within=15)
        assert status == 4
        assert "TensorFlow did not connect to the others within 2 seconds" in errors

    @pytest.mark.parametrize("says", [b"begun", b""])
    def test_a_worker_that_has_begun_may_close_its_connection(self, chief, says):
        process, knock = chief(takes=2)
        connection = knock()
        let_go(connection)
        if says:
            connection.sendall(says)
            connection.close()
        status, out, errors = ended(process)
        assert (status, out) == (0, "begins\nbegun\n") and "error" not in errors

    def test_silent_strangers_hold_nobody_up(self, chief):
        process, knock = chief(takes=0)
        strangers = [knock() for _ in range(20)]
        let_go(knock())
        assert ended(process, within=4)[0] == 0
        assert len(strangers) == 20

    def test_handlers_come_back(self):
        workers = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
        before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGILL)]
        thread = threading.Thread(target=meet, args=(Cluster(workers, 1), 60))
        thread.start()
        assert meet(Cluster(workers, 0), 60, os.getpid) == os.getpid()
        thread.join()
        after = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGILL)]
        assert before == after
