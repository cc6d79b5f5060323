// What stands around the window, with a window that is made up: what is loaded, what is said where
// something is missing, and what happens when the program dies.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { LOOPSCOPE_URL, MINUTE, PHONE, launch } from "./lib.mjs";

const WASM = Buffer.from([0, 97, 115, 109, 1, 0, 0, 0]);

// Takes the place of the page's module; remembers how it was started.
const WINDOW = `
  let panic;
  let frames = 0;
  export default async function ({ module_or_path }) { await WebAssembly.instantiateStreaming(module_or_path); }
  export async function start(canvas, options) {
    globalThis.started = JSON.parse(options);
    if (globalThis.refuse?.(globalThis.started)) throw new Error("no such surface");
    frames = 1;
  }
  export function state() {
    return JSON.stringify({ version: "0.0.0", frame: frames, link: "#model=made-up", messages: globalThis.said ?? [] });
  }
  export function panicked() { return panic; }
  export function developer(command) {
    panic = "panicked at src/made_up.rs: " + command;
    setTimeout(() => WebAssembly.instantiate(new Uint8Array(${JSON.stringify(trap())}))
      .then(({ instance }) => setTimeout(instance.exports.trap)));
  }
`;

// A module whose only function is “unreachable”: what a panic ends in.
function trap() {
  return [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0, 0,
    11,
  ];
}

async function madeUp(page) {
  await page.route("**/web/page-*.js", (route) => route.fulfill({ contentType: "text/javascript", body: WINDOW }));
  await page.route("**/web/page-*.wasm", (route) => route.fulfill({ contentType: "application/wasm", body: WASM }));
}

const started = (tab) => tab.page.waitForFunction(() => globalThis.started).then((handle) => handle.jsonValue());
const shown = (tab) => tab.page.waitForFunction(() => document.documentElement.dataset.state === "running");
const trouble = async (tab) => {
  await tab.page.locator("#trouble h2").waitFor();
  return tab.page.locator("#cover").innerText();
};

