# lib.sh: what the other scripts share. Sourced, not run. Sets root (the checkout) and goes there.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
run=$root/.run

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# as_server COMMAND...: PostgreSQL refuses to run as root; then it runs as the user its package made.
as_server() {
	if [ "$(id -u)" = 0 ]; then
		HOME=/ setpriv --reuid postgres --regid postgres --init-groups "$@"
	else
		"$@"
	fi
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds.
wait_for() {
	local tries=$(($1 * 10))
	shift
	while ! "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# stop_pid FILE: ends the process whose pid FILE holds, and waits for it.
stop_pid() {
	local pid
	[ -f "$1" ] || return 0
	pid=$(head -n 1 "$1")
	if kill "$pid" 2>/dev/null; then
		for _ in $(seq 150); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -9 "$pid" 2>/dev/null || true
	fi
	rm -f "$1"
}

# sum_counts: adds up what closing lines of test runs say ("12 passed, 1 failed"; pytest: "1 failed, 12 passed, 1 error in 3.4s").
sum_counts() {
	grep -oE '[0-9]+ (passed|failed|errors?)' | awk '$2 == "passed" {p += $1; next} {f += $1} END {printf "%d passed, %d failed\n", p, f}'
}
