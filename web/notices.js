// What the page says outside of its canvas: how far it is, what is missing, and what went wrong.

const PROMISE = "Nothing leaves this page: models, puzzles and trainings stay in this browser.";
const AWAY = "loopscope.notices-put-away";

const by = (id) => document.getElementById(id);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function progress(received, bytes) {
  const percent = Math.min(100, Math.round((100 * received) / bytes));
  const words = `Loading: ${megabytes(received)} of ${megabytes(bytes)} megabytes.`;
  by("bar").setAttribute("aria-valuenow", percent);
  by("bar").setAttribute("aria-valuetext", words);
  by("fill").style.width = `${percent}%`;
  say(words);
}

export function say(words) {
  by("words").textContent = words;
}

// The loader runs: the sentence for browsers in which it does not is not needed.
export function alive() {
  document.querySelector(".late")?.remove();
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

export function running() {
  document.documentElement.dataset.state = "running";
}

// It cannot run: says why, what helps, and leaves what Loopscope is to be read.
export function failed(title, paragraphs, error) {
  document.documentElement.dataset.state = "failed";
  const parts = [element("h2", { textContent: title })];
  parts.push(...paragraphs.map((textContent) => element("p", { textContent })));
  const again = element("button", { type: "button", className: "main", textContent: "Try again" });
  again.addEventListener("click", () => location.reload());
  parts.push(element("p", { className: "buttons" }, again));
  if (error) {
    const summary = element("summary", { textContent: "The message" });
    parts.push(element("details", {}, summary, element("pre", { textContent: error.stack ?? String(error) })));
  }
  by("trouble").replaceChildren(...parts);
  // Nothing may lie over this text, and there is nothing to draw on.
  by("notices").hidden = true;
  by("canvas").hidden = true;
}

// One line above the canvas. It is put away for good, but comes back with other notices.
export function notify(notices) {
  const strip = by("notices");
  const ids = notices.map(({ id }) => id).join(" ");
  if (notices.length === 0 || remembered() === ids) {
    return;
  }
  const others = notices.length - 1;
  const line = notices[0].line + (others > 0 ? ` And ${others} more.` : "");
  const more = element("button", { type: "button", textContent: "More", title: "F6 leads here from the window, and back" });
  const away = element("button", { type: "button", textContent: "×", title: "Put away" });
  away.setAttribute("aria-label", "Put these notices away");
  more.setAttribute("aria-controls", "notices-all");
  const all = element(
    "div",
    { id: "notices-all" },
    ...notices.flatMap(({ line, text }) => [
      element("p", {}, element("strong", { textContent: line })),
      element("p", { textContent: text }),
    ]),
    element("p", { textContent: PROMISE }),
  );
  const open = (is) => {
    all.hidden = !is;
    more.setAttribute("aria-expanded", is);
    more.textContent = is ? "Less" : "More";
  };
  open(false);
  more.addEventListener("click", () => open(all.hidden));
  strip.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !all.hidden) {
      open(false);
      more.focus();
    }
  });
  away.addEventListener("click", () => {
    strip.hidden = true;
    remember(ids);
    by("canvas").focus({ preventScroll: true });
  });
  // The canvas keeps the tabulator to itself: this key leads out of it, as it leads between panes elsewhere.
  window.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "F6" && !strip.hidden) {
        event.preventDefault();
        event.stopPropagation();
        (strip.contains(document.activeElement) ? by("canvas") : more).focus();
      }
    },
    true,
  );
  strip.replaceChildren(element("span", { id: "notices-line", textContent: line }), more, away, all);
  strip.hidden = false;
}

function remembered() {
  try {
    return localStorage.getItem(AWAY);
  } catch {
    return null;
  }
}

function remember(ids) {
  try {
    localStorage.setItem(AWAY, ids);
  } catch {
    // Without storage it is put away until the next load.
  }
}

// For people who hear the page: the canvas has no text of its own.
export function speak(text) {
  by("spoken").textContent = text;
}

// The program is dead: over everything, what happened and how to get back to where one was.
export function broken(message, link) {
  const dialog = by("broken");
  if (dialog.open) {
    return;
  }
  by("message").textContent = message;
  by("reload").addEventListener("click", () => {
    if (link) {
      history.replaceState(null, "", link);
    }
    location.reload();
  });
  by("copy").addEventListener("click", () => copy(message));
  // There is nothing behind it to go back to.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.showModal();
  by("reload").focus();
}

async function copy(message) {
  try {
    await navigator.clipboard.writeText(message);
    by("copied").textContent = "The message is copied.";
  } catch {
    // Without the clipboard, which http pages do not have: marked, to be copied by hand.
    by("message").closest("details").open = true;
    getSelection().selectAllChildren(by("message"));
    by("copied").textContent = "The browser does not let the page copy. The message is marked: copy it with the keyboard.";
  }
}