describe("the loader", { timeout: 5 * MINUTE }, () => {
  let browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  test("hands over addresses beside the page, and the cover goes", async () => {
    const tab = await browser.open("?device=swiftshader#puzzle=1", madeUp);
    const options = await started(tab);
    await shown(tab);
    assert.equal(options.renderer, "webgl");
    assert.equal(options.device, "swiftshader");
    assert.equal(options.storage, true);
    for (const address of [options.worker, options.engine.js, options.engine.wasm]) {
      assert.match(address, new RegExp(`^${LOOPSCOPE_URL}web/[a-z]+-[0-9a-f]{8}\\.(js|wasm)$`));
      assert.equal((await fetch(address)).status, 200, address);
    }
    const traces = options.files["traces/sudoku9.trace"];
    assert.match(traces, /^web\/sudoku9-[0-9a-f]{8}\.trace$/);
    const size = (await (await fetch(options.engine.wasm)).arrayBuffer()).byteLength;
    assert.equal(options.engine.bytes, size);
    assert.equal(await tab.page.locator("#cover").isVisible(), false);
    assert.equal(await tab.page.evaluate(() => document.activeElement.id), "canvas");
    assert.deepEqual(tab.errors, []);
    await tab.page.close();
  });

  test("the recording that will be shown begins to load at once", async () => {
    for (const [address, name] of [
      ["", "sudoku9"],
      ["#model=sudoku4&iteration=2", "sudoku4"],
      ["#model=nothing", "sudoku9"],
    ]) {
      const asked = [];
      const tab = await browser.open(address, async (page) => {
        page.on("request", (request) => asked.push(request.url()));
        await madeUp(page);
      });
      await shown(tab);
      const traces = asked.filter((url) => url.endsWith(".trace"));
      assert.equal(traces.length, 1, traces.join("\n"));
      assert.match(traces[0], new RegExp(`/web/${name}-[0-9a-f]{8}\\.trace$`));
      await tab.page.close();
    }
  });

  test("asks nobody but the place that it came from", async () => {
    const asked = [];
    const tab = await browser.open("", async (page) => {
      page.on("request", (request) => asked.push(request.url()));
      await madeUp(page);
    });
    await shown(tab);
    assert.ok(asked.length > 5);
    assert.deepEqual(asked.filter((url) => !url.startsWith(LOOPSCOPE_URL) && !url.startsWith("data:")), []);
    const elsewhere = await tab.page.evaluate(() => fetch("https://example.com/").then(() => "went out", () => "refused"));
    assert.equal(elsewhere, "refused");
    await tab.page.close();
  });

  test("without WebGPU a line says what is missing, and can be opened and put away", async () => {
    const tab = await browser.open("", madeUp);
    await shown(tab);
    const strip = tab.page.locator("#notices");
    assert.match(await strip.innerText(), /^WebGPU is missing: training goes on the CPU/);
    await tab.page.getByRole("button", { name: "More" }).click();
    const text = await strip.innerText();
    for (const words of ["Chrome and Edge", "113", "Safari", "26", "141", "145", "small boards", "Nothing leaves this page"]) {
      assert.ok(text.includes(words), `${words}: ${text}`);
    }
    await tab.page.keyboard.press("Escape");
    assert.equal(await tab.page.locator("#notices-all").isVisible(), false);
    await tab.page.getByRole("button", { name: "Put these notices away" }).click();
    assert.equal(await strip.isVisible(), false);
    await tab.page.reload();
    await shown(tab);
    assert.equal(await strip.isVisible(), false);
    await tab.page.evaluate(() => localStorage.clear());
    await tab.page.close();
  });

  test("on a phone the notices are one line above the canvas", async () => {
    const tab = await browser.open("", async (page) => {
      await page.setViewportSize(PHONE);
      await madeUp(page);
    });
    await shown(tab);
    const strip = await tab.page.locator("#notices").boundingBox();
    const canvas = await tab.page.locator("#canvas").boundingBox();
    assert.ok(strip.height < 48, `${strip.height} pixels high`);
    assert.ok(Math.abs(strip.y + strip.height - canvas.y) < 1 && canvas.y + canvas.height === PHONE.height);
    assert.equal(await tab.page.evaluate(() => document.documentElement.scrollWidth), PHONE.width);
    await tab.page.close();
  });

  test("whoever chose the CPU is told nothing", async () => {
    const tab = await browser.open("?device=cpu", madeUp);
    await shown(tab);
    assert.equal(await tab.page.locator("#notices").isVisible(), false);
    await tab.page.close();
  });

  test("without SIMD it takes the plain engine", async () => {
    const tab = await browser.open("", async (page) => {
      await page.addInitScript(() => (WebAssembly.validate = () => false));
      await madeUp(page);
    });
    assert.match((await started(tab)).engine.wasm, /plain-/);
    await tab.page.close();
  });

  test("without storage it says that trainings are in memory", async () => {
    const tab = await browser.open("?device=cpu", async (page) => {
      await page.addInitScript(() => (StorageManager.prototype.getDirectory = () => Promise.reject(new Error("private"))));
      await madeUp(page);
    });
    assert.equal((await started(tab)).storage, false);
    await shown(tab);
    assert.match(await tab.page.locator("#notices").innerText(), /trainings are in memory only/);
    await tab.page.close();
  });

  test("without WebAssembly it says so and still tells what Loopscope is", async () => {
    const tab = await browser.open("", (page) => page.addInitScript(() => delete globalThis.WebAssembly));
    const text = await trouble(tab);
    for (const words of ["no WebAssembly", "What it shows", "Iteration 3", "Nothing leaves this page"]) {
      assert.ok(text.includes(words), `${words}: ${text}`);
    }
    await tab.page.close();
  });

  test("a download that fails is told, with its reason", async () => {
    const tab = await browser.open("", async (page) => {
      await madeUp(page);
      await page.route("**/web/page-*.wasm", (route) => route.fulfill({ status: 503, body: "" }));
    });
    assert.match(await trouble(tab), /could not be loaded/);
    await tab.page.locator("summary").first().click();
    assert.match(await tab.page.locator("#trouble pre").innerText(), /503/);
    await tab.page.close();
  });

  test("new messages are there to be heard", async () => {
    const tab = await browser.open("", madeUp);
    await shown(tab);
    await tab.page.evaluate(() => (globalThis.said = ["The puzzle has two solutions."]));
    await tab.page.waitForFunction(() => document.getElementById("spoken").textContent.includes("two solutions"));
    await tab.page.close();
  });

  test("a panic is told, can be copied, and reloading keeps the link", async () => {
    const tab = await browser.open("?device=cpu#model=first", madeUp);
    await shown(tab);
    await browser.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await tab.page.evaluate(() => globalThis.loopscope.developer("on purpose"));
    const dialog = tab.page.getByRole("dialog", { name: "Loopscope stopped" });
    await dialog.waitFor();
    assert.match(await tab.page.evaluate(() => document.activeElement.textContent), /Reload/);
    await tab.page.keyboard.press("Escape");
    assert.ok(await dialog.isVisible());
    await tab.page.getByRole("button", { name: "Copy the message" }).click();
    await tab.page.getByText("The message is copied.").waitFor();
    const copied = await tab.page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /Loopscope 0\.0\.0[^]*panicked at src\/made_up\.rs: on purpose/);
    await tab.page.getByRole("button", { name: /Reload/ }).click();
    await tab.page.waitForFunction(() => !document.getElementById("broken").open && globalThis.started);
    assert.match(tab.page.url(), /\?device=cpu#model=made-up$/);
    await tab.page.close();
  });
});

