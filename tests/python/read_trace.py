"""Runs the reader that docs/trace-format.md shows, and compares what it reads with `loopscope trace show`.

Usage: read_trace.py PAGE PROGRAM TRACE…
"""

import csv
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

page, program, traces = sys.argv[1], sys.argv[2], sys.argv[3:]
text = Path(page).read_text(encoding="utf-8")
exec(re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1))


def check(holds, message):
    if not holds:
        sys.exit(message)


def shown(path, number, form):
    command = [program, "trace", "show", path, "--number", str(number), form]
    return list(csv.DictReader(io.StringIO(subprocess.run(command, check=True, capture_output=True, text=True).stdout)))


for path in traces:
    seen = 0
    for number, (head, lists) in enumerate(read(path), 1):
        seen = number
        rows = shown(path, number, "--probabilities")
        F, C, n = lists["probabilities"].shape
        check(len(rows) == F * C and F == head["frames"] > 0, f"{path}, trace {number}: {len(rows)} rows, {F} × {C}")
        for name, values in [("digit", lists["digits"]), ("state_norm", lists["state_norm"])]:
            want = np.array([float(r[name]) for r in rows]).reshape(F, C)
            check(np.allclose(values, want, rtol=1e-6), f"{path}, trace {number}: {name} differs")
        want = np.array([[float(r[f"p_{d}"]) for d in range(1, n + 1)] for r in rows]).reshape(F, C, n)
        check(np.allclose(lists["probabilities"], want, atol=1e-6), f"{path}, trace {number}: probabilities differ")
        want = np.array([float(r["residual"]) for r in shown(path, number, "--csv")])
        check(np.allclose(lists["residual"], want, rtol=1e-6), f"{path}, trace {number}: residuals differ")
        if lists["routing"].size:
            weights = [float(v) for r in shown(path, number, "--routing") for k, v in r.items() if k.startswith("head_")]
            check(np.allclose(lists["routing"].ravel(), weights, atol=1e-6), f"{path}, trace {number}: routing differs")
    check(seen > 0, f"{path}: no trace")
    print(f"{path}: {seen} traces read as they are shown")
