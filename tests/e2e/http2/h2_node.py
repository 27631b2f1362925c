"""h2_node: a data plane of its own, from a document; its ports speak HTTP/2, one of them over TLS."""
import http.client
import json

import kit


class Node:
    """One data plane; configure() gives it another document, read at once."""

    def __init__(self, folder, settings=None):
        self.proxy, self.secure, self.status = kit.free_port(), kit.free_port(), kit.free_port()
        self.folder, self.document = folder, folder / "document.json"
        self.access_log = folder / "access.log"
        self.document.write_text(json.dumps({"_format_version": "3.0"}))
        self.dp = kit.Process(folder, "dp", {
            "proxy_listen": f"{kit.LOOPBACK}:{self.proxy} http2 reuseport, {kit.LOOPBACK}:{self.secure} ssl",
            "status_listen": f"{kit.LOOPBACK}:{self.status} http2",
            "nginx_worker_processes": 1, "log_level": "info", "proxy_access_log": self.access_log, **(settings or {})},
            "gatehouse-dp", ("--document", self.document))

    def start(self):
        self.dp.start()
        kit.eventually(self.is_ready, 20, "the data plane has the document")
        return self

    def is_ready(self):
        try:
            return kit.call(self.status, "GET", "/status/ready").status == 200
        except OSError:
            return False

    def configure(self, services, **more):
        self.configured = getattr(self, "configured", 0) + 1
        path = f"/configured-{self.configured}"
        marker = {"name": "configured", "paths": [path], "plugins": [{"name": "request-termination", "config": {"status_code": 204}}]}
        self.document.write_text(json.dumps({"_format_version": "3.0", "services": services, "routes": [marker], **more}))
        self.dp.process.send_signal(1)

        def is_live():
            try:
                return kit.call(self.proxy, "GET", path).status == 204
            except (OSError, http.client.HTTPException):
                return False  # what the document before it has to say
        kit.eventually(is_live, 20, "the new document is live")

    def memory(self):
        """Bytes that are resident."""
        with open(f"/proc/{self.dp.pid}/statm") as f:
            return int(f.read().split()[1]) * 4096

    def stop(self):
        self.dp.stop()
