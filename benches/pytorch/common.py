"""What the programs here share: weights by name, rotary tables, boards, and the line protocol.

Needs numpy only (and safetensors to read a weight file).
"""

import json
import math
import os
import statistics
import sys

import numpy as np

SIDE, CELLS, DIGITS = 9, 81, 9
WIDTH, HEADS, HIDDEN, LAYERS = 128, 4, 512, 4
HEAD_WIDTH = WIDTH // HEADS
PAIRS = HEAD_WIDTH // 2
NORM_EPS = 1e-5
ROTARY_BASE = 10.0


def shapes():
    """Name and shape of every parameter; a linear map is (out, in), as in the weight files."""
    linear = {"initial_encoder": (WIDTH, DIGITS + 1), "pred_proj": (WIDTH, DIGITS)}
    for layer in range(LAYERS):
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            linear[f"layers.{layer}.{name}"] = (WIDTH, WIDTH)
        linear[f"layers.{layer}.linear1"] = (HIDDEN, WIDTH)
        linear[f"layers.{layer}.linear2"] = (WIDTH, HIDDEN)
    linear["output_head"] = (DIGITS, WIDTH)
    found = {}
    for name, (rows, columns) in linear.items():
        found[f"{name}.weight"] = (rows, columns)
        found[f"{name}.bias"] = (rows,)
    for layer in range(LAYERS):
        for name in ("norm1", "norm2"):
            found[f"layers.{layer}.{name}.weight"] = (WIDTH,)
            found[f"layers.{layer}.{name}.bias"] = (WIDTH,)
    return found


def random_weights(seed=0):
    """PyTorch's default initialisation: uniform on ±1/√fan-in; norms start as the identity."""
    random = np.random.default_rng(seed)
    wanted, weights = shapes(), {}
    for name, shape in wanted.items():
        stem, kind = name.rsplit(".", 1)
        if ".norm" in name:
            weights[name] = np.full(shape, 1.0 if kind == "weight" else 0.0, np.float32)
        else:
            bound = 1.0 / math.sqrt(wanted[f"{stem}.weight"][1])
            weights[name] = random.uniform(-bound, bound, shape).astype(np.float32)
    return weights


def read_weights(path=None, seed=0):
    """The weights of a safetensors file, or random ones where there is no file."""
    if path is None:
        return random_weights(seed)
    from safetensors.numpy import load_file

    held, wanted = load_file(path), shapes()
    weights = {}
    for name, shape in wanted.items():
        if name not in held:
            raise ValueError(f"{path}: no tensor {name}")
        if held[name].shape != shape:
            raise ValueError(f"{path}: {name} is {held[name].shape}, not {shape}")
        weights[name] = np.ascontiguousarray(held[name], np.float32)
    return weights


def rotary_tables():
    """cos and sin, [cells, pairs]: the first half of the pairs turns by row, the second by column."""
    half = PAIRS // 2
    frequency = ROTARY_BASE ** (-np.arange(half) / half)
    row, column = np.divmod(np.arange(CELLS), SIDE)
    angle = np.concatenate([np.outer(row, frequency), np.outer(column, frequency)], axis=1)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def random_boards(count, seed=0, blanks=55):
    """`count` solvable boards: (clues with 0 for blank, solution), each [count, 81].

    A fixed solved grid under random relabelling and shuffles. The timings do not depend on it.
    """
    random = np.random.default_rng(seed)
    solution = np.empty((count, CELLS), np.int64)
    clues = np.empty_like(solution)
    for board in range(count):
        lines = [
            np.concatenate([3 * band + random.permutation(3) for band in random.permutation(3)])
            for _ in range(2)
        ]
        row, column = np.meshgrid(*lines, indexing="ij")
        pattern = (3 * (row % 3) + row // 3 + column) % 9
        solution[board] = (random.permutation(9) + 1)[pattern].reshape(-1)
        clues[board] = solution[board]
        clues[board, random.permutation(CELLS)[:blanks]] = 0
    return clues, solution


def encode(weights, clues):
    """Iteration 0 in numpy: state [boards·cells, d] and prediction [boards·cells, 9]."""
    table = weights["initial_encoder.weight"].T + weights["initial_encoder.bias"]
    state = np.ascontiguousarray(table[np.asarray(clues).reshape(-1)], np.float32)
    return state, np.zeros((len(state), DIGITS), np.float32)


def read_answers(path):
    """A file of known answers: (clues, {iterations: logits}, {iterations: state})."""
    from safetensors.numpy import load_file

    held = load_file(path)
    pick = lambda kind: {  # noqa: E731
        int(name.split(".")[1]): value for name, value in held.items() if name.startswith(kind + ".")
    }
    return held["clues"], pick("logits"), pick("state")


def deviation(got, wanted):
    """max|difference| / max|reference|; infinite where anything is not a number."""
    got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    if not np.isfinite(got).all():
        return math.inf
    return float(np.abs(got - wanted).max() / np.abs(wanted).max())


def summary(times):
    """The median and the extremes of a list of times."""
    if not times:
        return {"error": "no time was taken"}
    return {"median": statistics.median(times), "min": min(times), "max": max(times), "times": times}


def private_stdout():
    """A stream to the caller's stdout; whatever else writes to stdout goes to stderr from now on."""
    sys.stdout.flush()
    stream = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)
    return stream


def private_stdin():
    """The caller's stdin, kept from child processes."""
    stream = os.fdopen(os.dup(0), "r", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return stream


def serve(requests, replies, answer):
    """For each line {"case": …, "repeat": n} of `requests`, one line of JSON on `replies`.

    `answer(case, repeat)` gives a dict. Its exceptions become {"error": …}. Ends at the end of the
    input or at {"case": "quit"}.
    """
    for line in requests:
        if not line.strip():
            continue
        case = None
        try:
            request = json.loads(line)
            case = request["case"]
            if case == "quit":
                break
            reply = answer(case, int(request.get("repeat", 1)))
        except Exception as error:
            reply = {"error": describe(error)}
        replies.write(json.dumps({"case": case, **reply}) + "\n")
        replies.flush()


def describe(error):
    """One line, short enough for a reply."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:600]


def write_json(path, value):
    """Writes beside the file first, so that a reader never sees half of it."""
    temporary = f"{path}.part"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
    os.replace(temporary, path)
