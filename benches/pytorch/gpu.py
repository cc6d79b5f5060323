"""Times the looped transformer in PyTorch on a graphics card.

A case is SIZE-HOW-PRECISION.
SIZE: `one` (1 board), `many` (--boards boards), `train` (a training step), `first` (from the start of
a new process to the end of its first training step).
HOW: `eager`, `graph` (eager operations captured in a CUDA graph), `compiled` (torch.compile, captured
in a CUDA graph).
PRECISION: `f32` (TF32 off), `tf32` (float32 with TF32 products), `bf16` (a bfloat16 model; autocast
when training). Left out, it is tf32, and f32 for `first`.

Prints one JSON object, or with --serve one per request. Everything else goes to stderr.
"""

import argparse
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from contextlib import contextmanager, nullcontext

import torch
import torch.nn.functional as F

import common
from model import load

SIZES = ("one", "many", "train", "first")
HOWS = ("eager", "graph", "compiled")
PRECISIONS = ("f32", "tf32", "bf16")

# Cheap ones first, then the compiled ones by importance: the last may fall to the budget.
CASES = (
    "one-eager-f32",
    "one-eager-tf32",
    "many-eager-f32",
    "many-eager-tf32",
    "many-eager-bf16",
    "train-eager-f32",
    "train-eager-tf32",
    "one-graph-tf32",
    "one-graph-bf16",
    "many-graph-bf16",
    "train-graph-tf32",
    "first-eager-f32",
    "many-compiled-bf16",
    "one-compiled-bf16",
    "one-compiled-tf32",
    "many-compiled-tf32",
)
COMPILED_TRAINING = ("train-compiled-tf32", "train-compiled-bf16")
FIRST_ROUNDS = 2
MEASURING = 40.0
"""Seconds of the budget kept for the rounds of measurements."""


def log(text):
    print(f"[{time.perf_counter() - BEGIN:6.1f} s] {text}", file=sys.stderr, flush=True)


BEGIN = time.perf_counter()


def parse_case(name):
    parts = name.split("-")
    if len(parts) == 2:
        parts.append("f32" if parts[0] == "first" else "tf32")
    if len(parts) != 3 or not all(p in s for p, s in zip(parts, (SIZES, HOWS, PRECISIONS))):
        raise ValueError(f"no case {name}: SIZE-HOW-PRECISION of {SIZES}, {HOWS}, {PRECISIONS}")
    return tuple(parts)


def allow_tf32(precision):
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


class OutOfTime(BaseException):
    """Not an Exception: the compiler's own handlers shall not take it for a failed kernel."""


@contextmanager
def limit(seconds):
    """TimeoutError if the block takes longer than `seconds`, where the platform can tell."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_):
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 5.0)
    try:
        yield
    except OutOfTime:
        raise TimeoutError(f"not ready after {seconds:.0f} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def warm_on_side_stream(work):
    """What a capture asks for: run first on a stream of its own."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()


class PlainLoop:
    """Calls the step again and again."""

    def __init__(self, step, start, mode):
        self.step, self.start, self.mode = step, start, mode

    def run(self, iterations):
        with self.mode():
            state, prediction = self.start
            for _ in range(iterations):
                state, logits, prediction = self.step(state, prediction)
        return logits


