#!/usr/bin/env python3
"""Measures Forebay against its peers and the hardware's limits, in one run. See bench/README.md.

Prints a table of medians, writes results.json and draws results.svg."""
import argparse
import dataclasses
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import plot
import rows
import rows_azcopy
import rows_idle
import rows_lake
import rows_lake_write
import rows_mount
import rows_mount_away
import rows_mount_lake
import rows_mount_tree
import rows_scale
import sides

ROWS = {
    "get_large": rows.get_large,
    "get_small": rows.get_small,
    "put_blocks": rows.put_blocks,
    "put_small": rows.put_small,
    "azurite_small": rows.azurite_small,
    "azcopy": rows_azcopy.up_and_down,
    "service_to_service": rows_azcopy.service_to_service,
    "listing": rows_scale.listing,
    "start_up": rows_scale.start_up,
    "tail_latency": rows_scale.tail_latency,
    "memory": rows_scale.memory,
    "idle_connections": rows_idle.idle_connections,
    "mount_read": rows_mount.sequential_read,
    "mount_write": rows_mount.sequential_write,
    "mount_random": rows_mount.random_read,
    "mount_metadata": rows_mount.metadata,
    "mount_checkpoint": rows_mount.checkpoint,
    "mount_trees": rows_mount_tree.trees,
    "mount_rename": rows_mount_tree.rename,
    "mount_lake": rows_mount_lake.one_file,
    "mount_epochs": rows_mount_lake.epochs,
    "mount_readers": rows_mount_away.readers,
    "mount_stall": rows_mount_away.stall,
    "mount_beside": rows_mount_away.beside_checkpoint,
    "lake_read": rows_lake.cold_read,
    "lake_random": rows_lake.cold_random,
    "lake_offload": rows_lake_write.offload,
    "lake_checkpoint": rows_lake_write.checkpoint,
    "lake_foreground": rows_lake_write.foreground,
    "lake_import": rows_lake.importing,
    "lake_first_files": rows_lake.first_files,
    "lake_bytes": rows_lake.lake_bytes,
    "lake_requests": rows_lake.lake_requests,
    "lake_offline": rows_lake.black_hole,
}


def table(measures):
    lines = ["| work | against | reach | median | rounds | met | note |", "|---|---|---|---|---|---|---|"]
    for m in measures:
        lines.append(f"| {m.work} | {m.against} | {m.reach} | {m.ratio:.3g} | {len(m.rounds)} | "
                     f"{'yes' if m.met else 'no'} | {m.note} |")
    return "\n".join(lines)


def stored(measures, scale):
    """A row as results.json has it. `rounds` is the number of each measure: some works take too long for all of them."""
    return {"rounds": [len(m["rounds"]) for m in measures], "scale": scale, "measures": measures}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"which rows: {', '.join(ROWS)}; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of load, a side and round")
    parser.add_argument("--scale", type=float, default=1.0, help="sizes, as a share of the table's")
    parser.add_argument("--dir", help="where the servers keep their data (the file system under test)")
    parser.add_argument("--out", default=str(HERE / "results.json"))
    arguments = parser.parse_args()
    unknown = set(arguments.rows) - set(ROWS)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    base = Path(tempfile.mkdtemp(prefix="forebay-bench-", dir=arguments.dir or HERE.parent / "build"))
    setting = rows.Setting(base, arguments.rounds, arguments.seconds, arguments.scale)
    out = Path(arguments.out)
    kept = json.loads(out.read_text()) if out.exists() else {}
    kept = {name: stored(row["measures"], row["scale"]) for name, row in kept.items()}
    failed = []
    chosen = [name for name in ROWS if name in arguments.rows] if arguments.rows else list(ROWS)
    start = time.monotonic()
    try:
        for i, name in enumerate(chosen):
            began = time.monotonic()
            print(f"[{i + 1}/{len(chosen)}] {name}, at {began - start:.0f} s", file=sys.stderr, flush=True)
            try:
                measures = ROWS[name](setting)
            except Exception as error:  # one row that cannot run must not lose the others
                failed.append(name)
                print(f"  {name} failed: {error}", file=sys.stderr, flush=True)
                continue
            kept[name] = stored([dataclasses.asdict(m) for m in measures], arguments.scale)
            out.write_text(json.dumps(kept, indent=1) + "\n")
            for m in measures:
                print(f"  {m.work} / {m.against}: {m.ratio:.3g} ({m.reach}) "
                      f"in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    finally:
        setting.shared.clear()
        for server in list(sides.Server.all):
            server.close()
        shutil.rmtree(base, ignore_errors=True)
    measures = [rows.Measure(**m) for name in ROWS if name in kept for m in kept[name]["measures"]]
    print(table(measures))
    out.with_suffix(".svg").write_text(plot.svg(measures))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
