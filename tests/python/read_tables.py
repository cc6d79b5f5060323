"""Reads the tables of a run with pandas and polars, as anyone would, and checks what they then hold.

Usage: read_tables.py RUN
"""

import math
import sys
from pathlib import Path

import pandas as pd
import polars as pl

run = Path(sys.argv[1])
WORDS = {"run_id", "config_hash", "device"}


def check(holds, message):
    if not holds:
        sys.exit(f"{message}")


for name in ["iterations.csv", "steps.csv"]:
    a = pd.read_csv(run / name)
    b = pl.read_csv(run / name)
    check(list(a.columns) == b.columns, f"{name}: columns differ")
    check(len(a) == b.height and len(a) > 0, f"{name}: {len(a)} rows in pandas, {b.height} in polars")
    for column in b.columns:
        text = b[column].dtype == pl.String
        # A column that is empty throughout has no type of its own.
        if b[column].null_count() == b.height:
            check(a[column].isna().all(), f"{name}: {column} is empty in polars alone")
            continue
        check(text == (column in WORDS), f"{name}: {column} is read as {b[column].dtype}")
        if not text:
            pairs = zip(a[column].tolist(), b[column].to_list())
            # pandas reads numbers a last bit away from the nearest one, unless it is told to be exact.
            same = all((y is None and math.isnan(x)) or (x != x and y != y) or math.isclose(x, y, rel_tol=1e-12) for x, y in pairs)
            check(same, f"{name}: {column} differs between pandas and polars")
    print(f"{name}: {len(a)} rows, {len(a.columns)} columns, the same in pandas {pd.__version__} and polars {pl.__version__}")

it = pd.read_csv(run / "iterations.csv")
check((it["schema"] == 2).all(), "iterations.csv: schema is not 2")
loads = it[[c for c in it.columns if c.startswith("head_load_")]]
check((loads.sum(axis=1) - 1).abs().max() < 1e-4, "the loads of the heads do not sum to 1")
check((it["route_entropy"] <= math.log(loads.shape[1]) + 1e-4).all(), "a routing entropy is above ln H")
for step, rows in it.groupby("step"):
    check(list(rows["iteration"]) == list(range(1, len(rows) + 1)), f"step {step}: iterations are not 1, 2, 3, …")
check(it.groupby("step")["loss"].nunique().min() > 1, "every iteration of a probe has the same loss")

# The question that the table is for: what does another iteration gain, and does that change with training?
last = it[it["step"] == it["step"].max()]
trained = int(last["trained_iterations"].iloc[0])
print(last[last["iteration"].isin([1, trained, 4 * trained])][["step", "iteration", "loss", "solved", "route_entropy"]].to_string(index=False))
means = (
    pl.read_csv(run / "iterations.csv").filter(pl.col("iteration") <= trained).group_by("step").agg(pl.col("ms_forward").mean()).sort("step")
)
print(means)
