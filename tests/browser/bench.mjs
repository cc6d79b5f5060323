// An iteration of a 9×9 board in the page's worker: on the CPU with relaxed SIMD and with SIMD of fixed rounding,
// and on the browser's software graphics card; by the fused loop and by the plain path, in turns. Then a training
// step of the 4×4 preset, fused and on tensors, in turns. Ends with 1 where a target is missed. --json prints what
// `loopscope bench --json` would, a report for each device; --training leaves the iterations out.

import { cpus } from "node:os";
import { MINUTE, launch } from "./lib.mjs";

const ROUNDS = 3;
// As the command line counts them: 70.8 million multiply-adds of a 9×9 board, each two operations.
const OPERATIONS = 141585408;
const CPU = { graphics: "webgl", address: "?device=cpu", passes: { fused: [64, 2], plain: [8, 1] } };
const CARD = { graphics: "webgpu", address: "?device=swiftshader", passes: { fused: [8, 1], plain: [2, 1] } };
const CASES = [
  { ...CPU, address: "?device=cpu&simd=relaxed", most: { fused: 8 } },
  { ...CPU, address: "?device=cpu&simd=fixed", most: { fused: 14 } },
  { ...CARD, least: 4 },
];

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// Passes that take turns, in milliseconds an iteration, as a report.
async function measure({ graphics, address, passes }) {
  const browser = await launch({ graphics });
  try {
    const tab = await browser.ready(address);
    const { device } = await tab.engine();
    await tab.developer("fresh sudoku9");
    const fresh = (s) => (s.model?.name ?? s.model)?.startsWith?.("sudoku9, fresh");
    const { model } = await tab.until("the model is there", fresh, 2 * MINUTE);
    const found = { fused: { times: [], limits: [] }, plain: { times: [], limits: [] } };
    for (let i = 0; i < ROUNDS; i++) {
      for (const kernels of ["fused", "plain"]) {
        const [count, repeat] = passes[kernels];
        if (!(await tab.developer(`bench ${kernels} 1 ${count} ${repeat}`))) {
          throw new Error(`the page knows no bench of ${kernels}`);
        }
        const { benched } = await tab.until(`${kernels} is timed`, (s) => s.benched, 10 * MINUTE, 100);
        found[kernels].times.push(...benched.milliseconds);
        found[kernels].limits.push(benched.limit);
      }
    }
    const version = browser.context.browser()?.version() ?? "";
    return {
      device: `Chromium ${version.split(".")[0]}: ${device.name}`,
      processor: cpus()[0]?.model ?? null,
      model: model?.name ?? model,
      operations: OPERATIONS,
      iterations: passes.fused[0],
      cold: null,
      rows: Object.entries(found).map(([kernels, { times, limits }]) => ({
        program: "loopscope",
        case: kernels,
        boards: 1,
        milliseconds: times,
        median: median(times),
        gflop_per_second: OPERATIONS / (median(times) * 1e6),
        limit_gflop_per_second: median(limits) / 1e9,
      })),
    };
  } finally {
    await browser.close();
  }
}

// A training step of 64 boards of `sudoku4`, T = 6, in milliseconds: fused and on tensors, in turns.
const TRAINING = [
  { graphics: "webgl", address: "?device=cpu", steps: { fused: 4, plain: 1 }, least: 1 },
  { graphics: "webgpu", address: "?device=swiftshader", steps: { fused: 2, plain: 1 }, least: 5 },
];

async function train({ graphics, address, steps }) {
  const browser = await launch({ graphics });
  try {
    const tab = await browser.ready(address);
    const { device } = await tab.engine();
    await tab.developer("fresh sudoku4");
    const fresh = (s) => (s.model?.name ?? s.model)?.startsWith?.("sudoku4, fresh");
    await tab.until("the model is there", fresh, 2 * MINUTE);
    const times = { fused: [], plain: [] };
    for (let i = 0; i < ROUNDS; i++) {
      for (const kernels of ["fused", "plain"]) {
        if (!(await tab.developer(`bench-training ${kernels} 64 ${steps[kernels]} 1`))) {
          throw new Error(`the page knows no bench of training steps with ${kernels}`);
        }
        const { benched } = await tab.until(`${kernels} is timed`, (s) => s.benched, 10 * MINUTE, 100);
        times[kernels].push(...benched.milliseconds);
      }
    }
    return { device: device.name, fused: median(times.fused), plain: median(times.plain) };
  } finally {
    await browser.close();
  }
}

const say = process.argv.includes("--json") ? () => {} : console.log;
say("A 9×9 board, an iteration, medians of passes that took turns");
const reports = [];
let met = true;
for (const wanted of process.argv.includes("--training") ? [] : CASES) {
  const report = await measure(wanted);
  reports.push(report);
  const [fused, plain] = report.rows;
  const ratio = plain.median / fused.median;
  const good = !(fused.median > wanted.most?.fused) && !(ratio < wanted.least);
  met &&= good;
  const target = wanted.most ? `at most ${wanted.most.fused} ms` : `at least ${wanted.least} times`;
  say(
    `${report.device}: ${fused.median.toPrecision(4)} ms fused, ${plain.median.toPrecision(4)} ms plain, ` +
      `${ratio.toFixed(1)} times as fast; ${target}: ${good ? "met" : "MISSED"}`,
  );
}
for (const wanted of process.argv.includes("--json") ? [] : TRAINING) {
  const { device, fused, plain } = await train(wanted);
  const ratio = plain / fused;
  met &&= ratio >= wanted.least;
  say(
    `${device}: a training step of sudoku4 ${fused.toPrecision(4)} ms fused, ${plain.toPrecision(4)} ms on tensors, ` +
      `${ratio.toFixed(1)} times as fast; at least ${wanted.least} times: ${ratio >= wanted.least ? "met" : "MISSED"}`,
  );
}
if (process.argv.includes("--json")) {
  console.log(JSON.stringify(reports));
}
process.exit(met ? 0 : 1);
