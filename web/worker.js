// The engine's worker: fetches the engine's module, tells how far it is, and hands over.
//
// The first message is {kind: "start", js, wasm, bytes, kernels, device}, where `kernels` is null or a
// smaller module, {js, wasm}, with the loop in quicker instructions. Whatever comes before the engine
// listens is kept for it. Until then this file answers {kind: "loading", share: 0 … 1}, and
// {kind: "died", reason} if it cannot go on.

const waiting = [];
let started = false;
let loaded = false;

function queue(event) {
  if (!started && event.data?.kind === "start") {
    started = true;
    start(event.data).catch(died);
  } else {
    waiting.push(event);
  }
}

self.onmessage = queue;
self.addEventListener("error", (event) => died(event.error ?? event.message));
self.addEventListener("unhandledrejection", (event) => died(event.reason));

// The page takes the first reason that it is told, so it does no harm to tell two.
function died(reason) {
  const text = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
  self.postMessage({ kind: "died", reason: text });
}

async function start({ js, wasm, bytes, kernels, device }) {
  self.postMessage({ kind: "loading", share: 0 });
  const quicker = beside(kernels);
  // The JavaScript is small, the module is not: neither waits for the other.
  const [engine, response] = await Promise.all([import(js), fetch(wasm)]);
  if (!response.ok) {
    throw new Error(`the server answered ${response.status} for the engine's module`);
  }
  // Progress is counted on a copy, so that the browser compiles the original while it arrives, and
  // may keep what it compiled.
  count(response.clone(), bytes);
  await engine.default({ module_or_path: response });
  loaded = true;
  self.postMessage({ kind: "loading", share: 1 });

  // A module that is still on its way is not waited for much longer than the engine itself.
  const late = new Promise((resolve) => setTimeout(resolve, 3000));
  const running = engine.run(device, (await Promise.race([quicker, late])) ?? undefined);
  if (self.onmessage === queue) {
    await running;
  }
  for (const event of waiting.splice(0)) {
    self.onmessage(event);
  }
  // It ends when the engine does; until then it only brings bad news.
  await running;
}

// The engine has the same loop itself, so it does without this module where it does not come.
async function beside(kernels) {
  try {
    const module = kernels && (await import(kernels.js));
    await module?.default({ module_or_path: kernels.wasm });
    return module ?? undefined;
  } catch (error) {
    console.warn(`without relaxed SIMD: ${error}`);
    return undefined;
  }
}

async function count(response, bytes) {
  let received = 0;
  let told = 0;
  try {
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || loaded) {
        return;
      }
      received += value.byteLength;
      const share = Math.min(received / bytes, 0.99);
      // Fifty messages are plenty.
      if (share - told >= 0.02) {
        told = share;
        self.postMessage({ kind: "loading", share });
      }
    }
  } catch {
    // The original fails as well, and says why.
  }
}
