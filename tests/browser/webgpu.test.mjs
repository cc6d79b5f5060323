// WebGPU with a software adapter, by name: it draws, it computes what the CPU computes, and a device
// that is lost is replaced.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { MINUTE, launch } from "./lib.mjs";

describe("WebGPU", { timeout: 20 * MINUTE }, () => {
  let browser;
  before(async () => (browser = await launch({ graphics: "webgpu" })));
  after(() => browser.close());

  test("draws the same window as WebGL", async (t) => {
    const browser = await launch({ graphics: "drawn" });
    t.after(() => browser.close());
    const pictures = [];
    for (const renderer of ["webgpu", "webgl"]) {
      const tab = await browser.ready(`?device=cpu&renderer=${renderer}#iteration=4`);
      const state = await tab.until("it stands still", (s) => s.engine === "ready" && s.cursor === 4 && !s.thinking, MINUTE);
      assert.equal(state.renderer, renderer);
      const colours = await tab.colours();
      assert.ok(colours.different > 100 && colours.commonest < 0.9, `${renderer}: ${JSON.stringify(colours)}`);
      pictures.push(colours);
      assert.deepEqual(tab.errors, []);
      await tab.page.close();
    }
    // The same areas in the same colours; edges may be smoothed otherwise.
    const [first, second] = pictures.map(({ commonest }) => commonest);
    assert.ok(Math.abs(first - second) < 0.02, `${first} and ${second}`);
  });

  test("a software adapter is taken only by name", async () => {
    const tab = await browser.ready("");
    const { device } = await tab.engine();
    assert.equal(device.gpu, false);
    assert.match(device.reason, /taken only by name/);
    assert.match(await tab.page.locator("#notices").innerText(), /No graphics card/);
    await tab.page.close();
  });

  test("logits of a tiny model equal the CPU's to 1e-4, and training steps are taken", async (t) => {
    const tab = await browser.ready("?device=swiftshader");
    const { device } = await tab.engine();
    assert.ok(device.gpu && device.software, JSON.stringify(device));
    assert.match(device.name, /WebGPU/);
    await tab.developer("test the device");
    const { self_test } = await tab.until("the test is done", (s) => s.self_test, 10 * MINUTE, 1000);
    t.diagnostic(JSON.stringify(self_test));
    assert.ok(self_test.largest_difference <= 1e-4, JSON.stringify(self_test));
    assert.ok(self_test.training_steps >= 4);
    assert.ok(self_test.loss_last < self_test.loss_first, "the loss falls");
    assert.ok(self_test.largest_loss_difference <= 1e-3, JSON.stringify(self_test));
    await tab.page.close();
  });

  test("a device that is lost is replaced, and the training goes on", async () => {
    const tab = await browser.ready("?device=swiftshader#preset=sudoku4");
    await tab.train();
    await tab.until("steps are taken", (s) => (s.training?.step ?? 0) >= 1, 8 * MINUTE, 1000);
    // A checkpoint every hundred steps would take long here: a pause writes one.
    await tab.focus();
    await tab.press("t");
    const paused = await tab.until("it pauses", (s) => s.training.state === "paused", 2 * MINUTE);
    await tab.press("t");
    await tab.until("it runs", (s) => s.training.state === "running");
    await tab.developer("lose-device");
    const back = await tab.until(
      "a new engine stands in its place",
      (s) => s.messages.some((m) => m.includes("started again")) && s.engine === "ready" && s.training?.state === "running",
      5 * MINUTE,
    );
    assert.equal(back.training.run, paused.training.run);
    assert.ok(back.training.step >= paused.training.step, `${back.training.step} after ${paused.training.step}`);
    await tab.page.close();
  });
});
