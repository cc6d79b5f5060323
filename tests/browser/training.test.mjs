// Training in the CPU worker: to the end, across a reload, across the death of the worker, and with
// too little memory or room.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { LOOPSCOPE_URL, MINUTE, PHONE, launch } from "./lib.mjs";

const program = promisify(execFile);
const step = (s) => s.training?.step ?? 0;

test("a 4×4 model learns in the CPU worker; 99 % of 500 unseen puzzles", { timeout: 15 * MINUTE }, async (t) => {
  // A small window: without a graphics card it is drawn on the cores that train.
  const browser = await launch({ viewport: PHONE });
  const folder = await mkdtemp(join(tmpdir(), "loopscope-model-"));
  t.after(() => Promise.all([browser.close(), rm(folder, { recursive: true })]));
  const tab = await browser.ready("?device=cpu#preset=sudoku4&iteration=3");
  const begun = Date.now();
  await tab.train();
  // After each probe in which all of its boards were solved, the weights leave the page as a file, and the
  // desktop program measures them: on puzzles that the training left out by their canonical form.
  let seen = 0;
  let solved = 0;
  while (solved < 0.99) {
    const state = await tab.until(
      "it learns",
      (s) => (s.training.probe?.step ?? 0) > seen || s.training.state === "finished",
      6 * MINUTE,
      500,
    );
    const { probe } = state.training;
    assert.ok(probe.step > seen, `finished, and ${100 * solved} % of 500 unseen puzzles are solved`);
    seen = probe.step;
    if (probe.share < 0.98) {
      continue;
    }
    const download = tab.page.waitForEvent("download");
    assert.ok(await tab.developer("save the weights"));
    const file = join(folder, `step-${seen}.safetensors`);
    await (await download).saveAs(file);
    const T = state.trained;
    const { stdout } = await program(process.env.LOOPSCOPE_PROGRAM, [
      ...["eval", "--model", file, "--generate", "500", "--iterations", String(T), "--device", "cpu", "--json"],
    ]);
    const total = JSON.parse(stdout).iterations[T].total;
    assert.equal(total.of, 500);
    solved = total.solved / total.of;
    const seconds = ((Date.now() - begun) / 1000).toFixed(0);
    t.diagnostic(`step ${seen}, ${seconds} s: ${total.solved} of 500 unseen puzzles after ${T} iterations`);
  }
  assert.deepEqual(tab.errors, []);
});

test("a routed network learns to weigh its heads, and shows it live", { timeout: 6 * MINUTE }, async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  const tab = await browser.ready("?device=cpu#preset=poh4-hrm&plots=training&iteration=3");
  await tab.train();
  const live = await tab.until("its routing is read", (s) => s.training.routing_entropy?.length === 6, 2 * MINUTE);
  const most = Math.log(4);
  assert.ok(live.training.routing_entropy.every((e) => e > 0 && e <= most + 1e-3), JSON.stringify(live.training));
  assert.ok(Math.abs(live.training.head_load.reduce((a, b) => a + b, 0) - 1) < 1e-3);
  assert.equal(live.training.alarm, null);
  const later = await tab.until("it is read again", (s) => s.training.step > live.training.step + 20, 2 * MINUTE);
  assert.notDeepEqual(later.training.routing_entropy, live.training.routing_entropy);
  // The board is solved by the weights in training: its frames say how the heads were weighed.
  const board = await tab.until("the board shows heads", (s) => s.routing?.heads === 4, MINUTE);
  assert.ok(board.routing.entropy > 0 && board.routing.entropy <= most + 1e-3);
  assert.deepEqual(tab.errors, []);
});

