// From nothing to a settings file: input, receiver, a test, the file, the phone.

import "./supported.js";
import { listAnnounced } from "./announced.js";
import { DEMO, DeviceList, post, reasonOf } from "./devices.js";
import { find, make, pause, setText } from "./dom.js";
import { showPhones } from "./phones.js";
import { describe, picture } from "./receivers.js";

const BEATS = [0, 500, 1000, 1500]; // ms after the test has begun
const LIT = 120; // ms

const form = find("choices");
const { elements } = form;
let state = { presets: {}, folders: [] };
const list = new DeviceList(find("input-list"), find("input-none"), elements.channels, () => (find("record").disabled = !list?.device));

async function begin() {
  const answer = await fetch("setup/state").catch(() => null);
  if (answer?.ok) state = await answer.json();
  const options = Object.keys(state.presets).map((name) => new Option(describe(name, "").title, name));
  elements.preset.replaceChildren(...options, new Option(describe("", "").title, ""));
  elements.folder.replaceChildren(...state.folders.map((folder, i) => new Option(folder, i)));
  choosePreset();
  document.documentElement.classList.add("started");
  list.run(() => find("done").hidden);
}

function choosePreset() {
  const { host, port } = state.presets[elements.preset.value] ?? { host: "127.0.0.1", port: 7000 };
  elements.host.value = host;
  elements.port.value = port;
  show();
}

function show() {
  const preset = elements.preset.value;
  find("picture").replaceChildren(picture(preset, elements.port.value));
  find("clicks").replaceChildren(...describe(preset, elements.port.value).steps.map((text) => make("li", { text })));
}

/** What was chosen, as the server takes it; null where a field is wrong, which then says so. */
function chosen() {
  for (const name of ["host", "port"]) {
    if (elements[name].value.trim() !== "" && elements[name].validity.valid) continue;
    setText(find("wrong"), `${name === "host" ? "Its machine" : "Its port"}: ${elements[name].validationMessage || "must not be empty"}`);
    elements[name].focus();
    return null;
  }
  setText(find("wrong"), "");
  const { host, port, preset } = elements;
  return { device: list.device?.name ?? null, channels: list.channels, preset: preset.value || null, host: host.value.trim(), port: Number(port.value) };
}

async function record() {
  find("record").disabled = true;
  setText(find("record-result"), "Recording …");
  const answer = await post("inputs", { action: "record", choice: list.choice });
  find("record").disabled = !list.device;
  if (!answer?.ok) {
    setText(find("record-result"), await reasonOf(answer));
    return;
  }
  const { recorded } = await answer.json();
  const audio = find("recording");
  audio.src = `inputs/recording.wav?${recorded}`;
  audio.hidden = false;
  setText(find("record-result"), "Press play: is it the music, without hum, and not distorted?");
}

async function test() {
  const wanted = chosen();
  if (!wanted) return;
  const answer = await post("setup/test", wanted);
  if (!answer?.ok) {
    setText(find("test-result"), await reasonOf(answer));
    return;
  }
  setText(find("test-result"), `Sending to ${wanted.host}:${wanted.port} …`);
  for (const at of BEATS) setTimeout(flash, at);
  await pause(BEATS.at(-1) + 500);
  for (const id of ["follows", "nothing"]) find(id).hidden = false;
}

function flash() {
  find("lamp").toggleAttribute("data-lit", true);
  setTimeout(() => find("lamp").toggleAttribute("data-lit", false), LIT);
}

async function write() {
  const wanted = chosen();
  if (!wanted) return;
  if (list.choice === undefined) {
    setText(find("wrong"), "Choose an input first, or the built-in demo music.");
    find("input-list").querySelector("input")?.focus();
    return;
  }
  const device = list.choice === DEMO ? null : wanted.device;
  const answer = await post("setup/file", { ...wanted, device, folder: Number(elements.folder.value), name: elements.name.value.trim() });
  if (!answer?.ok) {
    setText(find("wrong"), await reasonOf(answer));
    return;
  }
  const { path, command } = await answer.json();
  setText(find("path"), path);
  setText(find("command"), command);
  find("done").hidden = false;
  list.release();
  find("h-done").focus();
  find("phone-none").hidden = await showPhones(find("phone-list"));
}

elements.preset.addEventListener("change", choosePreset);
elements.port.addEventListener("input", show);
find("record").addEventListener("click", record);
find("test").addEventListener("click", test);
find("look").addEventListener("click", () =>
  listAnnounced(find("receivers"), find("announced"), ({ host, port }) => {
    elements.host.value = host;
    elements.port.value = port;
    show();
  }),
);
find("follows").addEventListener("click", () => setText(find("test-result"), "Good. Write the file."));
find("nothing").addEventListener("click", () => setText(find("test-result"), "Look at what to click above, at machine and port, at a firewall between the machines; then send it again."));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  write();
});
begin();
