// Starts the page: looks at what the browser has, loads the window's module, and watches over it.
//
// In the address, `renderer=webgpu|webgl`, `device=auto|cpu|NAME` and `simd=relaxed|fixed|none` choose what
// would be chosen otherwise. What comes after # is the page's own.

import { hasRelaxedSimd, hasSimd, hasStorage, hasWebAssembly, hasWebGl2, missing, rendererFor, webGpu } from "./checks.js";
import { alive, broken, failed, notify, progress, running, say, speak } from "./notices.js";

const canvas = document.getElementById("canvas");
const manifest = JSON.parse(document.getElementById("manifest").textContent);
const asked = new URLSearchParams(location.search);
const absolute = (path) => new URL(path, document.baseURI).href;

// The model whose recording the window opens on by itself.
const HOME = "sudoku9";
// Milliseconds that a program that is ready waits for it.
const PATIENCE = 200;

let page = null;
let opening = null;
let renderer = null;
let link = location.hash;
// "loading", "starting", "running", "over".
let stage = "loading";

async function main() {
  alive();
  if (!manifest) {
    return failed("This copy of the page is not built", [
      "It is the source of the page, without the program in it. In the source code, “cargo xtask serve” builds the " +
        "page and serves it.",
    ]);
  }
  if (!hasWebAssembly()) {
    return failed("This browser has no WebAssembly", [
      "Loopscope is a program in WebAssembly. Every browser of the last years has it; some modes for extra protection " +
        "switch it off, such as the lockdown mode of iPhones and Macs. Switch it on for this page, or open the page in " +
        "another browser.",
    ]);
  }
  opening = early();
  // The module arrives while the graphics card is still being looked for.
  const loaded = load().then(
    (module) => ({ module }),
    (error) => ({ error }),
  );
  const [gpu, storage] = await Promise.all([webGpu(), hasStorage()]);
  const wanted = asked.get("renderer");
  // To look for WebGL takes a moment, and a graphics card with WebGPU makes it needless.
  renderer = rendererFor(gpu, gpu === "hardware" && !wanted ? false : hasWebGl2(), wanted);
  if (!renderer) {
    return failed("This browser cannot draw the window", [
      "Loopscope draws with WebGPU or with WebGL 2, and the browser offers neither of them here. In its settings, look " +
        "for “hardware acceleration” or “graphics acceleration” and switch it on, then restart the browser. An update " +
        "of the browser or of the graphics driver helps as well. On a remote desktop or in a virtual machine, graphics " +
        "may be switched off altogether.",
      "WebGPU is in Chrome and Edge from version 113 and in Safari from version 26, WebGL 2 in Chrome and Edge from " +
        "version 56, in Firefox from version 51 and in Safari from version 15. Without either the page can show this " +
        "text only. The same program can be built for your own computer, and its command line needs no graphics.",
      ...(isSecureContext ? [] : ["This page came over http, which takes WebGPU away. Try the address with https:// first."]),
    ]);
  }
  const { module, error } = await loaded;
  if (error) {
    return failed("The page could not be loaded", [
      "The connection may have been cut, or the browser may be too old for this program. It needs Chrome or Edge 97, " +
        "Firefox 102 or Safari 16, or anything newer.",
    ], error);
  }
  page = module;
  // For tests, and for whoever opens the developer tools.
  globalThis.loopscope = module;
  await start(gpu, storage);
}

// The recording that the window will open on arrives while the program does, so that the first picture has it.
function early() {
  const named = new URLSearchParams(location.hash.slice(1)).get("model");
  const file = [named, HOME].map((name) => `traces/${name}.trace`).find((file) => file in manifest.files);
  if (!file) {
    return null;
  }
  const opening = { file, bytes: null };
  const buffer = async () => {
    const response = await fetch(absolute(manifest.files[file]));
    opening.bytes = response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
    return opening.bytes;
  };
  // One that does not come is asked for again by the program, which says why.
  opening.coming = buffer().catch(() => null);
  return opening;
}

async function load() {
  const { js, wasm, bytes } = manifest.page;
  const [module, response] = await Promise.all([import(absolute(js)), fetch(absolute(wasm))]);
  if (!response.ok) {
    throw new Error(`the server answered ${response.status} for ${wasm}`);
  }
  // Progress is counted on a copy, so that the browser compiles the original while it arrives, and
  // may keep what it compiled.
  count(response.clone(), bytes);
  await module.default({ module_or_path: response });
  return module;
}

