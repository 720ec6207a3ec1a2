// Keys, the clock of a lease, minutes at work, and where the focus goes. Everything else is htmx and plain forms.
"use strict";

const STILL_MS = 300; // A key held down, or pressed twice, does not decide a case that nobody has seen.
const SHORT_SECONDS = 120;
let watched = 0, since = null, until = null, warned = false;

const work = () => document.getElementById("work");
const keysOn = () => localStorage.getItem("single-keys") !== "off";

function writing(target) {
  return target.closest("textarea, select, input:not([type=checkbox], [type=radio])");
}

function openEditor() {
  const editor = document.getElementById("editor");
  editor.open = true;
  const text = document.getElementById("text");
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
}

function press(element) {
  if (element.tagName === "TEXTAREA") element.focus();
  else if (element.closest("#editor") && element.tagName === "SUMMARY") openEditor();
  else element.click();
}

document.addEventListener("keydown", (event) => {
  const field = writing(event.target);
  if (field) {
    if (event.key === "Escape") field.blur();
    if ((event.ctrlKey || event.metaKey) && (event.key === "s" || event.key === "Enter")) {
      event.preventDefault();
      const give = document.querySelector(`[data-writes="${field.id}"]`);
      if (give) give.click();
      else field.blur();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !keysOn() || !work()) return;
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  const element = work().querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!element || element.disabled || !("ready" in work().dataset)) return;
  event.preventDefault();
  press(element);
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-opens=editor]")) openEditor();
  const keys = event.target.closest("#keys-switch");
  if (keys) {
    localStorage.setItem("single-keys", keysOn() ? "off" : "on");
    tellKeys();
  }
});

function tellKeys() {
  const keys = document.getElementById("keys-switch");
  if (!keys) return;
  keys.setAttribute("aria-pressed", String(keysOn()));
  keys.textContent = keysOn() ? "Single keys are on" : "Single keys are off";
}

// Minutes at work: the time this case was on a visible screen.
function minutes() {
  return (watched + (since === null ? 0 : performance.now() - since)) / 60000;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { watched += since === null ? 0 : performance.now() - since; since = null; }
  else since = performance.now();
});

document.addEventListener("submit", () => {
  const field = document.querySelector("[data-minutes]");
  if (field) field.value = Math.min(minutes(), 1440).toFixed(3);
}, true);

// The lease.
function readLease() {
  const lease = document.getElementById("lease");
  until = lease ? performance.now() + 1000 * Number(lease.dataset.left) : null;
  warned = false;
  tick();
}

function tick() {
  const lease = document.getElementById("lease");
  if (!lease || until === null) return;
  const left = Math.max(0, Math.round((until - performance.now()) / 1000));
  const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  lease.textContent = left ? `${clock} left` : "time is over";
  lease.classList.toggle("short", left <= SHORT_SECONDS);
  if (left <= SHORT_SECONDS && !warned) {
    warned = true;
    const announce = document.getElementById("announce");
    if (announce) announce.textContent = left ? "Two minutes are left for this case." : "The time for this case is over.";
  }
}

function arrived() {
  const shown = work();
  if (shown) setTimeout(() => { shown.dataset.ready = ""; }, STILL_MS);
  watched = 0;
  since = document.hidden ? null : performance.now();
  readLease();
  tellKeys();
  const focus = document.querySelector("[data-focus]");
  if (focus) focus.focus({ preventScroll: true });
}

document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "work") {
    arrived();
    document.title = document.title.replace(/^.*( · )/, `${(document.getElementById("case-title") || {}).textContent || "Audit"}$1`);
  } else if (document.getElementById("lease") && event.target.id !== "notice") readLease();
});

function tell(line) {
  const notice = document.getElementById("notice");
  if (!notice) return;
  const told = document.createElement("p");
  told.className = "notice bad";
  told.setAttribute("role", "alert");
  told.textContent = line;
  notice.replaceChildren(told);
}

document.addEventListener("htmx:sendError", () => tell("The server cannot be reached. What you wrote is still here."));
document.addEventListener("htmx:timeout", () => tell("The server does not answer. What you wrote is still here."));
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id === "notice") scrollTo({ top: 0 });
});

setInterval(tick, 1000);
arrived();
