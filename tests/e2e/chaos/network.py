"""network: a network namespace of a test's own, joined to the machine by a pair of veth devices that can be cut as by pulling a cable. What runs in it
reaches the machine under `here` and nothing else."""
import ctypes
import os
import subprocess
import threading

import pytest

CLONE_NEWNET = 0x40000000


def run(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)


class Network:
    def __init__(self):
        pid = os.getpid()
        self.name, self.cable, far = f"gh-chaos-{pid}", f"ghc{pid}", f"ghd{pid}"
        net = f"198.18.{pid // 63 % 256}.{pid % 63 * 4}".rpartition(".")  # a range for tests of networks (RFC 2544)
        self.here, self.there = (f"{net[0]}.{int(net[2]) + i}" for i in (1, 2))
        try:
            run("ip", "netns", "add", self.name)
        except (OSError, subprocess.CalledProcessError) as why:
            pytest.skip(f"no network namespace can be made here: {getattr(why, 'stderr', why)}")
        try:
            run("ip", "link", "add", self.cable, "type", "veth", "peer", "name", far, "netns", self.name)
            run("ip", "address", "add", f"{self.here}/30", "dev", self.cable)
            run("ip", "link", "set", self.cable, "up")
            run("ip", "-n", self.name, "address", "add", f"{self.there}/30", "dev", far)
            for device in ("lo", far):
                run("ip", "-n", self.name, "link", "set", device, "up")
        except subprocess.CalledProcessError as why:
            self.remove()
            pytest.skip(f"no veth devices can be made here: {why.stderr}")

    def cut(self):
        run("ip", "link", "set", self.cable, "down")

    def mend(self):
        run("ip", "link", "set", self.cable, "up")

    def remove(self):
        run("ip", "netns", "del", self.name)  # and with it both ends of the cable

    def enter(self):
        """The calling thread is in it from now on, and so are threads that it starts and sockets that it makes."""
        with open(f"/var/run/netns/{self.name}") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def inside(self, fn):
        """What fn gives when it is called in there."""
        result = []

        def enter_and_call():
            self.enter()
            result.append(fn())
        thread = threading.Thread(target=enter_and_call)
        thread.start()
        thread.join()
        return result[0]
