// Training in the CPU worker: to the end, across a reload, across the death of the worker, and with
// too little memory or room.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { LOOPSCOPE_URL, MINUTE, launch } from "./lib.mjs";

const program = promisify(execFile);
const step = (s) => s.training?.step ?? 0;

test("a 4×4 model learns in the CPU worker; 99 % of 500 unseen puzzles", { timeout: 15 * MINUTE }, async (t) => {
  const browser = await launch();
  const folder = await mkdtemp(join(tmpdir(), "loopscope-model-"));
  t.after(() => Promise.all([browser.close(), rm(folder, { recursive: true })]));
  const tab = await browser.ready("?device=cpu#preset=sudoku4");
  const begun = Date.now();
  await tab.train();
  const end = await tab.until("it is finished", (s) => s.training?.state === "finished", 12 * MINUTE, 1000);
  const seconds = (Date.now() - begun) / 1000;
  assert.equal(step(end), end.training.steps);
  assert.ok(end.training.probe.share >= 0.96, JSON.stringify(end.training.probe));
  t.diagnostic(`${end.training.steps} steps in ${seconds.toFixed(0)} s, ${end.training.boards_per_second} boards/s`);

  // The weights leave the page as a file, and the desktop program measures them: on puzzles that the
  // training left out by their canonical form.
  const download = tab.page.waitForEvent("download");
  assert.ok(await tab.developer("save the weights"));
  const file = join(folder, "trained.safetensors");
  await (await download).saveAs(file);
  const { stdout } = await program(process.env.LOOPSCOPE_PROGRAM, [
    ...["eval", "--model", file, "--generate", "500", "--iterations", String(end.trained), "--device", "cpu", "--json"],
  ]);
  const { solved, of } = JSON.parse(stdout).iterations[end.trained].total;
  t.diagnostic(`${solved} of ${of} unseen puzzles after ${end.trained} iterations`);
  assert.equal(of, 500);
  assert.ok(solved >= 495, `${solved} of ${of}`);
  assert.deepEqual(tab.errors, []);
});

describe("a training that is disturbed", { timeout: 15 * MINUTE }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  // A training that has a checkpoint, which is written every hundred steps.
  async function underWay(address = "?device=cpu#preset=sudoku4") {
    const tab = await browser.ready(address);
    await tab.train();
    const state = await tab.until("a checkpoint was passed", (s) => step(s) >= 110, 3 * MINUTE);
    return { tab, state };
  }

  test("goes on after the page was loaded again in the middle", async () => {
    const { tab, state } = await underWay();
    const { run } = state.training;
    assert.match(run, /^sudoku4-seed1-\d+$/);
    await tab.page.reload();
    const back = await tab.until("it trains again", (s) => s.training?.state === "running", MINUTE);
    assert.equal(back.training.run, run);
    assert.ok(step(back) >= 100, `it began again at step ${step(back)}`);
    const on = await tab.until("it goes on", (s) => step(s) > step(state) + 20, 2 * MINUTE);
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
      const { tab, state } = await underWay();
      await tab.developer(trouble);
      await tab.until("the death is told", (s) => s.messages.some((m) => m.includes(how)));
      const back = await tab.until("it trains again", (s) => s.engine === "ready" && s.training?.state === "running", MINUTE);
      assert.ok(step(back) >= 100, `it began again at step ${step(back)}`);
      const on = await tab.until("it goes on", (s) => step(s) > step(state) + 20, 2 * MINUTE);
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
    await tab.engine();
    const session = await browser.context.newCDPSession(tab.page);
    const { origin } = new URL(LOOPSCOPE_URL);
    const { usage } = await session.send("Storage.getUsageAndQuota", { origin });
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: Math.floor(usage) + 60_000 });
    await tab.train();
    const told = await tab.until("it is told", (s) => s.messages.some((m) => m.includes("no more room")), 3 * MINUTE);
    assert.ok(told.messages.some((m) => m.includes("delete runs that you no longer need")), told.messages.join("\n"));
    await tab.until("it goes on", (s) => s.training.state === "running" && step(s) > step(told), MINUTE);
    await session.send("Storage.overrideQuotaForOrigin", { origin });
    await tab.page.close();
  });
});
