// The page as people meet it: it plays before the engine is there, it is scrubbed by keyboard, mouse
// and finger, a link brings everything back, and trouble is told.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { LOOPSCOPE_URL, MINUTE, OTHER, PHONE, launch, sleep } from "./lib.mjs";

const EVERYTHING =
  `#model=sudoku4&preset=sudoku6&puzzle=${OTHER}&seed=7&iteration=9&iterations=48` +
  "&damping=0.5&prediction-scale=1.5&normalise-before-head=yes&bf16-state=yes&knocked-out=1.2&cell=r2c3&panel=cell&plots=training&colour=entropy";

describe("the page", { timeout: 10 * MINUTE }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("plays a recording before the engine has loaded, and says how far that is", async () => {
    let release;
    const held = new Promise((resolve) => (release = resolve));
    const tab = await browser.ready("?device=cpu", async (page) => {
      await page.route("**/web/engine-*.wasm", async (route) => {
        await held;
        await route.continue();
      });
    });
    const moving = await tab.until("the recording moves", (s) => s.moving);
    assert.equal(moving.engine, "loading");
    assert.equal(moving.device, null);
    assert.ok(moving.recorded && moving.last > 0);
    const later = await tab.until("it goes on", (s) => s.cursor !== moving.cursor);
    assert.equal(later.engine, "loading");
    release();
    const ready = await tab.engine();
    assert.match(ready.device.name, /CPU \(flex, 1 thread, relaxed SIMD\)/);
    const { different, commonest } = await tab.colours();
    assert.ok(different > 100 && commonest < 0.9, `${different} colours, ${commonest} of one: is there a picture?`);
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("the loop gives the same answers with every kind of SIMD, and without the module that has the quickest", async () => {
    const cases = [
      ["relaxed", "relaxed SIMD", false],
      ["fixed", "SIMD", false],
      ["none", "no SIMD", false],
      ["relaxed", "SIMD", (route) => route.abort()],
      // One that never comes holds nothing up.
      ["relaxed", "SIMD", () => {}],
    ];
    for (const [asked, told, withheld] of cases) {
      const tab = await browser.ready(`?device=cpu&simd=${asked}`, async (page) => {
        if (withheld) {
          await page.route("**/web/kernels-*.wasm", withheld);
        }
      });
      const { device } = await tab.engine();
      assert.equal(device.name, `CPU (flex, 1 thread, ${told})`);
      await tab.developer("test the device");
      const { self_test } = await tab.until("the test is done", (s) => s.self_test, MINUTE);
      assert.ok(self_test.largest_difference <= 1e-5, JSON.stringify(self_test));
      await tab.page.close();
    }
  });

  test("a pass over new boards is recorded and read", async () => {
    const tab = await browser.ready("?device=cpu#model=sudoku4&plots=boards");
    await tab.engine();
    await tab.until("the model is open", (s) => s.model === "sudoku4" && !s.thinking, MINUTE);
    assert.ok(await tab.developer("measure scaling 40"));
    const { measured } = await tab.until("it is read", (s) => s.measured && !s.measured.running, MINUTE);
    assert.equal(measured.boards, 40);
    // After 1, 2, 4, … iterations up to 96: the shipped model solves nearly all of them by then.
    assert.equal(measured.shares.length, 8);
    assert.ok(measured.shares[0] < measured.shares[3] && measured.shares.at(-1) >= 0.95, JSON.stringify(measured));
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("asks nobody but the place that it came from, with the engine at work", async () => {
    const asked = [];
    const listen = (request) => asked.push(request.url());
    browser.context.on("request", listen);
    const tab = await browser.ready("?device=cpu");
    // The recordings and weights of the large models are files of their own.
    await tab.developer("run the trained iterations");
    await tab.until("the model has thought", (s) => s.model !== null && !s.thinking && !s.recorded, 3 * MINUTE);
    browser.context.off("request", listen);
    for (const file of [/engine-[0-9a-f]+\.wasm$/, /\.trace$/, /\.safetensors$/]) {
      assert.ok(asked.some((url) => file.test(url)), asked.join("\n"));
    }
    assert.deepEqual(asked.filter((url) => !/^(data|blob):/.test(url) && !url.startsWith(LOOPSCOPE_URL)), []);
    await tab.page.close();
  });

  test("the timeline is scrubbed by keyboard", async () => {
    const tab = await browser.ready("?device=cpu#iteration=2");
    await tab.focus();
    const at = (cursor) => tab.until(`iteration ${cursor}`, (s) => s.cursor === cursor);
    await tab.press("Home");
    await at(0);
    await tab.press("ArrowRight", "ArrowRight", "ArrowRight");
    await at(3);
    await tab.press("ArrowLeft");
    await at(2);
    await tab.press("End");
    const end = await tab.until("the end", (s) => s.cursor === s.last);
    await tab.press("Shift+ArrowLeft");
    await at(Math.max(0, end.last - 10));
    await tab.press(" ");
    await tab.until("it plays", (s) => s.playing);
    await tab.press(" ");
    const paused = await tab.until("it pauses", (s) => !s.playing);
    await sleep(500);
    assert.equal((await tab.state()).cursor, paused.cursor);
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("the timeline is scrubbed by mouse, and beyond what was recorded the engine runs on", async () => {
    const tab = await browser.ready("?device=cpu#model=sudoku4&iteration=1");
    await tab.engine();
    const { mouse } = tab.page;
    const from = await tab.timeline(0.02);
    const to = await tab.timeline(0.3);
    await mouse.move(from.x, from.y);
    await mouse.down();
    await mouse.move((from.x + to.x) / 2, to.y, { steps: 5 });
    await sleep(150);
    const halfway = (await tab.state()).cursor;
    await mouse.move(to.x, to.y, { steps: 5 });
    await sleep(150);
    await mouse.up();
    const there = await tab.until("it followed", (s) => s.cursor > 1 && !s.thinking);
    assert.ok(halfway <= there.cursor, `${halfway}, then ${there.cursor}`);
    const end = await tab.timeline(0.999);
    await mouse.click(end.x, end.y);
    const ran = await tab.until("sixteen times T were run", (s) => s.last >= 16 * s.trained && !s.thinking, MINUTE);
    assert.ok(ran.cursor >= 0.9 * ran.last, `${ran.cursor} of ${ran.last}`);
    assert.equal(ran.recorded, false);
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("a link restores everything, and so does loading the page again", async () => {
    const tab = await browser.ready(`?device=cpu${EVERYTHING}`);
    const holds = (s) => s.cursor === 9 && s.last === 48 && !s.thinking;
    const check = (state) => {
      assert.equal(state.link, EVERYTHING);
      assert.equal(state.puzzle, OTHER);
      assert.equal(state.model, "sudoku4");
      assert.equal(state.selected, "r2c3");
      assert.equal(state.colour, "entropy");
      assert.deepEqual(state.interventions, {
        damping: 0.5,
        prediction_scale: 1.5,
        normalise_before_head: true,
        bf16_state: true,
        knocked_out: "1.2",
      });
      assert.equal(state.playing, false);
      assert.deepEqual(state.messages, []);
    };
    check(await tab.until("the pass is there", holds, MINUTE));
    await tab.page.reload();
    check(await tab.until("the pass is there again", holds, MINUTE));
    assert.ok(tab.page.url().endsWith(EVERYTHING), tab.page.url());
    // What is done in the window is in the address a moment later, and a typed address is obeyed.
    await tab.focus();
    await tab.press("ArrowRight");
    await tab.page.waitForFunction(() => location.hash.includes("iteration=10&"));
    await tab.page.evaluate(() => (location.hash = "#iteration=4&cell=r1c1"));
    const typed = await tab.until("the typed link is shown", (s) => s.cursor === 4 && s.selected === "r1c1");
    assert.equal(typed.colour, "right or wrong");
    assert.equal(typed.interventions.damping, 1);
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("an unknown key in a link gives a message, and the rest applies", async () => {
    const tab = await browser.ready("?device=cpu#modle=sudoku4&model=sudoku6&iteration=3&cell=r9c9&damping=7&colour=flips");
    const state = await tab.until("the rest applies", (s) => s.cursor === 3 && s.colour === "flips");
    const messages = state.messages.join("\n");
    for (const words of ["no key “modle”", "“model”", "r9c9", "damping=7"]) {
      assert.ok(messages.includes(words), `${words}: ${messages}`);
    }
    await tab.page.close();
  });

  test("a puzzle is pasted, and a wrong one is told", async () => {
    const tab = await browser.ready("?device=cpu#model=sudoku4&iteration=1");
    await tab.engine();
    const paste = (text) =>
      tab.page.evaluate((text) => {
        const data = new DataTransfer();
        data.setData("text/plain", text);
        const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
        (document.activeElement ?? document.body).dispatchEvent(event);
      }, text);
    await tab.focus();
    await paste("12.. .... .... ..21".replaceAll(" ", ""));
    await tab.until("the puzzle is there", (s) => s.puzzle === "12............21");
    await paste("11..............");
    await tab.until("the mistake is told", (s) => /row 1/i.test(s.problem));
    await tab.page.close();
  });

  test("whoever is shown another board goes back by undo", async () => {
    const tab = await browser.ready("?device=cpu#model=sudoku4&iteration=1");
    await tab.engine();
    await tab.openBytes("puzzle.txt", Buffer.from(OTHER));
    await tab.until("the puzzle is there", (s) => s.puzzle === OTHER);
    await tab.focus();
    await tab.press("Control+z");
    await tab.until("the old one is back", (s) => s.puzzle !== OTHER);
    await tab.page.close();
  });

  test("a panic is told, and loading again brings back where one was", async () => {
    const tab = await browser.ready("?device=cpu#model=sudoku4&iteration=4&cell=r1c1&colour=confidence");
    await tab.until("it is there", (s) => s.cursor === 4);
    await sleep(1500);
    const link = new URL(tab.page.url()).hash;
    await tab.page.evaluate(() => setTimeout(() => globalThis.loopscope.developer("panic-page")));
    await tab.page.getByRole("dialog", { name: "Loopscope stopped" }).waitFor();
    await tab.page.locator("summary").last().click();
    assert.match(await tab.page.locator("#message").innerText(), /asked for this panic/);
    await tab.page.getByRole("button", { name: /Reload/ }).click();
    const state = await tab.until("it is back", (s) => s.cursor === 4 && s.frame > 1);
    assert.equal(state.link, link);
    assert.equal(state.selected, "r1c1");
    await tab.page.close();
  });
});

test("on a phone: the narrow window, and a finger on the timeline", { timeout: 3 * MINUTE }, async (t) => {
  const browser = await launch({ viewport: PHONE, touch: true });
  t.after(() => browser.close());
  const tab = await browser.ready("?device=cpu#iteration=1");
  const state = await tab.engine();
  assert.ok(state.narrow);
  assert.ok(state.timeline.width > 250 && state.timeline.height >= 28, JSON.stringify(state.timeline));
  const { x, y } = await tab.timeline(0.25);
  await tab.page.touchscreen.tap(x, y);
  await tab.until("the finger moved it", (s) => s.cursor > 1);
  assert.equal(await tab.page.evaluate(() => document.documentElement.scrollWidth), PHONE.width);
  const { different } = await tab.colours();
  assert.ok(different > 100, `${different} colours`);
  assert.deepEqual(tab.errors, []);
  // With the line on what is missing, too.
  const other = await browser.ready("#iteration=1");
  assert.ok(await other.page.locator("#notices").isVisible());
  const canvas = await other.page.locator("#canvas").boundingBox();
  assert.equal(canvas.width, PHONE.width);
  assert.ok(canvas.y > 20 && Math.abs(canvas.y + canvas.height - PHONE.height) < 1, JSON.stringify(canvas));
});

test("without WebGPU and without WebGL the page says what is missing", { timeout: MINUTE }, async (t) => {
  const browser = await launch({ graphics: "none" });
  t.after(() => browser.close());
  const tab = await browser.open("#model=sudoku4");
  await tab.page.locator("#trouble h2").waitFor();
  const text = await tab.page.locator("#cover").innerText();
  for (const words of ["cannot draw the window", "WebGL 2", "hardware acceleration", "What it shows", "Iteration 3"]) {
    assert.ok(text.includes(words), `${words}: ${text}`);
  }
  assert.ok(await tab.page.getByRole("button", { name: "Try again" }).isVisible());
});

test("a recorded training is scrubbed along both axes without any device", { timeout: 3 * MINUTE }, async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  const tab = await browser.ready("?device=cpu", async (page) => {
    // The engine never comes.
    await page.route("**/web/engine-*.wasm", () => {});
  });
  assert.ok(await tab.developer("open a recorded training"));
  const opened = await tab.until("the recording is there", (s) => s.steps?.length >= 10 && s.step === s.steps.at(-1) && s.step_slider.width > 0);
  const { steps } = opened;
  const scrub = async ({ x, y, width, height }, from, to) => {
    const canvas = await tab.page.locator("#canvas").boundingBox();
    const at = (share) => [canvas.x + x + width * share, canvas.y + y + height / 2];
    await tab.page.mouse.move(...at(from));
    await tab.page.mouse.down();
    await tab.page.mouse.move(...at((from + to) / 2), { steps: 5 });
    await sleep(150);
    await tab.page.mouse.move(...at(to), { steps: 5 });
    await sleep(150);
    await tab.page.mouse.up();
  };
  // The iterations: to the last one that was recorded.
  // The row of the steps moves the timeline up, a frame after it is there.
  const laid = await tab.until("the rows stand", (s) => s.frame > opened.frame + 3);
  await scrub(laid.timeline, 0.1, 0.999);
  const end = await tab.until("the last iteration", (s) => s.cursor === s.last && !s.playing);
  assert.equal(end.last, 4 * end.trained);
  // The steps: back to the first one, at the same iteration.
  await scrub(end.step_slider, 0.9, 0.01);
  const first = await tab.until("the first step", (s) => s.step === steps[0]);
  assert.equal(first.cursor, end.cursor);
  assert.equal(first.puzzle, end.puzzle);
  assert.notEqual(first.answer, end.answer);
  assert.equal(end.solved, true);
  assert.equal(first.solved, false);
  // By keyboard, step by step, and back along the iterations.
  await tab.focus();
  await tab.press("PageUp");
  await tab.until("the second step", (s) => s.step === steps[1]);
  await tab.press("Shift+PageUp");
  await tab.until("the last step", (s) => s.step === steps.at(-1));
  await tab.press("ArrowLeft");
  const there = await tab.until("an iteration back", (s) => s.cursor === end.cursor - 1);
  assert.equal(there.engine, "loading");
  assert.equal(there.device, null);
  // The address has both, and opens them again.
  const both = `step=${steps.at(-1)}&iteration=${there.cursor}`;
  await tab.page.waitForFunction((both) => location.hash.includes(both), both);
  await tab.page.reload();
  const again = await tab.until("the page is back", (s) => s.frame > 1 && s.step === steps.at(-1));
  assert.equal(again.cursor, there.cursor);
  assert.equal(again.answer, there.answer);
  await tab.page.evaluate((link) => (location.hash = link), `#step=${steps[2]}&iteration=2`);
  await tab.until("the typed step", (s) => s.step === steps[2] && s.cursor === 2);
  const { different } = await tab.colours();
  assert.ok(different > 100, `${different} colours`);
  assert.deepEqual(tab.errors, []);
  await tab.page.close();
});