class GraphLoop:
    """Replays a CUDA graph of `length` iterations, which ends by copying its result to its input."""

    def __init__(self, step, start, length):
        self.start, self.length = start, length
        self.held = tuple(value.clone() for value in start)
        with torch.no_grad():
            warm_on_side_stream(lambda: self.chain(step))
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.logits = self.chain(step)

    def chain(self, step):
        state, prediction = self.held
        for _ in range(self.length):
            state, logits, prediction = step(state, prediction)
        self.held[0].copy_(state)
        self.held[1].copy_(prediction)
        return logits

    def run(self, iterations):
        for held, value in zip(self.held, self.start):
            held.copy_(value)
        for _ in range(iterations // self.length):
            self.graph.replay()
        return self.logits


class Case:
    """`time()` gives ms per `unit`; `facts` go into every answer."""

    most = None
    """Times worth taking in one run, where a time is expensive."""

    def __init__(self, unit):
        self.unit, self.facts = unit, {}


class Inference(Case):
    def __init__(self, size, how, precision, options):
        super().__init__("ms per iteration")
        self.precision, self.device = precision, options.device
        self.iterations = options.iterations if size == "one" else options.many_iterations
        boards = 1 if size == "one" else options.boards
        clues, _ = common.random_boards(boards, options.seed)
        clues = torch.from_numpy(clues).to(self.device)
        allow_tf32(precision)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        model = load(options.weights, options.seed, self.device, dtype).eval().requires_grad_(False)
        with torch.no_grad():
            start = model.encode(clues)
        length = math.gcd(options.graph_iterations, self.iterations)
        self.facts = {"boards": boards, "iterations": self.iterations}
        cuda = self.device.type == "cuda"
        if how == "compiled":
            step = self.compile(model, start, options.compile_mode)
            mode = torch.no_grad
        else:
            model.complex_rotation = dtype == torch.float32
            step = model.iterate
            mode = torch.inference_mode
        self.loop = PlainLoop(step, start, mode)
        if how != "eager":
            self.facts["iterations_per_graph"] = 0
            if cuda:
                try:
                    self.loop = GraphLoop(step, start, length)
                    self.facts["iterations_per_graph"] = length
                except Exception as error:
                    self.facts["graph_error"] = common.describe(error)
                    log(f"no CUDA graph: {self.facts['graph_error']}")
        self.compare(clues, length, options)

    def compile(self, model, start, wanted):
        """The compiled step after its first call; falls back to the default mode."""
        for mode in dict.fromkeys((wanted, "default")):
            try:
                step = torch.compile(model.iterate, mode=mode, dynamic=False, fullgraph=True)
                with torch.no_grad():
                    state, _, prediction = step(*start)
                    step(state, prediction)
                self.facts["compile_mode"] = mode
                return step
            except Exception as error:
                log(f"torch.compile(mode={mode!r}): {common.describe(error)}")
                last = error
        raise last

    def compare(self, clues, iterations, options):
        """How far the logits are from eager float32 with TF32 off, and how often the digit agrees."""
        got = self.loop.run(iterations).float().clone()
        allow_tf32("f32")
        model = load(options.weights, options.seed, self.device).eval().requires_grad_(False)
        with torch.inference_mode():
            state, prediction = model.encode(clues)
            for _ in range(iterations):
                state, logits, prediction = model.iterate(state, prediction)
            off = ((got - logits).abs().max() / logits.abs().max()).item()
            agree = (got.argmax(-1) == logits.argmax(-1)).float().mean().item()
        allow_tf32(self.precision)
        self.facts["compared_after"] = iterations
        self.facts["deviation"] = off if math.isfinite(off) else None
        self.facts["same_digit"] = agree

    def time(self):
        allow_tf32(self.precision)
        synchronise(self.device)
        begin = time.perf_counter()
        self.loop.run(self.iterations)
        synchronise(self.device)
        return 1e3 * (time.perf_counter() - begin) / self.iterations


class Trainer:
    """A training step: batch from the host, T supervised iterations, backward, AdamW."""

    BATCHES = 8

    def __init__(self, how, precision, options):
        self.how, self.precision, self.device = how, precision, options.device
        self.iterations = options.train_iterations
        allow_tf32(precision)
        self.model = load(options.weights, options.seed, self.device, dropout=options.dropout).train()
        self.model.complex_rotation = how != "compiled" and precision != "bf16"
        cuda = self.device.type == "cuda"
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=1e-4,
            betas=(0.9, 0.95),
            eps=1e-8,
            weight_decay=0.01,
            fused=True,
            capturable=cuda and how != "eager",
        )
        self.iterate = self.model.iterate
        if how == "compiled":
            self.iterate = torch.compile(
                self.model.iterate, mode=options.training_compile_mode, dynamic=False, fullgraph=True
            )
        self.batches = []
        for number in range(self.BATCHES):
            batch = map(torch.from_numpy, common.random_boards(options.batch, options.seed + number))
            self.batches.append([t.pin_memory() if cuda else t for t in batch])
        self.clues, self.solution = (t.to(self.device) for t in self.batches[0])
        self.at, self.graph, self.value = 0, None, None

    def autocast(self):
        if self.precision == "bf16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def loss(self):
        """Cross-entropy over the blank cells, mean over the batch's blanks and the iterations."""
        with self.autocast():
            state, prediction = self.model.encode(self.clues)
            if self.how == "compiled":
                prediction.requires_grad_()  # as in later iterations: one program serves all
            found = []
            for _ in range(self.iterations):
                state, logits, prediction = self.iterate(state, prediction)
                found.append(logits)
            logits = torch.stack(found).flatten(0, 2).float()
        target = torch.where(self.clues == 0, self.solution - 1, -100).flatten()
        return F.cross_entropy(logits, target.repeat(self.iterations), ignore_index=-100)

    def update(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def capture(self):
        warm_on_side_stream(self.update)
        self.optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            loss = self.loss()
            loss.backward()
            self.optimizer.step()
        self.graph, self.value = graph, loss.detach()

    def step(self):
        clues, solution = self.batches[self.at % len(self.batches)]
        self.clues.copy_(clues, non_blocking=True)
        self.solution.copy_(solution, non_blocking=True)
        self.at += 1
        if self.graph is None:
            self.value = self.update()
        else:
            self.graph.replay()


class Training(Case):
    def __init__(self, how, precision, options):
        super().__init__("ms per step")
        self.trainer = trainer = Trainer(how, precision, options)
        self.steps = options.train_steps
        self.facts = {
            "batch": options.batch,
            "iterations": options.train_iterations,
            "dropout": options.dropout,
            "steps_per_time": self.steps,
        }
        trainer.step()
        self.facts["first_loss"] = trainer.value.item()
        trainer.step()
        if how != "eager":
            self.facts["graph"] = False
            if trainer.device.type == "cuda":
                try:
                    trainer.capture()
                    self.facts["graph"] = True
                except Exception as error:
                    trainer.graph = None
                    self.facts["graph_error"] = common.describe(error)
                    log(f"no CUDA graph: {self.facts['graph_error']}")
        synchronise(trainer.device)

    def time(self):
        allow_tf32(self.trainer.precision)
        synchronise(self.trainer.device)
        begin = time.perf_counter()
        for _ in range(self.steps):
            self.trainer.step()
        synchronise(self.trainer.device)
        self.facts["last_loss"] = self.trainer.value.item()
        return 1e3 * (time.perf_counter() - begin) / self.steps


class FirstStep(Case):
    """Starts this program again for one training step. A compiled one gets an empty cache."""

    most = FIRST_ROUNDS

    def __init__(self, how, precision, options):
        super().__init__("ms from process start to the end of the first training step")
        self.command = [
            sys.executable,
            os.path.abspath(__file__),
            *("--first-step", f"first-{how}-{precision}"),
            *("--device", str(options.device)),
            *("--batch", str(options.batch)),
            *("--train-iterations", str(options.train_iterations)),
            *("--dropout", str(options.dropout)),
            *("--seed", str(options.seed)),
        ]
        if options.weights:
            self.command += ["--weights", options.weights]
        self.facts = {"batch": options.batch, "iterations": options.train_iterations}

    def time(self):
        with tempfile.TemporaryDirectory() as cache:
            environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache, "TRITON_CACHE_DIR": cache}
            begin = time.perf_counter()
            child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            guard = threading.Timer(240, child.kill)
            guard.start()
            try:
                line = child.stdout.readline()
                taken = 1e3 * (time.perf_counter() - begin)
                child.stdout.read()
                child.wait()
            finally:
                guard.cancel()
        if not line.strip():
            raise RuntimeError(f"the child process ended with {child.returncode} before its first step")
        self.facts["child"] = json.loads(line)
        return taken


