"""redis_servers: Redis servers of a test's own: one, a master with a replica and a Sentinel, a cluster of three masters."""
import signal
import subprocess

import kit


class Server:
    """A redis-server. Options are those of redis.conf; with `password` it asks for that of its default user."""

    def __init__(self, folder, password=None, port=None, **options):
        self.port, self.password, self.folder = port or kit.free_port(), password, folder
        settings = {"port": self.port, "bind": kit.LOOPBACK, "dir": folder, "save": "", "appendonly": "no", "loglevel": "warning",
                    **options}
        if password:
            settings.update(requirepass=password, masterauth=password)
        self.command = ["redis-server"]
        for name, value in settings.items():
            self.command += ["--" + name.replace("_", "-"), *(value if isinstance(value, list) else [str(value)])]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        kit.eventually(self.answers, what="redis is up")
        return self

    def answers(self):
        """Also one that wants a password first."""
        try:
            return kit.raw(self.port, b"PING\r\nQUIT\r\n")[:1] in (b"+", b"-")
        except OSError:
            return False

    def do(self, *words):
        """What redis-cli prints."""
        login = ["-a", self.password, "--no-auth-warning"] if self.password else []
        done = subprocess.run(["redis-cli", "-p", str(self.port), *login, *map(str, words)], capture_output=True, text=True, timeout=10)
        assert done.returncode == 0, done
        return done.stdout.strip()

    @property
    def address(self):
        return {"host": kit.LOOPBACK, "port": self.port}

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)


class Watched:
    """A master and its replica, and one Sentinel that moves the role when the master has been silent for 0.3 s."""

    def __init__(self, folder, password=None, sentinel_password=None):
        self.servers = [Server(folder, password, repl_diskless_sync_delay=0)]
        self.servers.append(Server(folder, password, replicaof=[kit.LOOPBACK, str(self.servers[0].port)]))
        kit.eventually(lambda: "state=online" in self.servers[0].do("info", "replication"), what="the replica is in step")
        port, conf = kit.free_port(), folder / "sentinel.conf"
        login = f"sentinel auth-pass main {password}\n" if password else ""
        lock = f"requirepass {sentinel_password}\n" if sentinel_password else ""
        conf.write_text(f"port {port}\nbind {kit.LOOPBACK}\ndir {folder}\nlogfile {folder}/sentinel.log\n{lock}"
                        f"sentinel monitor main {kit.LOOPBACK} {self.servers[0].port} 1\n{login}"
                        "sentinel down-after-milliseconds main 300\nsentinel failover-timeout main 3000\n")
        self.sentinel = Server.__new__(Server)
        self.sentinel.port, self.sentinel.password = port, sentinel_password
        self.sentinel.command = ["redis-server", str(conf), "--sentinel"]
        self.sentinel.start()
        kit.eventually(lambda: "slave" in self.sentinel.do("sentinel", "replicas", "main"), what="the Sentinel knows the replica")

    @property
    def master(self):
        port = int(self.sentinel.do("sentinel", "get-master-addr-by-name", "main").split()[1])
        return next(server for server in self.servers if server.port == port)

    def fail_over(self):
        """Returns when the roles have changed."""
        was = self.master
        kit.eventually(lambda: self.sentinel.do("sentinel", "failover", "main") == "OK", what="the replica is fit")
        self.has_moved(was)

    def has_moved(self, was):
        kit.eventually(lambda: self.master is not was and self.master.do("role").startswith("master"), 20, "there is another master")

    @property
    def config(self):
        more = {"sentinel_password": self.sentinel.password} if self.sentinel.password else {}
        return {"sentinel_nodes": [self.sentinel.address], "sentinel_master": "main", "sentinel_role": "master", **more}

    def kill(self):
        for server in [self.sentinel, *self.servers]:
            server.kill()


SLOTS = 16384


class Cluster:
    """Three masters that share the slots evenly."""

    def __init__(self, folder):
        self.nodes = []
        for i in range(3):
            port = kit.free_port()
            self.nodes.append(Server(folder, port=port, cluster_enabled="yes", cluster_config_file=f"nodes-{port}.conf",
                                     cluster_port=kit.free_port(), cluster_node_timeout=1000))
        for i, node in enumerate(self.nodes):
            node.do("cluster", "set-config-epoch", i + 1)
            node.do("cluster", "addslotsrange", i * SLOTS // 3, (i + 1) * SLOTS // 3 - 1)
            if i:
                self.nodes[0].do("cluster", "meet", kit.LOOPBACK, node.port, node.command[node.command.index("--cluster-port") + 1])
        kit.eventually(self.is_whole, 20, "the cluster is whole")

    def is_whole(self):
        return all("cluster_state:ok" in node.do("cluster", "info") and "cluster_known_nodes:3" in node.do("cluster", "info")
                   for node in self.nodes)

    def id(self, node):
        return node.do("cluster", "myid")

    def slot(self, key):
        return int(self.nodes[0].do("cluster", "keyslot", key))

    def owner(self, slot):
        return self.nodes[next(i for i in range(3) if slot < (i + 1) * SLOTS // 3)]

    def add_replica(self, master, folder):
        """Another server that holds what the master holds, and takes its place when it dies."""
        port = kit.free_port()
        replica = Server(folder, port=port, cluster_enabled="yes", cluster_config_file=f"nodes-{port}.conf", cluster_port=kit.free_port(),
                         cluster_node_timeout=1000, cluster_replica_validity_factor=0)
        replica.do("cluster", "meet", kit.LOOPBACK, master.port, master.command[master.command.index("--cluster-port") + 1])
        kit.eventually(lambda: self.id(master) in replica.do("cluster", "nodes"), what="they have met")
        kit.eventually(lambda: replica.do("cluster", "replicate", self.id(master)) == "OK", what="it is a replica")
        kit.eventually(lambda: "state=online" in master.do("info", "replication"), 20, "it is in step")
        kit.eventually(lambda: all(self.id(replica) in node.do("cluster", "nodes") for node in self.nodes), what="all know it")
        self.nodes.append(replica)
        return replica

    @property
    def config(self):
        return {"cluster_nodes": [{"ip": kit.LOOPBACK, "port": node.port} for node in self.nodes[:2]]}

    def kill(self):
        for node in self.nodes:
            node.kill()
