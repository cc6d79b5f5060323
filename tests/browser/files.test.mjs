// Files: dropped or chosen, saved, and the runs that the browser keeps.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { MINUTE, NINE, asset, launch } from "./lib.mjs";

describe("files", { timeout: 10 * MINUTE }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  const live = async (address = "?device=cpu#model=sudoku4&iteration=2") => {
    const tab = await browser.ready(address);
    await tab.until("it has thought", (s) => s.model !== null && !s.recorded && !s.thinking, MINUTE);
    return tab;
  };

  // What a command saves: its name and its bytes.
  async function saved(tab, command) {
    const download = tab.page.waitForEvent("download");
    assert.ok(await tab.developer(command), command);
    const file = await download;
    return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
  }

  test("a trace, weights, and the curves as table, figure and picture are saved", async () => {
    const tab = await live();
    const trace = await saved(tab, "save the trace");
    assert.match(trace.name, /^loopscope-\d+\.trace$/);
    assert.equal(trace.bytes.subarray(1, 8).toString(), "LSTRACE");
    assert.ok(gunzipSync(trace.bytes.subarray(16)).includes('"model"'));

    const weights = await saved(tab, "save the weights");
    assert.equal(weights.name, "sudoku4.safetensors");
    const header = JSON.parse(weights.bytes.subarray(8, 8 + Number(weights.bytes.readBigUInt64LE())));
    assert.equal(JSON.parse(header.__metadata__.loopscope).name, "sudoku4");

    const table = await saved(tab, "save the curves as data");
    assert.match(table.name, /\.csv$/);
    const [columns, ...rows] = table.bytes.toString().trim().split("\n");
    assert.match(columns, /iteration.*entropy/);
    assert.equal(rows.length, (await tab.state()).last);

    const figure = await saved(tab, "save the curves as a figure");
    assert.match(figure.bytes.toString(), /^<svg[^]*iteration[^]*<\/svg>/);

    const picture = await saved(tab, "save the curves as a picture");
    assert.equal(picture.name, "loopscope-trace.png");
    assert.equal(picture.bytes.subarray(1, 4).toString(), "PNG");
    const [width, height] = [picture.bytes.readUInt32BE(16), picture.bytes.readUInt32BE(20)];
    assert.ok(width >= 800 && height >= 400, `${width}×${height}`);

    // What was saved can be opened again.
    await tab.openBytes("again.trace", trace.bytes);
    await tab.until("the trace plays", (s) => s.recorded);
    await tab.openBytes("mine.safetensors", weights.bytes);
    const state = await tab.until("the weights are open", (s) => !s.recorded && !s.thinking && s.model === "sudoku4");
    assert.equal(state.link.includes("model="), false, "a link cannot hold weights of one's own");
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("a file that is dropped on the window is opened, and one that is nothing is told", async () => {
    const tab = await live();
    const drop = (name, bytes) =>
      tab.page.evaluate(
        ([name, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.from(bytes)], name));
          const canvas = document.getElementById("canvas");
          for (const kind of ["dragover", "drop"]) {
            canvas.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
          }
        },
        [name, [...bytes]],
      );
    await drop("puzzle.txt", Buffer.from("12............21"));
    await tab.until("the puzzle is there", (s) => s.puzzle === "12............21");
    await drop("six.trace", await asset("assets/traces/sudoku6.trace"));
    await tab.until("the recording is there", (s) => s.recorded && s.shown === "sudoku6");
    await tab.until("its number is told", (s) => s.messages.some((m) => m.includes("holds 4 recordings")));
    for (const [name, bytes, words] of [
      ["half.trace", (await asset("assets/traces/sudoku6.trace")).subarray(0, 100), "half.trace cannot be opened"],
      ["no.safetensors", Buffer.from("not weights"), "no.safetensors"],
      ["holiday.jpg", Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0]), "neither weights"],
    ]) {
      await drop(name, bytes);
      await tab.until(`${name} is told`, (s) => s.messages.some((m) => m.includes(words)));
    }
    assert.equal((await tab.state()).engine, "ready");
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("a file that is chosen in the dialog is opened", async () => {
    const tab = await live();
    const chooser = tab.page.waitForEvent("filechooser");
    await tab.focus();
    await tab.press("Control+o");
    await (await chooser).setFiles({
      name: "chosen.safetensors",
      mimeType: "application/octet-stream",
      buffer: await asset("assets/models/sudoku6.safetensors"),
    });
    await tab.until("the model is open", (s) => s.model === "sudoku6", MINUTE);
    await tab.page.close();
  });

  test("a 9×9 model from elsewhere runs in the CPU worker", async () => {
    const tab = await live();
    await tab.openBytes("sudoku-collapsing.safetensors", await asset("tests/reference/sudoku-collapsing.safetensors"));
    await tab.until("it is open", (s) => s.model === "sudoku-collapsing", MINUTE);
    await tab.openBytes("puzzle.txt", Buffer.from(NINE));
    const state = await tab.until("it has thought", (s) => s.puzzle.length === 81 && !s.thinking && s.last >= 16, 2 * MINUTE);
    assert.equal(state.trained, 16);
    await tab.page.close();
  });

  test("runs are listed, saved as one file, gone on with, and deleted", async () => {
    const tab = await browser.ready("?device=cpu#preset=sudoku4");
    await tab.train();
    await tab.until("some steps are taken", (s) => s.training.step >= 20, 2 * MINUTE);
    await tab.focus();
    await tab.press("t");
    const { training } = await tab.until("it pauses", (s) => s.training.state === "paused");
    await tab.developer("runs");
    const { runs } = await tab.until("the runs are listed", (s) => s.runs?.length === 1);
    assert.equal(runs[0].name, training.run);
    assert.equal(runs[0].step, training.step);
    assert.ok(runs[0].bytes > 100_000);

    const zip = await saved(tab, `save run ${training.run}`);
    assert.equal(zip.name, `${training.run}.zip`);
    for (const file of ["config.toml", "steps.csv", "checkpoints/step-"]) {
      assert.ok(zip.bytes.includes(`${training.run}/${file}`), file);
    }

    // The run in training is not deleted; another tab may do both.
    await tab.developer(`delete run ${training.run}`);
    await tab.developer(`delete run ${training.run}`);
    await tab.until("that is refused", (s) => s.messages.some((m) => m.includes("is in training")));
    await tab.page.close();
    const other = await browser.ready("?device=cpu");
    await other.engine();
    await other.developer(`go on with run ${training.run}`);
    const resumed = await other.until("it is there", (s) => s.training?.state === "paused", MINUTE);
    assert.equal(resumed.training.step, training.step);
    await other.developer("throw the training away");
    await other.until("it is gone from the window", (s) => s.training === null);
    await other.developer(`delete run ${training.run}`);
    await other.developer(`delete run ${training.run}`);
    await other.developer("runs");
    await other.until("it is gone from the storage", (s) => s.runs?.length === 0);
    assert.deepEqual(other.errors, []);
    await other.page.close();
  });
});