async function count(response, bytes) {
  let received = 0;
  try {
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      received += part.value.byteLength;
      progress(received, bytes);
    }
    say("Starting.");
  } catch {
    // The original fails as well, and says why.
  }
}

async function start(gpu, storage) {
  const wanted = asked.get("simd");
  const simd = hasSimd() && wanted !== "none";
  const relaxed = simd && hasRelaxedSimd() && wanted !== "fixed";
  const device = asked.get("device") || "auto";
  const engine = simd ? manifest.engine : manifest.plain;
  const { kernels } = manifest;
  const options = {
    renderer,
    worker: absolute(manifest.worker),
    engine: {
      js: absolute(engine.js),
      wasm: absolute(engine.wasm),
      bytes: engine.bytes,
      kernels: relaxed ? { js: absolute(kernels.js), wasm: absolute(kernels.wasm) } : null,
    },
    // Beside the page: a message on one that is missing says where.
    files: manifest.files,
    device,
    storage,
  };
  // Before the canvas is measured: the line takes its place above it.
  notify(missing({ secure: isSecureContext, gpu, gpuInterface: "gpu" in navigator, simd, storage, device }));
  stage = "starting";
  if (renderer === "webgl") {
    // The first to ask decides what the window's context has. It smooths its edges by itself: several
    // samples a point would cost a renderer in software half of its time.
    canvas.getContext("webgl2", { antialias: false, depth: false, stencil: false });
  }
  // Nearly there: a first picture with it is better than one without.
  await Promise.race([opening?.coming, new Promise((resolve) => setTimeout(resolve, opening ? PATIENCE : 0))]);
  try {
    await page.start(canvas, JSON.stringify(options), opening);
  } catch (error) {
    return notStarted(error);
  }
  await firstFrame();
  // Meanwhile it may have panicked.
  if (stage !== "starting") {
    return;
  }
  stage = "running";
  running();
  if (document.activeElement === document.body) {
    canvas.focus({ preventScroll: true });
  }
  watch();
}

// A graphics card that promises WebGPU and does not keep it: the page draws with WebGL then.
function notStarted(error) {
  if (stage !== "starting") {
    return;
  }
  stage = "over";
  if (renderer === "webgpu" && !asked.has("renderer") && hasWebGl2()) {
    const address = new URL(location.href);
    address.searchParams.set("renderer", "webgl");
    return location.replace(address);
  }
  failed("The window could not be opened", [
    "The program was loaded and stopped before its first picture. That is an error in it, or in the graphics driver.",
  ], panic() ?? error);
}

// The canvas is shown once there is something on it.
async function firstFrame() {
  const end = performance.now() + 3000;
  while (performance.now() < end && !(state()?.frame > 0)) {
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

function state() {
  try {
    return JSON.parse(page.state());
  } catch {
    return null;
  }
}

function panic() {
  try {
    return page?.panicked() ?? null;
  } catch {
    return null;
  }
}

// Once a second: is it alive, where is it, and what did it say?
function watch() {
  let said = state()?.messages ?? [];
  const timer = setInterval(() => {
    if (stage !== "running") {
      return clearInterval(timer);
    }
    const message = panic();
    if (message) {
      return over(message);
    }
    const now = state();
    link = now?.link ?? link;
    const messages = now?.messages ?? said;
    if (messages.length > 0 && messages.at(-1) !== said.at(-1)) {
      speak(String(messages.at(-1)));
    }
    said = messages;
  }, 1000);
}

function over(message) {
  if (stage !== "running") {
    return;
  }
  stage = "over";
  const now = state();
  const about = [`Loopscope ${now?.version ?? ""}`.trim(), navigator.userAgent, now?.link ?? link].join("\n");
  broken(`${about}\n\n${message}`, now?.link ?? link);
}

// A panic ends in an exception that nobody catches.
function uncaught(error) {
  if (!hasWebAssembly() || !(error instanceof WebAssembly.RuntimeError)) {
    return;
  }
  if (stage === "running") {
    over(panic() ?? error.stack ?? String(error));
  } else {
    notStarted(error);
  }
}

window.addEventListener("error", (event) => uncaught(event.error));
window.addEventListener("unhandledrejection", (event) => uncaught(event.reason));

main().catch((error) => failed("The page could not be started", ["That is an error in it."], error));
