// The page in figures: sizes, the time to the first moving board, the worst frame while a model
// trains, and what an iteration of a 9×9 board takes on the CPU. Ends with 1 where a limit is passed.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { LOOPSCOPE_PAGE, MINUTE, NINE, asset, launch, sleep } from "./lib.mjs";

const LIMITS = {
  page_megabytes_gzipped: 3,
  engine_megabytes_gzipped: 5,
  plain_megabytes_gzipped: 5,
  seconds_to_moving_board: 1.5,
  worst_frame_while_training_ms: 34,
};
const LOADS = 5;
const WATCHED = 20_000;
const PASSES = 3;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const round = (value, digits = 2) => Number(value.toFixed(digits));

const figures = {};

// Sizes, as a host that compresses would send them.
const manifest = JSON.parse(await readFile(join(LOOPSCOPE_PAGE, "manifest.json")));
for (const name of ["page", "engine", "plain"]) {
  const module = await readFile(join(LOOPSCOPE_PAGE, manifest[name].wasm));
  figures[`${name}_megabytes_gzipped`] = round(gzipSync(module, { level: 9 }).length / 1e6);
  figures[`${name}_megabytes`] = round(module.length / 1e6);
}

// What the first moving board needs beside the page's program; it does not get smaller.
const opening = await readFile(join(LOOPSCOPE_PAGE, manifest.files["traces/sudoku9.trace"]));
figures.opening_recording_megabytes = round(opening.length / 1e6);

// From navigation to a board that moves: a fresh profile each time, so that nothing is cached.
const loads = [];
for (let i = 0; i < LOADS; i++) {
  const browser = await launch();
  const tab = await browser.open("?device=cpu", (page) =>
    page.addInitScript(() => {
      const look = () => {
        try {
          if (JSON.parse(globalThis.loopscope.state()).moving) {
            globalThis.movingAt = performance.now();
            return;
          }
        } catch {
          // Not there yet.
        }
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    }),
  );
  await tab.page.waitForFunction(() => globalThis.movingAt, undefined, { timeout: MINUTE });
  loads.push((await tab.page.evaluate(() => globalThis.movingAt)) / 1000);
  await browser.close();
}
figures.seconds_to_moving_board = round(median(loads));
figures.seconds_to_moving_board_each = loads.map((s) => round(s));

// Frames while a model trains in the worker and its board is looked at, twice a second.
{
  const browser = await launch();
  // How long the page's own program takes for a frame: the rest of a frame is the browser's, which on a
  // machine without a graphics card draws the canvas on the cores that train.
  const timed = (page) =>
    page.addInitScript(() => {
      globalThis.scripts = [];
      const ask = globalThis.requestAnimationFrame.bind(globalThis);
      globalThis.requestAnimationFrame = (draw) =>
        ask((now) => {
          const begun = performance.now();
          draw(now);
          globalThis.scripts.push(performance.now() - begun);
        });
    });
  const tab = await browser.ready("?device=cpu#preset=sudoku4", timed);
  await tab.train();
  await tab.until("it is under way", (s) => s.training.step > 20, 2 * MINUTE);
  await sleep(2000);
  const before = (await tab.state()).training.step;
  const frames = await tab.page.evaluate(
    (watched) =>
      new Promise((resolve) => {
        const times = [];
        globalThis.scripts.length = 0;
        let last;
        const end = performance.now() + watched;
        const look = (now) => {
          if (last !== undefined) {
            times.push(now - last);
          }
          last = now;
          if (now < end) {
            requestAnimationFrame(look);
          } else {
            resolve(times);
          }
        };
        requestAnimationFrame(look);
      }),
    WATCHED,
  );
  const after = await tab.state();
  const sorted = frames.toSorted((a, b) => a - b);
  figures.frames_watched = frames.length;
  figures.median_frame_while_training_ms = round(median(frames), 1);
  figures.frame_while_training_ms_99_percent_are_below = round(sorted[Math.floor(sorted.length * 0.99)], 1);
  figures.worst_frame_while_training_ms = round(sorted.at(-1), 1);
  const scripts = await tab.page.evaluate(() => globalThis.scripts);
  figures.worst_script_in_a_frame_ms = round(Math.max(...scripts), 1);
  figures.steps_meanwhile = after.training.step - before;
  figures.boards_per_second_sudoku4 = round(after.training.boards_per_second, 0);
  await browser.close();
}

// An iteration of a 9×9 board of 796,937 parameters, with SIMD and without.
for (const [name, simd] of [
  ["with_simd", true],
  ["without_simd", false],
]) {
  const browser = await launch();
  const tab = await browser.ready("?device=cpu#model=sudoku4&iteration=1", (page) =>
    simd ? undefined : page.addInitScript(() => (WebAssembly.validate = () => false)),
  );
  await tab.engine();
  await tab.openBytes("nine.safetensors", await asset("tests/reference/sudoku-collapsing.safetensors"));
  await tab.until("the model is open", (s) => s.model === "nine", MINUTE);
  await tab.openBytes("puzzle.txt", Buffer.from(NINE));
  const paces = [];
  for (let i = 0; i < PASSES; i++) {
    const done = (s) => s.puzzle.length === 81 && !s.thinking && s.last >= 64 && s.pace?.iterations > 32;
    if (i === 0) {
      await tab.until("it is there", (s) => s.puzzle.length === 81 && !s.thinking && s.last >= 16, 2 * MINUTE);
    }
    await tab.developer("run four times as many");
    await sleep(300);
    const { pace } = await tab.until("it has thought", done, 2 * MINUTE);
    paces.push(pace.ms_per_iteration);
  }
  figures[`cpu_iteration_9x9_ms_${name}`] = round(median(paces), 1);
  await browser.close();
}

const broken = Object.entries(LIMITS).filter(([name, most]) => !(figures[name] <= most));
if (process.argv.includes("--json")) {
  console.log(JSON.stringify({ figures, limits: LIMITS, passed: broken.length === 0 }, null, 2));
} else {
  for (const [name, value] of Object.entries(figures)) {
    const most = LIMITS[name];
    const verdict = most === undefined ? "" : value <= most ? `  (at most ${most})` : `  above its limit of ${most}`;
    console.log(`${name.replaceAll("_", " ").padEnd(48)} ${Array.isArray(value) ? value.join(", ") : value}${verdict}`);
  }
}
process.exitCode = broken.length === 0 ? 0 : 1;