def first_step(name, options, replies):
    """The child of FirstStep. Its own clock starts after PyTorch's import."""
    _, how, precision = parse_case(name)
    trainer = Trainer(how, precision, options)
    synchronise(options.device)
    ready = time.perf_counter()
    trainer.step()
    synchronise(options.device)
    end = time.perf_counter()
    loss = trainer.value.item()
    parts = {"set_up_ms": 1e3 * (ready - BEGIN), "step_ms": 1e3 * (end - ready), "loss": loss}
    replies.write(json.dumps(parts) + "\n")
    replies.flush()


def synchronise(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


class Cases:
    """Prepares a case when it is first asked for, and keeps it; a failure is kept, too."""

    def __init__(self, options):
        self.options, self.ready, self.failed = options, {}, {}

    def get(self, name, seconds):
        spec = parse_case(name)
        if spec in self.failed:
            raise RuntimeError(self.failed[spec])
        if spec not in self.ready:
            size, how, precision = spec
            log(f"{name}: preparing")
            begin = time.perf_counter()
            try:
                with limit(seconds):
                    if size == "train":
                        case = Training(how, precision, self.options)
                    elif size == "first":
                        case = FirstStep(how, precision, self.options)
                    else:
                        case = Inference(size, how, precision, self.options)
                    if size != "first":
                        case.time()
            except Exception as error:
                self.failed[spec] = common.describe(error)
                log(f"{name}: {self.failed[spec]}")
                raise
            case.facts["preparation_s"] = round(time.perf_counter() - begin, 2)
            self.ready[spec] = case
        return self.ready[spec]


def card(options):
    if options.device.type == "cuda":
        name = torch.cuda.get_device_name(options.device)
    else:
        name = platform.processor() or platform.machine()
    return {
        "program": "pytorch",
        "card": name,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "weights": "file" if options.weights else "random",
    }


def run_all(options, cases):
    """Prepares every case, then takes one time of each in turn, round after round."""
    names = options.cases.split(",") if options.cases else list(CASES)
    if options.compiled_training:
        names += [name for name in COMPILED_TRAINING if name not in names]
    times, ready, errors = {name: [] for name in names}, {}, {}
    result = {**card(options), "cases": {}}

    def left():
        return options.budget - (time.perf_counter() - BEGIN)

    def keep():
        for name in names:
            entry = {}
            if name in ready:
                entry = {"unit": ready[name].unit, **ready[name].facts}
            if times[name]:
                entry.update(common.summary(times[name]))
            if name in errors or not times[name]:
                entry["error"] = errors.get(name, "not reached")
            result["cases"][name] = entry
        result["seconds"] = round(time.perf_counter() - BEGIN, 1)
        if options.out:
            common.write_json(options.out, result)

    def measure(name):
        try:
            times[name].append(ready[name].time())
        except Exception as error:
            errors[name] = common.describe(error)
            log(f"{name}: {errors[name]}")

    for name in names:
        seconds = min(options.prepare_limit, left() - MEASURING)
        try:
            if seconds < 10:
                raise TimeoutError("the budget was spent before this case")
            ready[name] = cases.get(name, seconds)
            measure(name)  # one time at once, so that a run that is cut short has it
        except Exception as error:
            errors[name] = common.describe(error)
        keep()
    log("measuring")
    for number in range(1, options.repeat):
        if left() < 2 and number >= 3:
            break
        for name, case in ready.items():
            if name not in errors and (case.most is None or number < case.most):
                measure(name)
        keep()
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", help="a safetensors file; random weights without it")
    parser.add_argument("--seed", type=int, default=0, help="of the random weights and boards")
    parser.add_argument("--device", default="cuda", type=torch.device)
    parser.add_argument("--cases", help="comma-separated; default: " + ",".join(CASES))
    parser.add_argument("--compiled-training", action="store_true", help="adds compiled training steps")
    parser.add_argument("--boards", type=int, default=256, help="boards of `many`")
    parser.add_argument("--iterations", type=int, default=1024, help="a time of `one`")
    parser.add_argument("--many-iterations", type=int, default=64, help="a time of `many`")
    parser.add_argument("--graph-iterations", type=int, default=16, help="iterations in a CUDA graph")
    parser.add_argument("--batch", type=int, default=64, help="boards of a training step")
    parser.add_argument("--train-iterations", type=int, default=16, help="T of a training step")
    parser.add_argument("--train-steps", type=int, default=8, help="training steps in one time")
    parser.add_argument("--dropout", type=float, default=0.1, help="when training")
    parser.add_argument("--compile-mode", default="max-autotune-no-cudagraphs")
    parser.add_argument("--training-compile-mode", default="default")
    parser.add_argument("--repeat", type=int, default=9, help="times a case")
    parser.add_argument("--budget", type=float, default=180, help="seconds for the whole run")
    parser.add_argument("--prepare-limit", type=float, default=120, help="seconds to prepare a case")
    parser.add_argument("--serve", action="store_true", help="answer requests on stdin")
    parser.add_argument("--first-step", metavar="CASE", help=argparse.SUPPRESS)
    parser.add_argument("--out", help="also write the JSON here, after every case")
    options = parser.parse_args()

    replies = common.private_stdout()
    warnings.filterwarnings("ignore", category=UserWarning)
    if options.device.type == "cuda":
        if not torch.cuda.is_available():
            replies.write(json.dumps({"error": "PyTorch finds no CUDA device"}) + "\n")
            sys.exit(1)
        options.device = torch.device("cuda", options.device.index or 0)
        torch.cuda.set_device(options.device)
    if options.first_step:
        first_step(options.first_step, options, replies)
        return
    try:
        # Cases share the code of `iterate`: every precision and size is one more version of it.
        torch._dynamo.config.recompile_limit = 64
    except Exception as error:
        log(f"recompile limit: {common.describe(error)}")

    cases = Cases(options)
    if options.serve:

        def answer(name, repeat):
            if name == "info":
                return card(options)
            case = cases.get(name, options.prepare_limit)
            times = [case.time() for _ in range(repeat)]
            return {"unit": case.unit, "times": times, **case.facts}

        common.serve(common.private_stdin(), replies, answer)
        return
    result = run_all(options, cases)
    replies.write(json.dumps(result) + "\n")
    replies.flush()
    sys.exit(0 if any("median" in case for case in result["cases"].values()) else 1)


if __name__ == "__main__":
    main()
