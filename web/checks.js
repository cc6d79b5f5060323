// What this browser has, and in plain words what it has not.

// A module with one SIMD instruction: a browser without SIMD refuses it.
const WITH_SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);
// The same with a multiplication and addition in one, whose rounding is left to the processor.
const WITH_RELAXED_SIMD = new Uint8Array([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0],
  ...[65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 11],
]);
// A graphics driver that does not answer must not hold up the page.
const PATIENCE = 4000;
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i;

export function hasWebAssembly() {
  return typeof WebAssembly === "object" && typeof WebAssembly.instantiate === "function";
}

export function hasSimd() {
  return WebAssembly.validate(WITH_SIMD);
}

export function hasRelaxedSimd() {
  return WebAssembly.validate(WITH_RELAXED_SIMD);
}

export function hasWebGl2() {
  try {
    const context = document.createElement("canvas").getContext("webgl2");
    // Browsers allow few of them at a time.
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return context !== null;
  } catch {
    return false;
  }
}

// "hardware", "software" or "none": what WebGPU would draw and compute with.
export async function webGpu() {
  try {
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, null));
    const adapter = await Promise.race([navigator.gpu?.requestAdapter(), late]);
    if (!adapter) {
      return "none";
    }
    const { isFallbackAdapter, vendor, architecture, device, description } = adapter.info ?? {};
    const software =
      (isFallbackAdapter ?? adapter.isFallbackAdapter) ||
      SOFTWARE.test([vendor, architecture, device, description].join(" "));
    return software ? "software" : "hardware";
  } catch {
    return "none";
  }
}

export async function hasStorage() {
  try {
    return Boolean(await navigator.storage?.getDirectory?.());
  } catch {
    // Some private windows have the function and refuse it.
    return false;
  }
}

// What draws the canvas, or null. A software adapter draws worse through WebGPU than through WebGL.
export function rendererFor(gpu, webGl2, wanted) {
  const possible = { webgpu: gpu !== "none", webgl: webGl2 };
  if (possible[wanted]) {
    return wanted;
  }
  if (gpu === "hardware") {
    return "webgpu";
  }
  return possible.webgl ? "webgl" : possible.webgpu ? "webgpu" : null;
}

// The browser's name and version, for a sentence; never for a decision.
export function browser(agent = navigator.userAgent) {
  const known = [
    ["Edge", /Edg\/(\d+)/],
    ["Opera", /OPR\/(\d+)/],
    ["Firefox", /(?:Firefox|FxiOS)\/(\d+)/],
    ["Chrome", /(?:Chrome|CriOS)\/(\d+)/],
    ["Safari", /Version\/(\d+)[.\d]* .*Safari/],
  ];
  for (const [name, pattern] of known) {
    const version = pattern.exec(agent)?.[1];
    if (version) {
      return `${name} ${version}`;
    }
  }
  return null;
}

const WHO_HAS_WEBGPU =
  "Chrome and Edge have it from version 113, Safari from version 26, and Firefox from version 141 on Windows and " +
  "from version 145 on Macs with Apple silicon.";
const ON_THE_CPU = "Until then training goes on the CPU, which is good for the small boards. Everything else works.";

// What is missing and what still works: each with a line, and a text for those who want to know.
export function missing({ secure, gpu, gpuInterface, simd, storage, device }) {
  const notices = [];
  if (!secure) {
    notices.push({
      id: "http",
      line: "This page came over http: no WebGPU and no storage.",
      text:
        "Browsers open the graphics card and the storage only to pages that come over https, or from this very " +
        "computer. Open the same address with https:// in front. Until then training goes on the CPU, which is good " +
        "for the small boards, and trainings are in memory only: they end with the page.",
    });
  } else {
    // Whoever chose the CPU misses nothing.
    if (device !== "cpu" && gpu === "none") {
      notices.push(withoutWebGpu(gpuInterface));
    }
    if (device === "auto" && gpu === "software") {
      notices.push({
        id: "software",
        line: "No graphics card: training goes on the CPU.",
        text:
          "The browser offers WebGPU with a software adapter only, which is the CPU standing in for a graphics card. " +
          "The CPU itself is quicker, so that is what trains. It is good for the small boards.",
      });
    }
    if (!storage) {
      notices.push({
        id: "storage",
        line: "No storage: trainings are in memory only.",
        text:
          "The browser gives this page no storage of its own; in a private window that is usual. Trainings are in " +
          "memory only and end with the page. Weights, traces and runs can still be saved as files.",
      });
    }
  }
  if (!simd) {
    notices.push({
      id: "simd",
      line: "This browser computes slowly: it has no SIMD.",
      text:
        "WebAssembly has had instructions for several numbers at once (SIMD) since Chrome 91, Firefox 89 and " +
        "Safari 16.4. Without them everything works, only a few times slower.",
    });
  }
  return notices;
}

function withoutWebGpu(gpuInterface) {
  const name = browser();
  const parts = gpuInterface
    ? [
        `${name ?? "This browser"} has WebGPU but offers no graphics card. Hardware acceleration may be switched off in`,
        "its settings, or it does not trust the card's driver.",
        navigator.userAgent.includes("Linux") && name?.startsWith("Chrome")
          ? "On Linux, “Unsafe WebGPU Support” in chrome://flags offers more cards."
          : "",
        WHO_HAS_WEBGPU,
      ]
    : ["WebGPU is how a page reaches the graphics card.", WHO_HAS_WEBGPU, name ? `This is ${name}.` : ""];
  const text = [...parts, ON_THE_CPU].filter((part) => part !== "").join(" ");
  return { id: "webgpu", line: "WebGPU is missing: training goes on the CPU.", text };
}
