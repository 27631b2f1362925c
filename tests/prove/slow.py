"""10,000 slow clients, half of them with heads and half with bodies of one byte a second, beside a normal load."""
from bed import compare_p99, flat, kit, median

CLIENTS, ROUNDS, SECONDS, RATE = 10000, 8, 6, 3000


def prove(bed):
    bed.start_origin()
    bed.start()
    bed.apply([bed.service("plain", [{"name": "plain", "paths": ["/plain"]}])])
    measure = lambda: bed.load(SECONDS, "-c", 64, "-r", RATE, "/plain")  # noqa: E731
    measure()
    p99, memory, errors, cpu = {"quiet": [], "slow": []}, [], 0, []
    for _ in range(ROUNDS):
        said = measure()
        p99["quiet"].append(said["p99_ms"])
        slow = bed.tool("slow", bed.dp.port, CLIENTS)
        assert slow.stdout.readline() == "ready\n"
        before = bed.dp.cpu_seconds()
        said = measure()
        cpu.append((bed.dp.cpu_seconds() - before) / said["requests"] * 1e6)
        p99["slow"].append(said["p99_ms"])
        errors += said["errors"]
        memory.append(bed.dp.memory())
        slow.stdin.close()
        assert slow.wait() == 0
        bed.processes.remove(slow)
        kit.eventually(lambda: bed.dp.descriptors() < CLIENTS / 10, 20, "their connections are closed")
    bed.note(f"CPU for each normal request, all included: {median(cpu):.1f} us")
    bed.found("normal requests that failed", errors, 0)
    compare_p99(bed, "beside slow clients", p99["quiet"], p99["slow"])
    bed.found("memory for each slow client", max(memory) / CLIENTS, 16384, "bytes")
    flat(bed, "10,000 slow clients", memory)
