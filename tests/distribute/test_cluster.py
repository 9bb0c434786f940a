"""TF_CONFIG and the meeting of the workers."""

from __future__ import annotations

import json
import socket
import threading

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
            ('{"task": {}}', "'cluster' is missing"),
            ('{"cluster": {"worker": ["a:1", "b:1"]}}', "'task' is missing"),
            (environment(cluster={"ps": ["a:1"]})["TF_CONFIG"], "unknown job ps"),
            (environment(cluster={"worker": ["a", "b:1"]})["TF_CONFIG"], "'a' is no address"),
            (environment(cluster={"worker": ["a:99999", "b:1"]})["TF_CONFIG"], "no address"),
            (environment(cluster={"worker": [1, 2]})["TF_CONFIG"], "expected string"),
            (environment(cluster={"worker": ["a:1", "a:1"]})["TF_CONFIG"], "twice"),
            (environment(task={"type": "worker", "index": 2})["TF_CONFIG"], "no task worker 2"),
            (environment(task={"type": "worker", "index": "0"})["TF_CONFIG"], "no task worker 0"),
            (environment(task={"type": "chief", "index": 0})["TF_CONFIG"], "no task chief 0"),
        ],
    )
    def test_another_form_is_told_in_one_line(self, text, reason):
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
            UserError, match=rf"worker 2 \({workers[2]}\) did not come up"
        ) as caught:
            meet(Cluster(workers, 0), 2)
        thread.join()
        assert "worker 1 (" not in str(caught.value)
        assert "--worker_timeout" in str(caught.value)

    def test_a_worker_does_not_wait_without_end(self):
        workers = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
        with pytest.raises(UserError, match=r"not all the other workers came up within 0\.5 s"):
            meet(Cluster(workers, 1), 0.5)

    @pytest.mark.parametrize("index", [0, 1])
    def test_a_port_in_use_is_told(self, index):
        with socket.create_server(("", 0)) as taken:
            port = taken.getsockname()[1]
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
