"""Times one iteration in ONNX Runtime's CPU provider, and checks it against known answers."""

import argparse
import json
import sys
import time

import numpy as np
import onnxruntime as ort

import common
import onnx_export

RESTART = 64
"""Iterations after which a timing goes back to the start of the board."""


class Runner:
    """A session whose state and prediction go back and forth between two bound sets of buffers."""

    def __init__(self, model, weights, boards, threads):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.weights = weights
        rows = boards * common.CELLS
        # OrtValues over numpy arrays would share memory only as inputs: these own theirs.
        new = lambda width: ort.OrtValue.ortvalue_from_shape_and_type(  # noqa: E731
            [rows, width], np.float32, "cpu"
        )
        self.states = [new(common.WIDTH) for _ in range(2)]
        self.predictions = [new(common.DIGITS) for _ in range(2)]
        self.answer = new(common.DIGITS)
        self.bindings = []
        for source in range(2):
            binding = self.session.io_binding()
            binding.bind_ortvalue_input("state", self.states[source])
            binding.bind_ortvalue_input("prediction", self.predictions[source])
            binding.bind_ortvalue_output("next_state", self.states[1 - source])
            binding.bind_ortvalue_output("logits", self.answer)
            binding.bind_ortvalue_output("next_prediction", self.predictions[1 - source])
            self.bindings.append(binding)
        self.at = 0

    def start(self, clues):
        state, prediction = common.encode(self.weights, clues)
        self.states[0].update_inplace(state)
        self.predictions[0].update_inplace(prediction)
        self.at = 0

    def step(self):
        self.session.run_with_iobinding(self.bindings[self.at % 2])
        self.at += 1

    def logits(self):
        return self.answer.numpy()

    def state(self):
        return self.states[self.at % 2].numpy()


def timings(runner, clues, count):
    """`count` times in ms, of one iteration each."""
    times = []
    while len(times) < count:
        runner.start(clues)
        for _ in range(min(RESTART, count - len(times))):
            start = time.perf_counter()
            runner.step()
            times.append(1e3 * (time.perf_counter() - start))
    return times


def check(runner, boards, path):
    """Deviations from known answers, by number of iterations; state and logits."""
    clues, logits, states = common.read_answers(path)
    worst = {}
    for first in range(0, len(clues) - boards + 1, boards):
        chosen = slice(first, first + boards)
        runner.start(clues[chosen])
        for done in range(1, max(logits) + 1):
            runner.step()
            for kind, wanted, got in (("logits", logits, runner.logits), ("state", states, runner.state)):
                if done in wanted:
                    value = wanted[done][chosen]
                    off = common.deviation(got().reshape(value.shape), value)
                    key = f"{kind}.{done}"
                    worst[key] = max(worst.get(key, 0.0), off)
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", help="a safetensors file; random weights without it")
    parser.add_argument("--seed", type=int, default=0, help="of the random weights and boards")
    parser.add_argument("--model", help="an .onnx file of onnx_export.py, instead of building one")
    parser.add_argument("--builder", choices=("auto", "torch", "onnx"), default="onnx")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--boards", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=512, help="iterations to time")
    parser.add_argument("--warmup", type=int, default=64, help="iterations before the first time")
    parser.add_argument("--serve", action="store_true", help="answer requests on stdin")
    parser.add_argument("--check", metavar="ANSWERS", help="a safetensors file of known answers")
    parser.add_argument("--tolerance", type=float, default=2e-5, help="of --check, at 16 iterations")
    parser.add_argument("--out", help="also write the JSON here")
    options = parser.parse_args()
    replies = common.private_stdout()

    begin = time.perf_counter()
    if options.model:
        model, builder = options.model, "file"
    else:
        model, builder = onnx_export.build(
            options.weights, options.seed, options.boards, options.builder
        )
    weights = common.read_weights(options.weights, options.seed)
    runner = Runner(model, weights, options.boards, options.threads)
    facts = {
        "program": "onnxruntime",
        "version": ort.__version__,
        "threads": options.threads,
        "boards": options.boards,
        "builder": builder,
        "preparation_s": round(time.perf_counter() - begin, 3),
    }

    if options.check:
        worst = check(runner, options.boards, options.check)
        good = worst.get("logits.16", float("inf")) <= options.tolerance
        result = {**facts, "deviation": worst, "tolerance": options.tolerance, "passed": good}
        replies.write(json.dumps(result) + "\n")
        if options.out:
            common.write_json(options.out, result)
        sys.exit(0 if good else 1)

    clues, _ = common.random_boards(options.boards, options.seed)
    timings(runner, clues, options.warmup)

    def answer(case, repeat):
        if case == "info":
            return facts
        if case != "iteration":
            raise ValueError(f"no case {case}; there is 'iteration'")
        times = timings(runner, clues, repeat)
        return {"unit": "ms per iteration", "times": times, **facts}

    if options.serve:
        common.serve(common.private_stdin(), replies, answer)
        return
    result = {
        **facts,
        "unit": "ms per iteration",
        **common.summary(timings(runner, clues, options.repeat)),
    }
    replies.write(json.dumps(result) + "\n")
    if options.out:
        common.write_json(options.out, result)


if __name__ == "__main__":
    main()
