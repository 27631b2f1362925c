"""A gateway with two control planes on one database. dp1 follows the first, dp2 the second, dp3 both."""
import kit


class TwoControlPlanes(kit.Gateway):
    def __init__(self, services, folder, settings=None):
        super().__init__(services, folder, data_planes=3, proxy_ports=3, settings=settings)
        kit.subprocess.run([kit.BUILD / "gatectl", "cluster", "cert", "--dir", self.certs, "cp2"], check=True, stdout=kit.subprocess.DEVNULL)
        self.admin2, self.cluster2 = kit.free_port(), kit.free_port()
        self.cp2 = kit.Process(folder, "cp2", {**self.cp.settings, "prefix": folder / "cp2", "admin_listen": f"{kit.LOOPBACK}:{self.admin2}",
                                               "cluster_listen": f"{kit.LOOPBACK}:{self.cluster2}", "status_listen": "off", **self.link("cp2")}, "gatehouse-cp")
        first, second = f"{kit.LOOPBACK}:{self.cluster}", f"{kit.LOOPBACK}:{self.cluster2}"
        for dp, addresses in zip(self.dps, (first, second, f"{first}, {second}")):
            dp.settings["cluster_control_plane"] = addresses

    def start(self):
        self.migrate()
        for process in (self.cp, self.cp2, *self.dps):
            process.start()
        for dp in self.dps:
            self.wait_ready(dp)
        kit.eventually(lambda: len(self.connected(self.admin)) == len(self.connected(self.admin2)) == 3, 15, "each knows all data planes")
        return self

    def stop(self):
        super().stop()
        self.cp2.stop()

    def connected(self, admin):
        return [row for row in kit.call(admin, "GET", "/clustering/data-planes?size=1000").json["data"] if row["connected"]]

    def at(self, admin, method, path, data=None):
        """The Admin API of the one or the other."""
        body = kit.json.dumps(data).encode() if data is not None else None
        return kit.call(admin, method, path, {"content-type": "application/json"} if body else (), body, timeout=30)

    def versions(self):
        return [kit.call(dp.status, "GET", "/status").json["gatehouse"]["config_version"] for dp in self.dps]

    def published(self, admin):
        return kit.call(admin, "GET", "/").json["configuration"]["gatehouse"]["config_version"]
