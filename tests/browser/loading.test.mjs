// Weights and recordings that lie beside the page: what is fetched when, what is shown meanwhile, and what is
// said where a file does not come.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { MINUTE, NINE, asset, launch, sleep } from "./lib.mjs";

const FILES = /\/web\/([a-z0-9-]+)-[0-9a-f]{8}\.(trace|safetensors)$/;

describe("files beside the page", { timeout: 15 * MINUTE }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  // A page, and the names of the files that it fetched.
  async function watched(address, before = async () => {}) {
    const fetched = [];
    const tab = await browser.ready(address, async (page) => {
      page.on("request", (request) => {
        const file = FILES.exec(request.url());
        if (file) {
          fetched.push(`${file[1]}.${file[2]}`);
        }
      });
      await before(page);
    });
    return { tab, fetched };
  }

  test("the page opens on the 9×9 model's recording, and is scrubbed without any weights", async () => {
    const { tab, fetched } = await watched("?device=cpu");
    const moving = await tab.until("the recording moves", (s) => s.moving);
    assert.equal(moving.shown, "sudoku9");
    assert.equal(moving.model, "sudoku9");
    assert.equal(moving.puzzle.length, 81);
    assert.ok(moving.recorded && moving.last > moving.trained);
    await tab.engine();
    await tab.focus();
    await tab.press("End");
    await tab.until("the end", (s) => s.cursor === s.last);
    await tab.press("Home", "ArrowRight", "ArrowRight");
    const state = await tab.until("the second iteration", (s) => s.cursor === 2 && !s.playing);
    await sleep(1000);
    assert.ok((await tab.state()).recorded && !state.thinking);
    // What the loader began to load is what the window asked for: there is one request.
    assert.deepEqual(fetched, ["sudoku9.trace"]);
    assert.equal(state.link, "#iteration=2");
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("while the recording is on its way the page says so, and the engine does not hold it up", async () => {
    let release;
    const held = new Promise((resolve) => (release = resolve));
    const { tab } = await watched("?device=cpu", (page) =>
      page.route(/\/web\/sudoku9-[0-9a-f]{8}\.trace$/, async (route) => {
        await held;
        await route.continue();
      }),
    );
    const empty = await tab.until("it is told", (s) => s.loading);
    assert.match(empty.loading, /^Loading the recording of sudoku9 \(\d+ KB\)\.$/);
    assert.equal(empty.last, 0);
    assert.equal(empty.model, "sudoku9");
    await tab.engine();
    release();
    await tab.until("the recording moves", (s) => s.moving && s.loading === null && s.shown === "sudoku9");
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("another model's recording is fetched when it is chosen; one that is not there is told, and comes at the next try", async () => {
    let broken = true;
    const { tab, fetched } = await watched("?device=cpu", (page) =>
      page.route("**/web/sudoku9-collapsing-*.trace", (route) =>
        broken ? route.fulfill({ status: 404, body: "" }) : route.continue(),
      ),
    );
    await tab.until("the recording moves", (s) => s.moving);
    assert.ok(await tab.developer("open Sudoku 9×9, fails on purpose"));
    const failed = await tab.until("it is told", (s) => s.missing);
    assert.match(failed.missing, /^The recording of sudoku9-collapsing could not be loaded: the server answered 404 \(web\/sudoku9-collapsing-[0-9a-f]{8}\.trace\)\.$/);
    assert.ok(failed.messages.includes(failed.missing), failed.messages.join("\n"));
    // The earlier view goes on.
    assert.equal(failed.shown, "sudoku9");
    const later = await tab.until("it plays on", (s) => s.cursor !== failed.cursor);
    assert.ok(later.recorded && later.playing);
    broken = false;
    assert.ok(await tab.developer("try again"));
    const shown = await tab.until("it is there", (s) => s.shown === "sudoku9-collapsing" && s.moving);
    assert.equal(shown.missing, null);
    assert.equal(shown.model, "sudoku9-collapsing");
    await tab.page.waitForFunction(() => location.hash === "#model=sudoku9-collapsing");
    assert.deepEqual(fetched, ["sudoku9.trace", "sudoku9-collapsing.trace", "sudoku9-collapsing.trace"]);
    await tab.page.close();
  });

  test("a link to it fetches that recording alone; two recordings are compared without weights", async () => {
    const { tab, fetched } = await watched("?device=cpu#model=sudoku9-collapsing&with=sudoku9&iteration=200");
    const state = await tab.until("both are there", (s) => s.cursor === 200 && s.comparing?.recorded && s.comparing.last >= 200);
    assert.equal(state.shown, "sudoku9-collapsing");
    assert.equal(state.comparing.with, "sudoku9");
    await tab.engine();
    await sleep(1000);
    assert.deepEqual(fetched.toSorted(), ["sudoku9-collapsing.trace", "sudoku9.trace"]);
    assert.ok((await tab.state()).comparing.recorded);
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("a puzzle of one's own fetches the weights, and the CPU worker solves it", async () => {
    let broken = true;
    const { tab, fetched } = await watched("?device=cpu", (page) =>
      page.route("**/web/*.safetensors", (route) => (broken ? route.fulfill({ status: 503, body: "" }) : route.continue())),
    );
    await tab.until("the recording moves", (s) => s.moving);
    await tab.engine();
    const solution = "534678912672195348198342567859761423426853791713924856961537284287419635345286179";
    await tab.openBytes("puzzle.txt", Buffer.from(NINE));
    const failed = await tab.until("it is told", (s) => s.missing && !s.thinking);
    assert.match(failed.missing, /^The weights of sudoku9 could not be loaded: the server answered 503/);
    broken = false;
    assert.ok(await tab.developer("try again"));
    const solved = await tab.until("it is solved", (s) => s.solved && !s.thinking && !s.recorded, 3 * MINUTE);
    assert.equal(solved.puzzle, NINE.replaceAll("0", "."));
    assert.equal(solved.answer, solution);
    assert.equal(solved.missing, null);
    assert.deepEqual(fetched, ["sudoku9.trace", "sudoku9.safetensors", "sudoku9.safetensors"]);
    // A worker that dies gets the same weights again, from the page.
    await tab.developer("kill-worker");
    await tab.until("it is told", (s) => s.messages.some((m) => m.includes("started again")));
    await tab.until("the answer is there again", (s) => s.engine === "ready" && s.solved && !s.thinking, 3 * MINUTE);
    assert.equal(fetched.length, 3);
    await tab.page.close();
  });

  test("the engine continues a recording with the same answers", async () => {
    const { tab, fetched } = await watched("?device=cpu#iteration=4");
    const recorded = await tab.until("the recording is there", (s) => s.cursor === 4 && s.recorded);
    await tab.engine();
    assert.ok(await tab.developer("run the trained iterations"));
    const live = await tab.until("it has thought", (s) => !s.recorded && !s.thinking && s.last === s.trained, 3 * MINUTE);
    assert.equal(live.cursor, 4);
    // Not by the same device: a cell that is undecided may fall the other way.
    const differ = [...live.answer].filter((digit, cell) => digit !== recorded.answer[cell]).length;
    assert.ok(differ <= 2, `${differ} cells differ: ${live.answer}, ${recorded.answer}`);
    assert.deepEqual(fetched, ["sudoku9.trace", "sudoku9.safetensors"]);
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("a small model's weights are in the engine, and its recording beside the page", async () => {
    const { tab, fetched } = await watched("?device=cpu#model=sudoku4");
    await tab.until("it has thought", (s) => s.model === "sudoku4" && !s.recorded && !s.thinking, MINUTE);
    assert.deepEqual(fetched, ["sudoku4.trace"]);
    await tab.page.close();
  });

  test("the files are those of the repository", async () => {
    const tab = await browser.ready("?device=cpu");
    const files = await tab.page.evaluate(() => JSON.parse(document.getElementById("manifest").textContent).files);
    for (const name of ["models/sudoku9.safetensors", "traces/sudoku9.trace", "traces/sudoku4-training.trace"]) {
      const got = await tab.page.evaluate(async (path) => {
        const bytes = new Uint8Array(await (await fetch(path)).arrayBuffer());
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
        return [bytes.length, [...digest].map((b) => b.toString(16).padStart(2, "0")).join("")];
      }, files[name]);
      const want = await asset(`assets/${name}`);
      assert.deepEqual(got, [want.length, createHash("sha256").update(want).digest("hex")], name);
    }
    await tab.page.close();
  });
});
