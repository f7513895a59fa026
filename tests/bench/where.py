"""Where the microseconds of a check-in go: what RESULTS.md's table is made of.

  HADIR_BUILD=DIR python3 -B tests/bench/where.py [--mode fresh|kept] [--seconds S]      as root: perf looks at other users' processes

Samples the CPU of one door and of the ledger (perf record, call graphs by DWARF) while the generator saturates them, and gives
each sample to the innermost function on its stack that names a stage. A line a stage: process, stage, microseconds a check-in, that
is its share of the samples of what the control group counted for all."""
import argparse, collections, re, subprocess, sys, tempfile
import bench
from bench import Bench
from town import Town

# Functions by stage; the innermost that is here decides. What no line has is "the rest".
STAGES = {
    "waiting and being woken": "epoll_wait pthread_cond_timedwait __pthread_cond_timedwait",
    "accept, new SSL": "on_listen conn_accept make_ssl",
    "TLS handshake": "wire_shake",
    "reading, decrypting": "wire_fetch wire_take",
    "encrypting": "wire_write",
    "sending": "wire_flush",
    "close, free": "conn_reap wire_fini start_linger conn_close end",
    "HTTP": "http1_head http1_keep http1_body read_head read_body exchange_reset exchange_answer http1_respond",
    "JSON, codec": "json_parse json_doc_free native_decode codec_doubt codec_key",
    "token, limits": "auth_bearer_device auth_bearer_any directory_find_token throttle_refuses rate_take",
    "directory, fence, verdict": "directory_judge judge place_judge time_judge image_find_person",
    "message to the ledger and back": "channel_send send_some read_some on_round",
    "answer": "answer_items write_answer native_write_checkin",
    "taking: decode, doubt, leaf": "batch_take take_fact take_all receipt_leaf",
    "group: rows, pages, sync": "spool_group_run commit_batches run_group spool_file_commit",
    "group: signature and tree": "receipts_sign sign_group signer_sign merkle_root",
    "receipt, answer": "answer_done put_item receipts_write",
    "ingest: read back, write, libpq": "run_read parcel_fill row_write send_range on_rows store_query_binary on_sent ingest_kick go_on",
    "checkpoint": "spool_file_checkpoint",
}


def stages():
    return {name: stage for stage, names in STAGES.items() for name in names.split()}


def shares(path):
    """Samples by stage."""
    of, found, stack = stages(), collections.Counter(), []
    text = subprocess.run(["perf", "script", "-i", path, "-F", "ip,sym"], capture_output=True, text=True, check=True).stdout
    for line in [*text.splitlines(), ""]:
        frame = re.match(r"\s+[0-9a-f]+ (\S+)", line)
        if frame:
            stack.append(frame.group(1).split(".")[0])
        elif stack:
            found[next((of[name] for name in stack if name in of), "the rest")] += 1
            stack = []
    return found


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    p.add_argument("--mode", default="fresh", choices=["fresh", "kept"])
    p.add_argument("--seconds", type=int, default=10)
    o = p.parse_args()
    connections = 64 if o.mode == "fresh" else 100
    with Town(Bench(1, o.seconds, 1000, 1), people=1000, doors=2) as town, tempfile.TemporaryDirectory() as folder:
        town.load(mode=o.mode, connections=connections)
        for role in ("door", "ledger"):
            pid = next(p for p, name in town.children().items() if role in name)
            perf = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "997", "--call-graph", "dwarf,16384", "-p", str(pid), "-o", f"{folder}/{role}"]
            with subprocess.Popen([*perf, "--", "sleep", str(o.seconds)], stderr=subprocess.DEVNULL) as recorder:
                did = town.load(mode=o.mode, connections=connections)
                assert recorder.wait() == 0, "perf did not run"
            each = did["roles_s"][role] * 1e6 / did["accepted"]
            found = shares(f"{folder}/{role}")
            for stage, count in found.most_common():
                print(f"{role}\t{stage}\t{each * count / found.total():.1f}")
            print(f"{role}\tall\t{each:.0f}\tat {did['accepted'] / did['seconds']:.0f}/s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
