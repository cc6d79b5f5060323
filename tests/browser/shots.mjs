// Pictures of the page: wide and on a phone, with and without WebGPU, while it trains, and with errors.

import { join } from "node:path";
import { MINUTE, PHONE, WIDE, launch, sleep } from "./lib.mjs";

const [, , out, only = ""] = process.argv;

async function shoot(name, options, scene) {
  if (!name.includes(only)) {
    return;
  }
  const browser = await launch(options);
  const picture = async (tab, name) => {
    await sleep(700);
    await tab.page.screenshot({ path: join(out, `${name}.png`) });
    console.log(`${name}.png`);
  };
  try {
    await scene(browser, picture);
  } finally {
    await browser.close();
  }
}

for (const [size, viewport] of [
  ["wide", WIDE],
  ["phone", PHONE],
]) {
  const usual = { viewport, touch: viewport === PHONE };
  for (const [graphics, device] of [
    ["drawn", "swiftshader&renderer=webgpu"],
    ["webgl", "auto"],
  ]) {
    await shoot("looking", { ...usual, graphics }, async (browser, picture) => {
      const tab = await browser.ready(`?device=${device}#iteration=5&cell=r2c2`);
      // A software graphics card thinks for long; the recording is there at once.
      await tab.until("the engine is ready", (s) => s.engine === "ready" && s.cursor === 5, 3 * MINUTE);
      await picture(tab, `${graphics === "drawn" ? "webgpu" : "webgl"}-looking-${size}`);
    });
  }
  await shoot("training", { ...usual, colorScheme: "dark" }, async (browser, picture) => {
    const tab = await browser.ready("?device=cpu#preset=sudoku4&panel=train");
    await tab.train();
    await tab.until("it has learnt something", (s) => s.training.probe?.step >= 250, 5 * MINUTE);
    await picture(tab, `training-${size}`);
    await tab.developer("runs");
    await tab.until("they are listed", (s) => s.runs?.length > 0);
    await picture(tab, `runs-${size}`);
    await tab.developer("runs");
    await tab.developer("crash-worker");
    const back = (s) => s.engine === "ready" && s.training?.state === "running" && s.messages.length > 0;
    await tab.until("it is back", back, MINUTE);
    await picture(tab, `worker-died-${size}`);
  });
  await shoot("plots", { ...usual, colorScheme: "dark" }, async (browser, picture) => {
    const tab = await browser.ready("?device=cpu#model=sudoku4&panel=plots&iteration=96&iterations=96");
    await tab.until("it has thought", (s) => s.last >= 96 && s.model !== null && !s.thinking, MINUTE);
    await picture(tab, `plots-${size}`);
  });
  for (const preset of ["poh4-hrm", "poh6"]) {
    await shoot(`routing ${preset}`, usual, async (browser, picture) => {
      const tab = await browser.ready(`?device=cpu#preset=${preset}&panel=plots&plots=training&colour=heads`);
      await tab.train();
      // A narrow page shows the training's own panel after the start; the link says what to look at.
      const steps = preset === "poh6" ? 40 : 260;
      await tab.until("its routing is read", (s) => s.training.step >= steps && s.routing !== null, 8 * MINUTE);
      await picture(tab, `${preset}-training-${size}`);
      await tab.developer("next plots");
      await tab.until("the routing page", (s) => s.link.includes("plots=routing"), MINUTE);
      await picture(tab, `${preset}-routing-${size}`);
    });
  }
  await shoot("errors", usual, async (browser, picture) => {
    const tab = await browser.ready("?device=cpu#modle=sudoku4&model=sudoku6&iteration=3&cell=r9c9");
    await tab.until("it is told", (s) => s.messages.length > 0);
    await picture(tab, `link-errors-${size}`);
    await tab.page.evaluate(() => setTimeout(() => globalThis.loopscope.developer("panic-page")));
    await tab.page.getByRole("dialog").waitFor();
    await picture(tab, `panic-${size}`);
  });
  await shoot("graphics", { ...usual, graphics: "none" }, async (browser, picture) => {
    const tab = await browser.open();
    await tab.page.locator("#trouble h2").waitFor();
    await picture(tab, `no-graphics-${size}`);
  });
  await shoot("missing", usual, async (browser, picture) => {
    const tab = await browser.ready();
    await tab.engine();
    await tab.page.getByRole("button", { name: "More" }).click();
    await picture(tab, `missing-webgpu-${size}`);
  });
}