test("without JavaScript the page says what it is", { timeout: MINUTE }, async (t) => {
  const browser = await launch({ javaScriptEnabled: false, args: ["--blink-settings=scriptEnabled=false"] });
  t.after(() => browser.close());
  const { page } = await browser.open();
  assert.ok(await page.locator("noscript p", { hasText: "Switch it on for this page" }).isVisible());
  assert.ok(await page.getByText("What it shows").isVisible());
  assert.equal(await page.locator("#progress").isVisible(), false);
});

test("over http from elsewhere it asks for https", { timeout: MINUTE }, async (t) => {
  const browser = await launch({ args: ["--host-resolver-rules=MAP loopscope.test 127.0.0.1"] });
  t.after(() => browser.close());
  const tab = await browser.open("", madeUp);
  await tab.page.goto(LOOPSCOPE_URL.replace("127.0.0.1", "loopscope.test"));
  await shown(tab);
  assert.match(await tab.page.locator("#notices").innerText(), /over http/);
  assert.equal((await started(tab)).storage, false);
});

test("WebGPU in software draws only when it is asked to, or alone", { timeout: MINUTE }, async (t) => {
  const browser = await launch({ graphics: "webgpu" });
  t.after(() => browser.close());
  const drawn = async (address, more = async () => {}) => {
    const tab = await browser.open(address, async (page) => {
      await madeUp(page);
      await more(page);
    });
    const { renderer } = await started(tab);
    await tab.page.close();
    return renderer;
  };
  const withoutWebGl = (page) => page.addInitScript(() => (HTMLCanvasElement.prototype.getContext = () => null));
  assert.equal(await drawn(""), "webgl");
  assert.equal(await drawn("?renderer=webgpu"), "webgpu");
  assert.equal(await drawn("", withoutWebGl), "webgpu");
  assert.equal(await drawn("?renderer=webgl", withoutWebGl), "webgpu");
});

test("a surface that is refused is replaced by WebGL", { timeout: MINUTE }, async (t) => {
  const browser = await launch({ graphics: "webgpu" });
  t.after(() => browser.close());
  const tab = await browser.open("#model=first", async (page) => {
    await madeUp(page);
    await page.addInitScript(() => {
      globalThis.refuse = ({ renderer }) => renderer === "webgpu";
      // As a real card would answer.
      const ask = GPU.prototype.requestAdapter;
      GPU.prototype.requestAdapter = async function (...options) {
        const adapter = await ask.apply(this, options);
        Object.defineProperty(adapter, "info", { value: { isFallbackAdapter: false, vendor: "made up" } });
        return adapter;
      };
    });
  });
  await shown(tab);
  assert.match(tab.page.url(), /\?renderer=webgl#model=first$/);
});