describe("a training that is disturbed", { timeout: 15 * MINUTE }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  // A training that has a checkpoint: a pause writes one.
  async function underWay() {
    const tab = await browser.ready("?device=cpu#preset=sudoku4&iteration=3");
    await tab.train();
    await tab.until("some steps are taken", (s) => step(s) >= 12, 2 * MINUTE);
    await tab.press("t");
    const { training } = await tab.until("it pauses", (s) => s.training.state === "paused");
    await tab.press("t");
    const state = await tab.until("it goes on", (s) => s.training.state === "running" && step(s) > training.step + 2, MINUTE);
    return { tab, state, kept: training.step };
  }

  test("goes on after the page was loaded again in the middle", async () => {
    const { tab, state, kept } = await underWay();
    const { run } = state.training;
    assert.match(run, /^sudoku4-seed1-\d+$/);
    await tab.page.reload();
    const back = await tab.until("it trains again", (s) => s.training?.state === "running", MINUTE);
    assert.equal(back.training.run, run);
    assert.ok(step(back) >= kept, `it began again at step ${step(back)}`);
    const on = await tab.until("it goes on", (s) => step(s) > step(state) + 5, 2 * MINUTE);
    assert.equal(on.training.run, run);
    assert.deepEqual(on.messages.filter((m) => /stopped|failed|cannot/.test(m)), []);
    // Paused, it stays paused.
    await tab.focus();
    await tab.press("t");
    const paused = await tab.until("it pauses", (s) => s.training.state === "paused");
    await tab.page.reload();
    const still = await tab.until("it is there, paused", (s) => s.training?.state === "paused", MINUTE);
    assert.equal(step(still), step(paused));
    // Another tab has nothing to do with it.
    const other = await browser.ready("?device=cpu");
    assert.equal((await other.engine()).training, null);
    await other.page.close();
    await tab.page.close();
  });

  for (const [trouble, how] of [
    ["kill-worker", "ended from outside"],
    ["crash-worker", "asked for this panic"],
  ]) {
    test(`goes on from its checkpoint when the worker dies (${trouble})`, async () => {
      const { tab, state, kept } = await underWay();
      await tab.developer(trouble);
      await tab.until("the death is told", (s) => s.messages.some((m) => m.includes(how)));
      const back = await tab.until("it trains again", (s) => s.engine === "ready" && s.training?.state === "running", MINUTE);
      assert.ok(step(back) >= kept, `it began again at step ${step(back)}`);
      const on = await tab.until("it goes on", (s) => step(s) > step(state) + 5, 2 * MINUTE);
      assert.equal(on.training.run, state.training.run);
      // The board is looked at again, by the weights in training.
      await tab.until("the board is live", (s) => !s.recorded && s.last > 0, MINUTE);
      await tab.page.close();
    });
  }

  test("takes smaller parts of a batch when memory ran out, and says so", async () => {
    const { tab, state } = await underWay();
    await tab.developer("out-of-memory");
    const half = Math.floor(state.training.at_once / 2);
    const halved = await tab.until("the micro-batch is halved", (s) => s.training?.micro_batch === half, MINUTE);
    assert.ok(halved.messages.some((m) => m.includes(`halved to ${half} board`) && m.includes("batch stays 64")), halved.messages.join("\n"));
    await tab.until("the new engine keeps to it", (s) => s.training.at_once === half && s.training.state === "running", MINUTE);
    const on = await tab.until("it goes on", (s) => step(s) > step(state), 2 * MINUTE);
    assert.equal(on.training.run, state.training.run);
    await tab.page.close();
  });

  test("says that there is no room, and goes on", async () => {
    const tab = await browser.ready("?device=cpu#preset=sudoku4");
    await tab.train();
    await tab.until("the run has begun", (s) => step(s) >= 10, MINUTE);
    const session = await browser.context.newCDPSession(tab.page);
    const { origin } = new URL(LOOPSCOPE_URL);
    const { usage } = await session.send("Storage.getUsageAndQuota", { origin });
    // Room for the curves, and none for a checkpoint.
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: Math.floor(usage) + 20_000 });
    const told = await tab.until("it is told", (s) => s.messages.some((m) => m.includes("no more room")), 3 * MINUTE);
    assert.ok(told.messages.some((m) => m.includes("delete runs that you no longer need")), told.messages.join("\n"));
    await tab.until("it goes on", (s) => s.training.state === "running" && step(s) > step(told), MINUTE);
    await session.send("Storage.overrideQuotaForOrigin", { origin });
    await tab.page.close();
  });
});
