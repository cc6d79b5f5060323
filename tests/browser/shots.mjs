// Pictures of the page: wide and on a phone, with and without WebGPU, while it trains, and with errors.

import { join } from "node:path";
import { MINUTE, PHONE, WIDE, launch, sleep } from "./lib.mjs";

const out = process.argv[2];

async function shoot(name, options, scene) {
  const browser = await launch(options);
  try {
    const tab = await scene(browser);
    await sleep(700);
    await tab.page.screenshot({ path: join(out, `${name}.png`) });
    console.log(`${name}.png`);
  } finally {
    await browser.close();
  }
}

const thought = (s) => s.model !== null && !s.thinking && s.last > 0;

for (const [size, viewport] of [
  ["wide", WIDE],
  ["phone", PHONE],
]) {
  const usual = { viewport, touch: viewport === PHONE };
  const device = (graphics) => (graphics === "webgpu" ? "swiftshader&renderer=webgpu" : "auto");
  for (const graphics of ["webgpu", "webgl"]) {
    const drawn = graphics === "webgpu" ? "drawn" : graphics;
    await shoot(`${graphics}-looking-${size}`, { ...usual, graphics: drawn }, async (browser) => {
      const tab = await browser.ready(`?device=${device(graphics)}#iteration=5&cell=r2c2`);
      // A software graphics card thinks for long; the recording is there at once.
      await tab.until("the engine is ready", (s) => s.engine === "ready" && s.cursor === 5, 3 * MINUTE);
      return tab;
    });
  }
  await shoot(`webgl-training-${size}`, { ...usual, colorScheme: "dark" }, async (browser) => {
    const tab = await browser.ready("?device=cpu#preset=sudoku4&panel=train");
    await tab.train();
    await tab.until("it has learnt something", (s) => s.training.step >= 520, 5 * MINUTE);
    return tab;
  });
  await shoot(`webgl-collapse-${size}`, { ...usual, colorScheme: "dark" }, async (browser) => {
    const tab = await browser.ready("?device=cpu#model=sudoku4&panel=plots&iteration=96&iterations=96");
    await tab.until("it has thought", (s) => s.last >= 96 && thought(s), MINUTE);
    return tab;
  });
  await shoot(`link-errors-${size}`, usual, async (browser) => {
    const tab = await browser.ready("?device=cpu#modle=sudoku4&iteration=3&cell=r9c9");
    await tab.until("it is told", (s) => s.messages.length > 0);
    return tab;
  });
  await shoot(`worker-died-${size}`, usual, async (browser) => {
    const tab = await browser.ready("?device=cpu#preset=sudoku4&panel=train");
    await tab.train();
    await tab.until("a checkpoint was passed", (s) => s.training.step >= 105, 3 * MINUTE);
    await tab.developer("crash-worker");
    await tab.until("it is back", (s) => s.engine === "ready" && s.training?.state === "running" && s.messages.length > 0, MINUTE);
    return tab;
  });
  await shoot(`runs-${size}`, usual, async (browser) => {
    const tab = await browser.ready("?device=cpu#preset=sudoku4&panel=train");
    await tab.train();
    await tab.until("a checkpoint was passed", (s) => s.training.step >= 105, 3 * MINUTE);
    await tab.developer("runs");
    await tab.until("they are listed", (s) => s.runs?.length > 0);
    return tab;
  });
  await shoot(`panic-${size}`, usual, async (browser) => {
    const tab = await browser.ready("?device=cpu#iteration=4");
    await sleep(1500);
    await tab.page.evaluate(() => setTimeout(() => globalThis.loopscope.developer("panic-page")));
    await tab.page.getByRole("dialog").waitFor();
    return tab;
  });
  await shoot(`no-graphics-${size}`, { ...usual, graphics: "none" }, async (browser) => {
    const tab = await browser.open();
    await tab.page.locator("#trouble h2").waitFor();
    return tab;
  });
  await shoot(`missing-webgpu-${size}`, usual, async (browser) => {
    const tab = await browser.ready();
    await tab.engine();
    await tab.page.getByRole("button", { name: "More" }).click();
    return tab;
  });
}
