// A browser with the page in it, as the tests, the report and the pictures need it.
// xtask sets the environment: the page's address and folder, the repository and the browser.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const { LOOPSCOPE_URL, LOOPSCOPE_PAGE, LOOPSCOPE_ROOT } = process.env;

const SECOND = 1000;
export const MINUTE = 60 * SECOND;

const ALWAYS = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
// A browser without a graphics card: with a software WebGPU, with WebGL only, with neither.
const WEBGPU = [
  "--enable-unsafe-webgpu",
  "--enable-features=Vulkan,WebGPU",
  "--use-webgpu-adapter=swiftshader",
  "--enable-unsafe-swiftshader",
];
const GRAPHICS = {
  webgpu: WEBGPU,
  // What WebGPU draws reaches the screen only if the browser puts its pages together with Vulkan too.
  drawn: [...WEBGPU, "--use-angle=swiftshader", "--use-vulkan=swiftshader"],
  webgl: ["--disable-features=WebGPU"],
  none: ["--disable-features=WebGPU", "--disable-gpu", "--disable-software-rasterizer", "--disable-3d-apis"],
};

export const WIDE = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

// Starts a browser with a profile of its own. `more` goes to the browser's context.
export async function launch({ graphics = "webgl", viewport = WIDE, touch = false, args = [], ...more } = {}) {
  const profile = await mkdtemp(join(tmpdir(), "loopscope-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.LOOPSCOPE_CHROMIUM ?? "/usr/bin/chromium",
    args: [...ALWAYS, ...GRAPHICS[graphics], ...args],
    viewport,
    hasTouch: touch,
    isMobile: touch,
    deviceScaleFactor: 1,
    ...more,
  });
  return new Browser(context, profile);
}

class Browser {
  constructor(context, profile) {
    this.context = context;
    this.profile = profile;
  }

  // A page that is at this address, which starts with ? or #. `before` may set things up.
  async open(address = "", before = async () => {}) {
    const page = await this.context.newPage();
    const tab = new Tab(page);
    await before(page);
    await page.goto(LOOPSCOPE_URL + address);
    return tab;
  }

  // The same, once the window is there and has drawn.
  async ready(address, before) {
    const tab = await this.open(address, before);
    await tab.until("the window is drawn", (s) => s.frame > 1);
    return tab;
  }

  async close() {
    await this.context.close();
    await rm(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Tab {
  constructor(page) {
    this.page = page;
    this.errors = [];
    page.on("console", (message) => message.type() === "error" && this.errors.push(message.text()));
    page.on("pageerror", (error) => this.errors.push(error.stack ?? String(error)));
    page.on("crash", () => this.errors.push("the page crashed"));
  }

  // What the page says of itself, or null before it can.
  state() {
    return this.page.evaluate(() => {
      try {
        return JSON.parse(globalThis.loopscope.state());
      } catch {
        return null;
      }
    });
  }

  // Waits for a state in which `holds` is true, and returns it.
  async until(what, holds, patience = 30 * SECOND, every = 200) {
    const end = Date.now() + patience;
    let state = null;
    while (Date.now() < end) {
      // A page that is on its way elsewhere has no state.
      state = await this.state().catch(() => null);
      if (state !== null && holds(state)) {
        return state;
      }
      await sleep(every);
    }
    const errors = this.errors.length > 0 ? `\nerrors of the page: ${this.errors.join("\n")}` : "";
    throw new Error(`not within ${patience / SECOND} s: ${what}\nstate: ${brief(state)}${errors}`);
  }

  engine(patience = 2 * MINUTE) {
    return this.until("the engine is ready", (s) => s.engine === "ready", patience);
  }

  async focus() {
    await this.page.locator("#canvas").focus();
  }

  // Keys for the window. One that is held down for no time at all may fall between two frames.
  async press(...keys) {
    for (const key of keys) {
      await this.page.keyboard.press(key, { delay: 60 });
      await sleep(60);
    }
  }

  developer(command) {
    return this.page.evaluate((command) => globalThis.loopscope.developer(command), command);
  }

  // As if the file was dropped on the window.
  async openBytes(name, bytes) {
    const text = Buffer.from(bytes).toString("base64");
    await this.page.evaluate(
      ([name, text]) => globalThis.loopscope.open_bytes(name, Uint8Array.from(atob(text), (c) => c.charCodeAt(0))),
      [name, text],
    );
  }

  // A place on the timeline, 0 … 1 from its left end, in the coordinates of mouse and finger.
  async timeline(share) {
    const { timeline } = await this.state();
    const canvas = await this.page.locator("#canvas").boundingBox();
    return {
      x: canvas.x + timeline.x + timeline.width * share,
      y: canvas.y + timeline.y + timeline.height / 2,
    };
  }

  // Starts the training with the keyboard.
  async train() {
    await this.engine();
    await this.focus();
    await this.press("t");
    return this.until("the training runs", (s) => s.training?.state === "running", 2 * MINUTE);
  }

  // How many colours a picture of the page has, and the share of the commonest.
  async colours() {
    const picture = (await this.page.screenshot()).toString("base64");
    // In a page of its own: this one's rules allow less.
    const other = await this.page.context().newPage();
    try {
      return await other.evaluate(async (picture) => {
        const image = new Image();
        image.src = `data:image/png;base64,${picture}`;
        await image.decode();
        const canvas = new OffscreenCanvas(image.width, image.height);
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        const pixels = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
        const counts = new Map();
        pixels.forEach((pixel) => counts.set(pixel, (counts.get(pixel) ?? 0) + 1));
        return { different: counts.size, commonest: Math.max(...counts.values()) / pixels.length };
      }, picture);
    } finally {
      await other.close();
    }
  }
}

export function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// A file of the repository.
export function asset(path) {
  return readFile(join(LOOPSCOPE_ROOT, path));
}

// A state as a message can hold it.
function brief(state) {
  return JSON.stringify(state, (key, value) => (Array.isArray(value) && value.length > 20 ? `${value.length} values` : value));
}

// Puzzles with one solution that no shipped recording shows.
export const OTHER = "1...34....4....1";
export const NINE = "530070000600195000098000060800060003400803001700020006060000280000419005000080079";
