"""One iteration as an ONNX graph.

Inputs `state` [boards·cells, d] and `prediction` [boards·cells, 9]; outputs `next_state`, `logits`
and `next_prediction` of the same layouts. Two builders: PyTorch's own exporter, and one that needs
the `onnx` package only.
"""

import argparse
import importlib.util
import io
import sys

import numpy as np

import common
from common import CELLS, DIGITS, HEAD_WIDTH, HEADS, LAYERS, NORM_EPS, PAIRS, WIDTH

INPUTS = ("state", "prediction")
OUTPUTS = ("next_state", "logits", "next_prediction")
OPSET = 17


class Graph:
    """Collects nodes and constants; each operation gives the name of its value."""

    def __init__(self):
        self.nodes, self.constants = [], {}

    def constant(self, name, value):
        self.constants.setdefault(name, np.ascontiguousarray(value))
        return name

    def sizes(self, *numbers):
        return self.constant("sizes " + " ".join(map(str, numbers)), np.array(numbers, np.int64))

    def op(self, kind, *inputs, outputs=1, name=None, **attributes):
        from onnx import helper

        stem = name or f"{kind.lower()}.{len(self.nodes)}"
        names = [stem] if outputs == 1 else [f"{stem}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def reshape(self, x, *shape):
        return self.op("Reshape", x, self.sizes(*shape))

    def linear(self, x, stem, weight, bias, name=None):
        weight = self.constant(f"{stem}.weight", weight.T)
        return self.op("Gemm", x, weight, self.constant(f"{stem}.bias", bias), name=name)


def build_with_onnx(weights, boards=1):
    """The graph node by node; a serialised model.

    Q, K and V come from one product. Its columns are ordered so that the first members of all
    rotary pairs of Q and K are one block and the second members another: the rotation is then
    whole-block arithmetic with no gather, and the head transposition puts the pairs together. Q·K
    does not change when the elements of both are reordered alike. 1/√dh is folded into Q.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    g = Graph()
    part = HEADS * PAIRS
    cos, sin = (np.tile(table, (1, 2 * HEADS)) for table in common.rotary_tables())
    cos, sin = g.constant("rotary.cos", cos), g.constant("rotary.sin", sin)
    pairs = np.arange(WIDTH).reshape(part, 2)
    first, second = pairs[:, 0], pairs[:, 1]

    def direct(x, stem, name=None):
        return g.linear(x, stem, weights[f"{stem}.weight"], weights[f"{stem}.bias"], name)

    def norm(x, stem):
        scale = g.constant(f"{stem}.weight", weights[f"{stem}.weight"])
        shift = g.constant(f"{stem}.bias", weights[f"{stem}.bias"])
        return g.op("LayerNormalization", x, scale, shift, axis=-1, epsilon=NORM_EPS)

    def attention(x, stem):
        def fused(kind):
            q, k, v = (weights[f"{stem}.{name}_proj.{kind}"] for name in "qkv")
            q = q * np.float32(HEAD_WIDTH**-0.5)
            return np.concatenate([q[first], k[first], q[second], k[second], v])

        qkv = g.linear(x, f"{stem}.qkv", fused("weight"), fused("bias"))
        qkv = g.reshape(qkv, boards, CELLS, 3 * WIDTH)
        u, w, v = g.op("Split", qkv, g.sizes(WIDTH, WIDTH, WIDTH), outputs=3, axis=2)
        turned_u = g.op("Sub", g.op("Mul", u, cos), g.op("Mul", w, sin))
        turned_w = g.op("Add", g.op("Mul", u, sin), g.op("Mul", w, cos))
        # [boards, cells, member, q or k, head, pair] → [q or k, boards, head, cells, member, pair]
        qk = g.op("Concat", turned_u, turned_w, axis=2)
        qk = g.reshape(qk, boards, CELLS, 2, 2, HEADS, PAIRS)
        qk = g.op("Transpose", qk, perm=[3, 0, 4, 1, 2, 5])
        qk = g.reshape(qk, 2, boards * HEADS, CELLS, HEAD_WIDTH)
        q, k = g.op("Split", qk, g.sizes(1, 1), outputs=2, axis=0)
        v = g.reshape(v, boards, CELLS, HEADS, HEAD_WIDTH)
        v = g.op("Transpose", v, perm=[0, 2, 1, 3])
        v = g.reshape(v, 1, boards * HEADS, CELLS, HEAD_WIDTH)
        scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2]))
        mixed = g.op("MatMul", g.op("Softmax", scores, axis=-1), v)
        mixed = g.reshape(mixed, boards, HEADS, CELLS, HEAD_WIDTH)
        mixed = g.op("Transpose", mixed, perm=[0, 2, 1, 3])
        return direct(g.reshape(mixed, boards * CELLS, WIDTH), f"{stem}.out_proj")

    x = g.op("Add", "state", direct("prediction", "pred_proj"))
    for layer in range(LAYERS):
        stem = f"layers.{layer}"
        x = g.op("Add", x, attention(norm(x, f"{stem}.norm1"), stem))
        hidden = g.op("Relu", direct(norm(x, f"{stem}.norm2"), f"{stem}.linear1"))
        last = OUTPUTS[0] if layer == LAYERS - 1 else None
        x = g.op("Add", x, direct(hidden, f"{stem}.linear2"), name=last)
    logits = direct(x, "output_head", name=OUTPUTS[1])
    g.op("Softmax", logits, axis=-1, name=OUTPUTS[2])

    def value(name, width):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [boards * CELLS, width])

    graph = helper.make_graph(
        g.nodes,
        "iteration",
        [value(name, width) for name, width in zip(INPUTS, (WIDTH, DIGITS))],
        [value(name, width) for name, width in zip(OUTPUTS, (WIDTH, DIGITS, DIGITS))],
        [numpy_helper.from_array(array, name) for name, array in g.constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    checker.check_model(model)
    return model.SerializeToString()


def build_with_torch(path, seed=0, boards=1):
    """The same through torch.onnx.export; a serialised model."""
    import torch

    from model import load

    class Iteration(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = load(path, seed=seed).eval().requires_grad_(False)

        def forward(self, state, prediction):
            state = state.reshape(boards, CELLS, WIDTH)
            prediction = prediction.reshape(boards, CELLS, DIGITS)
            values = self.network.iterate(state, prediction)
            return tuple(value.reshape(boards * CELLS, -1) for value in values)

    example = (torch.zeros(boards * CELLS, WIDTH), torch.zeros(boards * CELLS, DIGITS))
    common_options = {"input_names": list(INPUTS), "output_names": list(OUTPUTS)}
    with torch.no_grad():
        if importlib.util.find_spec("onnxscript"):
            program = torch.onnx.export(
                Iteration().eval(), example, dynamo=True, verbose=False, **common_options
            )
            return program.model_proto.SerializeToString()
        buffer = io.BytesIO()
        torch.onnx.export(
            Iteration().eval(), example, buffer, dynamo=False, opset_version=OPSET, **common_options
        )
        return buffer.getvalue()


def build(weights=None, seed=0, boards=1, builder="auto"):
    """(serialised model, builder that made it). `auto` tries PyTorch where it is installed."""
    if builder == "torch" or (builder == "auto" and importlib.util.find_spec("torch")):
        try:
            return build_with_torch(weights, seed, boards), "torch"
        except Exception as error:
            if builder == "torch":
                raise
            print(f"torch.onnx.export failed ({common.describe(error)})", file=sys.stderr)
    return build_with_onnx(common.read_weights(weights, seed), boards), "onnx"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", help="the .onnx file to write")
    parser.add_argument("--weights", help="a safetensors file; random weights without it")
    parser.add_argument("--seed", type=int, default=0, help="of the random weights")
    parser.add_argument("--boards", type=int, default=1)
    parser.add_argument("--builder", choices=("auto", "torch", "onnx"), default="auto")
    options = parser.parse_args()
    model, builder = build(options.weights, options.seed, options.boards, options.builder)
    with open(options.out, "wb") as file:
        file.write(model)
    print(f"{options.out}: {len(model):,} bytes, built with {builder}")


if __name__ == "__main__":
    main()
