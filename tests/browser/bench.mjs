// An iteration of a 9×9 board in the page's worker: on the CPU, and on the browser's software graphics card;
// by the fused loop (with relaxed SIMD and with SIMD of fixed rounding) and by the plain path, in turns. Ends with 1 where a target is missed.

import { MINUTE, launch } from "./lib.mjs";

const TARGETS = { relaxed_fused_ms: 8, cpu_fused_ms: 14, card_ratio: 4 };
const ROUNDS = 3;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const round = (value) => Number(value.toPrecision(4));

// Medians of passes that take turns, in milliseconds an iteration.
async function times(graphics, device, iterations, simd = "relaxed") {
  const browser = await launch({ graphics });
  try {
    const tab = await browser.ready(`?device=${device}&simd=${simd}`);
    const { device: found } = await tab.engine();
    await tab.developer("fresh sudoku9");
    await tab.until("the model is there", (s) => s.model?.startsWith?.("sudoku9, fresh") || s.model?.name?.startsWith?.("sudoku9, fresh"), 2 * MINUTE);
    const all = { fused: [], plain: [] };
    for (let i = 0; i < ROUNDS; i++) {
      for (const kernels of ["fused", "plain"]) {
        const [count, repeat] = iterations[kernels];
        if (!(await tab.developer(`bench ${kernels} 1 ${count} ${repeat}`))) {
          throw new Error(`the page knows no bench of ${kernels}`);
        }
        const { benched } = await tab.until(`${kernels} is timed`, (s) => s.benched, 10 * MINUTE, 100);
        all[kernels].push(...benched);
      }
    }
    return { device: found.name, fused: all.fused, plain: all.plain };
  } finally {
    await browser.close();
  }
}

const relaxed = await times("webgl", "cpu", { fused: [64, 2], plain: [8, 1] });
const cpu = await times("webgl", "cpu", { fused: [64, 2], plain: [8, 1] }, "fixed");
const card = await times("webgpu", "swiftshader", { fused: [8, 1], plain: [2, 1] });
const figures = {
  relaxed: relaxed.device,
  relaxed_fused_ms: round(median(relaxed.fused)),
  cpu: cpu.device,
  cpu_fused_ms: round(median(cpu.fused)),
  cpu_plain_ms: round(median(cpu.plain)),
  card: card.device,
  card_fused_ms: round(median(card.fused)),
  card_plain_ms: round(median(card.plain)),
  card_ratio: round(median(card.plain) / median(card.fused)),
  times: { relaxed, cpu, card },
};
const met =
  figures.relaxed_fused_ms <= TARGETS.relaxed_fused_ms &&
  figures.cpu_fused_ms <= TARGETS.cpu_fused_ms &&
  figures.card_ratio >= TARGETS.card_ratio;

if (process.argv.includes("--json")) {
  console.log(JSON.stringify(figures));
} else {
  console.log("A 9×9 board, an iteration, medians of passes that took turns");
  console.log(`${relaxed.device}: ${figures.relaxed_fused_ms} ms fused (at most ${TARGETS.relaxed_fused_ms})`);
  console.log(`${cpu.device}: ${figures.cpu_fused_ms} ms fused, ${figures.cpu_plain_ms} ms plain (at most ${TARGETS.cpu_fused_ms})`);
  console.log(`${card.device}: ${figures.card_fused_ms} ms fused, ${figures.card_plain_ms} ms plain: ${figures.card_ratio} times as fast (at least ${TARGETS.card_ratio})`);
}
process.exit(met ? 0 : 1);
